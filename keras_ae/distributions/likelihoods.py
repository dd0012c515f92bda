"""Likelihoods p(x|z): they turn the decoder's output into a distribution over arrays."""

import math

import keras
import numpy as np
import tensorflow_probability as tfp
from keras import ops

from keras_ae.distributions import base, densities
from keras_ae.utils import inputs, validation

tfd = tfp.distributions


class Likelihood(base.Distribution):
    """p(x|z): takes the decoder's output and returns a distribution over x.

    Input shape: (batch, *shape[:-1], shape[-1] * params_size(1)).
    Output: batch shape (batch,), event shape `shape`.

    Attributes:
        support: (low, high), the closed interval of values that x may take.
        mask_value: float. A step of a sequence x is padding if all its values equal mask_value.
            None: there is no padding.
        stand_in: a value in the support, which replaces padding and missing values before the
            density sees them: a float, or an array that broadcasts to the shape of one example.
    """

    support = (-math.inf, math.inf)
    mask_value = None

    @property
    def stand_in(self):
        low, high = self.support
        return min(max(0.0, low), high)

    def check(self, x, shape, name="x"):
        """Raises ValueError if p(x|z) has no density at x.

        Args:
            x: array (batch, *shape).
            shape: tuple, the shape of one example.
            name: str, what the error message calls x.

        Raises:
            ValueError: x has another shape, holds NaN or holds a value outside the support.
        """
        inputs.check(x, shape, self.support, name)

    def independent(self, distribution):
        """Turns all axes but the first into event axes.

        Args:
            distribution: tfd.Distribution, batch shape (batch, *shape), event shape ().

        Returns:
            tfd.Independent, batch shape (batch,), event shape `shape`.
        """
        event_axes = len(distribution.batch_shape) - 1
        return tfd.Independent(distribution, reinterpreted_batch_ndims=event_axes)


@keras.saving.register_keras_serializable("keras_ae")
class Bernoulli(Likelihood):
    """p(x|z) = prod_i Bernoulli(x_i; sigmoid(logits_i)), for binary x.

    Grey values in [0, 1] are allowed too: log p(x|z) is then minus the cross-entropy. It is the
    mean of the log-likelihood over random binary images in which x_i is the probability of a 1.

    Input shape: (batch, *shape), logits.
    Output: batch shape (batch,), event shape `shape`.

    For example:

        likelihood = keras_ae.distributions.Bernoulli()
        logits = np.zeros((2, 784), "float32")
        likelihood(logits).log_prob(x)  # (2,): nats per example
    """

    support = (0.0, 1.0)

    def call(self, logits):
        return densities.IndependentBernoulli(logits)


@keras.saving.register_keras_serializable("keras_ae")
class ContinuousBernoulli(Likelihood):
    """p(x|z) = prod_i C(l_i) l_i^x_i (1 - l_i)^(1 - x_i), l = sigmoid(logits), for x in [0, 1].

    C(l_i) is the constant that makes this a density on [0, 1].

    Input shape: (batch, *shape), logits.
    Output: batch shape (batch,), event shape `shape`.

    For example:

        likelihood = keras_ae.distributions.ContinuousBernoulli()
        logits = np.zeros((2, 784), "float32")
        likelihood(logits).log_prob(x)  # (2,): nats per example

    Source: Loaiza-Ganem & Cunningham, "The continuous Bernoulli", NeurIPS 2019, equations 6 to 8.
    """

    support = (0.0, 1.0)

    def call(self, logits):
        return self.independent(tfd.ContinuousBernoulli(logits=logits))


