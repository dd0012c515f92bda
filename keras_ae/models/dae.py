"""The denoising autoencoder: reconstructs the clean input from a corrupted one."""

import keras

from keras_ae import corruption as corruptions
from keras_ae.models.ae import AE
from keras_ae.utils import seeds


@keras.saving.register_keras_serializable("keras_ae")
class DAE(AE):
    """Denoising autoencoder: an AE that sees a corrupted input and must explain the clean one.

    x_noisy ~ M(x_noisy|x),    objective(x) = -log p(x|g(x_noisy)), nats an example

    Noise is drawn afresh at every use in fit and evaluate; encode, reconstruct and predict take their input as it is.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        corruption: "gaussian" (scale 0.5; clipped to [0, 1] unless x is unbounded), "masking", "salt_and_pepper", or a layer, of
            `keras_ae.corruption` or any Keras layer that keeps the shape.

    Input and output shape: as in `AE`. With fit(noisy, clean) both are given, and the corruption comes on top.

    Raises:
        ValueError: an argument does not fit.

    Source: Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008.
    """

    limits = "It was trained for the corruption above. Noise of another kind or strength, and clean images, are restored less well."
    told = ("corruption",)
    examples = (
        "model.reconstruct(model.corrupt(x))  # restores what noise took; x: {input}",
        "model.encode(x)  # codes",
    )

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        corruption="gaussian",
        **kwargs,
    ):
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        bounded = len(self.shape) == 3 or self.likelihood_layer.support == (0.0, 1.0)
        options = {"clip": (0.0, 1.0) if bounded else None} if corruption == "gaussian" else {}
        self.corruption = corruptions.get(corruption, **options)

    def training_input(self, x):
        return self.corruption(x, training=True)

    def corrupt(self, x, seed=None):
        """x_noisy ~ M(x_noisy|x): (batch, *shape) -> (batch, *shape).

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            seed: int for a reproducible draw, None for a fresh one.

        Raises:
            ValueError: as in `encode`; a seed is given, and the corruption is a layer that cannot take one.
        """
        x = self.checked(x)
        if seed is None:
            return self.training_input(x)
        if not isinstance(self.corruption, corruptions.Corruption):
            raise ValueError(
                f"Expected no `seed`, since {type(self.corruption).__name__} is not a keras_ae.corruption.Corruption and "
                f"draws from a state of its own. Received: seed={seed}"
            )
        return self.corruption.corrupt(x, seeds.from_int(seed))

    def get_config(self):
        return {
            **super().get_config(),
            "corruption": keras.saving.serialize_keras_object(self.corruption),
        }
