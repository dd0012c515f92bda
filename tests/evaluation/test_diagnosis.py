"""Each failure is made on purpose: a small model is really trained, and is really broken."""

import json

import keras
import numpy as np
import pytest

import keras_ae
from keras_ae.distributions import Gaussian
from keras_ae.evaluation import scores
from keras_ae.evaluation.diagnosis import checks, facts, names

RNG = np.random.default_rng(0)
# Eight standardised columns, made of two factors.
TABLE = RNG.normal(size=(500, 2)) @ RNG.normal(size=(2, 8)) + 0.1 * RNG.normal(size=(500, 8))
TABLE = ((TABLE - TABLE.mean(axis=0)) / TABLE.std(axis=0)).astype("float32")
X, NEW = TABLE[:400], TABLE[400:]
IMAGES = RNG.uniform(size=(40, 4, 4, 1)).astype("float32")
BINARY = (RNG.uniform(size=(100, 16)) < 0.5).astype("float32")
NOISE = RNG.normal(size=(60, 8)).astype("float32")


def trained(model, x, epochs=50, optimizer=None, **options):
    keras.utils.set_random_seed(0)
    model.compile(optimizer or keras.optimizers.Adam(0.01), jit_compile=False)
    options = {"batch_size": 50, "verbose": 0, **options}
    return model, model.fit(x, epochs=epochs, **options)


def ae(latent_dim=2, likelihood="gaussian", widths=(16,), shape=(8,), **options):
    keras.utils.set_random_seed(0)
    return keras_ae.AE(shape, latent_dim, widths=widths, likelihood=likelihood, **options)


def vae(latent_dim=2, likelihood=None, widths=(16,), **options):
    keras.utils.set_random_seed(0)
    likelihood = likelihood or Gaussian(0.3)
    return keras_ae.VAE((8,), latent_dim, widths=widths, likelihood=likelihood, **options)


def found(*arguments, **options):
    return [finding.name for finding in keras_ae.diagnose(*arguments, **options)]


# Healthy models


@pytest.mark.slow
def test_nothing_is_found_on_a_healthy_autoencoder():
    model, history = trained(ae(), X, 60, validation_data=NEW)
    diagnosis = keras_ae.diagnose(model, X, NEW, history)
    assert diagnosis == [] and not diagnosis
    assert str(diagnosis).startswith("nothing found\n\nlooked for: weights that are not numbers, ")
    looked_for = {name for check in checks.CHECKS for name in check.names}
    assert {*diagnosis.looked_at, *diagnosis.left_out} == looked_for
    assert diagnosis.left_out[names.COLLAPSE] == "the model is no VAE"


@pytest.mark.slow
def test_nothing_is_found_on_a_healthy_vae():
    model, history = trained(vae(), X, 80, validation_data=NEW)
    diagnosis = keras_ae.diagnose(model, X, NEW, history)
    assert diagnosis == []
    assert {names.COLLAPSE, names.OVERFITTING, names.TOO_FEW_EPOCHS} <= {*diagnosis.looked_at}


# Failures


def test_a_training_that_diverged():
    model, _ = trained(ae(), X, 10, keras.optimizers.SGD(1e4))
    diagnosis = keras_ae.diagnose(model, X)
    count = sum(int(np.isnan(weight).sum()) for weight in model.get_weights())
    assert [finding.name for finding in diagnosis] == [names.NOT_NUMBERS]
    assert diagnosis[0].value == count > 0
    assert diagnosis.left_out[names.UNDERFITTING] == f"because of: {names.NOT_NUMBERS}"


def test_pixels_that_were_not_divided_by_255():
    model, _ = trained(ae(shape=(4, 4, 1), likelihood="bernoulli"), IMAGES, 1)
    diagnosis = keras_ae.diagnose(model, 255 * IMAGES)
    assert [finding.name for finding in diagnosis] == [names.OUTSIDE]
    assert diagnosis[0].value == pytest.approx(100 * np.mean(255 * IMAGES > 1))
    assert "Divide by 255" in diagnosis[0].advice


