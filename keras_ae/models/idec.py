"""Improved deep embedded clustering: an autoencoder that moves its codes towards centres."""

import keras
import numpy as np
from keras import ops

from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import trained_by
from keras_ae.models.clustering import Clustering, at_least_two
from keras_ae.training import keras_internals, replicas
from keras_ae.utils import fits, validation

# The momentum of the moving average of the cluster frequencies, per training step.
# The paper counts the frequencies again every 140 steps instead.
MOMENTUM = 0.99


@keras.saving.register_keras_serializable("keras_ae")
class IDEC(Clustering, AE):
    """Improved deep embedded clustering: an AE that moves each code towards its nearest centre.

    q_j(x) = (1 + |g(x) - c_j|^2)^-1 / sum_k (1 + |g(x) - c_k|^2)^-1
    p_j(x) = q_j^2 / f_j / sum_k q_k^2 / f_k
    objective(x) = -log p(x|g(x)) + gamma * KL(p(x) || q(x)), nats per example

    c_j are the centres of the clusters. q_j(x) is the probability of cluster j for the example x.
    f_j is the frequency of cluster j: the mean of q_j over all x.
    p is a sharper form of q. Dividing by f_j gives small clusters the same weight as large ones.
    p is a target: no gradient goes through it.

    Before `start_clusters`, an IDEC trains as an AE. `start_clusters` sets the centres by k-means
    of the codes. The logs hold loss, reconstruction and kl, which is 0 before `start_clusters`;
    loss = reconstruction + gamma * kl.
    Without the reconstruction term, the limit of a large gamma, this is DEC.

    The paper computes p and f from all x every 140 steps. Here p is computed in each step, and f is
    a moving average over the steps.
    In `fit(noisy, clean)`, p is computed from clean, as in DEC-DA: noise must not move an example
    to another cluster.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`. To start from a
            trained model: `network=(dae.encoder, dae.decoder)`.
        clusters: int >= 2, the number of clusters. The attribute is `n_clusters`.
        gamma: float >= 0. The paper uses 0.1 with squared errors averaged over 784 pixels. That
            equals 39 with nats of unit variance.

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        idec = keras_ae.IDEC((28, 28, 1), latent_dim=10, clusters=10)
        idec.start_clusters(x_train)
        idec.clusters(x_train)  # (60,): the number of the cluster of each image

    Source: Guo et al., "Improved deep embedded clustering with local structure preservation",
    IJCAI 2017, section 3; DEC: Xie et al., ICML 2016; DEC-DA: Guo et al., "Deep embedded clustering
    with data augmentation", ACML 2018.
    """

    told = ("clusters",)
    examples = (
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.clusters(x)  # the number of the cluster of each image",
    )
    logged = ("reconstruction", "kl")
    why_no_loss = trained_by("an IDEC", "-log p(x|z) and the divergence of its clusters")

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
        self.n_clusters = at_least_two(clusters)
        self.gamma = validation.at_least_zero(gamma, "gamma")
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.centres = self.add_weight(
            shape=(clusters, latent_dim),
            initializer="random_normal",
            dtype="float32",
            autocast=False,
            name="centres",
        )
        self.frequencies = self._state("frequencies", (clusters,), 1 / clusters)
        self.started = self._state("started")

    def log_assignments(self, z):
        """log q of codes: array (batch, latent_dim) -> (batch, clusters), nats."""
        z, centres = self.checked_code(z), ops.convert_to_tensor(self.centres)
        differences = ops.expand_dims(z, 1) - centres  # (batch, clusters, latent_dim)
        squares = ops.sum(ops.square(differences), axis=-1)  # (batch, clusters)
        return ops.log_softmax(-ops.log1p(squares))

    def log_target(self, log_q):
        """log p, computed from log q: (batch, clusters) -> (batch, clusters), nats."""
        return ops.log_softmax(2 * log_q - ops.log(ops.convert_to_tensor(self.frequencies)))

    def objective(self, x, target):
        z = self.code_of(x)
        log_q = self.log_assignments(z)
        # The target uses the encoder in inference mode, as it is used after training.
        # Where x is the target and nothing is drawn at random, XLA computes both codes only once.
        with keras_internals.training_mode(False):
            clean = ops.stop_gradient(self.log_assignments(self.code_of(target)))
        self.keep(log_q=clean)
        log_p = self.log_target(clean)
        kl = ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)  # (batch, clusters) -> (batch,)
        reconstruction = -self.likelihood(z).log_prob(target)
        kl *= self.started
        self.log(reconstruction=reconstruction, kl=kl)
        return reconstruction + self.gamma * kl

    def end_step(self, record):
        q = ops.exp(record.kept["log_q"])  # (batch, clusters)
        counts, count = replicas.sum_over_replicas((ops.sum(q, axis=0), ops.sum(q)))
        self.frequencies.assign(MOMENTUM * self.frequencies + (1 - MOMENTUM) * counts / count)

    def get_config(self):
        return {**super().get_config(), "clusters": self.n_clusters, "gamma": self.gamma}

    def _start(self, x, labels, seed):
        codes = np.asarray(self.encode(x), "float64")  # (n, latent_dim)
        if labels is None:
            centres = fits.kmeans(codes, self.n_clusters, seed, starts=20).cluster_centers_
        else:
            groups = [codes[labels == number] for number in range(self.n_clusters)]
            centres = np.stack([group.mean(axis=0) for group in groups])  # (clusters, latent_dim)
        self.centres.assign(centres)
        self.frequencies.assign(ops.mean(self._probabilities(codes), axis=0))

    def _probabilities(self, z):
        return ops.exp(self.log_assignments(z))
