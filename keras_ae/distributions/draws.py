"""Draws that come with their density: flows, and chains of distributions.

They work wherever a tfp distribution does.
"""

import typing

import tensorflow as tf
import tensorflow_probability as tfp

tfb, tfd = tfp.bijectors, tfp.distributions


class Steps(typing.NamedTuple):
    """How a draw from a `Chain` came about, part by part.

    Attributes:
        parts: list of the parts of z.
        distributions: list of the distributions that they were drawn from.
        states: list of the states of the chain after each part.
        advance: the function that made them.
    """

    parts: list
    distributions: list
    states: list
    advance: typing.Callable


class Draw(typing.NamedTuple):
    """A draw from a distribution, with its density.

    Attributes:
        z: tensor (..., *batch, n).
        log_prob: function without arguments. It computes the log-density of z, (..., *batch).
        steps: for a `Chain`, its `Steps`. Otherwise None.
    """

    z: tf.Tensor
    log_prob: typing.Callable
    steps: Steps = None


def draw(distribution, seed, sample_shape=()):
    """Draws from any tfp distribution. Use it instead of `sample` if you also need the density.

    Args:
        distribution: tfd.Distribution, batch shape `batch`, event shape (n,).
        seed: int32 (2,).
        sample_shape: int or shape, the number of draws.

    Returns:
        Draw, with z of shape (*sample_shape, *batch, n).

    For example:

        q = keras_ae.distributions.DiagonalGaussian()(np.zeros((5, 4), "float32"))
        one = keras_ae.distributions.draw(q, seed=(1, 2))
        one.z, one.log_prob()  # (5, 2), (5,)
    """
    if isinstance(distribution, Chain):
        return distribution.draw(sample_shape, seed)
    if isinstance(distribution, Flow):
        z, log_prob = distribution.experimental_sample_and_log_prob(sample_shape, seed=seed)
        return Draw(z, lambda: log_prob)
    z = distribution.sample(sample_shape, seed=seed)
    return Draw(z, lambda: distribution.log_prob(z))


