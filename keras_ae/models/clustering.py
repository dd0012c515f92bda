"""Clustering: autoencoders whose codes gather around centres, found without any class. Both are trained in two stages:

model.fit(x)                # an autoencoder, IDEC, or a VAE, VaDE
model.start_clusters(x)     # clusters of its codes
model.fit(x)                # both together
model.clusters(x)           # (batch,): 0, 1, ..., clusters - 1
"""

import keras
import numpy as np
from keras import ops

from keras_ae import distribute, distributions, inputs, parts, representation
from keras_ae.models.ae import AE
from keras_ae.models.vae import VAE

COVARIANCES = {"diagonal": distributions.GaussianMixture, "full": distributions.FullGaussianMixture}
BATCH = 1000  # examples whose codes are drawn at once
MOMENTUM = 0.99  # of the frequencies of the clusters, a training step; the paper counts them anew each 140 steps


class Clustering:
    """The verbs of a model that finds clusters. A subclass states `_start(codes, labels, seed)` and `_probabilities(z)`."""

    @property
    def has_clusters(self):
        """bool, whether `start_clusters` has been called, now or before the model was saved."""
        return bool(ops.convert_to_numpy(self.started) > 0)

    def start_clusters(self, x, labels=None, seed=0):
        """Starts the clusters from those of the codes of x. From here on `fit` trains them, together with the networks.

        Args:
            x: array (n, *shape), examples of what the model was trained on so far.
            labels: int array (n,), 0, ..., clusters - 1, a clustering of x by other means to start from, or -1 where it is not known; for
                example `keras_ae.representation.spectral(vade.encode(x), clusters)`. None: the class's own, which its docstring tells.
            seed: int, of what is drawn in the class's own.

        Raises:
            ValueError: as in `encode`; fewer examples than clusters; labels of another kind, or a cluster without an example.
            ImportError: scikit-learn is not installed, which the class's own takes.
        """
        if len(x) < self.n_clusters:
            raise ValueError(f"Expected at least one example a cluster, {self.n_clusters}. Received: {len(x)}")
        if labels is not None:
            labels = np.asarray(labels)
            known = set(labels.ravel().tolist()) - {-1}
            if labels.shape != (len(x),) or labels.dtype.kind not in "iu" or known != set(range(self.n_clusters)):
                expected = f"one integer an example, -1 or 0 to {self.n_clusters - 1}, each of these at least once"
                raise ValueError(f"Expected `labels` to be {expected}. Received: shape={labels.shape}, dtype={labels.dtype}")
        self._start(x, labels, seed)
        self.started.assign(1.0)

    def cluster_probabilities(self, x):
        """What each cluster has of x: array (batch, *shape) -> (batch, clusters), rows that add up to 1. Nothing is drawn.

        Raises:
            ValueError: as in `encode`; the clusters have not been started.
        """
        if not self.has_clusters:
            raise ValueError("Expected `start_clusters(x)` before the clusters are asked for. Received: a model without clusters")
        return inputs.in_batches(self._probabilities, self.encode(x))

    def clusters(self, x):
        """The most probable cluster of x: array (batch, *shape) -> int32 (batch,). Raises ValueError as `cluster_probabilities`."""
        return ops.cast(ops.argmax(self.cluster_probabilities(x), axis=-1), "int32")

    def _state(self, name, shape=(), value=0.0):
        """A variable that is not trained; replicas, which all assign the same to it, share it."""
        start = keras.initializers.Constant(value)
        options = {"trainable": False, "dtype": "float32", "autocast": False, "aggregation": "only_first_replica"}
        return self.add_weight(shape=shape, initializer=start, name=name, **options)


