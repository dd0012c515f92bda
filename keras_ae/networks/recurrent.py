"""Recurrent networks: an encoder that reads a sequence step by step, and a decoder that writes one."""

import math

import keras
from keras import layers

from keras_ae.networks.layers import is_gated


def gru(
    shape, code_size, latent_dim, output_shape, widths=(128,), activation="tanh", mask_value=None
):
    """Gated recurrent units each way. The code is made of the last state; the decoder starts from the code, and sees it at each step.

    The last layer of the encoder reads from the end to the start, so that what it read last is what the decoder writes first.

    Args:
        shape: tuple, the shape of one example: (steps, *features). An image is read row by row, a vector number by number.
        code_size: int, the size of the encoder's output.
        latent_dim: int, the size of the decoder's input.
        output_shape: tuple, the shape of the decoder's output.
        widths: sequence of ints, at least one: units of the recurrent layers from the input to the code; the decoder takes them in reverse.
        activation: Keras activation of the recurrent layers.
        mask_value: float or None: a step all of whose values are equal to it is padding, and passed over by the encoder.

    Returns:
        (encoder, decoder): (batch, *shape) -> (batch, code_size) and (batch, latent_dim) -> (batch, *output_shape).

    Raises:
        ValueError: no widths, or a gated activation ("glu", "gated_tanh").

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, section 2.3; reading backwards: Sutskever
    et al., "Sequence to sequence learning with neural networks", NeurIPS 2014, section 3.3.
    """
    return _recurrent(
        layers.GRU, shape, code_size, latent_dim, output_shape, widths, activation, mask_value
    )


def lstm(
    shape, code_size, latent_dim, output_shape, widths=(128,), activation="tanh", mask_value=None
):
    """As `gru`, of long short-term memory units.

    Source: Srivastava et al., "Unsupervised learning of video representations using LSTMs", ICML 2015, section 2.2.
    """
    return _recurrent(
        layers.LSTM, shape, code_size, latent_dim, output_shape, widths, activation, mask_value
    )


NETWORKS = {"gru": gru, "lstm": lstm}


def _recurrent(cell, shape, code_size, latent_dim, output_shape, widths, activation, mask_value):
    if is_gated(activation):
        raise ValueError(
            "Expected a Keras activation for a recurrent network, whose units have gates of their own. "
            f"Received: activation={activation!r}"
        )
    if not widths:
        raise ValueError(
            f"Expected at least one width for a recurrent network. Received: widths={widths}"
        )
    steps = shape[0]
    sequence = h = keras.Input(shape, name="sequence")
    h = layers.Reshape((steps, math.prod(shape[1:])), dtype="float32")(
        h
    )  # (batch, *shape) -> (batch, steps, features)
    if mask_value is not None:
        h = layers.Masking(mask_value, dtype="float32")(
            h
        )  # in half precision, other steps would equal it too
    for width in widths[:-1]:
        h = cell(width, activation=activation, return_sequences=True)(h)
    # Backwards in the last layer alone: Keras does not turn the mask of what one such layer hands to another (Keras 3.15).
    h = cell(widths[-1], activation=activation, go_backwards=True)(
        h
    )  # (batch, steps, width) -> (batch, width)
    encoder = keras.Model(sequence, layers.Dense(code_size, name="code")(h), name="encoder")

    z = keras.Input((latent_dim,), name="z")
    h = layers.RepeatVector(steps)(z)  # (batch, latent_dim) -> (batch, steps, latent_dim)
    for width in reversed(widths):
        start = [
            layers.Dense(width, activation=activation)(z)
            for _ in range(2 if cell is layers.LSTM else 1)
        ]
        h = cell(width, activation=activation, return_sequences=True)(h, initial_state=start)
    h = layers.Dense(math.prod(output_shape) // steps, name="params")(
        h
    )  # -> (batch, steps, numbers a step)
    if (
        len(output_shape) == 1
    ):  # of a vector, the parameters of one kind side by side, for all steps
        h = layers.Permute((2, 1))(h)  # (batch, steps, numbers) -> (batch, numbers, steps)
    return encoder, keras.Model(z, layers.Reshape(output_shape)(h), name="decoder")
