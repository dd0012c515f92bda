"""Schedules: numbers that change from one training step to the next, such as beta of a VAE.

A schedule is any `keras.optimizers.schedules.LearningRateSchedule`, a function of the step. It is
computed inside the training step, so it changes at every step, also under XLA and on several
devices. Here are two that Keras does not have.

    shape = (28, 28, 1)
    vae = keras_ae.VAE(shape, latent_dim=20, beta=keras_ae.schedules.WarmUp(5_000))
"""

import keras
from keras import ops

from keras_ae.utils import validation

Schedule = keras.optimizers.schedules.LearningRateSchedule


def get(value, name):
    """A number of at least 0, or a schedule, which may be given as its config.

    Args:
        value: what the user gave.
        name: str, the name of the argument.

    Returns:
        float, int or Schedule.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, dict):
        value = keras.saving.deserialize_keras_object(value)
    if isinstance(value, Schedule) or (validation.is_number(value) and value >= 0):
        return value
    expected = "a number of at least 0, or a schedule"
    raise ValueError(f"Expected `{name}` to be {expected}. Received: {name}={value!r}")


def at(value, step):
    """The number at a training step, from a number or a schedule."""
    return value(step) if isinstance(value, Schedule) else value


@keras.saving.register_keras_serializable("keras_ae")
class WarmUp(Schedule):
    """Rises from `start` to `end` in a straight line of `steps` steps, then stays.

    value(step) = start + (end - start) * min(1, step / steps)

    Args:
        steps: int >= 1, training steps, not epochs.
        start, end: floats.

    Raises:
        ValueError: steps is not a positive integer.

    Source: Bowman et al., "Generating sentences from a continuous space", CoNLL 2016, section 3.1;
    Sonderby et al., NeurIPS 2016.
    """

    def __init__(self, steps, start=0.0, end=1.0):
        self.steps, self.start, self.end = _steps(steps), start, end

    def __call__(self, step):
        t = ops.cast(step, "float32") / self.steps
        return self.start + (self.end - self.start) * ops.minimum(1.0, t)

    def get_config(self):
        return {"steps": self.steps, "start": self.start, "end": self.end}


@keras.saving.register_keras_serializable("keras_ae")
class Cyclical(Schedule):
    """Rises from `start` to `end` again and again.

    In each cycle of `steps` steps, the value rises for the share `rise` of them, then stays.

    value(step) = start + (end - start) * min(1, t / rise),  t = (step mod steps) / steps

    Args:
        steps: int >= 1, training steps of one cycle.
        rise: float in (0, 1], the share of a cycle in which the value rises.
        start, end: floats.

    Raises:
        ValueError: an argument does not fit.

    Source: Fu et al., "Cyclical annealing schedule: a simple approach to mitigating KL vanishing",
    NAACL 2019, equations 6 and 7.
    """

    def __init__(self, steps, rise=0.5, start=0.0, end=1.0):
        if not 0 < rise <= 1:
            raise ValueError(f"Expected `rise` to lie in (0, 1]. Received: rise={rise!r}")
        self.steps, self.rise, self.start, self.end = _steps(steps), rise, start, end

    def __call__(self, step):
        t = ops.cast(ops.mod(ops.cast(step, "int32"), self.steps), "float32") / self.steps
        return self.start + (self.end - self.start) * ops.minimum(1.0, t / self.rise)

    def get_config(self):
        return {"steps": self.steps, "rise": self.rise, "start": self.start, "end": self.end}


def _steps(steps):
    return validation.positive_int(steps, "steps", ", of training steps")
