"""The denoising autoencoder: reconstructs the clean input from a corrupted one."""

import keras

from keras_ae import corruption as corruptions
from keras_ae.models.ae import AE
from keras_ae.utils import seeds


@keras.saving.register_keras_serializable("keras_ae")
class DAE(AE):
    """Denoising autoencoder: an AE that sees a corrupted input and must explain the clean one.

    x_noisy ~ M(x_noisy|x),  objective(x) = -log p(x|g(x_noisy)), nats per example

    `fit` and `evaluate` draw new noise each time they use an example. `encode`, `reconstruct` and
    `predict` add no noise to their input.

    Args:
        shape, latent_dim, network, widths, activation, likelihood: as in `AE`.
        corruption: "gaussian", "masking", "salt_and_pepper", a layer of `keras_ae.corruption`, or
            any Keras layer that keeps the shape.
            "gaussian" has scale 0.5 and is clipped to [0, 1], unless x is unbounded.

    Input and output shape: as in `AE`. In `fit(noisy, clean)`, the corruption is applied to noisy.

    Raises:
        ValueError: an argument does not fit.

    For example:

        dae = keras_ae.DAE((28, 28, 1), latent_dim=32, corruption="masking")
        noisy = dae.corrupt(x_train, seed=0)  # (60, 28, 28, 1)
        clean = dae.reconstruct(noisy)  # (60, 28, 28, 1)

    Source: Vincent et al., "Extracting and composing robust features with denoising autoencoders",
    ICML 2008.
    """

    limits = (
        "It was trained for the corruption above. "
        "It denoises images with other noise less well, and loses a little of clean images."
    )
    told = ("corruption",)
    examples = (
        "model.reconstruct(model.corrupt(x))  # removes the noise; x: {input}",
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
        """Draws a corrupted copy of x: x_noisy ~ M(x_noisy|x).

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch, *shape).

        Raises:
            ValueError: as in `encode`; a seed is given, but the corruption layer takes no seed.
        """
        x = self.checked(x)
        if seed is None:
            return self.training_input(x)
        if not isinstance(self.corruption, corruptions.Corruption):
            raise ValueError(
                f"Expected no `seed`, since {type(self.corruption).__name__} is not a "
                "keras_ae.corruption.Corruption and draws from its own random state. "
                f"Received: seed={seed}"
            )
        return self.corruption.corrupt(x, seeds.from_int(seed))

    def get_config(self):
        return {
            **super().get_config(),
            "corruption": keras.saving.serialize_keras_object(self.corruption),
        }
