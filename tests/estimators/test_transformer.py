import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn_checks import passes_its_checks, treats_each_row_alone

import keras_ae
from keras_ae.estimators import AutoencoderTransformer, ensembles

RNG = np.random.default_rng(0)
FACTORS = RNG.normal(size=(200, 2))
# Five columns in different units, made of two factors.
TABLE = (FACTORS @ RNG.normal(size=(2, 5)) + 0.1 * RNG.normal(size=(200, 5))) * [1, 10, 0.1, 5, 1]
TABLE += [0, 100, 0, -5, 3]


def principal_components(model, x, seed, epochs=200):
    """Stands for the training: an encoder and a decoder made of principal components."""
    components = min(model.latent_dim, *x.shape)
    pca = PCA(components).fit(np.asarray(x, "float64"))
    ae = keras_ae.AE((x.shape[1],), components, widths=(), likelihood="gaussian")
    ae.encoder.set_weights([pca.components_.T, -pca.components_ @ pca.mean_])
    ae.decoder.set_weights([pca.components_, pca.mean_])
    return ae


@pytest.fixture
def linear(monkeypatch):
    monkeypatch.setattr(ensembles, "trained", principal_components)


def of_scikit_learn(components=2):
    return make_pipeline(StandardScaler(), PCA(components)).fit(TABLE)


def test_with_linear_layers_it_is_principal_components(linear):
    ours, theirs = AutoencoderTransformer(latent_dim=2).fit(TABLE), of_scikit_learn()
    codes = theirs.transform(TABLE)
    np.testing.assert_allclose(ours.transform(TABLE), codes, atol=1e-4)
    rows = theirs.inverse_transform(codes)
    np.testing.assert_allclose(ours.inverse_transform(codes), rows, rtol=1e-4, atol=1e-4)
    errors = np.mean((theirs[0].transform(TABLE) - theirs[0].transform(rows)) ** 2, axis=1)
    np.testing.assert_allclose(ours.score_samples(TABLE), -errors, atol=1e-4)
    assert ours.score(TABLE) == pytest.approx(-errors.mean(), abs=1e-4)


def test_in_a_pipeline_and_a_grid_search(linear):
    labels = FACTORS[:, 0] > 0
    pipeline = make_pipeline(AutoencoderTransformer(latent_dim=2), LogisticRegression())
    search = GridSearchCV(
        pipeline, {"autoencodertransformer__latent_dim": [1, 2]}, cv=2, error_score="raise"
    ).fit(TABLE, labels)
    assert search.best_params_ == {"autoencodertransformer__latent_dim": 2}
    assert search.score(TABLE, labels) > 0.9


def test_with_data_frames(linear):
    pandas = pytest.importorskip("pandas")
    names = ["a", "b", "c", "d", "e"]
    frame = pandas.DataFrame(TABLE, columns=names, index=np.arange(200) + 7)
    codes = AutoencoderTransformer(latent_dim=2).set_output(transform="pandas").fit_transform(frame)
    assert list(codes) == ["autoencodertransformer0", "autoencodertransformer1"]
    assert list(codes.index) == list(frame.index)
    frame["kind"] = np.where(FACTORS[:, 1] > 0, "x", "y")
    both = ColumnTransformer(
        [
            ("codes", AutoencoderTransformer(latent_dim=2), names),
            ("kind", OneHotEncoder(), ["kind"]),
        ]
    ).fit(frame)
    np.testing.assert_array_equal(both.transform(frame)[:, :2], codes)
    assert list(both.get_feature_names_out())[:2] == [f"codes__{name}" for name in codes]


def test_it_comes_back_from_a_folder(linear, tmp_path):
    transformer = AutoencoderTransformer(latent_dim=2, epochs=3).fit(TABLE)
    transformer.save_to_preset(tmp_path / "mine")
    loaded = AutoencoderTransformer.from_preset(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.transform(TABLE), transformer.transform(TABLE))
    np.testing.assert_array_equal(loaded.score_samples(TABLE), transformer.score_samples(TABLE))
    codes = transformer.transform(TABLE)
    np.testing.assert_array_equal(
        loaded.inverse_transform(codes), transformer.inverse_transform(codes)
    )
    assert loaded.get_params() == transformer.get_params()
    with pytest.raises(ValueError, match="5 features"):
        loaded.transform(TABLE[:, :4])


