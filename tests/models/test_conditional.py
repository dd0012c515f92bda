import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from shaken import shaken

import keras_ae
from keras_ae import distributions


def make(**options):
    options = {
        "shape": (8, 8, 1),
        "latent_dim": 2,
        "classes": 3,
        "widths": (16,),
        "width": 8,
        **options,
    }
    model = keras_ae.ConditionalVAE(**options)
    model.compile(run_eagerly=True)  # a graph does not pay for a few steps
    return model


@functools.cache
def shared():
    """A model for calls that fail. Tests must not change it."""
    return make()


def test_with_labels_the_objective_is_the_one_of_the_pair(images):
    """-log p(x|y, z) + beta (KL(q(z|x, y) || N(0, I)) + log 3) - w log q(y|x), in numpy.

    The posterior is so narrow that each draw is its mean.
    """
    vae, labels = make(classification=2.0, beta=0.5), np.arange(20) % 3
    last = vae.posterior_layer.network.last
    last.bias.assign(np.concatenate([np.zeros(2), np.full(2, -30.0)]))  # scale before softplus
    last.kernel.assign(np.concatenate([last.kernel.numpy()[:, :2], np.zeros((8, 2))], axis=1))
    z = np.array(vae.encode(images, labels=labels))
    np.testing.assert_allclose(z[:, :3], np.eye(3)[labels], atol=1e-6)
    scale = 1e-5
    kl = 0.5 * (scale**2 - 1 - 2 * np.log(scale)) * 2 + np.log(3)
    kl = kl + 0.5 * (z[:, 3:] ** 2).sum(axis=1)
    classification = -2.0 * np.log(np.array(vae.classify(images))[np.arange(20), labels])
    expected = -vae.likelihood(z).log_prob(images) + 0.5 * kl + classification
    np.testing.assert_allclose(vae.objective(images, tf.constant(labels)), expected, rtol=1e-4)
    logs = vae.evaluate(images, labels, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        logs["reconstruction"] + 0.5 * logs["kl"] + logs["classification"], rel=1e-5
    )
    assert logs["classification"] == pytest.approx(classification.mean(), rel=1e-4)


MAPS = {"latent_dim": (2, (2, 2, 1), (4, 4, 1)), "widths": (4, 6), "posterior": "full"}


@functools.cache
def with_maps():
    return shaken(make(**MAPS), 0.2)


def test_maps_lie_below_the_label(images):
    """The code is the label, z_1 and the maps; the prior of the maps is given the label."""
    vae, labels = with_maps(), np.arange(20) % 3
    assert vae.latent_dim == 3 + 2 + 4 + 16
    z = np.array(vae.encode(images, labels=labels))
    np.testing.assert_allclose(z[:, :3], np.eye(3)[labels], atol=1e-6)
    np.testing.assert_allclose(vae.classify(images), vae.encode(images)[:, :3], atol=1e-6)
    drawn = np.array(vae.posterior(images, labels).sample(seed=1))
    others = np.concatenate([np.eye(3)[(labels + 1) % 3], drawn[:, 3:]], axis=1)
    below = [np.array(vae.prior.given(vae.prior.split(x))[1].mean()) for x in (drawn, others)]
    assert np.abs(below[0] - below[1]).max() > 1e-3
    assert np.isfinite(vae.prior.log_prob(drawn)).all()
    assert np.abs(np.array(vae.decode(drawn)) - vae.decode(others)).max() > 1e-3
    bound = vae.log_likelihood(images, n_samples=300, seed=0)
    assert np.mean(bound - vae.elbo(images, n_samples=30, seed=0)) > 0


def test_what_is_drawn_for_a_label_has_its_maps_too(monkeypatch):
    """Codes of a label are those of the prior among which the label is this one."""
    vae = with_maps()
    codes = []
    monkeypatch.setattr(vae, "decode", codes.append)
    vae.sample(3000, seed=0, labels=1)
    all_codes = np.array(vae.prior.sample(9000, seed=tf.constant((3, 4))))
    expected = all_codes[all_codes[:, 1] == 1]
    found = np.array(codes[0])
    assert np.all(found[:, :3] == [0, 1, 0])
    others = all_codes[all_codes[:, 1] == 0]
    error = expected.std(axis=0) * (1 / 3000 + 1 / len(expected)) ** 0.5 + 1e-9
    distance = np.abs(found.mean(axis=0) - expected.mean(axis=0)) / error
    assert distance.max() < 5
    assert (np.abs(found.mean(axis=0) - others.mean(axis=0)) / error)[5:].max() > 5


