"""Runs tf.functions line by line: the same numbers, and nothing to trace or to compile."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def eagerly():
    """For whatever is called inside, but for `fit` and `predict` on a tf.data.Dataset, of which TensorFlow warns."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
