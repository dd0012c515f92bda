import json
import types

import numpy as np
import pytest

import keras_ae
from benchmarks import anomalies
from keras_ae.estimators import ensembles

ROWS = np.random.default_rng(0).normal(3, 2, size=(400, 2))
ODD = np.arange(400) % 10 == 0


def rows_of(array):
    return {tuple(row) for row in array.round(6).tolist()}


def test_in_protocol_d_the_first_half_of_the_normal_rows_trains():
    x = np.tile(ROWS, (3, 1))  # 1,200 rows: not drawn again
    y = np.tile(ODD, 3).astype(int)
    train, test, labels = anomalies.split(x, y, "D", "normal", 0)
    normal = x[y == 0]
    loc, scale = normal[:540].mean(axis=0), normal[:540].std(axis=0)
    np.testing.assert_allclose(train, (normal[:540] - loc) / scale)
    np.testing.assert_allclose(test, (np.concatenate([normal[540:], x[y == 1]]) - loc) / scale)
    assert labels.tolist() == [0] * 540 + [1] * 120


def test_in_protocol_d_contaminated_rows_are_drawn_and_a_small_table_grows():
    train, test, labels = anomalies.split(ROWS, ODD.astype(int), "D", "contaminated", 0)
    assert len(train) == len(test) == len(labels) == 1000
    assert rows_of(train) < rows_of(test)
    np.testing.assert_allclose(test.mean(axis=0), 0, atol=1e-9)


def test_a_random_split_depends_on_the_seed_and_shares_no_row():
    first, test, _ = anomalies.split(ROWS, ODD.astype(int), "random", "normal", 0)
    other, *_ = anomalies.split(ROWS, ODD.astype(int), "random", "normal", 1)
    assert not rows_of(first) & rows_of(test) and len(first) == 180
    assert not np.allclose(first, other)
    train, test, _ = anomalies.split(ROWS, ODD.astype(int), "random", "contaminated", 0)
    np.testing.assert_array_equal(train, test)


def test_the_two_detectors_that_share_their_models_score_as_two_would(monkeypatch):
    def untrained(x, seed):
        ae = keras_ae.AE((2,), 1, widths=(), likelihood="gaussian")
        ae.encoder.set_weights([np.ones((2, 1)), np.zeros(1)])
        ae.decoder.set_weights([np.ones((1, 2)), np.zeros(2)])
        return [ae]

    monkeypatch.setattr(ensembles, "denoisers", untrained)
    scores = anomalies.detectors(ROWS[:200], ROWS[200:], 0)
    for clean, method in ((False, "Detector()"), (True, "Detector(clean=True)")):
        detector = keras_ae.Detector(clean=clean, random_state=0).fit(ROWS[:200])
        np.testing.assert_array_equal(scores[method], -detector.score_samples(ROWS[200:]))


def test_the_classics_are_scikit_learns():
    scores = anomalies.classics(ROWS[:200], ROWS[200:], 0)
    distances = np.sort(np.linalg.norm(ROWS[200:, None] - ROWS[None, :200], axis=-1), axis=1)
    np.testing.assert_allclose(scores["nearest neighbours, k = 5"], distances[:, 4])
    assert len(scores) == 1 + len(anomalies.NEIGHBOURS)


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    np.savez(tmp_path / "first.npz", X=ROWS, y=ODD.astype(int))
    calls = []

    def distance(train, test, seed):
        calls.append(seed)
        return {"norm": np.linalg.norm(test, axis=1)}

    monkeypatch.setitem(anomalies.GROUPS, "classics", distance)
    file = tmp_path / "a.jsonl"
    arguments = (tmp_path, range(2), ["random"], ["classics"], file)
    anomalies.measure(*arguments)
    whole = file.read_text()
    assert len(calls) == 4  # two seeds, two kinds
    file.write_text("".join(whole.splitlines(keepends=True)[:3]))
    anomalies.measure(*arguments)
    assert calls[4:] == [1]
    seconds = [{**json.loads(line), "seconds": 0} for line in whole.splitlines()]
    assert [{**row, "seconds": 0} for row in anomalies.read(file)] == seconds


def row(table, seed, auroc, split=1):
    keys = {"table": table, "protocol": "D", "kind": "normal", "seed": seed}
    return {**keys, "group": "ours", "seconds": 2.0, "split": split, "auroc": {"A": auroc}}


def test_the_report_has_the_means_of_both_groups_of_tables():
    rows = [row("glass", 0, 60), row("wine", 0, 90), row("glass", 1, 70), row("wine", 1, 90)]
    text = anomalies.report([*rows, row("wine", 2, 0)])  # the third seed is not complete
    assert "| A | 77.5 | 75.0 to 80.0 | 65.0 | 90.0 | 2 | 2 |" in text
    assert "| ours | 2.0 | 2.0 |" in text
    rows.append({**row("wine", 0, 50), "group": "pyod", "auroc": {"B": 50}})
    assert "| B | not measured on all tables yet | | | | 1 | |" in anomalies.report(rows)
    assert "the best of 26 methods, published | 85.9" in text


def test_different_splits_are_an_error():
    anomalies.check_splits([row("glass", 0, 60), row("glass", 1, 60, split=2)])
    with pytest.raises(ValueError, match="the same split"):
        anomalies.check_splits([row("glass", 0, 60), row("glass", 0, 60, split=2)])


def test_pyod_gets_its_default_settings(monkeypatch):
    """With stand-ins for PyTorch and PyOD, which are not installed here."""
    made = []

    class Stub:
        def __init__(self, **options):
            made.append(options)

        def fit(self, x):
            self.x = x

        def decision_function(self, x):
            return x[:, 0]

    auto_encoder = type("AutoEncoder", (Stub,), {})
    vae = type("VAE", (Stub,), {})
    nothing = lambda value: None  # noqa: E731
    modules = {
        "torch": types.SimpleNamespace(set_num_threads=nothing, manual_seed=nothing),
        "pyod.models.auto_encoder": types.SimpleNamespace(AutoEncoder=auto_encoder),
        "pyod.models.vae": types.SimpleNamespace(VAE=vae),
    }
    for name in ("pyod", "pyod.models"):
        modules[name] = types.ModuleType(name)
    for name, module in modules.items():
        monkeypatch.setitem(__import__("sys").modules, name, module)
    assert list(anomalies.pyod(ROWS, ROWS, 7)) == ["PyOD AutoEncoder", "PyOD VAE"]
    assert made == [{"random_state": 7, "verbose": 0}] * 2
