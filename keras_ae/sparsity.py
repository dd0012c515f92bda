"""Sparsity: activations and penalties that make most units of a code zero."""

import keras
from keras import ops

from keras_ae.utils import validation


class Sparsity(keras.Layer):
    """An activation of codes, and a penalty on units that are active.

    A subclass defines `call(code)`, the activation, and `penalty(code)` of the activated code.

    Attributes:
        threshold: float, a unit is active if the absolute value of its activation is above it.
    """

    threshold = 0.0

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")  # half precision rounds nats too far
        super().__init__(**kwargs)

    def penalty(self, code):
        """The penalty per example: activated code (batch, latent_dim) -> (batch,), nats."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("keras_ae")
class L1Sparsity(Sparsity):
    """Activation relu(code), penalty weight * sum_j |code_j|.

    Args:
        weight: float >= 0, nats per unit of activation.

    Raises:
        ValueError: weight is negative.

    Source: Keras blog, "Building autoencoders in Keras", 2016, section 2.
    """

    def __init__(self, weight=0.01, **kwargs):
        super().__init__(**kwargs)
        self.weight = validation.at_least_zero(weight, "weight")

    def call(self, code):
        return ops.relu(code)

    def penalty(self, code):
        return self.weight * ops.sum(ops.abs(code), axis=-1)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


@keras.saving.register_keras_serializable("keras_ae")
class KLSparsity(Sparsity):
    """Activation sigmoid(code), penalty weight * sum_j KL(Bernoulli(rate) || Bernoulli(mean_j)).

    mean_j is the mean activation of unit j in the batch. A unit is active above 0.5.

    Args:
        rate: float between 0 and 1, the mean activation to aim for.
        weight: float >= 0.

    Raises:
        ValueError: an argument lies outside its interval.

    Source: Ng, "Sparse autoencoder", CS294A lecture notes, 2011, section 3.
    """

    threshold = 0.5

    def __init__(self, rate=0.05, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 < rate < 1:
            raise ValueError(f"Expected `rate` to lie between 0 and 1. Received: rate={rate!r}")
        self.rate, self.weight = rate, validation.at_least_zero(weight, "weight")

    def call(self, code):
        return ops.sigmoid(code)

    def penalty(self, code):
        mean = ops.mean(code, axis=0)  # (batch, latent_dim) -> (latent_dim,)
        mean, rate = ops.clip(mean, 1e-6, 1 - 1e-6), self.rate
        kl = rate * ops.log(rate / mean) + (1 - rate) * ops.log((1 - rate) / (1 - mean))
        return self.weight * ops.sum(kl) * ops.ones_like(code[:, 0])

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "weight": self.weight}


@keras.saving.register_keras_serializable("keras_ae")
class TopKSparsity(Sparsity):
    """Keeps the k largest units of a code and sets all others to zero. There is no penalty.

    Args:
        k: int >= 1. With k >= latent_dim every unit stays.

    Raises:
        ValueError: k is not a positive integer.

    Source: Makhzani & Frey, "k-sparse autoencoders", ICLR 2014, algorithm 1.
    """

    def __init__(self, k=25, **kwargs):
        super().__init__(**kwargs)
        self.k = validation.positive_int(k, "k")

    def call(self, code):
        latent_dim = code.shape[-1]
        # (batch, latent_dim) -> (batch, k)
        _, largest = ops.top_k(code, min(self.k, latent_dim), sorted=False)
        kept = ops.one_hot(largest, latent_dim, dtype=code.dtype)  # (batch, k, latent_dim)
        return code * ops.sum(kept, axis=-2)

    def penalty(self, code):
        return ops.zeros_like(code[:, 0])

    def get_config(self):
        return {**super().get_config(), "k": self.k}


SPARSITIES = {"l1": L1Sparsity, "kl": KLSparsity, "top_k": TopKSparsity}


def get(identifier):
    """The sparsity of a name, a config or a layer."""
    return validation.layer_of("sparsity", identifier, SPARSITIES, Sparsity)
