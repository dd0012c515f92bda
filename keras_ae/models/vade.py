"""Variational deep embedding: a VAE whose prior has one Gaussian for each cluster."""

import keras
import numpy as np
from keras import ops

from keras_ae import distributions
from keras_ae.models.clustering import Clustering, at_least_two
from keras_ae.models.vae import VAE
from keras_ae.utils import fits, validation

COVARIANCES = {"diagonal": distributions.GaussianMixture, "full": distributions.FullGaussianMixture}
BATCH = 1000  # the number of examples whose codes are drawn at once


@keras.saving.register_keras_serializable("keras_ae")
class VaDE(Clustering, VAE):
    """Variational deep embedding: a VAE whose prior has one Gaussian for each cluster.

    p(z) = sum_c w_c N(z; loc_c, diag(scale_c)^2)
    p(c|z) = w_c N(z; loc_c, diag(scale_c)^2) / p(z)
    objective(x) = -log p(x|z) + beta * (log q(z|x) - log p(z)),  z ~ q(z|x), nats per example

    The prior is trained together with the networks.
    `start_clusters` fits the prior to draws of q(z|x) by expectation-maximisation, starting from
    the labels if they are given. The paper fits it to the codes of an AE.
    `cluster_probabilities` is p(c|z) at the code of x.

    The bound of the paper contains a distribution q(c|x). With q(c|x) = p(c|z) the sum over c is
    log p(z), as in the objective above. With any other q(c|x) the bound is lower.

    Args:
        shape, latent_dim, network, widths, activation, likelihood, posterior, beta: as in `VAE`. To
            start from a trained VAE: `network=(vae.encoder, vae.decoder)` and its posterior.
        clusters: int >= 2, the number of clusters. The attribute is `n_clusters`.
        covariance: the covariance matrix of each cluster. "diagonal", as in the paper, or "full",
            for clusters whose axes are not parallel to the axes of the code.

    Input and output shape, and logs: as in `VAE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        vade = keras_ae.VaDE((28, 28, 1), latent_dim=10, clusters=10)
        vade.start_clusters(x_train)
        vade.clusters(x_train)  # (60,): the number of the cluster of each image
        vade.sample(16, cluster=3)  # (16, 28, 28, 1)

    Source: Jiang et al., "Variational deep embedding: an unsupervised and generative approach to
    clustering", IJCAI 2017, equations 8, 12 and 16.
    """

    told = ("clusters", "covariance")
    examples = (
        "model.sample({clusters}, cluster=range({clusters}))  # one image of each cluster",
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.clusters(x)  # the number of the cluster of each image",
        "model.log_likelihood(x)  # nats per image",
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
        covariance="diagonal",
        posterior="diagonal",
        beta=1.0,
        **kwargs,
    ):
        self.n_clusters, self.covariance = at_least_two(clusters), covariance
        if covariance not in COVARIANCES:
            expected = '"diagonal" or "full"'
            raise ValueError(
                f"Expected `covariance` to be {expected}. Received: covariance={covariance!r}"
            )
        prior = COVARIANCES[covariance](latent_dim, clusters)
        parts = (likelihood, prior, posterior, beta)
        super().__init__(shape, latent_dim, network, widths, activation, *parts, **kwargs)
        self.started = self._state("started")

    def sample(self, n, seed=None, cluster=None):
        """Draws codes from the prior, or from given clusters, and decodes them.

        Args:
            n: int, the number of samples.
            seed: int for a reproducible draw, None for a fresh one.
            cluster: int, the number of one cluster, or int array (n,), one number for each sample.
                None: all clusters, with their probabilities in the prior.

        Returns:
            tensor (n, *shape), the mean of p(x|z) for each code.

        Raises:
            ValueError: n < 1; `cluster` holds another number, or does not have n numbers.
        """
        if cluster is None:
            return super().sample(n, seed)
        shape = (validation.positive_int(n, "n"),)
        numbers = np.asarray(cluster)
        fits = numbers.dtype.kind in "iu" and numbers.shape in ((), shape)
        if not fits or not np.isin(numbers, range(self.n_clusters)).all():
            expected = f"an integer from 0 to {self.n_clusters - 1}, or {n} of them"
            raise ValueError(f"Expected `cluster` to be {expected}. Received: cluster={cluster!r}")
        components = self.prior.components_distribution
        of_each = components.sample(n, seed=self._seed(seed))  # (n, clusters, latent_dim)
        numbers = np.broadcast_to(numbers, shape)[:, None, None]  # (n, 1, 1)
        z = ops.take_along_axis(of_each, numbers, axis=1)[:, 0]  # (n, latent_dim)
        return self.decode(z)

    def get_config(self):
        config = super().get_config()
        del config["prior"], config["objective"]  # the class sets them
        return {**config, "clusters": self.n_clusters, "covariance": self.covariance}

    def _start(self, x, labels, seed):
        draws = [
            self.encode(x[i : i + BATCH], sample=True, seed=seed + i)
            for i in range(0, len(x), BATCH)
        ]
        codes = np.concatenate(draws).astype("float64")  # (n, latent_dim)
        found = fits.gaussian_mixture(
            codes, self.n_clusters, seed, self.covariance, starts=5, labels=labels
        )
        self.prior_layer.start(found.weights_, found.means_, found.covariances_)

    def _probabilities(self, z):
        return self.prior.posterior_marginal(z).probs_parameter()
