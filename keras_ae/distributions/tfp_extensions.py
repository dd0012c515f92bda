"""tfp distributions that tfp lacks, or whose arithmetic is cheaper here. They work wherever a tfp distribution does."""

import math
import typing

import tensorflow as tf
import tensorflow_probability as tfp

from keras_ae.utils import inputs, seeds

tfb, tfd = tfp.bijectors, tfp.distributions


class IndependentBernoulli(tfd.Independent):
    """tfd.Independent of a tfd.Bernoulli, all axes but the first one event, with a fraction of the logarithms in log_prob.

    log p(x) = sum_i x_i l_i - softplus(l_i), for finite logits l: (batch, *shape)
    """

    def __init__(self, logits, name="IndependentBernoulli"):
        parameters = dict(locals())
        super().__init__(
            tfd.Bernoulli(logits=logits, dtype=tf.float32), len(logits.shape) - 1, name=name
        )
        self._parameters = self._no_dependency(parameters)

    def _log_prob(self, x, **kwargs):
        logits = self.distribution.logits
        axes = list(range(-(len(logits.shape) - 1), 0))
        return tf.reduce_sum(x * logits, axis=axes) - sum_of_softplus(
            tf.reshape(logits, (-1, math.prod(logits.shape[1:])))
        )


class MaskedSteps(tfd.Distribution):
    """Independent steps of sequences, of which log_prob counts those alone that are no padding. A `tfd.Distribution`.

    log p(x) = sum_t log p_t(x_t), over the steps t of x some value of which differs from mask_value

    tfd.Independent of a tfd.BatchReshape would do, but for batches of unknown size in a graph (TensorFlow Probability 0.25).

    Args:
        steps: tfd.Distribution of single steps, batch shape (batch * n,), event shape `features`.
        n: int, the number of steps of a sequence.
        mask_value: float.
        stand_in: float in the support of `steps`, which they are asked about in the place of padding.

    Batch shape (batch,), event shape (n, *features).
    """

    def __init__(self, steps, n, mask_value, stand_in=0.0, name="MaskedSteps"):
        parameters = dict(locals())
        self.steps, self.n, self.mask_value, self.stand_in = steps, n, mask_value, stand_in
        super().__init__(
            steps.dtype,
            steps.reparameterization_type,
            False,
            True,
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
        real = inputs.is_real(
            x, self.mask_value, len(features)
        )  # (..., batch, n, *features) -> (..., batch, n)
        # Padding may lie outside the support, where the density, and so its gradient, may be NaN, though the sum leaves it out.
        inside = tf.where(
            tf.reshape(real, tf.concat([tf.shape(real), [1] * len(features)], axis=0)),
            x,
            self.stand_in,
        )
        leading = tf.shape(real)[:-2]
        log_prob = self.steps.log_prob(
            tf.reshape(inside, tf.concat([leading, [-1], features], axis=0))
        )  # (..., batch * n)
        return tf.reduce_sum(
            tf.where(real, tf.reshape(log_prob, tf.shape(real)), 0.0), axis=-1
        )  # -> (..., batch)

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
        return tf.reshape(
            values,
            tf.concat([tf.cast(leading, tf.int32), [-1, self.n], self.steps.event_shape], axis=0),
        )


@tf.custom_gradient
def sum_of_softplus(x):
    """sum_i log(1 + exp(x_i)): (batch, n) -> (batch,).

    log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), and the sum of such logarithms is the logarithm of a product of factors between 1
    and 2, of which float32 holds 120. So there is one logarithm for many values, which are most of the time of a Bernoulli density.
    """
    n = x.shape[-1]
    factors = max(k for k in range(1, 121) if n % k == 0)
    products = tf.reduce_prod(
        tf.reshape(1.0 + tf.exp(-tf.abs(x)), (-1, n // factors, factors)), axis=-1
    )  # (batch, n / factors)
    total = tf.reduce_sum(tf.nn.relu(x), axis=-1) + tf.reduce_sum(tf.math.log(products), axis=-1)
    return total, lambda upstream: upstream[:, tf.newaxis] * tf.sigmoid(x)


class DiscretizedLogistic(tfd.Distribution):
    """A logistic variable rounded to the nearest of {0, 1/255, ..., 1}; the outer levels take the tails. A `tfd.Distribution`.

    log P(x) = log(sigmoid(a) - sigmoid(b)), a and b being the upper and lower edge of x's level in units of scale from loc. Computed
    as log sigmoid(a) + log sigmoid(-b) + log(1 - exp(b - a)), which never subtracts near-equal numbers.
    """

    def __init__(
        self, loc, scale, validate_args=False, allow_nan_stats=True, name="DiscretizedLogistic"
    ):
        parameters = dict(locals())
        self._loc, self._scale = loc, scale
        super().__init__(
            loc.dtype,
            tfd.NOT_REPARAMETERIZED,
            validate_args,
            allow_nan_stats,
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
        upper = ((level + 0.5) / 255.0 - self._loc) / self._scale
        lower = ((level - 0.5) / 255.0 - self._loc) / self._scale
        zero = tf.zeros_like(upper)
        below_upper = tf.where(level > 254.5, zero, tf.math.log_sigmoid(upper))
        above_lower = tf.where(level < 0.5, zero, tf.math.log_sigmoid(-lower))
        between = tf.where(
            (level < 0.5) | (level > 254.5),
            zero,
            tfp.math.log1mexp(zero + 1.0 / (255.0 * self._scale)),
        )
        return below_upper + above_lower + between

    def _sample_n(self, n, seed=None):
        x = tfd.Logistic(self._loc, self._scale).sample(n, seed=seed)
        return tf.round(255.0 * tf.clip_by_value(x, 0.0, 1.0)) / 255.0

    def _mean(self):
        # The mean of the clipped, unrounded variable, the integral of 1 - cdf over [0, 1]. Rounding moves it by less than a fifth of
        # a grey level at the smallest scale that the mixture allows, and by nothing that float32 can show at common ones.
        above = self._scale * (
            tf.math.softplus((1.0 - self._loc) / self._scale)
            - tf.math.softplus(-self._loc / self._scale)
        )
        return 1.0 - above


class _FastDraws:
    """A multivariate normal whose draws are affine in `seeds.normal`, which is fast under XLA on CPUs; tfp offers no choice."""

    def _call_sample_n(self, sample_shape, seed, **kwargs):
        sample_shape = tf.reshape(tf.cast(sample_shape, tf.int32), [-1])  # n -> [n]
        shape = tf.concat(
            [sample_shape, self.batch_shape_tensor(), self.event_shape_tensor()], axis=0
        )
        x = seeds.normal(shape, tfp.random.sanitize_seed(seed))
        known = tf.TensorShape([None] * sample_shape.shape[0]).concatenate(
            self.batch_shape + self.event_shape
        )
        return self.bijector.forward(tf.ensure_shape(x, known))


class DiagonalNormal(_FastDraws, tfd.MultivariateNormalDiag):
    """tfd.MultivariateNormalDiag with fast draws."""


class TriangularNormal(_FastDraws, tfd.MultivariateNormalTriL):
    """tfd.MultivariateNormalTriL with fast draws."""


class StraightThroughOneHot(tfd.OneHotCategorical):
    """tfd.OneHotCategorical whose draws have a gradient: that of softmax(logits + g), g being the Gumbel noise that chose them.

    Source: Jang et al., "Categorical reparameterization with Gumbel-softmax", ICLR 2017, equations 1 and 2, section 2.2.
    """

    def _sample_n(self, n, seed=None):
        logits = self.logits_parameter()
        u = seeds.uniform(
            tf.concat([[n], tf.shape(logits)], axis=0), tfp.random.sanitize_seed(seed)
        )
        noisy = logits - tf.math.log(-tf.math.log(u + 2.0**-25))
        soft = tf.nn.softmax(noisy)
        hard = tf.one_hot(tf.argmax(noisy, axis=-1), logits.shape[-1])
        return hard + (soft - tf.stop_gradient(soft))  # whose second term is exactly zero


class Map(tfb.Bijector):
    """A function f of vectors that comes with its log-determinant. A `tfb.Bijector`; `Flow` calls the function once for both.

    Args:
        forward: function x -> f(x), log |det df/dx|: (..., n) -> (..., n), (...).
        inverse: function y -> x; None: only values that this object has given are inverted, as tfp remembers them.
    """

    def __init__(self, forward, inverse=None, name="Map"):
        parameters = dict(locals())
        self._function, self._inverse_function = forward, inverse
        super().__init__(
            forward_min_event_ndims=1, dtype=tf.float32, parameters=parameters, name=name
        )

    @classmethod
    def _parameter_properties(cls, dtype):
        return {}

    def forward_and_log_det(self, x):
        """f(x) and log |det df/dx|: (..., n) -> (..., n), (...)."""
        return self._function(x)

    def _forward(self, x):
        return self._function(x)[0]

    def _forward_log_det_jacobian(self, x):
        return self._function(x)[1]

    def _inverse(self, y):
        if self._inverse_function is None:
            raise NotImplementedError(
                "Expected draws of this very distribution object, since its flow has no inverse in closed form. Received: other codes"
            )
        return self._inverse_function(y)


class Flow(tfd.TransformedDistribution):
    """tfd.TransformedDistribution by a `Map`, or by the inverse of one, whose value and log-determinant come from one pass.

    It has one start a distribution, of whatever batch size, which tfp would broadcast again at every draw.
    """

    def _maybe_broadcast_distribution_batch_shape(self):
        return self.distribution

    def _sample_and_log_prob(self, sample_shape, seed, **kwargs):
        if not isinstance(self.bijector, Map):
            z = self.sample(sample_shape, seed=seed)
            return z, self.log_prob(z)
        u, log_prob = self.distribution.experimental_sample_and_log_prob(sample_shape, seed=seed)
        z, log_det = self.bijector.forward_and_log_det(u)
        return z, log_prob - log_det

    def _log_prob(self, z, **kwargs):
        if isinstance(self.bijector, Map):
            return super()._log_prob(z, **kwargs)  # which finds the u of its own draws
        u, log_det = self.bijector.bijector.forward_and_log_det(z)
        return self.distribution.log_prob(u) + log_det


class FewGaussians(TriangularNormal):
    """tfd.MultivariateNormalTriL of a few Gaussians and many values, loc (k, n), L (k, n, n) and values (..., k, n) or (..., 1, n).

    log p(z) = -1/2 |L^-1 (z - loc)|^2 - sum_i log L_ii - n/2 log 2 pi. L^-1 is computed once, and not solved for each value.
    """

    def _log_prob(self, z):
        scale, n = self.scale.to_dense(), self.event_shape[0]
        inverse = tf.linalg.triangular_solve(
            scale, tf.eye(n, batch_shape=[scale.shape[0]])
        )  # (k, n, n)
        whitened = tf.einsum("kij,...kj->...ki", inverse, z - self.loc)  # (..., k, n)
        log_det = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(scale)), axis=-1)
        return (
            -0.5 * tf.reduce_sum(whitened**2, axis=-1) - log_det - 0.5 * n * math.log(2 * math.pi)
        )


class Chain(tfd.Distribution):
    """z = (z_1, ..., z_L) side by side in one vector, p(z) = prod_l p(z_l | z_1, ..., z_l-1). A `tfd.Distribution`.

    Args:
        sizes: sequence of ints, the sizes of the parts z_l.
        conditionals: as many functions, each of the list [z_1, ..., z_l-1], (..., *batch, size) each, to a distribution of z_l whose batch
            shape is (..., *batch), or only a part of it from the right if z_l does not depend on them.
    """

    def __init__(self, sizes, conditionals, name="Chain"):
        parameters = dict(locals())
        self.sizes, self._conditionals = tuple(sizes), tuple(conditionals)
        self._first = conditionals[0]([])
        super().__init__(
            self._first.dtype,
            tfd.NOT_REPARAMETERIZED,
            False,
            True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {}

    @property
    def first(self):
        """p(z_1)."""
        return self._first

    def centre(self):
        """z, each part the mean that those before it give: (*batch, sum(sizes))."""

        def choose(number, distribution, shape):
            return distribution.centre() if isinstance(distribution, Chain) else distribution.mean()

        return self._walk(choose)[0]

    def _walk(self, choose):
        """z, each part chosen from the distribution that those before it give; the parts; the distributions."""
        parts, distributions = [], []
        for number, conditional in enumerate(self._conditionals):
            distribution = conditional(parts) if parts else self._first
            leading = (
                parts[0].shape.rank - 1 - distribution.batch_shape.rank if parts else 0
            )  # axes of z_1 that it does not know
            shape = tf.shape(parts[0])[:leading] if parts else []
            parts.append(tf.cast(choose(number, distribution, shape), self.dtype))
            distributions.append(distribution)
        return tf.concat(parts, axis=-1), parts, distributions

    def _event_shape(self):
        return tf.TensorShape([sum(self.sizes)])

    def _event_shape_tensor(self):
        return tf.constant([sum(self.sizes)], tf.int32)

    def _batch_shape(self):
        return self._first.batch_shape

    def _batch_shape_tensor(self):
        return self._first.batch_shape_tensor()

    def draw(self, sample_shape, seed):
        """A `Draw` of z. Its density comes from the distributions that drew it, each of which is made once."""
        of_parts = tfp.random.split_seed(seed, len(self.sizes))

        def choose(number, distribution, shape):
            return distribution.sample(shape if number else sample_shape, seed=of_parts[number])

        z, parts, distributions = self._walk(choose)
        return Draw(z, lambda: _sum_of_log_probs(parts, distributions), (parts, distributions))

    def _call_sample_n(self, sample_shape, seed, **kwargs):
        return self.draw(sample_shape, seed).z

    def _sample_and_log_prob(self, sample_shape, seed, **kwargs):
        draw = self.draw(sample_shape, seed)
        return draw.z, draw.log_prob()

    def split(self, z):
        """The parts of z: (..., sum(sizes)) -> a list of (..., size)."""
        return tf.split(z, self.sizes, axis=-1)

    def given(self, parts):
        """The distribution of each part, given those before."""
        return [
            self._first,
            *(
                conditional(parts[:i])
                for i, conditional in enumerate(self._conditionals[1:], start=1)
            ),
        ]

    def _log_prob(self, z):
        parts = self.split(z)
        return _sum_of_log_probs(parts, self.given(parts))


def _sum_of_log_probs(parts, distributions):
    return sum(
        distribution.log_prob(part) for part, distribution in zip(parts, distributions, strict=True)
    )


class Draw(typing.NamedTuple):
    """A draw of a distribution, with its density.

    Attributes:
        z: tensor (..., *batch, n).
        log_prob: function without arguments -> the log-density of z, (..., *batch), computed when it is called.
        steps: for a `Chain`, the parts of z and the distribution that drew each; else None.
    """

    z: tf.Tensor
    log_prob: typing.Callable
    steps: tuple = None


def draw(distribution, seed, sample_shape=()):
    """Draws from any tfp distribution. Use it in the place of `sample` where the density of the draw is asked for too.

    Args:
        distribution: tfd.Distribution.
        seed: int32 (2,).
        sample_shape: int or shape, how many draws.

    Returns:
        Draw.
    """
    if isinstance(distribution, Chain):
        return distribution.draw(sample_shape, seed)
    if isinstance(distribution, Flow):
        z, log_prob = distribution.experimental_sample_and_log_prob(sample_shape, seed=seed)
        return Draw(z, lambda: log_prob)
    z = distribution.sample(sample_shape, seed=seed)
    return Draw(z, lambda: distribution.log_prob(z))
