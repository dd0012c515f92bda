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
    """Sequence-to-sequence autoencoder: one code for a whole sequence, read and written step by step.

    z = g(x_1, ..., x_T),    objective(x) = -sum_t log p(x_t|z), over the steps t that are no padding, nats an example

    Sequences of different lengths are padded to one, as by `keras.utils.pad_sequences(x, steps, "float32", "post", value=mask_value)`. A
    step all of whose values equal `mask_value` is padding: the encoder passes over it, the objective leaves it out, and in a reconstruction
    it is padding again. The code does not say how long a sequence was, so `decode` gives all steps. Pad after the sequence, since the
    decoder counts from its start.

    Args:
        shape: tuple, the shape of one example: (steps, features). Without padding: an image is a sequence of rows, a vector one of numbers.
        latent_dim: int, the size of a code z.
        network: "gru", "lstm", another as in `AE` where there is no padding, or a pair of keras.Models, whose encoder has to see to the
            padding itself (keras.layers.Masking).
        widths: units of the recurrent layers from the input to the code; None for the network's own, one layer of 128.
        activation, likelihood: as in `AE`.
        mask_value: float, the value of padding, best one that no step can have; None: there is no padding.

    Input and output shape: as in `AE`. Padding need not lie in the likelihood's support. Metrics given to `compile` are means over the
    steps that are no padding. By a loss given to it every example weighs the same, by the mean over its steps.

    Raises:
        ValueError: an argument does not fit.

    Source: Sutskever et al., "Sequence to sequence learning with neural networks", NeurIPS 2014, section 2; Srivastava et al.,
    "Unsupervised learning of video representations using LSTMs", ICML 2015, section 2.2; Chollet, "Building autoencoders in Keras", 2016.
    """

    limits = "It has no prior, and a code does not say how long its sequence was: `decode` gives all steps."
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
            if isinstance(network, str) and network not in recurrent.NETWORKS:
                known = ", ".join(map(repr, recurrent.NETWORKS))
                raise ValueError(
                    f"Expected `network` to be one of {known}, which pass over padding, or a pair of keras.Models of your own, where a "
                    f"`mask_value` is given. Received: network={network!r}, {mask_value=}"
                )
            shape = inputs.example_shape(shape)
            if len(shape) < 2:
                raise ValueError(
                    f"Expected shape=(steps, features) where a `mask_value` is given. Received: {shape=}, {mask_value=}"
                )
            likelihood = distributions.Masked(
                distributions.likelihood_for(shape, likelihood), mask_value
            )
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)
        self.mask_value = self.likelihood_layer.mask_value

    def is_real(self, x):
        """Which steps of x are no padding: float (batch, steps, *features) -> bool (batch, steps)."""
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
        share = ops.divide_no_nan(
            real, ops.mean(real, axis=1, keepdims=True)
        )  # of a step in the mean over an example: (batch, steps)
        share = self._beside_features(share, len(self.shape))  # of the rank of the loss
        return share if weights is None else weights * share

    def seen_by_metrics(self, x, target, y_pred, weights):
        if self.mask_value is None:
            return target, y_pred, weights
        y_pred, real = (
            tf.identity(y_pred),
            self._beside_features(self.is_real(target), len(self.shape)),
        )
        y_pred = keras_internals.mark_padding(y_pred, tf.broadcast_to(real, tf.shape(y_pred)[:-1]))
        return (
            target,
            y_pred,
            None if weights is None else ops.reshape(weights, (-1, *[1] * (len(self.shape) - 1))),
        )

    def get_config(self):
        config = {**super().get_config(), "mask_value": self.mask_value}
        if self.mask_value is not None:
            config["likelihood"] = keras.saving.serialize_keras_object(
                self.likelihood_layer.likelihood
            )
        return config

    def _beside_features(self, steps, rank):
        """(batch, steps) -> (batch, steps, 1, ...), of a rank."""
        return tf.reshape(steps, (-1, self.shape[0], *[1] * (rank - 2)))
