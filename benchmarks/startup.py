"""Whole processes, from their start to their end."""

import os
import subprocess
import sys


def ours(count):
    """Loads a pretrained model and reconstructs one image."""
    return _process(
        "import numpy, keras_ae; x = numpy.zeros((1, 28, 28, 1), 'uint8'); "
        "keras_ae.load('vae_mnist').reconstruct(x)"
    )


def tensorflow(count):
    """Imports TensorFlow."""
    return _process("import tensorflow")


def _process(code):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}

    def run(passes):
        for _ in range(passes):
            subprocess.run(
                [sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL, env=environment
            )

    return run
