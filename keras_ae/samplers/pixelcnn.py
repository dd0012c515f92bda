"""The gated PixelCNN: an autoregressive density of the maps of symbols of a VQ-VAE."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_ae.samplers.maximum_likelihood import MaximumLikelihood
from keras_ae.utils import seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class PixelCNN(MaximumLikelihood):
    """p(s) = prod_i p(s_i | s_1, ..., s_i-1), over the symbols of a map in reading order.

    loss = -log p(s), nats per map

    There are two stacks of convolutions. The vertical stack sees the rows above. The horizontal
    stack sees what is to the left, and the vertical stack. Together they see only symbols that come
    before: 2 + 2 * blocks of them to the left, and as many rows above. With a condition, which is
    another map, the density is p(s|condition).

        network = PixelCNN((7, 7), symbols=512)
        network.compile()
        network.fit(maps)
        network.sample(16, seed=0)

    Args:
        shape: (height, width) of a map.
        symbols: int, the number of symbols, which are 0 to symbols - 1.
        condition: ((height, width), number of symbols) of the condition, whose height and width
            divide those of `shape`; or None.
        width: int, the number of features.
        blocks: int >= 1, the number of gated blocks after the first layer.

    Input: int (batch, height, width), or a pair of that and the condition, int (batch, its height,
    its width). Output: log p(s), (batch,), nats.

    Raises:
        ValueError: an argument does not fit.

    Source: van den Oord et al., "Conditional image generation with PixelCNN decoders", NeurIPS
    2016, equation 2 and figure 2.
    """

    def __init__(self, shape, symbols, condition=None, width=64, blocks=4, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(validation.positive_int(n, "shape") for n in shape)
        self.symbols = validation.positive_int(symbols, "symbols")
        self.width = validation.positive_int(width, "width")
        self.blocks = validation.positive_int(blocks, "blocks")
        self.condition = None
        if condition is not None:
            self.condition = tuple(condition[0]), validation.positive_int(condition[1], "symbols")
        self.network = _network(self.shape, symbols, self.condition, width, blocks)
        self._draw = tf.function(self._drawn)
        self.built = True

    def call(self, maps):
        logits = ops.cast(self.network(maps), "float32")  # (batch, height, width, symbols)
        symbols = ops.cast(maps[0] if isinstance(maps, (tuple, list)) else maps, "int32")
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(symbols, logits)
        return -ops.sum(cross_entropy, axis=(1, 2))  # (batch, height, width) -> (batch,)

    def sample(self, n, seed, condition=None):
        """Draws maps, one symbol after the other: int32 (n, height, width).

        Args:
            n: int, how many.
            seed: int.
            condition: int (n, height, width), maps to condition on.

        Raises:
            ValueError: n < 1; the condition is missing, or has another shape.
        """
        validation.positive_int(n, "n")
        expected = None if self.condition is None else (n, *self.condition[0])
        received = None if condition is None else np.shape(condition)
        if received != expected:
            raise ValueError(
                f"Expected `condition` to have the shape {expected}. Received: shape={received}"
            )
        given = None if condition is None else tf.constant(np.asarray(condition), tf.int32)
        return self._draw(tf.zeros((n, *self.shape), tf.int32), given, seeds.from_int(seed))

    def get_config(self):
        config = {"shape": self.shape, "symbols": self.symbols, "condition": self.condition}
        return {**config, "width": self.width, "blocks": self.blocks, "name": self.name}

    def _drawn(self, maps, condition, seed):
        """Fills maps of zeros, int32 (n, height, width), in a graph."""
        height, width = self.shape
        for i in tf.range(height * width):
            logits = self.network(maps if condition is None else (maps, condition))
            logits = tf.cast(logits[:, i // width, i % width], tf.float32)  # (n, symbols)
            u = seeds.uniform(tf.shape(logits), seeds.fold(seed, i))
            gumbel = -tf.math.log(-tf.math.log(u + 2.0**-25))  # the largest sum is a draw
            symbol = tf.argmax(logits + gumbel, axis=-1, output_type=tf.int32)
            here = tf.one_hot(i, height * width, dtype=tf.int32)
            maps += tf.reshape(symbol[:, tf.newaxis] * here, tf.shape(maps))
        return maps


def _network(shape, symbols, condition, width, blocks):
    """The network: maps, or (maps, condition) -> logits (batch, height, width, symbols)."""
    maps = inputs = keras.Input(shape, dtype="int32", name="maps")
    # (batch, height, width) -> (batch, height, width, width)
    h = layers.Embedding(symbols, width)(maps)
    given = None
    if condition is not None:
        other, given = _condition(shape, *condition, width)
        inputs = [maps, other]

    vertical = _above(h, 2 * width, own_row=False)
    left = _left(h, 2 * width, itself=False)
    horizontal = layers.Add()([left, layers.Conv2D(2 * width, 1)(vertical)])
    vertical, horizontal = _gated(vertical, given), _gated(horizontal, given)
    for _ in range(blocks):
        above = _above(vertical, 2 * width, own_row=True)
        left = _left(horizontal, 2 * width, itself=True)
        left = layers.Add()([left, layers.Conv2D(2 * width, 1)(above)])
        vertical = _gated(above, given)
        horizontal = layers.Add()([horizontal, layers.Conv2D(width, 1)(_gated(left, given))])
    h = layers.Conv2D(width, 1, activation="gelu")(layers.Activation("gelu")(horizontal))
    return keras.Model(inputs, layers.Conv2D(symbols, 1, name="logits")(h))


def _condition(shape, size, symbols, width):
    """The input of a condition, and its features (batch, *shape, width)."""
    if len(size) != 2 or any(large % small for large, small in zip(shape, size, strict=True)):
        raise ValueError(
            "Expected a condition whose height and width divide those of the map, "
            f"{shape}. Received: {size}"
        )
    condition = keras.Input(size, dtype="int32", name="condition")
    h = layers.Embedding(symbols, width)(condition)
    h = layers.Conv2D(width, 3, padding="same", activation="gelu")(h)
    factors = [large // small for large, small in zip(shape, size, strict=True)]
    return condition, layers.UpSampling2D(factors)(h)


def _above(h, filters, own_row):
    """A convolution over the two rows above, and a symbol's own row if `own_row`.

    (batch, height, width, c) -> (batch, height, width, filters)
    """
    h = layers.ZeroPadding2D(((2, 0), (1, 1)))(h)
    h = layers.Conv2D(filters, (3 if own_row else 2, 3))(h)
    return h if own_row else layers.Cropping2D(((0, 1), (0, 0)))(h)


def _left(h, filters, itself):
    """A convolution over the two symbols to the left, and the symbol itself if `itself`.

    (batch, height, width, c) -> (batch, height, width, filters)
    """
    h = layers.ZeroPadding2D(((0, 0), (2, 0)))(h)
    h = layers.Conv2D(filters, (1, 3 if itself else 2))(h)
    return h if itself else layers.Cropping2D(((0, 0), (0, 1)))(h)


def _gated(h, given):
    """tanh(a) * sigmoid(b), where a and b are halves: (..., 2 * width) -> (..., width)."""
    h = h if given is None else layers.Add()([h, layers.Conv2D(h.shape[-1], 1)(given)])
    a, b = ops.split(h, 2, axis=-1)
    return layers.Multiply()([layers.Activation("tanh")(a), layers.Activation("sigmoid")(b)])
