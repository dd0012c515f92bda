"""IDEC and VaDE against numpy, scipy, scikit-learn, the papers' formulas and known clusters."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly
from scipy import stats
from sklearn import cluster, mixture

import keras_ae
from keras_ae.evaluation import representation

both = pytest.mark.parametrize("cls", [keras_ae.IDEC, keras_ae.VaDE])


def make(cls, images=None, **options):
    model = cls((8, 8, 1), 3, **{"widths": (16,), "clusters": 4, **options})
    model.compile(run_eagerly=True)  # a graph does not pay for a few steps
    if images is not None:
        model.start_clusters(images)
    return model


@functools.cache
def unstarted(cls):
    """A model before `start_clusters`, for calls that fail. Tests must not change it."""
    return make(cls)


def blobs(n=300, seed=0):
    """Four clusters of points in five dimensions, far from each other, and their numbers."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, n)
    return (6 * np.eye(5)[y] + 0.5 * random.standard_normal((n, 5))).astype("float32"), y


def assignments(z, centres):
    """q of the DEC paper, equation 1."""
    kernel = 1 / (1 + ((z[:, None] - centres) ** 2).sum(axis=-1))
    return kernel / kernel.sum(axis=1, keepdims=True)


def target(q, frequencies):
    """p of the DEC paper, equation 3."""
    sharp = q**2 / frequencies
    return sharp / sharp.sum(axis=1, keepdims=True)


def parts_of(model, x):
    z, centres = np.asarray(model.encode(x), "float64"), np.asarray(model.centres, "float64")
    q = assignments(z, centres)
    return z, centres, q, target(q, np.asarray(model.frequencies, "float64"))


# IDEC


def test_the_objective_of_idec_is_the_formula_of_the_paper(images):
    model = make(keras_ae.IDEC, images, gamma=2.5)
    z, _, q, p = parts_of(model, images)
    np.testing.assert_allclose(model.cluster_probabilities(images), q, rtol=1e-4)
    np.testing.assert_allclose(model.frequencies, q.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(np.exp(model.log_target(model.log_assignments(z))), p, rtol=1e-4)
    kl = stats.entropy(p, q, axis=1)
    reconstruction = -np.asarray(model.likelihood(z).log_prob(images))
    np.testing.assert_allclose(
        model.objective(images, images), reconstruction + 2.5 * kl, rtol=1e-5
    )
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["kl"] == pytest.approx(kl.mean(), rel=1e-3)
    assert logs["loss"] == pytest.approx(reconstruction.mean() + 2.5 * kl.mean(), rel=1e-5)


def test_a_code_at_a_distant_centre_belongs_to_that_cluster(images):
    model = make(keras_ae.IDEC, images)
    model.centres.assign(1e4 * np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]))
    log_q = model.log_assignments(model.centres)
    assert np.isfinite(log_q).all()
    np.testing.assert_allclose(np.exp(log_q), np.eye(4), atol=1e-6)


