"""The sequence-to-sequence autoencoder, for sequences of different lengths."""

import keras
import tensorflow as tf

from keras_ae import inputs
from keras_ae.models.ae import AE

RECURRENT = ("gru", "lstm")


@keras.saving.register_keras_serializable("keras_ae")
class SequenceAE(AE):
    """Sequence-to-sequence autoencoder: one code for a whole sequence, read and written step by step.

    objective(x) = -sum_t log p(x_t|g(x)), over the steps t that are no padding, nats an example

    Sequences of different lengths are padded to one, as by `keras.utils.pad_sequences(x, maxlen, "float32", "post")`. A step all of whose
    values equal `mask_value` is padding: the encoder passes over it, the objective leaves it out, and in a reconstruction it is padding
    again. `decode` gives all steps.

    Args:
        shape: tuple, the shape of one example: (steps, features). An image is a sequence of rows, a vector one of numbers.
        latent_dim: int, the size of a code z.
        network: "gru", "lstm", or as in `AE`; of these others the encoder sees the padding.
        widths: units of the recurrent layers from the input to the code; None for the network's own, one layer of 128.
        activation, likelihood: as in `AE`.
        mask_value: float, the value of padding, or None where there is none.

    Input and output shape: as in `AE`. Padding need not lie in the likelihood's support. With `compile(loss="mse")` padding is an error of
    zero, which counts in the mean.

    Raises:
        ValueError: an argument does not fit.

    Source: Chollet, "Building autoencoders in Keras", 2016, "Sequence-to-sequence autoencoder"; Srivastava et al., ICML 2015, section 2.2.
    """

    def __init__(self, shape, latent_dim, network="gru", widths=None, activation=None, likelihood=None, mask_value=0.0, **kwargs):
        if mask_value is not None and (isinstance(mask_value, bool) or not isinstance(mask_value, (int, float))):
            raise ValueError(f"Expected `mask_value` to be a number or None. Received: mask_value={mask_value!r}")
        self.mask_value = mask_value  # before the networks are built, which ask for it
        super().__init__(shape, latent_dim, network, widths, activation, likelihood, **kwargs)

    def is_real(self, x):
        """Which steps of x are no padding: float (batch, *shape) -> bool (batch, steps, 1, ...), of the rank of x."""
        rank = len(self.shape) + 1
        if self.mask_value is None:
            return tf.ones_like(x[(..., *[slice(1)] * (rank - 2))], bool)
        differs = tf.not_equal(x, self.mask_value)
        return tf.reduce_any(differs, axis=list(range(2, rank)), keepdims=True) if rank > 2 else differs

    def reconstruct(self, x):
        x = self._checked(x)
        return tf.where(self.is_real(x), super().reconstruct(x), 0.0 if self.mask_value is None else self.mask_value)

    def objective(self, x, target):
        likelihood = self.likelihood(self.encode(x))  # a tfd.Independent of one distribution for each value
        real = self.is_real(target)
        log_prob = likelihood.distribution.log_prob(tf.where(real, target, self._any_value))  # (batch, *shape)
        return -tf.reduce_sum(tf.where(real, log_prob, 0.0), axis=list(range(1, len(self.shape) + 1)))  # -> (batch,)

    def check_input(self, x, name="x"):
        low, high = self._likelihood.support
        if self.mask_value is not None and not low <= self.mask_value <= high:
            x = inputs.to_float(x, self.shape)
            x = tf.where(self.is_real(x), x, self._any_value)
        super().check_input(x, name)

    def get_config(self):
        return {**super().get_config(), "mask_value": self.mask_value}

    @property
    def _any_value(self):
        """A value in the likelihood's support, to stand in the place of padding."""
        low, high = self._likelihood.support
        return min(max(0.0, low), high)

    def _network_options(self):
        named = isinstance(self._network["network"], str) and self._network["network"] in RECURRENT
        return {"mask_value": self.mask_value} if named else {}