def test_standardised_columns_and_missing_values_for_a_bernoulli():
    model, _ = trained(ae(likelihood="bernoulli"), (X > 0).astype("float32"), 1)
    diagnosis = keras_ae.diagnose(model, X)
    assert [finding.name for finding in diagnosis] == [names.OUTSIDE]
    assert "gaussian" in diagnosis[0].advice
    holes = np.where(RNG.uniform(size=X.shape) < 0.25, np.nan, (X > 0).astype("float32"))
    diagnosis = keras_ae.diagnose(model, holes)
    assert [finding.name for finding in diagnosis] == [names.OUTSIDE]
    assert diagnosis[0].value == pytest.approx(100 * np.isnan(holes).mean())
    assert "Fill or drop" in diagnosis[0].advice


def test_missing_values_of_a_model_that_takes_them():
    model = vae(missing=True)
    holes = np.where(RNG.uniform(size=X.shape) < 0.25, np.nan, X).astype("float32")
    diagnosis = keras_ae.diagnose(model, holes)
    assert names.OUTSIDE in diagnosis.looked_at and names.COLLAPSE in diagnosis.looked_at
    assert names.OUTSIDE not in [finding.name for finding in diagnosis]
    q = model.posterior(holes)
    loc, scale = np.asarray(q.mean()), np.asarray(q.stddev())
    expected = 0.5 * np.sum(loc**2 + scale**2 - 1 - 2 * np.log(scale), axis=1)
    np.testing.assert_allclose(scores.kl(model, holes), expected, rtol=1e-4)


def test_pixels_that_were_divided_twice():
    model, _ = trained(ae(shape=(4, 4, 1), likelihood="bernoulli"), IMAGES / 255, 5)
    assert names.UNSCALED in found(model, IMAGES / 255)


@pytest.mark.slow
def test_columns_in_different_units():
    x = X * np.geomspace(1, 1e4, 8).astype("float32")
    model, _ = trained(ae(), x)
    diagnosis = keras_ae.diagnose(model, x)
    assert diagnosis[0].name == names.UNSCALED
    assert diagnosis[0].value == pytest.approx(1e4, rel=0.01)


def test_large_values():
    model, _ = trained(ae(), 100 * X + 500, 5)
    diagnosis = keras_ae.diagnose(model, 100 * X + 500)
    assert diagnosis[0].name == names.UNSCALED
    assert diagnosis[0].value == pytest.approx(np.sqrt(np.mean((100 * X + 500) ** 2)), rel=0.01)


@pytest.mark.slow
def test_a_posterior_that_collapsed():
    model, _ = trained(vae(beta=1000.0), X)
    diagnosis = keras_ae.diagnose(model, X)
    assert [finding.name for finding in diagnosis] == [names.COLLAPSE]
    assert diagnosis[0].value == pytest.approx(keras_ae.scores.kl(model, X).mean(), rel=1e-3)
    assert diagnosis.left_out[names.UNDERFITTING] == f"because of: {names.COLLAPSE}"


@pytest.mark.slow
def test_codes_far_from_the_prior():
    model, _ = trained(vae(beta=0.0), X)
    assert found(model, X) == [names.CODES_OFF_THE_PRIOR]


@pytest.mark.slow
def test_units_that_died():
    """Large steps push all units of a code with ReLU below zero, where nothing pulls them back."""
    encoder = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu")])
    decoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    model = ae(4, widths=None, network=(encoder, decoder))
    trained(model, X + 3, 20, keras.optimizers.SGD(0.5))
    diagnosis = keras_ae.diagnose(model, X + 3)
    assert [finding.name for finding in diagnosis] == [names.COLLAPSED]
    assert diagnosis[0].value == 100


@pytest.mark.slow
def test_a_code_that_is_larger_than_needed():
    model, _ = trained(vae(12), X, 100)
    diagnosis = keras_ae.diagnose(model, X)
    assert [finding.name for finding in diagnosis] == [names.TOO_LARGE]
    unused = np.sum(keras_ae.scores.kl_per_dimension(model, X) < 0.01)
    assert diagnosis[0].value == pytest.approx(100 * unused / 12)
    assert diagnosis[0].advice == f"latent_dim={12 - unused}, or a little more."