class Map(tfb.Bijector):
    """A function f of vectors, computed together with its log-determinant. A `tfb.Bijector`.

    `Flow` calls the function once for both.

    Args:
        forward: function x -> f(x), log |det df/dx|: (..., n) -> (..., n), (...).
        inverse: function y -> x: (..., n) -> (..., n). None: only values that this object has
            returned can be inverted, because tfp remembers them.
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
                "Expected codes drawn from this very distribution object, because its flow has no "
                "inverse in closed form. Received: other codes"
            )
        return self._inverse_function(y)


class Flow(tfd.TransformedDistribution):
    """tfd.TransformedDistribution whose bijector is a `Map` or the inverse of a `Map`.

    One pass computes the value and the log-determinant.
    """

    def _maybe_broadcast_distribution_batch_shape(self):
        # tfp would broadcast the start again at every draw. It has the right batch shape already.
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
            return super()._log_prob(z, **kwargs)  # tfp remembers the u of this flow's own draws
        u, log_det = self.bijector.bijector.forward_and_log_det(z)
        return self.distribution.log_prob(u) + log_det


class Chain(tfd.Distribution):
    """A vector z made of the parts z_1, ..., z_L, each drawn given the parts before it.

    p(z) = prod_l p(z_l | z_1, ..., z_l-1)

    Args:
        sizes: sequence of ints, the sizes of the parts z_l.
        conditionals: sequence of functions, one for each part. Function l takes the state after
            the parts before it, and returns the tfd.Distribution of z_l. Its batch shape is
            (..., *batch). If z_l does not depend on the parts before it, axes on the left may be
            missing.
        advance: function of a state, the number of a part and the part (..., *batch, size); it
            returns the next state. By default a state is the list of the parts so far; it begins
            with []. Chains with equal functions can use each other's states.

    Batch shape: that of p(z_1). Event shape (sum(sizes),).
    """

    def __init__(self, sizes, conditionals, advance=None, name="Chain"):
        parameters = dict(locals())
        self.sizes, self._conditionals = tuple(sizes), tuple(conditionals)
        self.advance = advance or _listed
        self._first = conditionals[0]([])
        super().__init__(
            dtype=self._first.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {}

    @property
    def first(self):
        """p(z_1), a tfd.Distribution."""
        return self._first

    def centre(self):
        """z without noise, each part the mean given the parts before it: (*batch, sum(sizes))."""

        def choose(number, distribution, shape):
            return distribution.centre() if isinstance(distribution, Chain) else distribution.mean()

        return tf.concat(self._walk(choose).parts, axis=-1)

    def draw(self, sample_shape, seed):
        """Draws z with its density.

        Args:
            sample_shape: int or shape, the number of draws.
            seed: int32 (2,).

        Returns:
            Draw. Its density comes from the same distribution objects that z was drawn from.
        """
        of_parts = tfp.random.split_seed(seed, len(self.sizes))

        def choose(number, distribution, shape):
            return distribution.sample(shape if number else sample_shape, seed=of_parts[number])

        steps = self._walk(choose)
        z = tf.concat(steps.parts, axis=-1)
        return Draw(z, lambda: _sum_of_log_probs(steps.parts, steps.distributions), steps)

    def log_prob_of(self, draw):
        """log p(z) of a `Draw`, perhaps from another chain: (..., *batch)."""
        steps = draw.steps
        if steps is None or steps.advance != self.advance:
            return self.log_prob(draw.z)
        return _sum_of_log_probs(steps.parts, self.given(steps.parts, steps.states))

    def redraw(self, z, kept, seed):
        """Codes with the same first parts, the others drawn: z (..., n) -> the same shape."""
        given, of_parts = self.split(z), tfp.random.split_seed(seed, len(self.sizes))

        def choose(number, distribution, shape):
            if number < kept:
                return given[number]
            leading = tf.shape(z)[:-1] if distribution.batch_shape.rank == 0 else shape
            return distribution.sample(leading, seed=of_parts[number])

        return tf.concat(self._walk(choose).parts, axis=-1)

    def split(self, z):
        """The parts of z: (..., sum(sizes)) -> a list of (..., size)."""
        return tf.split(z, self.sizes, axis=-1)

    def given(self, parts, states=None):
        """The distribution of each part, given the parts before it.

        Args:
            parts: list of tensors (..., *batch, size), as `split` returns it.
            states: list of the states after each part. None: they are computed.

        Returns:
            list of tfd.Distributions.
        """
        if states is None:
            states = []
            for number, part in enumerate(parts[:-1]):
                states.append(self.advance(states[-1] if states else [], number, part))
        pairs = zip(self._conditionals[1:], states, strict=False)
        return [self._first, *(conditional(state) for conditional, state in pairs)]

    def _walk(self, choose):
        """Goes through the parts in order.

        Args:
            choose: function (number of the part, its distribution, shape of the draws) -> the part.

        Returns:
            Steps.
        """
        parts, distributions, states = [], [], []
        for number, conditional in enumerate(self._conditionals):
            distribution = conditional(states[-1]) if parts else self._first
            # The axes of z_1 that this distribution lacks
            leading = parts[0].shape.rank - 1 - distribution.batch_shape.rank if parts else 0
            shape = tf.shape(parts[0])[:leading] if parts else []
            parts.append(tf.cast(choose(number, distribution, shape), self.dtype))
            distributions.append(distribution)
            states.append(self.advance(states[-1] if states else [], number, parts[-1]))
        return Steps(parts, distributions, states, self.advance)

    def _event_shape(self):
        return tf.TensorShape([sum(self.sizes)])

    def _event_shape_tensor(self):
        return tf.constant([sum(self.sizes)], tf.int32)

    def _batch_shape(self):
        return self._first.batch_shape

    def _batch_shape_tensor(self):
        return self._first.batch_shape_tensor()

    def _call_sample_n(self, sample_shape, seed, **kwargs):
        return self.draw(sample_shape, seed).z

    def _sample_and_log_prob(self, sample_shape, seed, **kwargs):
        draw = self.draw(sample_shape, seed)
        return draw.z, draw.log_prob()

    def _log_prob(self, z):
        parts = self.split(z)
        return _sum_of_log_probs(parts, self.given(parts))


def _listed(parts, number, part):
    """The state of a chain that keeps no other state: the list of its parts."""
    return [*parts, part]


def _sum_of_log_probs(parts, distributions):
    """sum_l log p(z_l | z_1, ..., z_l-1): (..., *batch)."""
    pairs = zip(parts, distributions, strict=True)
    return sum(distribution.log_prob(part) for part, distribution in pairs)
