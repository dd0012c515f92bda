"""Recurrent networks: an encoder that reads a sequence step by step, and a decoder that writes one."""

import math

import keras
from keras import layers


def gru(shape, code_size, latent_dim, output_shape, widths=(128,), activation="tanh", mask_value=None):
    """Gated recurrent units each way: the code is made of the last state, and the decoder sees it at each step.

    Args:
        shape: tuple, the shape of one example: (steps, ...). An image is read row by row, a vector number by number.
        code_size: int, the size of the encoder's output.
        latent_dim: int, the size of the decoder's input.
        output_shape: tuple, the shape of the decoder's output.
        widths: sequence of ints, at least one: units of the recurrent layers from the input to the code; the decoder takes them in reverse.
        activation: Keras activation of the recurrent layers.
        mask_value: float or None: a step all of whose values are equal to it is passed over by the encoder.

    Returns:
        (encoder, decoder): (batch, *shape) -> (batch, code_size) and (batch, latent_dim) -> (batch, *output_shape).

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, equations 5 to 8.
    """
    return _recurrent(layers.GRU, shape, code_size, latent_dim, output_shape, widths, activation, mask_value)


def lstm(shape, code_size, latent_dim, output_shape, widths=(128,), activation="tanh", mask_value=None):
    """As `gru`, of long short-term memory units.

    Source: Srivastava et al., "Unsupervised learning of video representations using LSTMs", ICML 2015, section 2.2.
    """
    return _recurrent(layers.LSTM, shape, code_size, latent_dim, output_shape, widths, activation, mask_value)


def _recurrent(cell, shape, code_size, latent_dim, output_shape, widths, activation, mask_value):
    if not widths:
        raise ValueError(f"Expected at least one width for a recurrent network. Received: widths={widths}")
    steps = shape[0]
    sequence = h = keras.Input(shape, name="sequence")
    h = layers.Reshape((steps, math.prod(shape[1:])))(h)  # (batch, *shape) -> (batch, steps, features)
    if mask_value is not None:
        h = layers.Masking(mask_value)(h)
    for i, width in enumerate(widths, start=1):
        h = cell(width, activation=activation, return_sequences=i < len(widths))(h)  # the last one: -> (batch, width)
    encoder = keras.Model(sequence, layers.Dense(code_size, name="code")(h), name="encoder")

    z = h = keras.Input((latent_dim,), name="z")
    h = layers.RepeatVector(steps)(h)  # (batch, latent_dim) -> (batch, steps, latent_dim)
    for width in reversed(widths):
        h = cell(width, activation=activation, return_sequences=True)(h)
    h = layers.Dense(math.prod(output_shape) // steps, name="params")(h)  # -> (batch, steps, numbers a step)
    if len(output_shape) == 1:  # of a vector, the parameters of one kind side by side, for all steps
        h = layers.Permute((2, 1))(h)  # (batch, steps, numbers) -> (batch, numbers, steps)
    return encoder, keras.Model(z, layers.Reshape(output_shape)(h), name="decoder")