def test_a_codebook_of_which_two_rows_are_in_use():
    x = np.where(np.arange(400)[:, None] % 2, X[:1], X[1:2])  # two different rows
    keras.utils.set_random_seed(0)
    options = {"widths": (16,), "likelihood": "gaussian", "size": 32}
    model, _ = trained(keras_ae.VQVAE((8,), 4, **options), x, 10)
    diagnosis = keras_ae.diagnose(model, x)
    assert [finding.name for finding in diagnosis] == [names.CODEBOOK]
    assert diagnosis[0].value == pytest.approx(100 * 2 / 32)


@pytest.mark.slow
def test_a_scale_that_fell_to_its_floor():
    x = X * (np.arange(8) < 4)  # four columns are constant
    rate = keras.optimizers.schedules.CosineDecay(0.02, 2400)
    model, _ = trained(ae(likelihood=Gaussian("predicted")), x, 300, keras.optimizers.Adam(rate))
    diagnosis = keras_ae.diagnose(model, x)
    assert [finding.name for finding in diagnosis] == [names.AT_FLOOR]
    limit = 1e-3 * np.std(x - x.mean(axis=0))
    scales = np.asarray(model.likelihood(model.encode(x)).stddev())
    assert diagnosis[0].value == pytest.approx(100 * np.mean(scales < limit), abs=0.1)


def test_a_scale_that_is_wider_than_the_data():
    model, _ = trained(ae(likelihood=Gaussian("trainable")), 0.01 * X, 2)
    assert names.TOO_WIDE in found(model, 0.01 * X)


@pytest.mark.slow
def test_pixels_that_are_certain_and_wrong():
    model = ae(8, shape=(16,), likelihood="bernoulli", widths=(64,))
    trained(model, BINARY[:20], 200, keras.optimizers.Adam(0.03))
    assert names.OVERCONFIDENT_PIXELS not in found(model, BINARY[:20])
    assert names.OVERCONFIDENT_PIXELS in found(model, BINARY[:20], BINARY[20:])


def test_a_model_that_learned_nothing():
    model, _ = trained(ae(), X, 2, keras.optimizers.SGD(1e-6))
    diagnosis = keras_ae.diagnose(model, X)
    assert [finding.name for finding in diagnosis] == [names.UNDERFITTING]
    powers = np.linalg.eigvalsh(np.cov(X.T))
    assert diagnosis[0].limit == pytest.approx(90 * powers[-2:].sum() / powers.sum(), rel=1e-3)


@pytest.mark.slow
def test_an_autoencoder_that_learned_by_heart():
    model, _ = trained(ae(6, widths=(64,)), NOISE[:20], 150)
    diagnosis = keras_ae.diagnose(model, NOISE[:20], NOISE[20:])
    assert [finding.name for finding in diagnosis] == [names.OVERFITTING]
    errors = [np.mean((np.asarray(model(x)) - x) ** 2) for x in (NOISE[:20], NOISE[20:])]
    assert diagnosis[0].value == pytest.approx(errors[1] / errors[0], rel=1e-3)


@pytest.mark.slow
def test_a_vae_that_learned_by_heart():
    model, _ = trained(vae(4, widths=(64,)), NOISE[:20], 60, keras.optimizers.Adam(0.03))
    assert found(model, NOISE[:20], NOISE[20:]) == [names.OVERFITTING]


def test_a_validation_loss_that_rose():
    history = {"loss": [3.0, 2.0, 1.0, 0.9, 0.8], "val_loss": [3.0, 2.0, 1.0, 1.5, 2.5]}
    diagnosis = keras_ae.diagnose(ae(), X, history=history)
    assert [finding.name for finding in diagnosis][-1] == names.OVERFITTING
    assert diagnosis[-1].value == pytest.approx(75)
    assert "in epoch 3" in diagnosis[-1].measured


