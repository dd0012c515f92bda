"""Distributions that TensorFlow Probability lacks, or computes more slowly.

They work wherever a tfp distribution does.
"""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from keras_ae.utils import inputs, seeds

tfd = tfp.distributions


class IndependentBernoulli(tfd.Independent):
    """tfd.Independent of a tfd.Bernoulli, whose log_prob computes far fewer logarithms.

    log p(x) = sum_i x_i l_i - softplus(l_i), for finite logits l

    Args:
        logits: tensor (batch, *shape).

    Batch shape (batch,), event shape `shape`.
    """

    def __init__(self, logits, name="IndependentBernoulli"):
        parameters = dict(locals())
        single = tfd.Bernoulli(logits=logits, dtype=tf.float32)
        super().__init__(single, len(logits.shape) - 1, name=name)
        self._parameters = self._no_dependency(parameters)

    def _log_prob(self, x, **kwargs):
        logits = self.distribution.logits
        axes = list(range(-(len(logits.shape) - 1), 0))
        flat = tf.reshape(
            logits, (-1, math.prod(logits.shape[1:]))
        )  # (batch, *shape) -> (batch, n)
        return tf.reduce_sum(x * logits, axis=axes) - sum_of_softplus(flat)

    def log_prob_of_values(self, x):
        """log p(x_i) of each value: (..., batch, *shape) -> the same shape."""
        logits = self.distribution.logits
        return x * logits - tf.math.softplus(logits)


