import numpy as np
import pytest

from benchmarks import imputation


def test_the_error_is_that_of_the_hidden_values_and_a_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(imputation, "TABLES", ("breast cancer",))
    file = tmp_path / "imputation.json"
    x = imputation.table("breast cancer")
    holes = np.isnan(imputation.with_holes(x, 1))
    assert 0.48 < holes.mean() < 0.52
    np.testing.assert_allclose(
        [x.mean(axis=0), x.std(axis=0)], [np.zeros(30), np.ones(30)], atol=1e-9
    )
    rows = imputation.measure(2, ["mean"], file)
    means = np.array([x[~holes[:, i], i].mean() for i in range(30)])
    expected = np.mean(np.square(means - x)[holes])
    assert [row["mask"] for row in rows] == [0, 1]
    assert rows[1]["mse"] == pytest.approx(expected)
    monkeypatch.setitem(imputation.METHODS, "mean", None)  # would raise if it were called
    assert imputation.measure(2, ["mean"], file) == rows
    assert "2 masks |" in imputation.report(rows) and "not measured" in imputation.report(rows)


def test_the_best_number_of_neighbours_is_found_without_the_truth():
    """Copies of each row: one neighbour tells all, and many neighbours blur it."""
    rows = np.repeat(np.random.default_rng(0).normal(size=(60, 4)), 3, axis=0)
    seen = np.where(np.random.default_rng(1).random(rows.shape) < 0.2, np.nan, rows)
    hidden = np.isnan(seen)
    best, five = (f(seen, 0) for f in (imputation.best_neighbours, imputation.neighbours))
    errors = [np.mean(np.square(filled - rows)[hidden]) for filled in (best, five)]
    assert errors[0] < errors[1]
    np.testing.assert_array_equal(best[~hidden], rows[~hidden])