def test_the_gradient_of_the_divergence_is_the_formula_of_the_dec_paper(images):
    """Equations 4 and 5 of DEC, with p constant. The encoder's last bias gets equation 4."""
    model, x = make(keras_ae.IDEC, images, gamma=1.0), tf.constant(images)
    z, centres, q, p = parts_of(model, images)
    differences = z[:, None] - centres
    pull = ((p - q) / (1 + (differences**2).sum(axis=-1)))[..., None] * differences
    bias = model.encoder.layers[-1].bias.value
    with tf.GradientTape() as tape:
        log_prob = model.likelihood(model.encode(x)).log_prob(x)
        divergence = tf.reduce_sum(model.objective(x, x)) + tf.reduce_sum(log_prob)
    of_bias, of_centres = tape.gradient(divergence, [bias, model.centres.value])
    np.testing.assert_allclose(of_bias, 2 * pull.sum(axis=(0, 1)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(of_centres, -2 * pull.sum(axis=0), rtol=1e-3, atol=1e-5)


def test_the_target_of_noisy_images_comes_from_the_clean_ones(images):
    model = make(keras_ae.IDEC, images, gamma=3.0)
    noisy = images[::-1].copy()
    z, _, q, _ = parts_of(model, noisy)
    *_, p = parts_of(model, images)
    expected = 3.0 * stats.entropy(p, q, axis=1) - model.likelihood(z).log_prob(images)
    np.testing.assert_allclose(model.objective(noisy, images), expected, rtol=1e-5)


def test_only_training_changes_the_frequencies(images):
    model = make(keras_ae.IDEC, images)
    model.frequencies.assign([0.4, 0.3, 0.2, 0.1])
    model.evaluate(images, verbose=0)
    np.testing.assert_allclose(model.frequencies, [0.4, 0.3, 0.2, 0.1])
    mean = np.mean(model.cluster_probabilities(images), axis=0)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    model.fit(images, epochs=2, batch_size=20, verbose=0)
    expected = 0.99**2 * np.array([0.4, 0.3, 0.2, 0.1]) + (1 - 0.99**2) * mean
    np.testing.assert_allclose(model.frequencies, expected, rtol=1e-4)


def test_the_first_centres_are_those_of_kmeans(images):
    model = make(keras_ae.IDEC)
    model.start_clusters(images, seed=3)
    z = np.asarray(model.encode(images), "float64")
    found = cluster.KMeans(4, n_init=20, random_state=3).fit(z)
    np.testing.assert_allclose(model.centres, found.cluster_centers_, rtol=1e-5)
    np.testing.assert_array_equal(model.clusters(images), found.labels_)


@pytest.mark.slow
def test_two_replicas_train_like_one_device(two_replicas):
    """Also if they share a batch unevenly: the last batch has 5 of the 15 examples."""
    x, _ = blobs(15)

    def trained(model):
        model.compile(keras.optimizers.SGD(0.001), jit_compile=False)
        model.fit(x, batch_size=10, epochs=3, shuffle=False, verbose=0)
        return [np.array(weight) for weight in model.get_weights()]

    one = keras_ae.IDEC((5,), 3, widths=(8,), clusters=4)
    one.start_clusters(x)
    weights, start = one.get_weights(), np.array(one.centres)
    with two_replicas.scope():
        two = keras_ae.IDEC((5,), 3, widths=(8,), clusters=4)
    two.set_weights(weights)
    alone = trained(one)
    assert np.abs(np.array(one.centres) - start).max() > 1e-4
    for expected, found in zip(alone, trained(two), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_before_start_clusters_an_idec_is_an_ae(images):
    model = make(keras_ae.IDEC)
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        -np.mean(model.likelihood(model.encode(images)).log_prob(images)), rel=1e-5
    )
    assert logs["kl"] == 0 and not model.has_clusters
    model.start_clusters(images)
    assert model.evaluate(images, verbose=0, return_dict=True)["kl"] > 0 and model.has_clusters


# VaDE


def started_vade(n=200, covariance="diagonal"):
    """A VaDE of points with a linear encoder after `start_clusters`, the points and their codes."""
    x, _ = blobs(n)
    model = keras_ae.VaDE((5,), 2, widths=(), clusters=3, covariance=covariance)
    model.start_clusters(x, seed=1)
    return model, x, np.asarray(model.encode(x), "float64")


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_the_probabilities_of_vade_are_those_of_scikit_learn(covariance):
    model, x, z = started_vade(covariance=covariance)
    draws = np.asarray(model.encode(x, sample=True, seed=1), "float64")
    options = {"covariance_type": covariance[:4], "n_init": 5, "random_state": 1}
    found = mixture.GaussianMixture(3, **options).fit(draws)
    np.testing.assert_allclose(model.cluster_probabilities(x), found.predict_proba(z), atol=1e-4)
    np.testing.assert_array_equal(model.clusters(x), found.predict(z))
    np.testing.assert_allclose(
        model.prior.log_prob(z.astype("float32")), found.score_samples(z), rtol=1e-4, atol=1e-4
    )


def log_normal(z, loc, scale):
    return stats.norm(loc, scale).logpdf(z).sum(axis=-1)


def bound_of_the_paper(model, x, z, gamma):
    """Equation 8 of VaDE at z: E_q(c|x)[log p(x|z) p(z|c) p(c) / (q(z|x) q(c|x))], (batch,).

    gamma: q(c|x), (batch, clusters).
    """
    posterior, mixture = model.posterior(x), model.prior
    parts = mixture.components_distribution
    log_joint = log_normal(np.asarray(z)[:, None], parts.mean().numpy(), parts.stddev().numpy())
    # log p(z|c) p(c): (batch, clusters)
    log_joint += np.log(mixture.mixture_distribution.probs_parameter().numpy())
    log_ratio = (gamma * (log_joint - np.log(gamma))).sum(axis=1)
    log_ratio -= log_normal(z, posterior.mean(), posterior.stddev())
    return np.asarray(model.likelihood(z).log_prob(x)) + log_ratio


def test_the_bound_is_the_one_of_the_paper_and_another_q_of_c_makes_it_lower():
    model, x, _ = started_vade()
    posterior = model.posterior(x)
    z = posterior.sample(seed=(1, 2))
    ours = np.asarray(
        model.likelihood(z).log_prob(x) + model.prior.log_prob(z) - posterior.log_prob(z)
    )
    gamma = np.asarray(model.prior.posterior_marginal(z).probs_parameter(), "float64") + 1e-12
    np.testing.assert_allclose(ours, bound_of_the_paper(model, x, z, gamma), rtol=1e-4)
    flat = bound_of_the_paper(model, x, z, np.full((200, 3), 1 / 3))
    assert (flat <= ours + 1e-4).all() and np.mean(ours - flat) > 0.05
    # Reset the seeds, so that the objective uses the same draw.
    model._seeds.state.assign(model._seeds.state * 0)
    draw = posterior.sample(seed=model._seeds.draw())
    model._seeds.state.assign(model._seeds.state * 0)
    at_draw = (
        model.likelihood(draw).log_prob(x) + model.prior.log_prob(draw) - posterior.log_prob(draw)
    )
    np.testing.assert_allclose(model.objective(x, x), -at_draw, rtol=1e-4)


def test_the_mixture_is_fitted_to_draws_and_not_to_means():
    """So a dimension that the encoder does not use keeps the scale of its posterior."""
    x, _ = blobs()
    model = keras_ae.VaDE((5,), 2, widths=(), clusters=3)
    kernel, bias = model.encoder.get_weights()
    # The posterior of the second dimension is N(0, softplus(2)^2) for every x.
    kernel[:, [1, 3]], bias[:] = 0, [0, 0, 0, 2]
    model.encoder.set_weights([kernel, bias])
    model.start_clusters(x)
    np.testing.assert_allclose(
        model.prior.components_distribution.stddev()[:, 1], np.log1p(np.exp(2)), rtol=0.25
    )


def test_samples_of_a_cluster_lie_around_its_centre():
    model, x, _ = started_vade()
    model.prior_layer.start(
        np.full(3, 1 / 3), 10 * np.array([[1, 0], [0, 1], [-1, -1]]), np.full((3, 2), 0.01)
    )
    for number, centre in enumerate(np.array([[10, 0], [0, 10], [-10, -10]])):
        drawn = np.asarray(model.sample(50, seed=1, cluster=number))
        kernel, bias = model.decoder.get_weights()
        np.testing.assert_allclose(drawn.mean(axis=0), centre @ kernel + bias, atol=0.3)
    assert model.sample(7, seed=1).shape == (7, 5)
    np.testing.assert_array_equal(
        model.sample(7, seed=1, cluster=2), model.sample(7, seed=1, cluster=2)
    )
    asked = [2, 0, 1, 1]
    each = [model.sample(4, seed=1, cluster=cluster)[i] for i, cluster in enumerate(asked)]
    np.testing.assert_allclose(model.sample(4, seed=1, cluster=asked), each, rtol=1e-5)


@pytest.mark.parametrize(
    "how",
    [
        {"run_eagerly": True},
        pytest.param({"jit_compile": True, "steps_per_execution": 2}, marks=pytest.mark.slow),
    ],
    ids=["eager", "xla"],
)
def test_a_full_mixture_trains_its_whole_scale_matrix(how):
    model, x, _ = started_vade(covariance="full")
    model.compile(keras.optimizers.SGD(0.01), **how)
    below, prior = np.array(model.prior_layer.below), model.prior.components_distribution
    exact = stats.multivariate_normal(prior.mean()[1], prior.covariance()[1])
    z = np.random.default_rng(0).standard_normal((7, 2)).astype("float32")
    np.testing.assert_allclose(prior.log_prob(z[:, None])[:, 1], exact.logpdf(z), rtol=1e-4)
    draws = np.asarray(prior.sample(4000, seed=(1, 2)))[:, 1]
    np.testing.assert_allclose(np.cov(draws.T), exact.cov, atol=0.15 * exact.cov.max())
    model.fit(x, batch_size=100, verbose=0)
    moved = np.abs(np.array(model.prior_layer.below) - below)
    assert (moved[:, 1, 0] > 0).all() and moved[
        :, 0
    ].max() == 0  # L_10 of each cluster, and nothing above the diagonal


# Both


@pytest.mark.parametrize(
    "cls", [keras_ae.IDEC, pytest.param(keras_ae.VaDE, marks=pytest.mark.slow)]
)
def test_separated_blobs_are_found_exactly(cls):
    x, y = blobs()
    model = cls((5,), 3, widths=(16,), clusters=4)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(x, epochs=8, verbose=0)
    model.start_clusters(x)
    model.fit(x, epochs=4, verbose=0)
    fresh, y_fresh = blobs(seed=1)
    for points, numbers in ((x, y), (fresh, y_fresh)):
        found = model.clusters(points)
        assert found.shape == (300,) and found.dtype == "int32"
        scores = representation.clustering(np.asarray(found), numbers, "cluster")
        assert scores["cluster_accuracy"] == 100
    rows = np.asarray(model.cluster_probabilities(x))
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(rows.argmax(axis=1), model.clusters(x))
    with eagerly():
        scores = keras_ae.evaluate(model, x, y)
        assert scores["cluster_accuracy"] == scores["cluster_nmi"] == scores["cluster_ari"] == 100
        unstarted = cls((5,), 3, widths=(), clusters=4)
        assert "cluster_accuracy" not in keras_ae.evaluate(unstarted, x, y)


@both
def test_clusters_start_from_labels(cls):
    x, y = blobs()
    model = cls((5,), 3, widths=(), clusters=4)
    weights, bias = model.encoder.get_weights()
    weights[:, 3:] = 0
    # The code is three of the five features. They separate the clusters too.
    weights[:, :3], bias[:] = np.eye(5, 3), 0
    model.encoder.set_weights([weights, bias - 3 if cls is keras_ae.VaDE else bias])
    model.start_clusters(x, labels=y)
    np.testing.assert_array_equal(model.clusters(x), y)
    if cls is keras_ae.IDEC:
        codes, loc = np.asarray(model.encode(x)), np.asarray(model.centres)
    else:
        codes = np.asarray(model.encode(x, sample=True, seed=0))
        loc = model.prior.components_distribution.mean().numpy()
        scale = np.stack([codes[y == number].std(axis=0) for number in range(4)])
        np.testing.assert_allclose(model.prior.components_distribution.stddev(), scale, rtol=1e-3)
        np.testing.assert_allclose(
            model.prior.mixture_distribution.probs_parameter(), np.bincount(y) / 300, rtol=1e-3
        )
    means = np.stack([codes[y == number].mean(axis=0) for number in range(4)])
    np.testing.assert_allclose(loc, means, rtol=1e-3, atol=1e-4)


@both
def test_saving_keeps_the_clusters(cls, images, tmp_path):
    model = make(cls, images, **({"covariance": "full"} if cls is keras_ae.VaDE else {}))
    model.fit(images, verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    copies = keras.models.load_model(tmp_path / "model.keras"), keras_ae.load(tmp_path / "preset")
    for loaded in copies:
        assert loaded.has_clusters and loaded.n_clusters == 4
        np.testing.assert_allclose(
            loaded.cluster_probabilities(images), model.cluster_probabilities(images), atol=1e-6
        )
        np.testing.assert_array_equal(loaded.clusters(images), model.clusters(images))
    cls((8, 8, 1), 3, widths=(16,), clusters=4).save(tmp_path / "unstarted.keras")
    loaded = keras.models.load_model(tmp_path / "unstarted.keras")
    assert not loaded.has_clusters
    loaded.start_clusters(images)
    assert loaded.has_clusters


@pytest.mark.slow
@both
def test_xla_gives_the_same_objective(cls, images):
    model, x = make(cls, images), tf.constant(images)
    expected, rows = model.objective(x, x), model.cluster_probabilities(x)
    compiled = tf.function(
        lambda x: (model.objective(x, x), model._probabilities(model.encode(x))), jit_compile=True
    )(x)
    np.testing.assert_allclose(compiled[1], rows, rtol=1e-4, atol=1e-6)
    if cls is keras_ae.IDEC:  # a VaDE draws other codes under XLA
        np.testing.assert_allclose(compiled[0], expected, rtol=1e-4)
    else:
        assert np.isfinite(compiled[0]).all()


@both
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda cls: unstarted(cls).clusters(np.zeros((2, 8, 8, 1))), "`start_clusters.x.` before"),
        (
            lambda cls: unstarted(cls).cluster_probabilities(np.zeros((2, 8, 8, 1))),
            "`start_clusters.x.` before",
        ),
        (
            lambda cls: unstarted(cls).start_clusters(np.zeros((3, 8, 8, 1))),
            "one example per cluster, 4. Received: 3",
        ),
        (
            lambda cls: unstarted(cls).start_clusters(np.zeros((9, 8, 7, 1))),
            r"Received: shape=\(9, 8, 7, 1\)",
        ),
        (
            lambda cls: unstarted(cls).start_clusters(np.zeros((4, 8, 8, 1)), labels=[0, 1, 2]),
            "`labels`.*Received: shape=.3,.",
        ),
        (
            lambda cls: unstarted(cls).start_clusters(np.zeros((4, 8, 8, 1)), labels=[0, 1, 2, 2]),
            "-1 or 0 to 3, and to hold each cluster at least once",
        ),
        (
            lambda cls: unstarted(cls).start_clusters(
                np.zeros((4, 8, 8, 1)), labels=[0.0, 1, 2, 3]
            ),
            "dtype=float64",
        ),
        (lambda cls: make(cls, clusters=1), "at least 2. Received: clusters=1"),
        (lambda cls: make(cls, clusters=2.0), "Received: clusters=2.0"),
        (lambda cls: unstarted(cls).compile(loss="mse"), "Expected no `loss`"),
    ],
)
def test_bad_calls_are_refused(cls, call, message):
    with pytest.raises(ValueError, match=message):
        call(cls)


