import json

import keras
import numpy as np
import pytest
from eagerly import eagerly
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn_checks import passes_its_checks, treats_each_row_alone

import keras_ae
from keras_ae.estimators import anomaly_scores, ensembles

RNG = np.random.default_rng(0)
BASE = RNG.normal(size=(400, 2))
# Columns 0 and 1 are nearly equal, column 2 stands alone, column 3 is constant; units differ.
TABLE = np.stack(
    [BASE[:, 0], BASE[:, 0] + 0.05 * RNG.normal(size=400), 1000 * BASE[:, 1], np.full(400, 7.0)], 1
)
NOT_EQUAL = np.array([[1.0, -1.0, 0.0, 7.0]])  # each value is ordinary, the pair is not
FAR = np.array([[0.0, 0.0, 9000.0, 7.0]])


def linear_model(x, seed):
    """Stands for the default models: principal components, as a linear AE, without a training."""
    mean, components = x.mean(axis=0), min(2, *x.shape)
    ae = keras_ae.AE((x.shape[1],), components, widths=(), likelihood="gaussian")
    _, _, directions = np.linalg.svd(x - mean, full_matrices=False)
    directions = directions[:components].T  # (features, components)
    ae.encoder.set_weights([directions, -mean @ directions])
    ae.decoder.set_weights([directions.T, mean])
    return [ae]


@pytest.fixture(scope="module")
def detector():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensembles, "denoisers", linear_model)
        return keras_ae.Detector(contamination=0.05, random_state=0).fit(TABLE)


class Halving(keras_ae.AE):
    """A model that needs no training: its reconstruction is half of the input."""

    def __init__(self, shape=(4,)):
        super().__init__(shape, 2, widths=(), likelihood="gaussian")

    def reconstruct(self, x):
        return 0.5 * np.asarray(x)


def test_it_finds_a_broken_rule_and_says_which_columns_broke_it(detector):
    ordinary = np.median(-detector.score_samples(TABLE))
    assert -detector.score_samples(NOT_EQUAL) > 3 * ordinary
    assert detector.predict(NOT_EQUAL) == [-1]
    assert set(np.argsort(detector.contributions(NOT_EQUAL)[0])[-2:]) == {0, 1}


def test_it_finds_what_is_far_and_says_in_which_column(detector):
    assert detector.predict(FAR) == [-1]
    assert np.argmax(detector.contributions(FAR)[0]) == 2


def test_the_contributions_add_up_to_the_squared_score(detector):
    np.testing.assert_allclose(
        detector.contributions(TABLE).sum(axis=1), detector.score_samples(TABLE) ** 2, rtol=1e-4
    )


def test_the_share_of_odd_training_rows_is_the_contamination(detector):
    assert np.mean(detector.predict(TABLE) == -1) == 0.05
    assert detector.threshold_ == -detector.offset_


def test_it_comes_back_from_a_folder(detector, tmp_path):
    detector.save_to_preset(tmp_path / "mine")
    detector.save_to_preset(tmp_path / "mine")  # again, over the first
    loaded = keras_ae.Detector.from_preset(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.score_samples(TABLE), detector.score_samples(TABLE))
    np.testing.assert_array_equal(loaded.contributions(FAR), detector.contributions(FAR))
    np.testing.assert_array_equal(loaded.predict(TABLE), detector.predict(TABLE))
    assert loaded.get_params()["contamination"] == 0.05
    assert not list(tmp_path.glob(".mine*"))