def test_a_training_that_ended_early():
    model, history = trained(ae(), X, 5, keras.optimizers.Adam(0.003))
    diagnosis = keras_ae.diagnose(model, X, history=history)
    assert names.TOO_FEW_EPOCHS in [finding.name for finding in diagnosis]
    losses = history.history["loss"]
    share = 100 * (losses[3] - losses[4]) / (losses[0] - losses[4])
    assert diagnosis[-1].value == pytest.approx(share)


# What a diagnosis is


def test_a_finding_says_what_was_measured_what_it_means_and_what_to_try():
    finding = keras_ae.evaluation.Finding("odd", 3.0, "%", 1.0, "Three.", "Bad.", "Less " * 40)
    diagnosis = keras_ae.evaluation.Diagnosis([finding], ["odd"], {"rare": "it needs time"})
    text = str(diagnosis).splitlines()
    assert text[:3] == ["odd: 3 % (limit: 1)", "  measured:  Three.", "  meaning:   Bad."]
    assert text[-2:] == ["looked for: odd", "left out: rare, it needs time"]
    assert max(map(len, text)) <= 100
    assert json.loads(json.dumps(diagnosis.to_dict()))["findings"][0]["value"] == 3.0


def test_the_same_arguments_give_the_same_findings():
    model = vae(beta=0.0)
    assert keras_ae.diagnose(model, X).to_dict() == keras_ae.diagnose(model, X).to_dict()


def test_padding_does_not_count():
    """Numbers about sequences are those of their real steps."""
    x = RNG.normal(size=(20, 3, 2)).astype("float32")
    x[:5, 1:] = -1.0  # five sequences of one step
    likelihood = keras_ae.distributions.Masked(Gaussian("trainable"), -1.0)
    model = keras_ae.AE((3, 2), 2, widths=(4,), likelihood=likelihood)
    known = facts.Facts(model, x, None, {})
    real = np.ma.array(x, mask=np.zeros(x.shape, bool))
    real[:5, 1:] = np.ma.masked
    real = real.reshape(20, 6)
    assert known.variance == pytest.approx(float(((real - real.mean(axis=0)) ** 2).mean()))
    guess = np.asarray(model.reconstruct(x)).reshape(20, 6)
    assert known.error == pytest.approx(float(((real - guess) ** 2).mean()))
    assert len(known.scales) == 15 * 6 + 5 * 2
    assert names.TOO_WIDE in keras_ae.diagnose(model, x).looked_at


def test_the_distance_of_codes_to_the_prior():
    """Codes of variance 4 lie (4 - 1) / 2 nats per dimension off a standard normal."""
    model = vae(4)
    known = facts.Facts(model, X, None, {})
    model.encode = lambda x, sample, seed: 2 * RNG.normal(size=(100_000, 4)).astype("float32")
    assert known.distance_to_prior == pytest.approx(1.5, abs=0.06)


@pytest.mark.parametrize(
    "x, options, message",
    [
        (X[:, :7], {}, r"Expected `x` to have the shape \(batch, 8\)"),
        (X[:9], {}, "Expected `x` to hold at least 10 examples. Received: 9"),
        (np.full((20, 8), "a"), {}, "Expected `x` to hold numbers"),
        (X, {"validation": X[:3]}, "Expected `validation` to hold at least 10"),
        (X, {"history": [3.0, 2.0]}, "Expected `history` to be what `fit` returned"),
    ],
    ids=["shape", "few", "text", "validation", "history"],
)
def test_bad_arguments_are_an_error(x, options, message):
    with pytest.raises(ValueError, match=message):
        keras_ae.diagnose(ae(), x, **options)


KNOWN = {"vae_emoji": ["overfitting"]}  # its card says so


@pytest.mark.full_data
@pytest.mark.parametrize("name", keras_ae.list_models())
def test_only_what_is_known_is_found_on_the_models_of_the_zoo(name):
    card = keras_ae.info(name)
    (x, _), (new, _) = keras_ae.datasets.load(card.dataset)
    model = keras_ae.load(name)
    history = card.metadata["training"]["curve"]
    diagnosis = keras_ae.diagnose(model, x, new, history)
    assert [finding.name for finding in diagnosis] == KNOWN.get(name, []), str(diagnosis)
