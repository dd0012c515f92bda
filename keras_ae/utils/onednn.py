"""Switches on oneDNN, which trains convolutions faster on most x86 processors."""

import os
import pathlib
import sys

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


def switch_on(flags=None):
    """Lets TensorFlow use oneDNN where that is faster, unless the user has decided.

    It does so by the environment variable TF_ENABLE_ONEDNN_OPTS, which TensorFlow reads when it is
    imported. By itself TensorFlow uses oneDNN only on processors with AVX512-VNNI or later
    extensions. With AVX2 oneDNN is faster, too: on an AMD EPYC (Zen 3) the default convolutional
    VAE takes 555 microseconds an image instead of 790. Other processors are left to TensorFlow.

    Args:
        flags: set of str, what the processor can do; None: those of this machine.
    """
    if VARIABLE in os.environ or "tensorflow" in sys.modules:
        return
    if "avx2" in (processor_flags() if flags is None else flags):
        os.environ[VARIABLE] = "1"


def processor_flags(cpuinfo="/proc/cpuinfo"):
    """What the processor can do, such as "avx2": a set of str. It is empty if nobody says."""
    path = pathlib.Path(cpuinfo)
    lines = path.read_text().splitlines() if path.exists() else []
    flags = [line.split(":", 1)[1].split() for line in lines if line.startswith("flags")]
    return set(flags[0]) if flags else set()
