"""The network "dense": a multilayer perceptron each way."""

import math

import keras
from keras import layers

from keras_ae.networks.layers import activated


def dense(shape, code_size, latent_dim, output_shape, widths=(500, 500), activation="gelu"):
    """A multilayer perceptron as encoder and one as decoder, which has the widths in reverse order.

    With widths=() both are linear.

    Args:
        shape: tuple, the shape of one example.
        code_size: int, the size of the encoder's output.
        latent_dim: int, the size of the decoder's input.
        output_shape: tuple, the shape of the decoder's output.
        widths: sequence of ints, units of the hidden layers from the input to the code.
        activation: Keras activation of the hidden layers; "glu": gated layers,
            (W x + b) * sigmoid(V x + c); "gated_tanh": tanh(W x + b) * sigmoid(V x + c).

    Returns:
        (encoder, decoder): (batch, *shape) -> (batch, code_size), and
            (batch, latent_dim) -> (batch, *output_shape).
    """
    image = h = keras.Input(shape, name="image")
    h = layers.Flatten()(h)  # (batch, *shape) -> (batch, prod(shape))
    for width in widths:
        h = activated(layers.Dense, width, activation)(h)
    encoder = keras.Model(image, layers.Dense(code_size, name="code")(h), name="encoder")

    z = h = keras.Input((latent_dim,), name="z")
    for width in reversed(widths):
        h = activated(layers.Dense, width, activation)(h)
    h = layers.Dense(math.prod(output_shape), name="params")(h)
    h = layers.Reshape(output_shape)(h)  # (batch, prod) -> (batch, *output_shape)
    return encoder, keras.Model(z, h, name="decoder")
