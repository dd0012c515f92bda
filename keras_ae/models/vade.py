"""Variational deep embedding: a VAE whose prior has one Gaussian for each cluster."""

import keras
import numpy as np
from keras import ops

from keras_ae import distributions
from keras_ae.models.clustering import Clustering, at_least_two
from keras_ae.models.vae import VAE
from keras_ae.utils import fits, validation

COVARIANCES = {"diagonal": distributions.GaussianMixture, "full": distributions.FullGaussianMixture}
BATCH = 1000  # examples whose codes are drawn at once


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

    told = ("clusters", "covariance")
    examples = (
        "model.sample({clusters}, cluster=range({clusters}))  # images of each cluster, from the prior",
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.clusters(x)  # for each image the number of its cluster",
        "model.log_likelihood(x)  # nats an image",
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
            raise ValueError(
                f'Expected `covariance` to be "diagonal" or "full". Received: covariance={covariance!r}'
            )
        prior = COVARIANCES[covariance](latent_dim, clusters)
        super().__init__(
            shape,
            latent_dim,
            network,
            widths,
            activation,
            likelihood,
            prior,
            posterior,
            beta,
            **kwargs,
        )
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
        numbers, shape = np.asarray(cluster), (validation.positive_int(n, "n"),)
        fits = numbers.dtype.kind in "iu" and numbers.shape in ((), shape)
        if not fits or not np.isin(numbers, range(self.n_clusters)).all():
            expected = f"an integer from 0 to {self.n_clusters - 1}, or {n} of them"
            raise ValueError(f"Expected `cluster` to be {expected}. Received: cluster={cluster!r}")
        of_each = self.prior.components_distribution.sample(
            n, seed=self._seed(seed)
        )  # (n, clusters, latent_dim)
        numbers = np.broadcast_to(numbers, shape)[:, None, None]
        return self.decode(ops.take_along_axis(of_each, numbers, axis=1)[:, 0])

    def get_config(self):
        config = {
            key: value
            for key, value in super().get_config().items()
            if key not in ("prior", "objective")
        }
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