@pytest.mark.parametrize("unknown", ["draw", "sum"])
def test_the_objective_with_maps_is_that_of_the_pair(images, unknown):
    """With labels: -log p(x|y, z) + KL(q(z|x, y) || p(z|y)) + log 3 - 10 log q(y|x), by parts."""
    vae, labels = shaken(make(**MAPS, unknown=unknown), 0.2), tf.constant(np.arange(20) % 3)
    z = vae.posterior(images, labels).sample(100, seed=tf.constant((1, 2)))
    log_ratio = vae.posterior(images, labels).log_prob(z) - vae.prior.log_prob(z)
    draws = np.array(log_ratio - vae.log_likelihood_of(images, z))
    cross_entropy = -np.log(np.array(vae.classify(images))[np.arange(20), labels])
    expected = np.mean(draws, axis=0) + 10 * cross_entropy
    objective = tf.function(lambda: vae.objective(tf.constant(images), labels))
    found = [objective() for _ in range(100)]
    error = (np.var(draws, axis=0) / 100 + np.var(found, axis=0) / 100) ** 0.5
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 5 * error + 1e-3)


def test_with_maps_it_learns_from_few_labels_and_is_saved(images, tmp_path):
    vae = make(**MAPS, blocks=0, unknown="sum", objective="iwae")
    labels = np.where(np.arange(20) < 10, np.arange(20) % 3, -1)
    vae.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    losses = vae.fit(images, labels, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    vae.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    z = vae.encode(images, labels=np.zeros(20, int))
    np.testing.assert_allclose(loaded.encode(images, labels=np.zeros(20, int)), z, atol=1e-6)
    for key in ("latent_dim", "widths", "blocks", "network", "classes", "unknown"):
        assert loaded.get_config()[key] == vae.get_config()[key]
    assert keras_ae.info(tmp_path / "mine").latent_dim == 2 + 4 + 16  # that of z
    with pytest.raises(ValueError, match='network="top_down", or none.*Received: network=.conv.'):
        make(**MAPS, network="conv")
    with pytest.raises(ValueError, match="VampPrior"):
        make(**MAPS, prior="vamp")


def test_an_unknown_label_is_summed_over():
    """sum_y q(y|x) (-log p(x|y, z) + beta KL(q(z|x, y) || p(z)) + beta log(3 q(y|x))).

    Each term is computed with that label and unknown="draw".
    """
    vae = make(classification=0.0, beta=0.5, unknown="sum")
    images = np.random.default_rng(1).random((20, 8, 8, 1)).astype("float32")
    last = vae.posterior_layer.network.last
    # The scale before softplus is -30, so that each draw is the mean.
    last.bias.assign(np.concatenate([np.zeros(2), np.full(2, -30.0)]))
    last.kernel.assign(np.concatenate([last.kernel.numpy()[:, :2], np.zeros((8, 2))], axis=1))
    q = np.array(vae.classify(images))
    unknown = vae.objective(images, tf.fill([20], -1))
    vae.unknown = "draw"
    each = [vae.objective(images, tf.fill([20], label)) for label in range(3)]
    each = np.stack(each, axis=1) - 0.5 * np.log(3)
    expected = np.sum(q * (each + 0.5 * np.log(3 * q)), axis=1)
    np.testing.assert_allclose(unknown, expected, rtol=1e-5)
    vae.unknown = "sum"
    known = vae.objective(images, tf.ones(20, tf.int32))
    np.testing.assert_allclose(known, each[:, 1] + 0.5 * np.log(3), rtol=1e-5)
    logs = vae.evaluate(images, np.full(20, -1), verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(expected.mean(), rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + 0.5 * logs["kl"], rel=1e-5)


def test_without_labels_there_is_no_classification_term(images):
    vae = make()
    logs = vae.evaluate(images, np.full(20, -1), verbose=0, return_dict=True)
    assert logs["classification"] == 0
    assert vae.evaluate(images, verbose=0, return_dict=True)["classification"] == 0


def test_the_likelihood_sums_over_the_labels():
    """The decoder uses y only: p(x) = 1/3 sum_y N(x; m_y, 1)."""
    vae = make(shape=(2,), widths=(), likelihood=distributions.Gaussian(1.0))
    kernel = np.zeros((5, 2))
    kernel[:3] = [[0, 0], [2, 0], [0, -3]]
    last = vae.posterior_layer.network.last
    last.kernel.assign(np.zeros((8, 4)))
    # q(z|x, y) = N(0, I), the prior
    last.bias.assign(np.concatenate([np.zeros(2), np.full(2, np.log(np.e - 1))]))
    vae.decoder.set_weights([kernel, np.zeros(2)])
    x = np.random.default_rng(0).standard_normal((30, 2)).astype("float32")
    squares = ((x[:, None] - kernel[:3]) ** 2).sum(axis=-1)
    expected = np.log(np.mean(np.exp(-0.5 * squares), axis=1)) - np.log(2 * np.pi)
    np.testing.assert_allclose(vae.log_likelihood(x, 5000, seed=0), expected, atol=0.1)
    with eagerly():
        assert np.mean(vae.elbo(x, 500, seed=0)) < expected.mean()


def test_a_drawn_label_has_the_gradient_of_gumbel_softmax():
    from keras_ae.distributions import densities

    logits = tf.constant([[0.3, -0.2, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        y = densities.StraightThroughOneHot(logits, dtype=tf.float32).sample(2000, seed=(1, 2))
        score = tf.reduce_mean(tf.reduce_sum(y * [1.0, 2.0, 5.0], axis=-1))
    assert set(np.unique(np.round(y, 5))) == {0, 1}
    np.testing.assert_allclose(np.mean(y, axis=(0, 1)), tf.nn.softmax(logits[0]), atol=0.03)
    gradient = tape.gradient(score, logits)[0].numpy()
    assert gradient[2] > 0.1 > gradient[1] and gradient.sum() == pytest.approx(0, abs=1e-4)


def test_it_draws_the_given_label_and_classifies():
    """Four clusters of points, one per class. One label in five is missing."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 300)
    x = (3 * np.eye(5)[y] + 0.5 * rng.standard_normal((300, 5))).astype("float32")
    vae = make(shape=(5,), latent_dim=1, classes=4, widths=(16,), width=16)
    vae.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    vae.fit(x, np.where(np.arange(300) % 5, y, -1), epochs=20, batch_size=50, verbose=0)
    asked = np.arange(100) % 4
    drawn = np.asarray(vae.sample(100, seed=0, labels=asked))
    assert np.mean(np.argmax(drawn, axis=1) == asked) > 0.98
    np.testing.assert_array_equal(
        np.argmax(vae.sample(50, seed=0, labels=2), axis=1), np.full(50, 2)
    )
    probabilities = np.asarray(vae.classify(x))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.mean(np.argmax(probabilities, axis=1) == y) > 0.98


@pytest.mark.slow
def test_it_draws_the_given_digit_and_classifies():
    (x, y), (x_test, y_test) = keras_ae.datasets.load("digits")
    vae = keras_ae.ConditionalVAE((8, 8, 1), 8, widths=(64,), width=64)
    vae.compile(keras.optimizers.Adam(2e-3))
    vae.fit(x, y, epochs=30, batch_size=64, verbose=0)
    asked = np.arange(500) % 10
    probabilities = vae.classify(vae.sample(500, seed=0, labels=asked))
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, rtol=1e-5)
    assert np.mean(np.argmax(probabilities, axis=1) == asked) > 0.98
    assert np.mean(np.argmax(vae.classify(x_test), axis=1) == y_test) > 0.85
    sevens = np.argmax(vae.classify(vae.sample(50, seed=0, labels=7)), axis=1)
    assert np.mean(sevens == 7) > 0.95


@pytest.mark.slow
def test_images_without_labels_help_to_classify():
    """With 30 labels, a classifier trained on these only is worse than one with all images."""
    (x, y), (x_test, y_test) = keras_ae.datasets.load("digits")
    few = np.concatenate([np.flatnonzero(y == digit)[:3] for digit in range(10)])

    def accuracy(images, labels, epochs):
        keras.utils.set_random_seed(0)
        vae = keras_ae.ConditionalVAE((8, 8, 1), 4, widths=(64,), width=64, unknown="sum")
        vae.compile(keras.optimizers.Adam(2e-3))
        vae.fit(images, labels, epochs=epochs, batch_size=128, verbose=0)
        return np.mean(np.argmax(vae.classify(x_test), axis=1) == y_test)

    labels = np.full(len(x) + 15 * len(few), -1)
    labels[len(x) :] = np.tile(y[few], 15)
    alone = accuracy(np.repeat(x[few], 15, axis=0), np.repeat(y[few], 15), 25)
    assert accuracy(np.concatenate([x, np.tile(x[few], (15, 1, 1, 1))]), labels, 25) > alone + 0.03


def test_it_combines_with_a_hierarchy(images, tmp_path):
    posterior = keras_ae.hierarchical.HierarchicalPosterior((1, 2), width=8)
    prior = keras_ae.hierarchical.HierarchicalPrior((1, 2), "flow")
    vae = make(latent_dim=3, posterior=posterior, prior=prior, objective="iwae", unknown="sum")
    vae.fit(images, np.arange(20) % 4 - 1, verbose=0)
    vae.save_to_preset(tmp_path / "mine")
    loaded = keras_ae.load(tmp_path / "mine")
    np.testing.assert_allclose(loaded.classify(images), vae.classify(images), rtol=1e-6)
    np.testing.assert_allclose(
        loaded.sample(4, seed=1, labels=2), vae.sample(4, seed=1, labels=2), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: shared().fit(x, np.full(20, 3)),
            r"`y` to be integers of shape \(batch,\), from -1 to 2. Received: .* from 3 to 3",
        ),
        (lambda x: shared().fit(x, np.zeros(20)), "dtype=float64"),
        (lambda x: shared().fit(x, np.zeros((20, 3), int)), r"shape=\(20, 3\)"),
        (lambda x: shared().fit(x, np.zeros(19, int)), "as many examples"),
        (lambda x: shared().encode(x, labels=np.full(20, -2)), "from -2 to -2"),
        (lambda x: shared().sample(3, labels=-1), "from 0 to 2. Received: .* from -1"),
        (lambda x: make(prior="vamp"), "a prior made of the posterior"),
        (lambda x: make(classes=0), "classes=0"),
        (lambda x: make(classification=-1), "classification=-1"),
        (lambda x: make(unknown="guess"), "'draw' or 'sum'. Received: unknown='guess'"),
        (
            lambda x: make(unknown="sum", objective="mmd"),
            "'elbo' or 'iwae' with unknown='sum'. Received: objective=MMD",
        ),
    ],
)
def test_bad_calls_are_refused(images, call, message):
    with pytest.raises(ValueError, match=message):
        call(images)


@pytest.mark.full_data
def test_cvae_mnist_draws_the_given_digit():
    """A separate classifier reads the drawn digits."""
    (x, y), _ = keras_ae.datasets.load("mnist")
    keras.utils.set_random_seed(0)
    options = {"strides": 2, "padding": "same", "activation": "relu"}
    layers = [
        keras.layers.Conv2D(16, 5, **options),
        keras.layers.Conv2D(32, 3, **options),
        keras.layers.Flatten(),
    ]
    layers += [
        keras.layers.Dropout(0.3),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(10),
    ]
    judge = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    judge.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    judge.fit(x / np.float32(255), y, epochs=4, batch_size=128, verbose=0)
    asked = np.arange(1000) % 10
    drawn = keras_ae.load("cvae_mnist").sample(1000, seed=0, labels=asked)
    assert np.mean(np.argmax(judge.predict(drawn, verbose=0), axis=1) == asked) > 0.98