@keras.saving.register_keras_serializable("keras_ae")
class IDEC(Clustering, AE):
    """Improved deep embedded clustering: an AE whose codes are drawn to the centre that they are nearest to.

    q_j(x) = (1 + |g(x) - c_j|^2)^-1 / sum_k (1 + |g(x) - c_k|^2)^-1,    p_j(x) = q_j^2 / f_j / sum_k q_k^2 / f_k
    objective(x) = -log p(x|g(x)) + gamma * KL(p(x) || q(x)), nats an example

    q is how much of x belongs to each cluster, p a sharper form of it that small clusters have as much of as large ones, f_j being the
    mean of q_j over all x. p is a target: no gradient goes through it. Trained as an AE until `start_clusters`, which sets the centres by
    k-means of the codes. The logs hold loss, reconstruction and kl, 0 until then, and loss = reconstruction + gamma * kl. Without the
    reconstruction term, the limit of a large gamma, this is DEC.

    The paper computes p and f from all x each 140 steps. Here p is that of the present step, and f a moving average over the steps.
    In fit(noisy, clean), p is that of the clean x: what is done to it shall not move it to another cluster, as in DEC-DA.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`. To start from a model that was trained before:
            `network=(dae.encoder, dae.decoder)`.
        clusters: int >= 2, how many. The attribute is `n_clusters`.
        gamma: float >= 0. The paper's is 0.1 of squared errors averaged over 784 pixels, or 39 of nats of unit variance.

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    Source: Guo et al., "Improved deep embedded clustering with local structure preservation", IJCAI 2017, section 3; DEC: Xie et
    al., ICML 2016; DEC-DA: Guo et al., "Deep embedded clustering with data augmentation", ACML 2018.
    """

    logged = ("reconstruction", "kl")
    why_no_loss = (
        "an IDEC is trained by its log-likelihood and the divergence of its clusters together, in nats. For a squared error choose "
        "likelihood='gaussian', whose -log p(x|z) is half of it but for a constant."
    )

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        clusters=10,
        gamma=40.0,
        **kwargs,
    ):
        self.n_clusters, self.gamma = _at_least_two(clusters), parts.at_least_zero(gamma, "gamma")
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.centres = self.add_weight(
            shape=(clusters, latent_dim), initializer="random_normal", dtype="float32", autocast=False, name="centres"
        )
        self.frequencies = self._state("frequencies", (clusters,), 1 / clusters)
        self.started = self._state("started")
        self._seen = {}  # by replica: what the frequencies have to follow as a training step ends

    def log_assignments(self, z):
        """log q of codes: (batch, latent_dim) -> (batch, clusters), nats."""
        between = ops.expand_dims(self._checked_code(z), 1) - ops.convert_to_tensor(self.centres)  # (batch, clusters, latent_dim)
        return ops.log_softmax(-ops.log1p(ops.sum(ops.square(between), axis=-1)))  # (batch, clusters)

    def log_target(self, log_q):
        """log p of log q: (batch, clusters) -> the same, nats."""
        return ops.log_softmax(2 * log_q - ops.log(ops.convert_to_tensor(self.frequencies)))

    def objective(self, x, target):
        z = self.encode(x)
        log_q = self.log_assignments(z)
        # Of the encoder as it is used after training. Where x is the target and nothing is drawn, XLA computes it once.
        clean = ops.stop_gradient(self.log_assignments(self.encoder(target, training=False)))
        if self._training:
            q = ops.exp(clean)
            self._seen[distribute.replica()] = ops.sum(q, axis=0), ops.sum(q)
        log_p = self.log_target(clean)
        kl = ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)  # (batch, clusters) -> (batch,)
        reconstruction = -self.likelihood(z).log_prob(target)
        kl *= self.started
        self.log(reconstruction=reconstruction, kl=kl)
        return reconstruction + self.gamma * kl

    def end_step(self):
        counts, count = distribute.sum_over_replicas(self._seen.pop(distribute.replica()))
        self.frequencies.assign(MOMENTUM * self.frequencies + (1 - MOMENTUM) * counts / count)

    def get_config(self):
        return {**super().get_config(), "clusters": self.n_clusters, "gamma": self.gamma}

    def _start(self, x, labels, seed):
        codes = np.asarray(self.encode(x), "float64")  # (n, latent_dim)
        if labels is None:
            centres = representation.kmeans(codes, self.n_clusters, seed, starts=20).cluster_centers_
        else:
            centres = np.stack([codes[labels == number].mean(axis=0) for number in range(self.n_clusters)])
        self.centres.assign(centres)
        self.frequencies.assign(ops.mean(self._probabilities(codes), axis=0))

    def _probabilities(self, z):
        return ops.exp(self.log_assignments(z))