def test_a_folder_of_something_else_is_kept(detector, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="Expected a new folder"):
        detector.save_to_preset(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: json.dumps({**json.loads(text), "score": {"name": "eval", "config": {}}}),
        lambda text: json.dumps({**json.loads(text), "arguments": {"n_jobs": 2}}),
        lambda text: json.dumps([]),
    ],
    ids=["cut", "score", "argument", "list"],
)
def test_a_damaged_folder_is_an_error(detector, tmp_path, damage):
    folder = tmp_path / "mine"
    detector.save_to_preset(folder)
    config = folder / "detector.json"
    config.write_text(damage(config.read_text()))
    with pytest.raises(ValueError, match="save it again"):
        keras_ae.Detector.from_preset(folder)
    with pytest.raises(FileNotFoundError, match=r"detector\.json"):
        keras_ae.Detector.from_preset(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "table, message",
    [
        (TABLE[:, :3], "3 features, but Detector is expecting 4"),
        (np.where(TABLE > 1, np.nan, TABLE), "NaN"),
        (np.array([["a", "b", "c", "d"]]), "could not convert|dtype"),
        (TABLE[0], "2D array"),
    ],
    ids=["columns", "nan", "text", "one row"],
)
def test_bad_input_is_an_error(detector, table, message):
    with pytest.raises(ValueError, match=message):
        detector.predict(table)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"contamination": 0.7}, r"Expected `contamination` in the range \(0.0, 0.5\]"),
        ({"quantile": 0}, "Expected `quantile`"),
        ({"false_alarms": -1}, "Expected `false_alarms`"),
        ({"quantile": 0.9, "contamination": 0.1}, "Expected one of contamination"),
        ({"model": "forest"}, "Expected `model` to be None"),
        ({"score": "luck", "model": Halving}, "Expected `score` to be one of"),
    ],
    ids=str,
)
def test_bad_arguments_are_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_ae.Detector(**arguments).fit(TABLE)


def test_a_trained_model_is_used_as_it_is():
    detector = keras_ae.Detector(Halving(), quantile=0.5).fit(TABLE)
    expected = np.mean(np.square(0.5 * TABLE), axis=1)
    np.testing.assert_allclose(-detector.score_samples(TABLE), expected, rtol=1e-5)
    assert np.mean(detector.predict(TABLE) == -1) == 0.5


def test_false_alarms_keep_their_promise_on_new_rows():
    """The threshold comes from held-out rows: 100 of 1,000 new rows, within what chance allows."""
    rows = np.random.default_rng(1).normal(size=(3000, 4))
    detector = keras_ae.Detector(Halving(), false_alarms=100, random_state=0).fit(rows[:1000])
    assert np.mean(detector.predict(rows[1000:]) == -1) == pytest.approx(0.1, abs=0.05)


def test_a_promise_that_the_held_out_rows_cannot_keep_is_an_error():
    """1000 rows: 200 are held out, so that 1000 / 201 = 4.98 is the smallest promise."""
    rows = np.random.default_rng(1).normal(size=(1000, 4))
    with pytest.raises(ValueError, match=r"`false_alarms` of at least 4\.98, .* Received: 4\.97"):
        keras_ae.Detector(Halving(), false_alarms=4.97).fit(rows)
    detector = keras_ae.Detector(Halving(), false_alarms=1000 / 201, random_state=0).fit(rows)
    assert np.mean(detector.predict(rows) == -1) < 0.02
    with pytest.raises(ValueError, match="at least 1e[+]03, .* 0 cannot promise less"):
        keras_ae.Detector(Halving(), false_alarms=500).fit(rows[:4])


