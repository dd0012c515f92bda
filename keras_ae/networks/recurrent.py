"""Recurrent networks: an encoder that reads a sequence, and a decoder that writes one."""

import math

import keras
from keras import layers

from keras_ae.networks.layers import is_gated


def gru(
    shape, code_size, latent_dim, output_shape, widths=(128,), activation="tanh", mask_value=None
):
    """Gated recurrent units as encoder and as decoder.

    The code is computed from the encoder's last state. The decoder starts from the code and sees it
    at each step. The encoder's last layer reads from the end to the start, so that it reads last
    what the decoder writes first.

    Args:
        shape: tuple, the shape of one example, (steps, *features). An image is read row by row, a
            vector number by number.
        code_size: int, the size of the encoder's output.
        latent_dim: int, the size of the decoder's input.
        output_shape: tuple, the shape of the decoder's output.
        widths: sequence of ints, at least one: units of the recurrent layers from the input to the
            code. The decoder has them in reverse order.
        activation: Keras activation of the recurrent layers.
        mask_value: float or None. A step is padding if all its values equal it; the encoder skips
            such steps.

    Returns:
        (encoder, decoder): (batch, *shape) -> (batch, code_size), and
            (batch, latent_dim) -> (batch, *output_shape).

    Raises:
        ValueError: no widths, or a gated activation ("glu", "gated_tanh").

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014,
    section 2.3; reading backwards: Sutskever et al., "Sequence to sequence learning with neural
    networks", NeurIPS 2014, section 3.3.
    """
    return _recurrent(
        layers.GRU, shape, code_size, latent_dim, output_shape, widths, activation, mask_value
    )


def lstm(
    shape, code_size, latent_dim, output_shape, widths=(128,), activation="tanh", mask_value=None
):
    """As `gru`, with long short-term memory units.

    Source: Srivastava et al., "Unsupervised learning of video representations using LSTMs", ICML
    2015, section 2.2.
    """
    return _recurrent(
        layers.LSTM, shape, code_size, latent_dim, output_shape, widths, activation, mask_value
    )


NETWORKS = {"gru": gru, "lstm": lstm}


def _recurrent(cell, shape, code_size, latent_dim, output_shape, widths, activation, mask_value):
    if is_gated(activation):
        raise ValueError(
            "Expected a Keras activation for a recurrent network: its units have gates already. "
            f"Received: activation={activation!r}"
        )
    if not widths:
        raise ValueError(
            f"Expected at least one width for a recurrent network. Received: widths={widths}"
        )
    encoder = _reader(cell, shape, code_size, widths, activation, mask_value)
    return encoder, _writer(cell, shape[0], latent_dim, output_shape, widths, activation)


def _reader(cell, shape, code_size, widths, activation, mask_value):
    """The encoder: (batch, *shape) -> (batch, code_size)."""
    sequence = keras.Input(shape, name="sequence")
    # (batch, *shape) -> (batch, steps, features)
    h = layers.Reshape((shape[0], math.prod(shape[1:])), dtype="float32")(sequence)
    if mask_value is not None:
        # float32: in half precision, other values would equal the mask value too.
        h = layers.Masking(mask_value, dtype="float32")(h)
    for width in widths[:-1]:
        h = cell(width, activation=activation, return_sequences=True)(h)
    # Only the last layer reads backwards: Keras 3.15 does not reverse the mask between two of them.
    # (batch, steps, features) -> (batch, width)
    h = cell(widths[-1], activation=activation, go_backwards=True)(h)
    return keras.Model(sequence, layers.Dense(code_size, name="code")(h), name="encoder")


def _writer(cell, steps, latent_dim, output_shape, widths, activation):
    """The decoder: (batch, latent_dim) -> (batch, *output_shape)."""
    z = keras.Input((latent_dim,), name="z")
    h = layers.RepeatVector(steps)(z)  # (batch, latent_dim) -> (batch, steps, latent_dim)
    states = 2 if cell is layers.LSTM else 1
    for width in reversed(widths):
        start = [layers.Dense(width, activation=activation)(z) for _ in range(states)]
        h = cell(width, activation=activation, return_sequences=True)(h, initial_state=start)
    # (batch, steps, width) -> (batch, steps, numbers per step)
    h = layers.Dense(math.prod(output_shape) // steps, name="params")(h)
    if len(output_shape) == 1:
        # A vector has its parameters kind by kind: (batch, steps, kinds) -> (batch, kinds, steps).
        h = layers.Permute((2, 1))(h)
    return keras.Model(z, layers.Reshape(output_shape)(h), name="decoder")
