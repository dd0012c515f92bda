"""Likelihoods p(x|z): the decoder's output -> a distribution over arrays."""

import math

import keras
import numpy as np
import tensorflow_probability as tfp
from keras import ops

from keras_ae.distributions import base, tfp_extensions
from keras_ae.utils import inputs, validation

tfd = tfp.distributions


class Likelihood(base.Distribution):
    """p(x|z): takes the decoder's output, (batch, *shape[:-1], shape[-1] * params per value), gives a distribution over x.

    Attributes:
        support: (low, high), the closed interval of values that x may take.
        mask_value: float, a step of x all of whose values equal it is padding; None where there is none.
    """

    support = (-math.inf, math.inf)
    mask_value = None

    def check(self, x, shape, name="x"):
        """Raises ValueError unless the array x, (batch, *shape), is one that p(x|z) can explain. name: how the error calls it."""
        inputs.check(x, shape, self.support, name)

    def independent(self, distribution):
        """Makes all axes but the first one event: batch shape (batch,), event shape as the parameters'."""
        return tfd.Independent(
            distribution, reinterpreted_batch_ndims=len(distribution.batch_shape) - 1
        )


@keras.saving.register_keras_serializable("keras_ae")
class Bernoulli(Likelihood):
    """p(x|z) = prod_i Bernoulli(x_i; sigmoid(logits_i)), for binary x.

    For grey values in [0, 1], log p(x|z) is minus the cross-entropy, its mean over all binarisations of x.

    Input shape: (batch, *shape), logits. Output: batch shape (batch,), event shape `shape`.
    """

    support = (0.0, 1.0)

    def call(self, logits):
        return tfp_extensions.IndependentBernoulli(logits)


@keras.saving.register_keras_serializable("keras_ae")
class ContinuousBernoulli(Likelihood):
    """p(x|z) = prod_i C(l_i) l_i^x_i (1 - l_i)^(1 - x_i) with l = sigmoid(logits), a density on [0, 1].

    Input shape: (batch, *shape), logits. Output: batch shape (batch,), event shape `shape`.

    Source: Loaiza-Ganem & Cunningham, "The continuous Bernoulli", NeurIPS 2019, equations 6 to 8.
    """

    support = (0.0, 1.0)

    def call(self, logits):
        return self.independent(tfd.ContinuousBernoulli(logits=logits))


@keras.saving.register_keras_serializable("keras_ae")
class Gaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; loc_i, scale_i^2).

    Args:
        scale: where the standard deviation comes from. A positive number: fixed. "trainable": one number, a weight of this layer.
            "predicted": the decoder gives one for each value.

    Input shape: (batch, *shape), or (batch, *shape[:-1], 2 * shape[-1]) when scale="predicted": first loc, then scale before
    softplus. Output: batch shape (batch,), event shape `shape`.

    Raises:
        ValueError: scale is none of these.
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        if scale not in ("trainable", "predicted") and not (
            validation.is_number(scale) and scale > 0
        ):
            raise ValueError(
                f'Expected `scale` to be a positive number, "trainable" or "predicted". Received: scale={scale!r}'
            )
        self.scale = scale
        if scale == "trainable":
            start = keras.initializers.Constant(math.log(math.e - 1))  # softplus(start) = 1
            self.raw_scale = self.add_weight(
                shape=(), initializer=start, name="raw_scale", autocast=False
            )

    def params_size(self, event_shape):
        return base.size(event_shape) * (2 if self.scale == "predicted" else 1)

    def call(self, params):
        if self.scale == "predicted":
            loc, raw_scale = ops.split(
                params, 2, axis=-1
            )  # (batch, ..., 2 * channels) -> 2 x (batch, ..., channels)
            return self.independent(tfd.Normal(loc, base.positive(raw_scale)))
        scale = (
            base.positive(ops.convert_to_tensor(self.raw_scale))
            if self.scale == "trainable"
            else self.scale
        )
        return self.independent(tfd.Normal(params, scale))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("keras_ae")
