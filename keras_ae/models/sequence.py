"""The sequence-to-sequence autoencoder, for sequences of different lengths."""

import keras
import tensorflow as tf
from keras import ops

from keras_ae import distributions
from keras_ae.models.ae import AE
from keras_ae.networks import recurrent
from keras_ae.training import keras_internals
from keras_ae.utils import inputs


@keras.saving.register_keras_serializable("keras_ae")
class SequenceAE(AE):
    """Sequence-to-sequence autoencoder: one code for a whole sequence, read and written in steps.

    z = g(x_1, ..., x_T)
    objective(x) = -sum_t log p(x_t|z), over the steps t that are not padding, nats per example

    Pad sequences of different lengths to the same length, for example by
    `keras.utils.pad_sequences(x, steps, "float32", "post", value=mask_value)`.
    A step is padding if all its values equal `mask_value`. The encoder skips it, the objective
    leaves it out, and in a reconstruction it is padding again.
    The code does not contain the length of the sequence, so `decode` returns all steps.
    Put the padding after the sequence, since the decoder counts from its start.

    Args:
        shape: tuple, the shape of one example: (steps, features). Without padding, an image is a
            sequence of rows, and a vector is a sequence of numbers.
        latent_dim: int, the size of a code z.
        network: "gru", "lstm", or a pair of keras.Models, whose encoder must handle the padding
            itself (keras.layers.Masking). Without padding, any network of `AE`.
        widths: units of the recurrent layers, from the input to the code. None: one layer of 128.
        activation, likelihood: as in `AE`.
        mask_value: float, the value of padding. Choose a value that no step can have.
            None: there is no padding.

    Input and output shape: as in `AE`. Padding may lie outside the support of the likelihood.
    Metrics given to `compile` are means over the steps that are not padding.
    A loss given to `compile` is the mean over the steps of each example; all examples weigh the
    same.

    Raises:
        ValueError: an argument does not fit.

    For example:

        x = x_train / 255.0  # (60, 28, 28): each image is a sequence of 28 rows
        x[:, 20:] = -1.0  # the last 8 steps are padding
        model = keras_ae.SequenceAE((28, 28), latent_dim=16, mask_value=-1.0)
        codes = model.encode(x)  # (60, 16)

    Source: Sutskever et al., "Sequence to sequence learning with neural networks", NeurIPS 2014,
    section 2; Srivastava et al., "Unsupervised learning of video representations using LSTMs",
    ICML 2015, section 2.2; Chollet, "Building autoencoders in Keras", 2016.
    """

    limits = (
        "It has no prior. A code does not contain the length of its sequence, "
        "so `decode` returns all steps."
    )
    told = ("mask_value",)

    def __init__(
        self,
        shape,
        latent_dim,
        network="gru",
        widths=None,
        activation=None,
        likelihood=None,
        mask_value=None,
        **kwargs,
    ):
        if mask_value is not None:
            _check_masked(shape, network, mask_value)
            likelihood = distributions.likelihood_for(inputs.example_shape(shape), likelihood)
            likelihood = distributions.Masked(likelihood, mask_value)
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.mask_value = self.likelihood_layer.mask_value

    def is_real(self, x):
        """Which steps are not padding: float (batch, steps, *features) -> bool (batch, steps)."""
        if self.mask_value is None:
            return tf.ones(tf.shape(x)[:2], bool)
        return inputs.is_real(x, self.mask_value, len(self.shape) - 1)

    def reconstruction_of(self, x):
        if self.mask_value is None:
            return super().reconstruction_of(x)
        real = self._beside_features(self.is_real(x), len(self.shape) + 1)
        return tf.where(real, super().reconstruction_of(x), self.mask_value)

    def weights_of_a_loss(self, target, weights):
        weights = super().weights_of_a_loss(target, weights)
        if self.mask_value is None:
            return weights
        real = ops.cast(self.is_real(target), "float32")
        # The weight of each step in the mean over its example: (batch, steps)
        share = ops.divide_no_nan(real, ops.mean(real, axis=1, keepdims=True))
        share = self._beside_features(share, len(self.shape))  # the rank of the loss
        return share if weights is None else weights * share

    def seen_by_metrics(self, x, target, y_pred, weights):
        if self.mask_value is None:
            return target, y_pred, weights
        real = self._beside_features(self.is_real(target), len(self.shape))
        y_pred = tf.identity(y_pred)
        y_pred = keras_internals.mark_padding(y_pred, tf.broadcast_to(real, tf.shape(y_pred)[:-1]))
        if weights is not None:  # (batch,) -> (batch, 1, ...)
            weights = ops.reshape(weights, (-1, *[1] * (len(self.shape) - 1)))
        return target, y_pred, weights

    def get_config(self):
        config = {**super().get_config(), "mask_value": self.mask_value}
        if self.mask_value is not None:
            inner = self.likelihood_layer.likelihood
            config["likelihood"] = keras.saving.serialize_keras_object(inner)
        return config

    def _beside_features(self, steps, rank):
        """Adds axes of size 1 up to the rank: (batch, steps) -> (batch, steps, 1, ...)."""
        return tf.reshape(steps, (-1, self.shape[0], *[1] * (rank - 2)))


def _check_masked(shape, network, mask_value):
    """Raises ValueError unless the network and the shape fit sequences with padding."""
    if isinstance(network, str) and network not in recurrent.NETWORKS:
        known = ", ".join(map(repr, recurrent.NETWORKS))
        raise ValueError(
            f"Expected `network` to be one of {known}, which skip padding, or your own pair of "
            "keras.Models, since a `mask_value` is given. "
            f"Received: network={network!r}, {mask_value=}"
        )
    shape = inputs.example_shape(shape)
    if len(shape) < 2:
        raise ValueError(
            "Expected shape=(steps, features), since a `mask_value` is given. "
            f"Received: {shape=}, {mask_value=}"
        )
