"""The races: who runs what against whom, and what keras_ae is to reach."""

import dataclasses

US, MS, S = "µs a sample", "ms an image", "s"


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A function of a module here, called with the number of images; see worker.py.

    Attributes:
        name: as the table says it.
        module, function: where it is.
        count: int, images a pass; quick_count for a quick look.
        requires: the package without which it cannot run, or None.
        at_least: float, how many times as fast as this one keras_ae is to be; or
        at_most: float, how many times its time keras_ae may take; None, None: no target.
    """

    name: str
    module: str
    function: str
    count: int
    quick_count: int
    requires: str | None = None
    at_least: float | None = None
    at_most: float | None = None


@dataclasses.dataclass(frozen=True)
class Race:
    """Contestants that take turns at one work; keras_ae is the first.

    Attributes:
        work: one line, as the table says it.
        unit: US, MS or S; the first two are the time of a turn over its images.
        passes: int, how often a contestant does the work in a turn.
        same_value: whether all do the same work, so that the values that they return must agree.
    """

    work: str
    unit: str
    passes: int
    same_value: bool
    contestants: tuple


RACES = {
    "dense": Race(
        "dense VAE 784-200-200-20, batch 128, training",
        US,
        passes=2,
        same_value=True,
        contestants=(
            Contestant("keras_ae", "ours", "dense", 60_000, 1_280),
            Contestant(
                "PyTorch, hand-written", "torch_vae", "dense", 60_000, 1_280, "torch", at_least=1.8
            ),
            Contestant(
                "PyTorch, torch.compile", "torch_vae", "dense_compiled", 60_000, 1_280, "torch"
            ),
            Contestant(
                "pythae's trainer", "pythae_vae", "dense", 60_000, 1_280, "pythae", at_least=3
            ),
            Contestant(
                "keras.Model.fit, keras.io's VAE", "keras_io", "dense", 60_000, 1_280, at_least=2
            ),
            Contestant("bare XLA-compiled loop", "xla_loop", "dense", 60_000, 1_280, at_most=1.15),
            Contestant(
                "JAX, lax.scan over a pass", "jax_vae", "dense", 60_000, 1_280, "jax", at_least=1
            ),
        ),
    ),
    "conv": Race(
        "convolutional VAE, the default network, batch 128, training",
        US,
        passes=1,
        same_value=False,  # the network with transposed convolutions is another
        contestants=(
            Contestant("keras_ae", "ours", "conv", 12_800, 256),
            Contestant(
                "PyTorch, the same network, channels_last",
                "torch_conv",
                "conv",
                12_800,
                256,
                "torch",
                at_least=1.2,
            ),
            Contestant(
                "keras.Model.fit, transposed convolutions",
                "keras_io",
                "conv",
                12_800,
                256,
                at_least=2.5,
            ),
            Contestant("JAX, a jitted step", "jax_vae", "conv", 12_800, 256, "jax", at_least=1.1),
        ),
    ),
    "mixer": Race(
        "VAE of patches and dense layers, batch 128, training",
        US,
        passes=1,
        same_value=True,
        contestants=(
            Contestant("keras_ae", "ours", "mixer", 12_800, 1_280),
            Contestant(
                "PyTorch, hand-written",
                "torch_mixer",
                "mixer",
                12_800,
                1_280,
                "torch",
                at_least=1.2,
            ),
            Contestant(
                "PyTorch, torch.compile", "torch_mixer", "mixer_compiled", 12_800, 1_280, "torch"
            ),
            Contestant(
                "JAX, lax.scan over a pass", "jax_vae", "mixer", 12_800, 1_280, "jax", at_least=1
            ),
        ),
    ),
    "likelihood": Race(
        "log-likelihood, 5,000 samples an image, 784-200-200-20",
        MS,
        passes=1,
        same_value=False,  # untrained weights, and another number of images
        contestants=(
            Contestant("keras_ae, 100 images", "ours", "likelihood", 100, 10),
            Contestant(
                "pythae's get_nll, 5 images",
                "pythae_vae",
                "likelihood",
                5,
                2,
                "pythae",
                at_least=20,
            ),
        ),
    ),
    "startup": Race(
        'a process that does load("vae_mnist") and one reconstruction',
        S,
        passes=1,
        same_value=False,
        contestants=(
            Contestant("keras_ae", "startup", "ours", 1, 1),
            Contestant(
                "a process that does `import tensorflow`",
                "startup",
                "tensorflow",
                1,
                1,
                at_most=1.5,
            ),
        ),
    ),
}