@pytest.mark.parametrize("file", ["transformer.json", "transformer.npz"])
def test_a_damaged_folder_is_an_error(linear, tmp_path, file):
    AutoencoderTransformer(latent_dim=2).fit(TABLE).save_to_preset(tmp_path / "mine")
    path = tmp_path / "mine" / file
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])
    with pytest.raises(ValueError, match="to hold a transformer; save it again"):
        AutoencoderTransformer.from_preset(tmp_path / "mine")
    path.write_text(json.dumps({"arguments": {}}))
    with pytest.raises(ValueError, match="to hold a transformer; save it again"):
        AutoencoderTransformer.from_preset(tmp_path / "mine")


def test_a_trained_model_is_used_as_it_is(tmp_path):
    model = keras_ae.load("vae_digits")
    x = np.asarray(model.sample(20, seed=0))
    transformer = AutoencoderTransformer(model).fit(x)
    assert transformer.model_ is model
    codes = transformer.transform(x)
    np.testing.assert_allclose(codes, model.encode(x), rtol=1e-6)
    np.testing.assert_allclose(transformer.inverse_transform(codes), model.decode(codes), rtol=1e-6)
    np.testing.assert_allclose(transformer.score_samples(x), model.elbo(x, 10, seed=0), rtol=1e-6)
    assert list(transformer.get_feature_names_out())[-1] == "autoencodertransformer7"
    transformer.save_to_preset(tmp_path / "mine")
    loaded = AutoencoderTransformer.from_preset(tmp_path / "mine")
    np.testing.assert_array_equal(loaded.transform(x), codes)


def test_a_class_makes_a_model_of_the_size_of_the_code(monkeypatch):
    monkeypatch.setattr(ensembles, "trained", lambda model, x, seed, epochs: model)
    transformer = AutoencoderTransformer(keras_ae.VAE, latent_dim=3).fit(TABLE)
    assert isinstance(transformer.model_, keras_ae.VAE)
    assert transformer.transform(TABLE).shape == (200, 3)
    assert clone(transformer).model is keras_ae.VAE


@pytest.mark.parametrize(
    "arguments, x, message",
    [
        ({"latent_dim": 0}, TABLE, "Expected `latent_dim` to be a positive integer"),
        ({"epochs": 1.5}, TABLE, "Expected `epochs` to be a positive integer"),
        ({"model": "pca"}, TABLE, "Expected `model` to be None, a trained model"),
        ({}, np.where(TABLE > 3, np.nan, TABLE), "NaN"),
        ({}, TABLE[:1], "minimum of 2"),
        ({}, [["a"], ["b"]], "could not convert|dtype"),
    ],
    ids=["latent_dim", "epochs", "model", "nan", "one row", "text"],
)
def test_bad_arguments_are_an_error(arguments, x, message):
    with pytest.raises(ValueError, match=message):
        AutoencoderTransformer(**arguments).fit(x)


@pytest.mark.slow
def test_the_default_as_users_get_it():
    """Two factors make five columns: two numbers explain nearly all of new rows, as in PCA."""
    transformer = AutoencoderTransformer(latent_dim=2, random_state=0).fit(TABLE[:150])
    variance = np.mean(transformer.scaler_(TABLE[150:]) ** 2)
    assert -transformer.score(TABLE[150:]) < 0.1 * variance
    again = AutoencoderTransformer(latent_dim=2, random_state=0).fit(TABLE[:150])
    np.testing.assert_array_equal(again.transform(TABLE), transformer.transform(TABLE))


@pytest.mark.slow
def test_scikit_learns_own_checks(linear):
    passes_its_checks(AutoencoderTransformer(latent_dim=2))


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "score_samples"])
def test_each_row_alone(linear, method):
    transformer = AutoencoderTransformer(latent_dim=2).fit(TABLE)
    x = transformer.transform(TABLE) if method == "inverse_transform" else TABLE
    treats_each_row_alone(transformer, x[:20], method)
