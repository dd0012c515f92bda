"""Formulas that several measures share."""

import math

import numpy as np


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
    """How many of n things are in use: exp of the entropy of their shares, from 1 to n.

    counts: array (n,), how often each thing occurs.
    """
    shares = np.asarray(counts, "float64") / np.sum(counts)
    return float(
        np.exp(-np.sum(shares * np.log(shares, where=shares > 0, out=np.zeros_like(shares))))
    )
