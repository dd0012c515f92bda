"""TensorFlow without graphs: for a few calls, tracing takes far longer than running."""

import contextlib
import warnings

import tensorflow as tf


@contextlib.contextmanager
def eagerly():
    """Within it every tf.function runs as plain Python. Also a decorator: `@eagerly()`."""
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Even though the `tf.config"
            )  # tf.data has its graphs all the same
            yield
    finally:
        tf.config.run_functions_eagerly(False)