@keras.saving.register_keras_serializable("keras_ae")
class VaDE(Clustering, VAE):
    """Variational deep embedding: a VAE whose prior is a mixture of Gaussians, one for each cluster, trained with it.

    p(z) = sum_c w_c N(z; loc_c, diag(scale_c)^2),    p(c|z) = w_c N(z; loc_c, diag(scale_c)^2) / p(z)
    objective(x) = -log p(x|z) + beta * (log q(z|x) - log p(z)),  z ~ q(z|x), nats an example

    A VAE until `start_clusters`, which sets the prior to a mixture fitted to draws of q(z|x) by expectation-maximisation, from the labels
    where they are given; the paper fits it to the codes of an AE. `cluster_probabilities` is p(c|z) at the code of x. The paper's bound
    has a q(c|x) in it; where that is p(c|z), the sum over c is log p(z), as here, and for any other the bound is lower.

    Args:
        shape, latent_dim, network, widths, activation, likelihood, posterior, beta: as in `VAE`. To start from a VAE that was trained
            before: `network=(vae.encoder, vae.decoder)`, with its posterior.
        clusters: int >= 2, how many. The attribute is `n_clusters`.
        covariance: of a cluster, "diagonal", as above and in the paper, or "full", for codes whose clusters lie aslant.

    Input and output shape, and logs: as in `VAE`.

    Raises:
        ValueError: an argument does not fit.

    Source: Jiang et al., "Variational deep embedding: an unsupervised and generative approach to clustering", IJCAI 2017, equations 8,
    12 and 16.
    """

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        clusters=10,
        covariance="diagonal",
        posterior="diagonal",
        beta=1.0,
        **kwargs,
    ):
        self.n_clusters, self.covariance = _at_least_two(clusters), covariance
        if covariance not in COVARIANCES:
            raise ValueError(f'Expected `covariance` to be "diagonal" or "full". Received: covariance={covariance!r}')
        prior = COVARIANCES[covariance](latent_dim, clusters)
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, prior, posterior, beta, **kwargs)
        self.started = self._state("started")

    def sample(self, n, seed=None, cluster=None):
        """Draws codes from the prior, or of one cluster, and decodes them, each to the mean of p(x|z): (n, *shape).

        Args:
            n: int, how many.
            seed: int for a reproducible draw, None for a fresh one.
            cluster: int, the number of the cluster, or int array (n,), one for each; None: of all, as often as the prior has them.

        Raises:
            ValueError: n < 1; there is no such cluster, or not one for each.
        """
        if cluster is None:
            return super().sample(n, seed)
        numbers, shape = np.asarray(cluster), (parts.positive_int(n, "n"),)
        fits = numbers.dtype.kind in "iu" and numbers.shape in ((), shape)
        if not fits or not np.isin(numbers, range(self.n_clusters)).all():
            expected = f"an integer from 0 to {self.n_clusters - 1}, or {n} of them"
            raise ValueError(f"Expected `cluster` to be {expected}. Received: cluster={cluster!r}")
        of_each = self.prior.components_distribution.sample(n, seed=self._seed(seed))  # (n, clusters, latent_dim)
        numbers = np.broadcast_to(numbers, shape)[:, None, None]
        return self.decode(ops.take_along_axis(of_each, numbers, axis=1)[:, 0])

    def get_config(self):
        config = {key: value for key, value in super().get_config().items() if key not in ("prior", "objective")}
        return {**config, "clusters": self.n_clusters, "covariance": self.covariance}

    def _start(self, x, labels, seed):
        draws = [self.encode(x[i : i + BATCH], sample=True, seed=seed + i) for i in range(0, len(x), BATCH)]
        codes = np.concatenate(draws).astype("float64")  # (n, latent_dim)
        found = representation.gaussian_mixture(codes, self.n_clusters, seed, self.covariance, starts=5, labels=labels)
        self._prior.start(found.weights_, found.means_, found.covariances_)

    def _probabilities(self, z):
        return self.prior.posterior_marginal(z).probs_parameter()


def _at_least_two(clusters):
    if parts.positive_int(clusters, "clusters") < 2:
        raise ValueError("Expected `clusters` to be at least 2. Received: clusters=1")
    return clusters
