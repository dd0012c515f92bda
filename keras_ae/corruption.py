"""Noise for denoising autoencoders: x_noisy ~ M(x_noisy | x). Every call draws afresh, in training and out of it."""

import keras
import numpy as np
import tensorflow as tf

from keras_ae.utils import seeds, validation


class Corruption(keras.Layer):
    """A layer that corrupts its input. A subclass states `corrupt(x, seed)`, a function of its arguments alone.

    Input and output shape: (batch, ...), equal.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = seeds.SeedGenerator()

    def call(self, x):
        return self.corrupt(x, self.seeds.draw())

    def corrupt(self, x, seed):
        """Corrupts x reproducibly.

        Args:
            x: float tensor (batch, ...).
            seed: int32 tensor (2,).
        """
        raise NotImplementedError


@keras.saving.register_keras_serializable("keras_ae")
class GaussianCorruption(Corruption):
    """x + scale * n, n ~ N(0, 1), clipped.

    Args:
        scale: float >= 0, the standard deviation of the noise; or (low, high), both above 0: each
            example draws its own standard deviation, log-uniformly between the two.
        clip: (low, high), the interval that the result is clipped to, or None.
    """

    def __init__(self, scale=0.5, clip=(0.0, 1.0), **kwargs):
        super().__init__(**kwargs)
        if isinstance(scale, (tuple, list)):
            if not (len(scale) == 2 and 0 < scale[0] <= scale[1]):
                raise ValueError(
                    f"Expected `scale` to be (low, high), 0 < low <= high. Received: scale={scale!r}"
                )
            scale = tuple(float(value) for value in scale)
        elif not scale >= 0:
            raise ValueError(f"Expected `scale` to be at least 0. Received: scale={scale!r}")
        if clip is not None and not (len(clip) == 2 and clip[0] < clip[1]):
            raise ValueError(f"Expected `clip` to be (low, high) or None. Received: clip={clip!r}")
        self.scale = scale
        self.clip = None if clip is None else tuple(clip)

    def corrupt(self, x, seed):
        scale = self.scale
        if isinstance(scale, tuple):
            seed, of_scale = seeds.split(seed, 2)
            low, high = np.log(scale)
            shape = (tf.shape(x)[0], *[1] * (x.shape.rank - 1))  # one scale per example
            scale = tf.exp(low + (high - low) * seeds.uniform(shape, of_scale))
            scale = tf.cast(scale, x.dtype)
        noisy = x + scale * tf.cast(seeds.normal(tf.shape(x), seed), x.dtype)
        return noisy if self.clip is None else tf.clip_by_value(noisy, *self.clip)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "clip": self.clip}


@keras.saving.register_keras_serializable("keras_ae")
class MaskingCorruption(Corruption):
    """Sets each value to 0 with probability `rate`, and leaves the others as they are.

    Args:
        rate: float in [0, 1].

    Source: Vincent et al., "Stacked denoising autoencoders", JMLR 2010, section 3.3.
    """

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.rate = _check_rate(rate)

    def corrupt(self, x, seed):
        kept = seeds.uniform(tf.shape(x), seed) >= self.rate
        return tf.where(kept, x, tf.zeros_like(x))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable("keras_ae")
class SaltAndPepperCorruption(Corruption):
    """Sets each value to 0 or to 1, by a fair coin, with probability `rate`, and leaves the others as they are.

    Args:
        rate: float in [0, 1].

    Source: Vincent et al., "Stacked denoising autoencoders", JMLR 2010, section 3.3.
    """

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.rate = _check_rate(rate)

    def corrupt(self, x, seed):
        u = seeds.uniform(tf.shape(x), seed)  # below rate / 2: 0, from there to rate: 1, above: x
        return tf.where(u >= self.rate, x, tf.cast(u >= self.rate / 2, x.dtype))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


CORRUPTIONS = {
    "gaussian": GaussianCorruption,
    "masking": MaskingCorruption,
    "salt_and_pepper": SaltAndPepperCorruption,
}


def get(identifier, **options):
    """The corruption of a name, a config or a layer. Any Keras layer that keeps the shape will do."""
    return validation.layer_of("corruption", identifier, CORRUPTIONS, keras.Layer, **options)


def _check_rate(rate):
    if not 0 <= rate <= 1:
        raise ValueError(f"Expected `rate` to lie between 0 and 1. Received: rate={rate!r}")
    return rate