@keras.saving.register_keras_serializable("keras_ae")
class Gaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; loc_i, scale_i^2).

    Args:
        scale: the standard deviation. A positive number: fixed. "trainable": one number for all
            values, a weight of this layer. "predicted": the decoder predicts one for each value.

    Input shape: (batch, *shape), loc. With scale="predicted": (batch, *shape[:-1], 2 * shape[-1]),
    first loc, then the scale before softplus.
    Output: batch shape (batch,), event shape `shape`.

    Raises:
        ValueError: scale is none of these.

    For example:

        likelihood = keras_ae.distributions.Gaussian("predicted")
        params = np.zeros((2, likelihood.params_size(784)), "float32")  # (2, 1568)
        likelihood(params).log_prob(x)  # (2,): nats per example
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        is_positive = validation.is_number(scale) and scale > 0
        if scale not in ("trainable", "predicted") and not is_positive:
            raise ValueError(
                'Expected `scale` to be a positive number, "trainable" or "predicted". '
                f"Received: scale={scale!r}"
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
            # (batch, ..., 2 * channels) -> 2 x (batch, ..., channels)
            loc, raw_scale = ops.split(params, 2, axis=-1)
            return self.independent(tfd.Normal(loc, base.positive(raw_scale)))
        scale = self.scale
        if scale == "trainable":
            scale = base.positive(ops.convert_to_tensor(self.raw_scale))
        return self.independent(tfd.Normal(params, scale))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("keras_ae")
class DiscretizedLogisticMixture(Likelihood):
    """p(x|z) = prod_i sum_k w_ik P(x_i; loc_ik, scale_ik), for pixels with 256 grey levels.

    P is the distribution of a logistic variable that is clipped to [0, 1] and rounded to the
    nearest level, a multiple of 1/255. P is a probability, not a density. So bits per dimension can
    be compared with those of other models of 8-bit images. As everywhere, x is given in [0, 1].

    Args:
        components: int, the number of logistic variables per value.

    Input shape: (batch, *shape[:-1], 3 * components * shape[-1]): mixture logits, loc, log scale.
    Output: batch shape (batch,), event shape `shape`.

    Raises:
        ValueError: components is not a positive integer.

    For example:

        likelihood = keras_ae.distributions.DiscretizedLogisticMixture(components=2)
        params = np.zeros((2, likelihood.params_size(784)), "float32")  # (2, 4704)
        likelihood(params).log_prob(x)  # (2,): nats per example

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
        params = ops.reshape(params, shape)  # (batch, ..., channels, 3 * components)
        # -> 3 x (batch, ..., channels, components)
        logits, loc, log_scale = ops.split(params, 3, axis=-1)
        scale = 0.5 * ops.exp(ops.clip(log_scale, -7.0, 7.0))
        pixels = densities.DiscretizedLogistic(0.5 + 0.5 * loc, scale)
        return self.independent(tfd.MixtureSameFamily(tfd.Categorical(logits=logits), pixels))

    def get_config(self):
        return {**super().get_config(), "components": self.components}


@keras.saving.register_keras_serializable("keras_ae")
class Masked(Likelihood):
    """p(x|z) = prod_t p(x_t|z), over the steps t of a sequence that are not padding.

    Pad sequences of different lengths to the same length with
    `keras.utils.pad_sequences(x, steps, "float32", "post", value=mask_value)`.
    A step is padding if all its values equal mask_value. Padding may lie outside the support of the
    likelihood. A recurrent network chosen by name ("gru", "lstm") skips padding too.

    Args:
        likelihood: a layer, the likelihood of one step, for example `Gaussian(0.1)`.
        mask_value: float, the value that marks padding.

    Input shape: (batch, steps, *features), where `features` is what the likelihood takes.
    Output: batch shape (batch,), event shape (steps, *features of one step of x).

    Raises:
        ValueError: likelihood is not a likelihood layer, or mask_value is not a finite number.

    For example:

        likelihood = keras_ae.distributions.Masked(keras_ae.distributions.Gaussian(0.1), -1.0)
        sequences = np.array([[[0.2], [0.4]], [[0.3], [-1.0]]], "float32")
        likelihood(np.zeros((2, 2, 1), "float32")).log_prob(sequences)  # (2,): nats per sequence
    """

    def __init__(self, likelihood, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        likelihood = _checked_layer(likelihood)
        if not validation.is_number(mask_value):
            raise ValueError(
                f"Expected `mask_value` to be a finite number. Received: mask_value={mask_value!r}"
            )
        self.likelihood = likelihood
        self.mask_value = float(mask_value)
        self.inner = (likelihood,)
        self.support = likelihood.support

    def params_size(self, event_shape):
        return self.likelihood.params_size(event_shape)

    def check(self, x, shape, name="x"):
        if len(shape) < 2:
            raise ValueError(
                "Expected shape=(steps, features) for a likelihood with padding. "
                f"Received: shape={shape}"
            )
        array = np.asarray(x)
        if array.dtype.kind == "f" and array.shape[1:] == shape:
            step_axes = len(shape) - 1
            # (batch, steps, *features) -> (batch, steps)
            real = inputs.is_real(array.astype("float32"), self.mask_value, step_axes).numpy()
            array = array.copy()
            array[~real] = self.likelihood.stand_in
        self.likelihood.check(array, shape, name)

    def call(self, params):
        # (batch, steps, ...) -> (batch * steps, ...)
        steps = self.likelihood(ops.reshape(params, (-1, *params.shape[2:])))
        return densities.MaskedSteps(
            steps, params.shape[1], self.mask_value, self.likelihood.stand_in
        )

    def get_config(self):
        likelihood = keras.saving.serialize_keras_object(self.likelihood)
        return {**super().get_config(), "likelihood": likelihood, "mask_value": self.mask_value}


@keras.saving.register_keras_serializable("keras_ae")
class Observed(Likelihood):
    """p(x|z) = prod_i p(x_i|z), over the values x_i that are not missing. NaN means missing.

    This is the density of what was observed, if values are missing at random.
    `VAE(..., missing=True)` wraps its likelihood in this layer.

    Args:
        likelihood: a layer, a likelihood of independent values, for example `Gaussian(0.1)`.

    Input shape: as for `likelihood`.
    Output: batch shape (batch,), event shape `shape`.

    Raises:
        ValueError: likelihood is not a likelihood layer, or one of padded sequences.

    For example:

        likelihood = keras_ae.distributions.Observed(keras_ae.distributions.Gaussian(0.1))
        rows = np.array([[0.2, np.nan], [0.3, 0.1]], "float32")
        likelihood(np.zeros((2, 2), "float32")).log_prob(rows)  # (2,): nats per row

    Source: Mattei & Frellsen, "MIWAE: deep generative modelling and imputation of incomplete data
    sets", ICML 2019, equation 4.
    """

    def __init__(self, likelihood, **kwargs):
        super().__init__(**kwargs)
        likelihood = _checked_layer(likelihood)
        if likelihood.mask_value is not None:
            raise ValueError(
                "Expected `likelihood` to have no padding, since missing values are marked by NaN. "
                f"Received: {type(likelihood).__name__}"
            )
        self.likelihood = likelihood
        self.inner = (likelihood,)
        self.support = likelihood.support

    @property
    def stand_in(self):
        return self.likelihood.stand_in

    def params_size(self, event_shape):
        return self.likelihood.params_size(event_shape)

    def check(self, x, shape, name="x"):
        array = np.asarray(x)
        if array.dtype.kind == "f" and array.shape[1:] == shape:
            array = np.where(np.isnan(array), np.asarray(self.stand_in, array.dtype), array)
        self.likelihood.check(array, shape, name)

    def call(self, params):
        return densities.ObservedValues(self.likelihood(params), self.stand_in)

    def get_config(self):
        likelihood = keras.saving.serialize_keras_object(self.likelihood)
        return {**super().get_config(), "likelihood": likelihood}


def _checked_layer(likelihood):
    """A likelihood layer, from the layer or its config. ValueError if it is neither."""
    if isinstance(likelihood, dict):
        likelihood = keras.saving.deserialize_keras_object(likelihood)
    if not isinstance(likelihood, Likelihood):
        raise ValueError(
            "Expected `likelihood` to be a likelihood layer, such as Gaussian(0.1). "
            f"Received: {likelihood!r}"
        )
    return likelihood
