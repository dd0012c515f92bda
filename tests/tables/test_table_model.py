import json
import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from eagerly import eagerly

import keras_ae
from keras_ae.tables import TableModel


def small(shape, likelihood):
    return keras_ae.VAE(shape, 2, widths=(16,), likelihood=likelihood)


def unscaled(n=300):
    """What makes other libraries' losses NaN."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "large": rng.normal(size=n) * 1e9,
            "heavy": rng.standard_cauchy(n) * 1e3,
            "tiny": rng.normal(size=n) * 1e-6,
            "counts": rng.integers(0, 100_000, n),
            "skewed": rng.pareto(0.5, n) + 1e-9,
            "text": pd.Categorical(rng.choice(["a", "b"], n), categories=["b", "a", "c"]),
            "constant": 1.0,
        }
    )


@pytest.fixture(autouse=True, scope="module")
def without_graphs():
    with eagerly():
        yield


@pytest.fixture(scope="module")
def fitted():
    return TableModel(small).fit(unscaled(), epochs=3, seed=0)


def test_unscaled_columns_train_and_come_back(fitted):
    rows = unscaled()
    for drawn in (fitted.sample(50, seed=1), fitted.reconstruct(rows)):
        pd.testing.assert_series_equal(drawn.dtypes, rows.dtypes)
        numbers = drawn.drop(columns="text")
        assert np.isfinite(numbers.to_numpy()).all() and drawn["text"].notna().all()
    assert np.isfinite(fitted.log_likelihood(rows.head(5), 20, seed=0)).all()
    assert all(np.isfinite(weights).all() for weights in fitted.model.get_weights())


def test_the_same_seed_draws_the_same_rows(fitted):
    pd.testing.assert_frame_equal(fitted.sample(1500, seed=1), fitted.sample(1500, seed=1))
    assert not fitted.sample(50, seed=1).equals(fitted.sample(50, seed=2))


def test_a_preset_holds_the_table_and_the_model(fitted, tmp_path):
    for _ in range(2):  # the second replaces the first
        fitted.save_to_preset(tmp_path / "table")
    loaded = TableModel.from_preset(tmp_path / "table")
    pd.testing.assert_frame_equal(loaded.sample(20, seed=1), fitted.sample(20, seed=1))
    assert isinstance(keras_ae.load(tmp_path / "table"), keras_ae.VAE)
    assert not [path for path in tmp_path.iterdir() if path.name != "table"]
    other = TableModel(small).fit(np.arange(60.0).reshape(30, 2), epochs=1, seed=0).schema
    text = json.dumps(other.get_config())
    (tmp_path / "table" / "table.json").write_text(text)
    with pytest.raises(ValueError, match="model of other columns"):
        TableModel.from_preset(tmp_path / "table")
    (tmp_path / "table" / "table.json").write_text("{")
    with pytest.raises(ValueError, match="Expected"):
        TableModel.from_preset(tmp_path / "table")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        fitted.save_to_preset(tmp_path / "other")
    with pytest.raises(FileNotFoundError):
        TableModel.from_preset(tmp_path / "nothing")


def test_log_likelihood_is_a_density_of_the_tables_own_numbers():
    rows = np.random.default_rng(0).lognormal(size=(50, 2))
    table = TableModel(small, kinds=["numeric", "positive"]).fit(rows, epochs=1, seed=0)
    x = table.schema.to_array(rows)  # x = (y - mean) / std, and the same of log y
    of_x = table.model.log_likelihood(x, 3, seed=0)
    logs = np.log(rows[:, 1])
    expected = of_x - np.log(rows[:, 0].std()) - np.log(logs.std()) - logs
    np.testing.assert_allclose(table.log_likelihood(rows, 3, seed=0), expected, rtol=1e-5)


def test_missing_cells_are_filled_and_the_others_stay(tmp_path):
    rows = unscaled(120).drop(columns=["heavy", "skewed"])
    holes = np.random.default_rng(1).random(rows.shape) < 0.3
    holed = rows.astype({"counts": "Int64"}).mask(holes)
    table = TableModel(small, missing=True).fit(holed, epochs=1, seed=0)
    table.save_to_preset(tmp_path / "table")
    table = TableModel.from_preset(tmp_path / "table")
    for filled in (table.impute(holed, n_samples=20), *table.impute(holed, draws=2, n_samples=20)):
        assert not filled.isna().any(axis=None)
        pd.testing.assert_frame_equal(filled.mask(holes), holed)
    assert np.isfinite(table.log_likelihood(holed, 20)).all()
    with pytest.raises(ValueError, match="no missing cells"):
        TableModel(small).fit(holed)
    with pytest.raises(ValueError, match="missing=True"):
        TableModel(small).fit(rows, epochs=1).impute(rows)


def test_an_autoencoder_reconstructs_but_does_not_draw():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    table = TableModel(lambda shape, p: keras_ae.AE(shape, 2, widths=(8,), likelihood=p))
    assert table.fit(rows, epochs=1, seed=0).reconstruct(rows).shape == rows.shape
    for verb in (lambda: table.sample(2), lambda: table.log_likelihood(rows)):
        with pytest.raises(ValueError, match="Expected a VAE"):
            verb()


def test_arrays_need_no_pandas(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(40, 3))
    frame = TableModel(small).fit(pd.DataFrame(rows), epochs=1, seed=0)
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = TableModel(small).fit(rows, epochs=1, seed=0)
    assert isinstance(table.sample(2), np.ndarray)
    with pytest.raises(ImportError, match=r"keras-ae\[tables\]"):
        frame.sample(2)


def test_bad_arguments_are_refused():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    vae = keras_ae.VAE((3,), 2, widths=(4,))
    for wrong in (vae, "vae", 3):
        with pytest.raises(ValueError, match="a function of"):
            TableModel(wrong)
    with pytest.raises(ValueError, match="a model of keras_ae"):
        TableModel(lambda shape, likelihood: None).fit(rows)
    with pytest.raises(ValueError, match="at least 2 rows"):
        TableModel(small).fit(rows[:1])
    with pytest.raises(ValueError, match="call fit first"):
        TableModel().sample(3)


def test_the_default_model_is_a_plain_vae_if_cells_may_be_missing():
    rows = np.random.default_rng(0).normal(size=(20, 2))
    betas = [TableModel(missing=m).fit(rows, epochs=1).model.beta for m in (True, False)]
    np.testing.assert_allclose(betas, [1.0, 0.1])


@pytest.mark.slow
def test_the_default_model_fills_what_the_other_columns_tell():
    """Cells that follow from others are filled far better than by the mean of their column."""
    tf.config.run_functions_eagerly(False)
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=(2, 500))
    rows = pd.DataFrame({"a": a, "b": 2 * a + 0.2 * rng.normal(size=500), "c": c})
    hidden = rng.random(500) < 0.2
    holes = rows.assign(b=rows.b.where(~hidden))
    filled = TableModel(missing=True).fit(holes, epochs=300, seed=0).impute(holes, seed=0)
    error = np.sqrt(np.mean((filled.b - rows.b)[hidden] ** 2))
    assert error < 0.3 * rows.b.std()
    tf.config.run_functions_eagerly(True)
