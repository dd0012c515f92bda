"""Formulas that several measures share."""

import math

import numpy as np
import tensorflow as tf


def squared_errors(reconstruction, target, over=np.mean):
    """The squared error of each example: arrays (n, ...) -> float64 (n,).

    over: np.mean or np.sum, taken over the values of one example.
    """
    squares = (np.asarray(reconstruction, "float64") - np.asarray(target, "float64")) ** 2
    return over(squares.reshape(len(squares), -1), axis=1)


def psnr(mse):
    """The peak signal-to-noise ratio of values in [0, 1], in dB: -10 log10(mse)."""
    return -10 * math.log10(mse) if mse else math.inf


def perplexity(counts):
    """How many different things are in use: exp of the entropy of their shares, from 1 to n.

    It works on arrays, and inside a graph. If all counts are zero, it is 1.

    Args:
        counts: float array or tensor (n,), how often each thing occurs.

    Returns:
        tensor (), with the dtype of counts.
    """
    counts = tf.convert_to_tensor(counts)
    shares = tf.math.divide_no_nan(counts, tf.reduce_sum(counts))
    return tf.exp(-tf.reduce_sum(tf.math.xlogy(shares, shares)))