@pytest.mark.parametrize("false_alarms", [10, 50, 100, 900, 1000])
def test_the_threshold_is_the_rank_of_split_conformal_prediction(false_alarms):
    """A new score is above the k-th smallest of n in (n + 1 - k) of n + 1 cases."""
    scores = np.random.default_rng(0).permutation(99) + 1.0  # the k-th smallest is k
    rank = keras_ae.Detector(false_alarms=false_alarms)._threshold(scores)
    assert rank == max(100 - false_alarms // 10, 1)


@eagerly()
def test_a_function_of_the_shape_makes_a_model_that_fit_trains(monkeypatch):
    monkeypatch.setattr(keras.callbacks, "EarlyStopping", lambda **_: StopAfter(3))
    detector = keras_ae.Detector(lambda shape: keras_ae.VAE(shape, 2, widths=(8,)), random_state=0)
    detector.fit(TABLE / [1, 1, 1000, 1])
    assert isinstance(detector.score_, anomaly_scores.NegativeELBO)
    assert int(detector.models_[0].optimizer.iterations) == 3 * 3


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch + 1 >= self.epochs


def test_images_of_a_pretrained_model(tmp_path):
    model = keras_ae.load("vae_digits")
    x = np.asarray(model.sample(40, seed=0))
    odd = np.random.default_rng(0).permutation(x[:5].reshape(-1)).reshape(5, 8, 8, 1)
    detector = keras_ae.Detector(model, contamination=0.1).fit(x)
    assert (detector.predict(odd) == -1).all()
    assert detector.contributions(odd).shape == (5, 8, 8, 1)
    detector.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.Detector.from_preset(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.score_samples(odd), detector.score_samples(odd))


def test_data_frames_keep_their_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TABLE, columns=["a", "b", "c", "d"])
    detector = keras_ae.Detector(Halving()).fit(frame)
    assert list(detector.feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        detector.predict(frame[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match="Received: the column 'b' with the dtype"):
        detector.predict(frame.assign(b="much"))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        keras_ae.Detector(Halving()).fit(frame[:1])


def test_it_works_inside_scikit_learns_tools(monkeypatch):
    """Behind a ColumnTransformer that encodes text, searched by AUROC, cloned each time."""
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr(ensembles, "denoisers", linear_model)
    frame = pandas.DataFrame(TABLE, columns=["a", "b", "c", "d"]).assign(
        colour=np.where(TABLE[:, 0] > 0, "red", "blue")
    )
    frame.loc[:19, "b"] = -frame.loc[:19, "b"]  # the first twenty rows break the rule
    encode = ColumnTransformer(
        [("colour", OneHotEncoder(), ["colour"])], remainder="passthrough", sparse_threshold=0
    )
    pipeline = make_pipeline(encode, keras_ae.Detector(random_state=0))
    halves = [(np.arange(0, 400, 2), np.arange(1, 400, 2))]  # training rows, test rows
    choices = {"detector__clean": [True, False]}
    search = GridSearchCV(pipeline, choices, scoring="roc_auc", cv=halves)
    search.fit(frame, np.arange(400) >= 20)  # the labels of normal rows, for the AUROC
    assert search.best_score_ > 0.8
    assert search.predict(frame).shape == (400,)
    copy = clone(keras_ae.Detector(clean=True, score="reconstruction_error", random_state=3))
    assert copy.get_params()["clean"] and not hasattr(copy, "models_")


def test_a_copy_of_a_detector_has_a_copy_of_its_trained_model():
    detector = keras_ae.Detector(keras_ae.AE((4,), 2, widths=(), likelihood="gaussian"))
    copy = clone(detector)
    assert copy.model is not detector.model
    np.testing.assert_allclose(
        copy.fit(TABLE).score_samples(TABLE), detector.fit(TABLE).score_samples(TABLE), rtol=1e-6
    )


def test_the_standardizer_leaves_constant_columns_alone():
    scaled = ensembles.Standardizer.of(TABLE)(TABLE)
    np.testing.assert_allclose(scaled[:, :3].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled[:, :3].std(axis=0), 1, atol=1e-5)
    assert (scaled[:, 3] == 0).all()
    assert ensembles.Standardizer.of(TABLE)(np.full((1, 4), 1e9)).max() == 20


@pytest.mark.slow
def test_the_default_as_users_get_it():
    """It finds both kinds of odd rows. The same random state gives the same scores."""
    detector = keras_ae.Detector(contamination=0.05, random_state=0).fit(TABLE)
    test_it_finds_a_broken_rule_and_says_which_columns_broke_it(detector)
    test_it_finds_what_is_far_and_says_in_which_column(detector)
    again = keras_ae.Detector(random_state=0).fit(TABLE)
    np.testing.assert_array_equal(again.score_samples(TABLE), detector.score_samples(TABLE))


SHADOWED = "the parameter `score` has the name of a method that scikit-learn looks for"


@pytest.mark.slow
def test_scikit_learns_own_checks(monkeypatch):
    monkeypatch.setattr(ensembles, "denoisers", linear_model)
    expected = dict.fromkeys(
        (
            "check_fit_score_takes_y",
            "check_n_features_in_after_fitting",
            "check_pipeline_consistency",
        ),
        SHADOWED,
    )
    passes_its_checks(keras_ae.Detector(), expected)


@pytest.mark.parametrize("method", ["score_samples", "decision_function"])
def test_each_row_alone(monkeypatch, method):
    monkeypatch.setattr(ensembles, "denoisers", linear_model)
    treats_each_row_alone(keras_ae.Detector().fit(TABLE), TABLE[:20], method)
