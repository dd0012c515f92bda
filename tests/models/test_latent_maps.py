"""HVAE with latent maps: one top-down path to the image, shared by all parts."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from shaken import shaken

import keras_ae
from keras_ae import distributions
from keras_ae.distributions.shifted import Base, Shifted

SHAPE, LATENTS = (8, 8, 1), (3, (2, 2, 2), (4, 4, 1), (4, 4, 1))


def make(shape=SHAPE, latent_dim=LATENTS, widths=(4, 6), blocks=0, **options):
    return keras_ae.HVAE(shape, latent_dim, widths=widths, blocks=blocks, **options)


@functools.cache
def shared():
    return shaken(make())


@pytest.fixture
def draw(images):
    return distributions.draw(shared().posterior(images), (1, 2), 3)


def test_the_divergence_of_a_shifted_gaussian_is_that_of_the_two_gaussians(vectors):
    loc, raw, shift, log_ratio = (0.3 * vectors[i : i + 5] for i in (0, 5, 10, 15))
    p = Base(loc, tf.exp(raw))
    q = Shifted(p, shift, log_ratio)
    plain = distributions.tfd.MultivariateNormalDiag
    expected = distributions.tfd.kl_divergence(
        plain(loc + np.exp(raw) * shift, np.exp(raw + log_ratio)), plain(loc, np.exp(raw))
    )
    np.testing.assert_allclose(distributions.tfd.kl_divergence(q, p), expected, rtol=1e-4)
    other = Base(loc, tf.exp(raw))  # the same numbers in another object: the general formula
    np.testing.assert_allclose(distributions.tfd.kl_divergence(q, other), expected, rtol=1e-4)


def test_densities_and_images_are_those_of_a_walk_by_hand(images):
    """The prior, the posterior and the decoder, layer by layer, from the pieces of the network."""
    model = shared()
    network = model.prior_layer.network
    z = 0.5 * np.random.default_rng(3).standard_normal((20, model.latent_dim)).astype("float32")
    params = model.params_of(images)
    of_top, low, high = tf.split(params, [6, 2 * 2 * 6, 4 * 4 * 4], axis=1)
    features = [tf.reshape(low, (-1, 2, 2, 6)), *2 * [tf.reshape(high, (-1, 4, 4, 4))]]
    first, *parts = tf.split(z, [3, 8, 16, 16], axis=1)

    log_p = normal(first, 0.0, 1.0)
    log_q = normal(first, of_top[:, :3], np.log1p(np.exp(of_top[:, 3:])) + 1e-5)
    h = network.first(first)
    for number, (level, part) in enumerate(zip(network.levels, parts, strict=True)):
        if number == 1:
            h = network.ups[0](h)
        loc, raw = halves(level.prior_head(h))
        scale = np.exp(3 * np.tanh(raw / 3))
        log_p += normal(part, loc, scale)
        seen = level.from_h(h) + level.from_features(features[number])
        shift, raw = halves(level.posterior_head(seen))
        log_q += normal(part, loc + scale * shift, scale * np.exp(4 * np.tanh(raw / 4)))
        h = level.block(h + level.from_z(tf.reshape(part, (-1, *level.latent_shape))))
    np.testing.assert_allclose(model.prior.log_prob(z), log_p, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(model.posterior(images).log_prob(z), log_q, rtol=1e-4, atol=1e-3)
    mean = tf.sigmoid(network.image(h))
    np.testing.assert_allclose(model.decode(z), mean, rtol=1e-4, atol=1e-5)


def halves(params):
    return [np.reshape(half, (len(params), -1)) for half in np.split(np.array(params), 2, axis=-1)]


def normal(z, loc, scale):
    z, loc, scale = (np.asarray(value, "float64") for value in (z, loc, scale))
    terms = -0.5 * ((z - loc) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)
    return terms.sum(axis=-1)


def test_a_draw_is_worth_as_much_as_its_code(images, draw):
    """What a draw remembers of its walk agrees with walking down once more from its code."""
    model, near = shared(), {"rtol": 1e-4, "atol": 1e-3}
    assert draw.z.shape == (3, 20, 43)
    np.testing.assert_allclose(draw.log_prob(), model.posterior(images).log_prob(draw.z), **near)
    log_prior = distributions.log_prob(model.prior, draw)
    np.testing.assert_allclose(log_prior, model.prior.log_prob(draw.z), **near)
    of_codes = model.log_likelihood_of(images, draw.z)
    np.testing.assert_allclose(model.log_likelihood_of_draw(images, draw), of_codes, **near)
    q, p = model.posterior(images), model.prior
    exact = distributions.kl_divergence(q, p, distributions.draw(q, (1, 2)))
    again = distributions.draw(q, (1, 2)).z  # without what the draw remembers
    np.testing.assert_allclose(exact, distributions.kl_divergence(q, p, again), **near)


def test_the_bound_is_the_mean_over_the_prior():
    """log p(x) = log E_p(z)[p(x|z)], here from many draws of the prior."""
    model = make((4, 4, 1), (1, (2, 2, 1)), widths=(3,))
    x = (np.random.default_rng(0).random((3, 4, 4, 1)) < 0.5).astype("float32")
    z = tf.reshape(model.prior.sample(20_000, seed=1), (-1, 1, 5))
    log_p = model.log_likelihood_of(x, tf.tile(z, (1, 3, 1)))
    expected = tf.reduce_logsumexp(log_p, axis=0) - np.log(20_000)
    found = model.log_likelihood(x, n_samples=2_000, seed=2)
    np.testing.assert_allclose(found, expected, atol=0.1)
    assert np.all(model.elbo(x, n_samples=100, seed=3) < found)


def test_each_posterior_below_the_top_starts_as_its_prior(images):
    model = make()
    q, p = model.posterior(images), model.prior
    terms = distributions.kl_of_parts(q, p, distributions.draw(q, (1, 2)))
    assert np.all(np.array(terms[0]) > 0)
    np.testing.assert_allclose(terms[1:], 0, atol=1e-6)


def test_layers_are_split_into_their_maps_and_drawn_below_others(images):
    model = shared()
    z = model.encode(images)
    shapes = [part.shape for part in model.split(z)]
    assert shapes == [(20, 3), (20, 2, 2, 2), (20, 4, 4, 1), (20, 4, 4, 1)]
    for kept, size in ((0, 0), (1, 3), (3, 27), (4, 43)):
        other = np.array(model.redraw(z, kept, seed=0))
        np.testing.assert_array_equal(other[:, :size], z[:, :size])
        assert np.all(other[:, size:] != z[:, size:])
    with pytest.raises(ValueError, match="at most 4, the number of layers. Received: layers=5"):
        model.redraw(z, 5)
    vectors = keras_ae.HVAE((5,), (2, 3), width=4, widths=())
    codes = vectors.encode(np.zeros((6, 5), "float32"))
    np.testing.assert_array_equal(vectors.redraw(codes, 1, seed=0)[:, :2], codes[:, :2])


@pytest.mark.parametrize("vectors", [False, True])
def test_the_layers_divide_the_kl_divergence(images, vectors):
    model = keras_ae.HVAE(SHAPE, (2, 3), width=4, widths=(5,)) if vectors else shared()
    found = np.array(model.kl_of_layers(images, n_samples=60, seed=1))
    assert found.shape == (20, 2 if vectors else 4)
    q = model.posterior(images)
    terms = distributions.kl_of_parts(q, model.prior, distributions.draw(q, (1, 2), 2_000))
    expected = [np.broadcast_to(term, (2_000, 20)) for term in terms]  # the top needs no draw
    spread = [np.std(term, axis=0) / 60**0.5 for term in expected]
    difference = found - np.mean(expected, axis=1).T
    assert np.all(np.abs(difference) <= 5 * np.transpose(spread) + 1e-4)
    assert np.all(np.mean(found, axis=0) > 0)
    with pytest.raises(ValueError, match="n_samples"):
        model.kl_of_layers(images, n_samples=0)


@eagerly()
def test_every_weight_learns(images):
    model = make(blocks=1, prior="flow", posterior="full", beta=0.5)
    shaken(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.objective(images, images))
    for weight, gradient in zip(
        model.trainable_weights,
        tape.gradient(loss, [weight.value for weight in model.trainable_weights]),
        strict=True,
    ):
        assert gradient is not None and np.any(np.array(gradient) != 0), weight.path


@eagerly()
@pytest.mark.parametrize(
    "options",
    [
        {"shape": (11, 9, 3), "latent_dim": (2, (3, 3, 2), (6, 5, 1)), "prior": "realnvp"},
        {"latent_dim": ((2, 2, 1), (2, 2, 1)), "activation": "relu", "posterior": "full"},
        {"latent_dim": (4, (4, 4, 2)), "likelihood": "discretized_logistic_mixture"},
        {"objective": "iwae"},
    ],
)
def test_it_trains_and_is_saved(options, tmp_path):
    shape = options.get("shape", SHAPE)
    x = np.random.default_rng(0).integers(0, 256, (8, *shape), dtype="uint8")
    model = make(**options)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    losses = model.fit(x, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    for name in ("shape", "latent_dim", "network", "widths", "activation", "blocks"):
        assert loaded.get_config()[name] == model.get_config()[name]
    np.testing.assert_array_equal(loaded.reconstruct(x), model.reconstruct(x))
    bound = loaded.log_likelihood(x, 3, seed=0)
    np.testing.assert_allclose(bound, model.log_likelihood(x, 3, seed=0), rtol=1e-5)


@eagerly()
def test_free_nats_are_those_of_a_layer(images):
    free = keras_ae.objectives.FreeBits(keras_ae.schedules.WarmUp(10, start=1e5, end=0.0))
    model = shaken(make(objective=free, beta=2.0))
    model.compile(run_eagerly=True)
    at_first = model.evaluate(images, verbose=0, return_dict=True)
    # Four layers, each below its 100,000 free nats
    np.testing.assert_allclose(at_first["loss"], at_first["reconstruction"] + 8e5, rtol=1e-5)
    model.step.assign(10)
    at_last = model.evaluate(images, verbose=0, return_dict=True)
    expected = at_last["reconstruction"] + 2 * at_last["kl"]
    np.testing.assert_allclose(at_last["loss"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent_dim": (3, (3, 3, 1))}, r"\(2, 2, channels\), \(4, 4, channels\). Received: \(3"),
        ({"latent_dim": (3, (4, 4, 1), (2, 2, 1))}, "from the smallest to the largest"),
        ({"latent_dim": (3, (4, 4, 1), 2)}, "Received: 2 in latent_dim"),
        ({"latent_dim": (3, (4, 4, 0))}, "latent_dim=0"),
        ({"latent_dim": ((4, 0, 4), (4, 4, 1))}, "latent_dim=0"),
        ({"network": "dense"}, "network=\"top_down\".*Received: network='dense'"),
        ({"activation": "glu"}, "keeps the number of channels. Received: 'glu'"),
        ({"posterior": "iaf"}, "Received: InverseAutoregressiveFlow"),
        ({"blocks": -1}, "blocks=-1"),
        ({"shape": (8,)}, "Expected images"),
        ({"widths": (4, -1)}, "widths.*-1"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@eagerly()
def test_missing_pixels_are_filled(images):
    images[:, :3] = np.nan
    model = make(missing=True)
    model.compile(run_eagerly=True)
    assert np.isfinite(model.fit(images, verbose=0).history["loss"][0])
    filled = model.impute(images, n_samples=5, seed=0)
    np.testing.assert_array_equal(filled[:, 3:], images[:, 3:])
    assert np.all((filled[:, :3] > 0) & (filled[:, :3] < 1))