class DiscretizedLogisticMixture(Likelihood):
    """p(x|z) = prod_i sum_k w_ik P(x_i; loc_ik, scale_ik), for pixels of 256 levels.

    P is a logistic variable rounded to the nearest level k / 255 and clipped to [0, 1]: a probability, so bits per dimension
    compare with those of other models of 8-bit images. x is given in [0, 1], as everywhere.

    Args:
        components: int, the number of logistics a value.

    Input shape: (batch, *shape[:-1], 3 * components * shape[-1]): mixture logits, loc, log scale. Output: batch shape
    (batch,), event shape `shape`.

    Raises:
        ValueError: components is not a positive integer.

    Source: Salimans et al., "PixelCNN++", ICLR 2017, equation 2 (channels are independent here).
    """

    support = (0.0, 1.0)

    def __init__(self, components=5, **kwargs):
        super().__init__(**kwargs)
        self.components = validation.positive_int(components, "components")

    def params_size(self, event_shape):
        return base.size(event_shape) * 3 * self.components

    def call(self, params):
        channels = params.shape[-1] // (3 * self.components)
        shape = (*ops.shape(params)[:-1], channels, 3 * self.components)
        logits, loc, log_scale = ops.split(
            ops.reshape(params, shape), 3, axis=-1
        )  # 3 x (batch, ..., channels, components)
        scale = 0.5 * ops.exp(ops.clip(log_scale, -7.0, 7.0))
        pixels = tfp_extensions.DiscretizedLogistic(0.5 + 0.5 * loc, scale)
        return self.independent(tfd.MixtureSameFamily(tfd.Categorical(logits=logits), pixels))

    def get_config(self):
        return {**super().get_config(), "components": self.components}


@keras.saving.register_keras_serializable("keras_ae")
class Masked(Likelihood):
    """p(x|z) = prod_t p(x_t|z), over the steps t of a sequence that are no padding.

    Sequences of different lengths are padded to one, as by `keras.utils.pad_sequences(x, steps, "float32", "post", value=mask_value)`. A
    step all of whose values equal mask_value is padding, which need not lie in the likelihood's support. A recurrent network of a name
    ("gru", "lstm") passes over padding too.

    Args:
        likelihood: the layer of the likelihood of one step, as `Gaussian(0.1)`.
        mask_value: float.

    Input shape: (batch, steps, *features), as the likelihood asks for. Output: batch shape (batch,), event shape (steps, *features).

    Raises:
        ValueError: an argument does not fit.
    """

    def __init__(self, likelihood, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        likelihood = (
            keras.saving.deserialize_keras_object(likelihood)
            if isinstance(likelihood, dict)
            else likelihood
        )
        if not isinstance(likelihood, Likelihood):
            raise ValueError(
                f"Expected `likelihood` to be a layer, as Gaussian(0.1). Received: {likelihood!r}"
            )
        if not validation.is_number(mask_value):
            raise ValueError(
                f"Expected `mask_value` to be a finite number. Received: mask_value={mask_value!r}"
            )
        self.likelihood, self.mask_value = likelihood, float(mask_value)
        self.inner, self.support = (likelihood,), likelihood.support

    def params_size(self, event_shape):
        return self.likelihood.params_size(event_shape)

    def check(self, x, shape, name="x"):
        if len(shape) < 2:
            raise ValueError(
                f"Expected sequences, shape=(steps, features), where there is padding. Received: shape={shape}"
            )
        array = np.asarray(x)
        if array.dtype.kind == "f" and array.shape[1:] == shape:
            real = inputs.is_real(
                array.astype("float32"), self.mask_value, len(shape) - 1
            ).numpy()  # (batch, steps)
            array = array.copy()
            array[~real] = self._stand_in
        self.likelihood.check(array, shape, name)

    def call(self, params):
        steps = self.likelihood(
            ops.reshape(params, (-1, *params.shape[2:]))
        )  # (batch, steps, ...) -> (batch * steps, ...)
        return tfp_extensions.MaskedSteps(steps, params.shape[1], self.mask_value, self._stand_in)

    def get_config(self):
        likelihood = keras.saving.serialize_keras_object(self.likelihood)
        return {**super().get_config(), "likelihood": likelihood, "mask_value": self.mask_value}

    @property
    def _stand_in(self):
        """A value in the support."""
        low, high = self.support
        return min(max(0.0, low), high)
