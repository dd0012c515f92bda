"""Improved deep embedded clustering: an autoencoder whose codes are drawn to centres."""

import keras
import numpy as np
from keras import ops

from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import trained_by
from keras_ae.models.clustering import Clustering, at_least_two
from keras_ae.training import keras_internals, replicas
from keras_ae.utils import fits, validation

MOMENTUM = 0.99  # of the frequencies of the clusters, per training step; the paper counts them anew every 140 steps


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

    told = ("clusters",)
    examples = (
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.clusters(x)  # for each image the number of its cluster",
    )
    logged = ("reconstruction", "kl")
    why_no_loss = trained_by("an IDEC", "its log-likelihood and the divergence of its clusters")

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
        self.n_clusters, self.gamma = (
            at_least_two(clusters),
            validation.at_least_zero(gamma, "gamma"),
        )
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
        """log q of codes: (batch, latent_dim) -> (batch, clusters), nats."""
        between = ops.expand_dims(self.checked_code(z), 1) - ops.convert_to_tensor(
            self.centres
        )  # (batch, clusters, latent_dim)
        return ops.log_softmax(
            -ops.log1p(ops.sum(ops.square(between), axis=-1))
        )  # (batch, clusters)

    def log_target(self, log_q):
        """log p of log q: (batch, clusters) -> the same, nats."""
        return ops.log_softmax(2 * log_q - ops.log(ops.convert_to_tensor(self.frequencies)))

    def objective(self, x, target):
        z = self.code_of(x)
        log_q = self.log_assignments(z)
        # Of the encoder as it is used after training. Where x is the target and nothing is drawn, XLA computes it once.
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
            centres = np.stack(
                [codes[labels == number].mean(axis=0) for number in range(self.n_clusters)]
            )
        self.centres.assign(centres)
        self.frequencies.assign(ops.mean(self._probabilities(codes), axis=0))

    def _probabilities(self, z):
        return ops.exp(self.log_assignments(z))