@tf.custom_gradient
def sum_of_softplus(x):
    """sum_i log(1 + exp(x_i)): (batch, n) -> (batch,).

    log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)). A sum of such logarithms is the logarithm of a
    product whose factors lie between 1 and 2. Float32 can hold a product of 120 such factors. So
    one logarithm is enough for many values, and logarithms take most of the time of a Bernoulli
    density.
    """
    n = x.shape[-1]
    factors = max(k for k in range(1, 121) if n % k == 0)
    # (batch, n) -> (batch, n / factors, factors)
    grouped = tf.reshape(1.0 + tf.exp(-tf.abs(x)), (-1, n // factors, factors))
    products = tf.reduce_prod(grouped, axis=-1)  # (batch, n / factors)
    total = tf.reduce_sum(tf.nn.relu(x), axis=-1) + tf.reduce_sum(tf.math.log(products), axis=-1)
    return total, lambda upstream: upstream[:, tf.newaxis] * tf.sigmoid(x)


class MaskedSteps(tfd.Distribution):
    """Sequences of independent steps. log_prob leaves out the steps that are padding.

    log p(x) = sum_t log p_t(x_t), over the steps t in which some value differs from mask_value

    tfd.Independent of a tfd.BatchReshape would do the same, but it fails in a graph where the batch
    size is unknown (TensorFlow Probability 0.25).

    Args:
        steps: tfd.Distribution of single steps, batch shape (batch * n,), event shape `features`.
        n: int, the number of steps in a sequence.
        mask_value: float. A step is padding if all its values equal it.
        stand_in: float in the support of `steps`. It replaces padding before `steps` sees it.

    Batch shape (batch,), event shape (n, *features).
    """

    def __init__(self, steps, n, mask_value, stand_in=0.0, name="MaskedSteps"):
        parameters = dict(locals())
        self.steps, self.n = steps, n
        self.mask_value, self.stand_in = mask_value, stand_in
        super().__init__(
            dtype=steps.dtype,
            reparameterization_type=steps.reparameterization_type,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"steps": tfp.util.BatchedComponentProperties()}

    def _event_shape(self):
        return tf.TensorShape([self.n]).concatenate(self.steps.event_shape)

    def _event_shape_tensor(self):
        return tf.concat([[self.n], self.steps.event_shape_tensor()], axis=0)

    def _batch_shape(self):
        size = self.steps.batch_shape[0]
        return tf.TensorShape([size if size is None else size // self.n])

    def _batch_shape_tensor(self):
        return self.steps.batch_shape_tensor() // self.n

    def _log_prob(self, x):
        features = self.steps.event_shape
        # (..., batch, n, *features) -> (..., batch, n)
        real = inputs.is_real(x, self.mask_value, len(features))
        leading = tf.shape(real)[:-2]
        # (..., batch, n) -> (..., batch, n, 1, ..., 1)
        real_steps = tf.reshape(real, tf.concat([tf.shape(real), [1] * len(features)], axis=0))
        # Padding may lie outside the support. There the density and its gradient may be NaN, even
        # though the sum below leaves padding out.
        inside = tf.where(real_steps, x, self.stand_in)
        # -> (..., batch * n, *features)
        inside = tf.reshape(inside, tf.concat([leading, [-1], features], axis=0))
        log_prob = self.steps.log_prob(inside)  # (..., batch * n)
        log_prob = tf.reshape(log_prob, tf.shape(real))  # -> (..., batch, n)
        return tf.reduce_sum(tf.where(real, log_prob, 0.0), axis=-1)  # -> (..., batch)

    def _sample_n(self, n, seed=None):
        return self._as_sequences(self.steps.sample(n, seed=seed), [n])

    def _mean(self):
        return self._as_sequences(self.steps.mean())

    def _mode(self):
        return self._as_sequences(self.steps.mode())

    def _variance(self):
        return self._as_sequences(self.steps.variance())

    def _as_sequences(self, values, leading=()):
        """(*leading, batch * n, *features) -> (*leading, batch, n, *features)."""
        leading = tf.cast(leading, tf.int32)
        shape = tf.concat([leading, [-1, self.n], self.steps.event_shape], axis=0)
        return tf.reshape(values, shape)


class ObservedValues(tfd.Distribution):
    """Independent values, some of which are missing: NaN. log_prob leaves these out.

    log p(x) = sum_i log p_i(x_i), over the values that are not NaN

    Args:
        values: tfd.Distribution, batch shape (batch,), event shape `shape`. Either a
            tfd.Independent of single values, or one with a method `log_prob_of_values(x)`, which
            returns one number per value: (..., batch, *shape) -> the same shape.
        stand_in: float, or array that broadcasts to `shape`, in the support of `values`. It
            replaces NaN before `values` sees it.

    Batch shape (batch,), event shape `shape`.
    """

    def __init__(self, values, stand_in=0.0, name="ObservedValues"):
        parameters = dict(locals())
        self.values, self.stand_in = values, stand_in
        # Not isinstance: some of TFP's own objects are no subclass of tfd.Independent (0.25).
        independent = hasattr(values, "reinterpreted_batch_ndims")
        single = independent and len(values.distribution.event_shape) == 0
        if not (single or hasattr(values, "log_prob_of_values")):
            raise ValueError(
                "Expected a likelihood of independent values, or one whose distribution has the "
                f"method log_prob_of_values. Received: {values.name}"
            )
        super().__init__(
            dtype=values.dtype,
            reparameterization_type=values.reparameterization_type,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"values": tfp.util.BatchedComponentProperties()}

    def log_prob_of_values(self, x):
        """log p(x_i) of each value, 0 for NaN: (..., batch, *shape) -> the same shape."""
        missing = tf.math.is_nan(x)
        # The gradient of log p(NaN) would be NaN, even though the value is left out.
        inside = tf.where(missing, tf.cast(self.stand_in, x.dtype), x)
        if hasattr(self.values, "log_prob_of_values"):
            log_prob = self.values.log_prob_of_values(inside)
        else:
            log_prob = self.values.distribution.log_prob(inside)
        return tf.where(missing, tf.zeros_like(log_prob), log_prob)

    def _log_prob(self, x):
        axes = list(range(-len(self.event_shape), 0))
        return tf.reduce_sum(self.log_prob_of_values(x), axis=axes)

    def _event_shape(self):
        return self.values.event_shape

    def _event_shape_tensor(self):
        return self.values.event_shape_tensor()

    def _batch_shape(self):
        return self.values.batch_shape

    def _batch_shape_tensor(self):
        return self.values.batch_shape_tensor()

    def _sample_n(self, n, seed=None):
        return self.values.sample(n, seed=seed)

    def _mean(self):
        return self.values.mean()

    def _mode(self):
        return self.values.mode()

    def _variance(self):
        return self.values.variance()


class DiscretizedLogistic(tfd.Distribution):
    """A logistic variable rounded to the nearest of {0, 1/255, ..., 1}. A `tfd.Distribution`.

    The lowest level also gets the probability of all smaller values, the highest level that of all
    larger values.

    log P(x) = log(sigmoid(a) - sigmoid(b))

    Here a and b are the upper and the lower edge of the level of x, as distances from loc divided
    by scale. The formula is computed as log sigmoid(a) + log sigmoid(-b) + log(1 - exp(b - a)),
    which never subtracts nearly equal numbers.

    Args:
        loc: float tensor.
        scale: float tensor, above 0.

    Batch shape: the shape of loc and scale. Event shape ().
    """

    def __init__(
        self, loc, scale, validate_args=False, allow_nan_stats=True, name="DiscretizedLogistic"
    ):
        parameters = dict(locals())
        self._loc, self._scale = loc, scale
        super().__init__(
            dtype=loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"loc": tfp.util.ParameterProperties(), "scale": tfp.util.ParameterProperties()}

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape([])

    def _log_prob(self, x):
        level = tf.round(255.0 * x)
        lowest, highest = level < 0.5, level > 254.5
        upper = ((level + 0.5) / 255.0 - self._loc) / self._scale
        lower = ((level - 0.5) / 255.0 - self._loc) / self._scale
        zero = tf.zeros_like(upper)
        below_upper = tf.where(highest, zero, tf.math.log_sigmoid(upper))
        above_lower = tf.where(lowest, zero, tf.math.log_sigmoid(-lower))
        width = zero + 1.0 / (255.0 * self._scale)  # upper - lower
        between = tf.where(lowest | highest, zero, tfp.math.log1mexp(width))
        return below_upper + above_lower + between

    def _sample_n(self, n, seed=None):
        x = tfd.Logistic(self._loc, self._scale).sample(n, seed=seed)
        return tf.round(255.0 * tf.clip_by_value(x, 0.0, 1.0)) / 255.0

    def _mean(self):
        # The mean of the variable that is clipped but not rounded: the integral of 1 - cdf over
        # [0, 1]. Rounding changes it by less than a fifth of a grey level at the smallest scale
        # that the mixture allows. At common scales float32 cannot show the change.
        upper = tf.math.softplus((1.0 - self._loc) / self._scale)
        lower = tf.math.softplus(-self._loc / self._scale)
        return 1.0 - self._scale * (upper - lower)


class _FastDraws:
    """Draws the noise of a multivariate normal with `seeds.normal`, which is fast with XLA on CPUs.

    TensorFlow Probability offers no choice of the random number generator.
    """

    def _call_sample_n(self, sample_shape, seed, **kwargs):
        sample_shape = tf.reshape(tf.cast(sample_shape, tf.int32), [-1])  # () or (axes,) -> (axes,)
        shapes = [sample_shape, self.batch_shape_tensor(), self.event_shape_tensor()]
        x = seeds.normal(tf.concat(shapes, axis=0), tfp.random.sanitize_seed(seed))
        unknown = tf.TensorShape([None] * sample_shape.shape[0])
        known = unknown.concatenate(self.batch_shape + self.event_shape)
        return self.bijector.forward(tf.ensure_shape(x, known))


class DiagonalNormal(_FastDraws, tfd.MultivariateNormalDiag):
    """tfd.MultivariateNormalDiag with fast draws."""


class TriangularNormal(_FastDraws, tfd.MultivariateNormalTriL):
    """tfd.MultivariateNormalTriL with fast draws."""


class FewGaussians(TriangularNormal):
    """tfd.MultivariateNormalTriL, faster for few Gaussians and many values.

    log p(z) = -1/2 |L^-1 (z - loc)|^2 - sum_i log L_ii - n/2 log 2 pi

    L^-1 is computed once, instead of solving an equation for each value.

    Args:
        loc: tensor (k, n).
        scale_tril: tensor (k, n, n), L.

    Batch shape (k,), event shape (n,). Values: (..., k, n) or (..., 1, n).
    """

    def _log_prob(self, z):
        scale, n = self.scale.to_dense(), self.event_shape[0]
        identity = tf.eye(n, batch_shape=[scale.shape[0]])
        inverse = tf.linalg.triangular_solve(scale, identity)  # (k, n, n)
        whitened = tf.einsum("kij,...kj->...ki", inverse, z - self.loc)  # (..., k, n)
        squares = tf.reduce_sum(whitened**2, axis=-1)  # (..., k)
        log_det = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(scale)), axis=-1)  # (k,)
        return -0.5 * squares - log_det - 0.5 * n * math.log(2 * math.pi)


class StraightThroughOneHot(tfd.OneHotCategorical):
    """tfd.OneHotCategorical whose draws have a gradient.

    A draw is the one-hot vector of argmax(logits + g), where g is Gumbel noise. Its gradient is the
    gradient of softmax(logits + g) with the same g.

    Source: Jang et al., "Categorical reparameterization with Gumbel-softmax", ICLR 2017,
    equations 1 and 2, section 2.2.
    """

    def _sample_n(self, n, seed=None):
        logits = self.logits_parameter()
        shape = tf.concat([[n], tf.shape(logits)], axis=0)
        u = seeds.uniform(shape, tfp.random.sanitize_seed(seed))
        noisy = logits - tf.math.log(-tf.math.log(u + 2.0**-25))
        soft = tf.nn.softmax(noisy)
        hard = tf.one_hot(tf.argmax(noisy, axis=-1), logits.shape[-1])
        # The term in brackets is exactly zero. It only brings the gradient of `soft`.
        return hard + (soft - tf.stop_gradient(soft))
