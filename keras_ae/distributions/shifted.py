"""A Gaussian that is described by its distance from another one, as posteriors from priors."""

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class Base(tfd.MultivariateNormalDiag):
    """N(loc, diag(scale)^2), the Gaussian that a `Shifted` one is described by.

    Args:
        loc, spread: tensors (..., n), the means and the standard deviations.
    """

    def __init__(self, loc, spread, name="Base"):
        parameters = dict(locals())
        self.spread = spread
        super().__init__(loc, spread, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        vector = tfp.util.ParameterProperties(event_ndims=1)
        return {"loc": vector, "spread": vector}


class Shifted(tfd.MultivariateNormalDiag):
    """N(loc + scale * shift, diag(scale * exp(log_ratio))^2): a Gaussian, given another one.

    Its KL divergence from that other one, with loc and scale, needs no division:
    sum_j (shift_j^2 + exp(2 log_ratio_j) - 1) / 2 - log_ratio_j

    Args:
        base: `Base`, the Gaussian with loc and scale.
        shift, log_ratio: tensors (..., n).
    """

    def __init__(self, base, shift, log_ratio, name="Shifted"):
        parameters = dict(locals())
        self.base, self.shift, self.log_ratio = base, shift, log_ratio
        loc, spread = base.loc + base.spread * shift, base.spread * tf.exp(log_ratio)
        super().__init__(loc, spread, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        vector = tfp.util.ParameterProperties(event_ndims=1)
        return {"base": tfp.util.BatchedComponentProperties(), "shift": vector, "log_ratio": vector}


@tfd.RegisterKL(Shifted, Base)
def _kl_of_shifted(q, p, name=None):
    if q.base is not p:
        return tfd.kl_divergence(
            tfd.MultivariateNormalDiag(q.mean(), q.stddev()),
            tfd.MultivariateNormalDiag(p.mean(), p.stddev()),
        )
    d = q.log_ratio
    return tf.reduce_sum((q.shift**2 + tf.exp(2 * d) - 1) / 2 - d, axis=-1)