def test_bad_arguments_of_one_class_are_refused(images):
    with pytest.raises(ValueError, match="Received: gamma=-1"):
        make(keras_ae.IDEC, gamma=-1)
    with pytest.raises(ValueError, match="Received: beta=-1"):
        make(keras_ae.VaDE, beta=-1)
    with pytest.raises(ValueError, match='"diagonal" or "full". Received: covariance=\'tied\''):
        make(keras_ae.VaDE, covariance="tied")
    model = make(keras_ae.VaDE, images)
    with pytest.raises(ValueError, match="from 0 to 3, or 2 of them. Received: cluster=4"):
        model.sample(2, cluster=4)
    for wrong in (1.0, True, [0, 4], [0, 1, 2]):
        with pytest.raises(ValueError, match="Received: cluster="):
            model.sample(2, cluster=wrong)


@pytest.mark.full_data
def test_vade_finds_the_digits_of_mnist_without_labels():
    """It starts from spectral clusters of the first 5,000 codes of vae_normal_mnist.

    The labels are used for the score only.
    """
    (x, _), _ = keras_ae.datasets.load("mnist")
    vae = keras_ae.load("vae_normal_mnist")
    model = keras_ae.VaDE(
        (28, 28, 1),
        40,
        network=(vae.encoder, vae.decoder),
        clusters=10,
        covariance="full",
        posterior="full",
    )
    x = x[:20_000]
    model.start_clusters(x, labels=representation.spectral(model.encode(x), 10))
    assert keras_ae.evaluation.cluster_accuracy(model, "mnist")["value"] > 90
