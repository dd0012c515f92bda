import json

import numpy as np
import pandas as pd
import pytest
from eagerly import eagerly
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn_checks import passes_its_checks, treats_each_row_alone

import keras_ae
from keras_ae.estimators import imputer as module

DRAWS = np.random.default_rng(0)
# Two hidden causes for five columns of different units; the last column is constant.
CAUSES = DRAWS.normal(size=(300, 2))
ROWS = CAUSES @ DRAWS.normal(size=(2, 4)) + 0.1 * DRAWS.normal(size=(300, 4))
ROWS = np.concatenate([ROWS * [1, 1000, 0.01, 1] + [5, 0, 0, -3], np.full((300, 1), 7.0)], axis=1)
MISSING = DRAWS.random(ROWS.shape) < 0.25
HOLES = np.where(MISSING, np.nan, ROWS)


@pytest.fixture(scope="module")
def imputer():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SETTINGS", ((1, 1.0, 20.0), (4, 1.0, 20.0)))
        return keras_ae.Imputer(random_state=0).fit(HOLES)


def fast(patch):
    patch.setattr(module, "SETTINGS", ((1, 1.0, 20.0),))


def test_it_fills_what_the_causes_tell(imputer):
    filled = imputer.transform(HOLES)
    np.testing.assert_array_equal(filled[~MISSING], ROWS[~MISSING])
    error = ((filled - ROWS) / ROWS.std(axis=0).clip(1e-9))[:, :4][MISSING[:, :4]]
    assert np.mean(error**2) < 0.25  # the mean of each column has 1
    assert (filled[:, 4] == 7).all()


def test_draws_spread_as_the_errors_do(imputer):
    drawn = imputer.draws(HOLES, 20)
    assert drawn.shape == (20, *HOLES.shape)
    assert (drawn[:, ~MISSING] == ROWS[~MISSING]).all()
    errors = (imputer.transform(HOLES) - ROWS)[:, 0][MISSING[:, 0]]
    spread = np.sqrt(np.mean(drawn[:, :, 0].var(axis=0, ddof=1)[MISSING[:, 0]]))
    assert spread == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.3)
    np.testing.assert_array_equal(drawn, imputer.draws(HOLES, 20))


def test_new_rows_and_an_empty_row(imputer):
    filled = imputer.transform(np.full((1, 5), np.nan))
    np.testing.assert_allclose(filled[0], np.nanmean(HOLES, axis=0), atol=0.2 * ROWS[:, 1].std())
    one = imputer.transform(HOLES[:1])
    np.testing.assert_allclose(one, imputer.transform(HOLES)[:1])  # other rows do not matter


def test_a_tiny_table():
    filled = keras_ae.Imputer(random_state=0).fit_transform([[1.0, np.nan], [3.0, 5.0]])
    np.testing.assert_array_equal(filled, [[1.0, 5.0], [3.0, 5.0]])


def test_it_comes_back_from_a_folder(imputer, tmp_path):
    imputer.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.Imputer.from_preset(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.transform(HOLES), imputer.transform(HOLES))
    np.testing.assert_array_equal(loaded.draws(HOLES, 3), imputer.draws(HOLES, 3))
    assert loaded.n_features_in_ == 5 and loaded.components_ == imputer.components_


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: json.dumps({**json.loads(text), "components": 10**9}),
        lambda text: json.dumps({**json.loads(text), "columns": 4}),
        lambda text: json.dumps([]),
    ],
    ids=["cut", "components", "features", "list"],
)
def test_a_damaged_folder_is_an_error(imputer, tmp_path, damage):
    folder = tmp_path / "mine"
    imputer.save_to_preset(folder)
    config = folder / "imputer.json"
    config.write_text(damage(config.read_text()))
    with pytest.raises(ValueError, match="save it again"):
        keras_ae.Imputer.from_preset(folder)


@eagerly()
def test_a_vae_learns_the_rows(monkeypatch, tmp_path):
    """Its function is called once, its mean is that of `impute`, and it comes back."""
    trained = module.ensembles.trained
    monkeypatch.setattr(module.ensembles, "trained", lambda *given: trained(*given, epochs=2))
    made = []

    def vae(shape):
        made.append(keras_ae.VAE(shape, 2, widths=(8,), objective="iwae", missing=True))
        return made[-1]

    imputer = keras_ae.Imputer(vae, n_samples=20, random_state=0).fit(HOLES)
    filled = imputer.transform(HOLES)
    assert len(made) == 1 and np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~MISSING], ROWS[~MISSING])
    imputer.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.Imputer.from_preset(tmp_path / "mine")
    np.testing.assert_allclose(loaded.transform(HOLES), filled)
    np.testing.assert_allclose(loaded.draws(HOLES, 2), imputer.draws(HOLES, 2))


@pytest.mark.parametrize(
    "table, message",
    [
        (HOLES[:1], "minimum of 2"),
        (np.where([True, False, False, False, False], np.nan, HOLES), "none in 0"),
        (np.array([["a", "b"], ["c", "d"]]), "could not convert|dtype"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": ["c", "d"]}), "the column 'b'"),
        (np.where(MISSING, np.inf, ROWS), "infinity"),
    ],
    ids=["one row", "no value", "text", "column of text", "infinity"],
)
def test_bad_tables_are_an_error(table, message):
    with pytest.raises(ValueError, match=message):
        keras_ae.Imputer().fit(table)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_samples": 0}, "Expected `n_samples`"),
        ({"model": "forest"}, "Expected `model` to be None"),
        ({"model": lambda shape: keras_ae.VAE(shape, 2, widths=())}, "missing=True"),
    ],
    ids=["n_samples", "model", "without missing"],
)
def test_bad_arguments_are_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_ae.Imputer(**arguments).fit(HOLES)


def test_it_works_inside_scikit_learn(monkeypatch):
    fast(monkeypatch)
    y = CAUSES[:, 0]
    pipeline = make_pipeline(keras_ae.Imputer(random_state=0), LinearRegression())
    search = GridSearchCV(pipeline, {"imputer__random_state": [0, 1]}, cv=2).fit(HOLES, y)
    assert search.best_score_ > 0.7
    columns = ColumnTransformer([("fill", keras_ae.Imputer(), [0, 3])], remainder="drop")
    assert np.isfinite(columns.fit_transform(HOLES)).all()


def test_data_frames_keep_their_columns(monkeypatch):
    pandas = pytest.importorskip("pandas")
    fast(monkeypatch)
    frame = pandas.DataFrame(HOLES, columns=list("abcde"), index=np.arange(300) + 10)
    imputer = keras_ae.Imputer().set_output(transform="pandas").fit(frame)
    filled = imputer.transform(frame)
    assert list(filled.columns) == list("abcde") == list(imputer.get_feature_names_out())
    assert (filled.index == frame.index).all() and not filled.isna().any().any()
    with pytest.raises(ValueError, match="feature names"):
        imputer.transform(frame[list("bacde")])


def test_scikit_learns_own_checks(monkeypatch):
    fast(monkeypatch)
    passes_its_checks(keras_ae.Imputer())


def test_each_row_alone(imputer):
    treats_each_row_alone(imputer, HOLES[:20], "transform")
