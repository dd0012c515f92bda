"""Sparse autoencoders: their codes have many units, and only a few units are active."""

import keras

from keras_ae import sparsity as sparsities
from keras_ae.models.ae import AE
from keras_ae.models.autoencoder import trained_by


@keras.saving.register_keras_serializable("keras_ae")
class SparseAE(AE):
    """Sparse autoencoder: an AE that pays for each active unit of its code.

    z = activation(g(x)),  objective(x) = -log p(x|z) + penalty(z), nats per example

    The code may be larger than the input.
    The logs hold loss, reconstruction and penalty, and loss = reconstruction + penalty.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        sparsity: "l1" (relu units), "kl" (sigmoid units), or a layer of `keras_ae.sparsity`. It
            sets the activation of the code.

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        model = keras_ae.SparseAE((28, 28, 1), latent_dim=200, sparsity="l1")
        codes = model.encode(x_train)  # (60, 200), of units that are at least 0

    Source: Ng, "Sparse autoencoder", CS294A lecture notes, 2011; Goodfellow et al., "Deep
    learning", 2016, section 14.2.1.
    """

    told = ("sparsity",)
    logged = ("reconstruction", "penalty")
    why_no_loss = trained_by("a SparseAE", "-log p(x|z) and its penalty")

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        sparsity="l1",
        **kwargs,
    ):
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.sparsity = sparsities.get(sparsity)

    def objective(self, x, target):
        z = self.code_of(x)
        reconstruction = -self.likelihood(z).log_prob(target)
        penalty = self.sparsity.penalty(z)
        self.log(reconstruction=reconstruction, penalty=penalty)
        return reconstruction + penalty

    def get_config(self):
        return {
            **super().get_config(),
            "sparsity": keras.saving.serialize_keras_object(self.sparsity),
        }

    def code_of(self, x):
        return self.sparsity(super().code_of(x))


@keras.saving.register_keras_serializable("keras_ae")
class KSparseAE(AE):
    """k-sparse autoencoder: an AE whose code keeps its k largest units. The other units are zero.

    z = the k largest units of g(x),  objective(x) = -log p(x|z), nats per example

    The code may be larger than the input.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        k: int >= 1, the number of active units. You can load a trained model with a larger k:
            `keras_ae.load(folder, k=40)`.

    Input and output shape: as in `AE`.

    Raises:
        ValueError: an argument does not fit.

    For example:

        model = keras_ae.KSparseAE((28, 28, 1), latent_dim=200, k=25)
        codes = model.encode(x_train)  # (60, 200), at most 25 units of each are not zero

    Source: Makhzani & Frey, "k-sparse autoencoders", ICLR 2014, section 2.1.
    """

    told = ("k",)
    size_limits = {"k": 2**14}

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        k=25,
        **kwargs,
    ):
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.sparsity = sparsities.TopKSparsity(k)

    def get_config(self):
        return {**super().get_config(), "k": self.sparsity.k}

    def code_of(self, x):
        return self.sparsity(super().code_of(x))
