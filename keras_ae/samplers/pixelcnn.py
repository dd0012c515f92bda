"""An autoregressive density of maps of symbols, as a VQ-VAE makes them: the gated PixelCNN."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_ae.samplers.maximum_likelihood import MaximumLikelihood
from keras_ae.utils import seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class PixelCNN(MaximumLikelihood):
    """p(s) = prod_i p(s_i | s_1, ..., s_i-1), the symbols of a map in reading order. loss = -log p(s), nats a map

    Two stacks of convolutions: a vertical one, which sees the rows above, and a horizontal one, which sees what is to the left, and the
    vertical one; so that together they see symbols before and none after, 2 + 2 * blocks of them to the left, and as many rows above.
    With a condition, another map that is given, p(s|condition).

    Args:
        shape: (height, width) of a map.
        symbols: int, how many there are: they are 0 to symbols - 1.
        condition: (height, width) and number of symbols of the map that is given, whose height and width divide those of `shape`; or None.
        width: int, the number of features.
        blocks: int >= 1, the number of gated blocks after the first layer.

    Input: int (batch, height, width), or a pair of that and the condition, int (batch, its height, its width). Output: log p(s), (batch,)
    nats. `fit(maps)` or `fit((maps, condition))` trains it.

    Raises:
        ValueError: an argument does not fit.

    Source: van den Oord et al., "Conditional image generation with PixelCNN decoders", NeurIPS 2016, equation 2 and figure 2.
    """

    def __init__(self, shape, symbols, condition=None, width=64, blocks=4, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(validation.positive_int(n, "shape") for n in shape)
        self.symbols, self.width = (
            validation.positive_int(symbols, "symbols"),
            validation.positive_int(width, "width"),
        )
        self.blocks = validation.positive_int(blocks, "blocks")
        self.condition = (
            None
            if condition is None
            else (tuple(condition[0]), validation.positive_int(condition[1], "symbols"))
        )
        self.network = _network(self.shape, symbols, self.condition, width, blocks)
        self._draw = tf.function(self._drawn)
        self.built = True

    def call(self, maps):
        logits = ops.cast(self.network(maps), "float32")  # (batch, height, width, symbols)
        drawn = maps[0] if isinstance(maps, (tuple, list)) else maps
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            ops.cast(drawn, "int32"), logits
        )
        return -ops.sum(cross_entropy, axis=(1, 2))  # (batch, height, width) -> (batch,)

    def sample(self, n, seed, condition=None):
        """Draws maps, symbol after symbol: int32 (n, height, width).

        Args:
            n: int, how many.
            seed: int.
            condition: int (n, height, width), the maps that are given.

        Raises:
            ValueError: n < 1; a condition of another shape, or none where there must be one.
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
        height, width = self.shape
        for i in tf.range(height * width):
            logits = self.network(maps if condition is None else (maps, condition))[
                :, i // width, i % width
            ]  # (n, symbols)
            logits = tf.cast(logits, tf.float32)
            u = seeds.uniform(tf.shape(logits), seeds.fold(seed, i))
            symbol = tf.argmax(
                logits - tf.math.log(-tf.math.log(u + 2.0**-25)), axis=-1, output_type=tf.int32
            )  # Gumbel: a draw
            here = tf.one_hot(i, height * width, dtype=tf.int32)
            maps += tf.reshape(symbol[:, tf.newaxis] * here, tf.shape(maps))  # it was zero there
        return maps


def _network(shape, symbols, condition, width, blocks):
    """Maps, and the condition -> logits (batch, height, width, symbols)."""
    maps = inputs = keras.Input(shape, dtype="int32", name="maps")
    h = layers.Embedding(symbols, width)(
        maps
    )  # (batch, height, width) -> (batch, height, width, width)
    given = None
    if condition is not None:
        size, known = condition
        if len(size) != 2 or any(large % small for large, small in zip(shape, size, strict=True)):
            raise ValueError(
                f"Expected a condition whose height and width divide those of the map, {shape}. Received: {size}"
            )
        other = keras.Input(size, dtype="int32", name="condition")
        inputs = [maps, other]
        given = layers.Embedding(known, width)(other)
        given = layers.Conv2D(width, 3, padding="same", activation="gelu")(given)
        given = layers.UpSampling2D(
            [large // small for large, small in zip(shape, size, strict=True)]
        )(given)  # -> (batch, *shape, width)

    vertical = _above(h, 2 * width, own_row=False)
    horizontal = layers.Add()(
        [_left(h, 2 * width, itself=False), layers.Conv2D(2 * width, 1)(vertical)]
    )
    vertical, horizontal = _gated(vertical, given), _gated(horizontal, given)
    for _ in range(blocks):
        above = _above(vertical, 2 * width, own_row=True)
        left = layers.Add()(
            [_left(horizontal, 2 * width, itself=True), layers.Conv2D(2 * width, 1)(above)]
        )
        vertical = _gated(above, given)
        horizontal = layers.Add()([horizontal, layers.Conv2D(width, 1)(_gated(left, given))])
    h = layers.Conv2D(width, 1, activation="gelu")(layers.Activation("gelu")(horizontal))
    return keras.Model(inputs, layers.Conv2D(symbols, 1, name="logits")(h))


def _above(h, filters, own_row):
    """A convolution over the two rows above, with or without one's own: (batch, height, width, c) -> (batch, height, width, filters)."""
    h = layers.ZeroPadding2D(((2, 0), (1, 1)))(h)
    h = layers.Conv2D(filters, (3 if own_row else 2, 3))(h)
    return h if own_row else layers.Cropping2D(((0, 1), (0, 0)))(h)


def _left(h, filters, itself):
    """A convolution over the two symbols to the left, with or without the symbol itself: shapes as of `_above`."""
    h = layers.ZeroPadding2D(((0, 0), (2, 0)))(h)
    h = layers.Conv2D(filters, (1, 3 if itself else 2))(h)
    return h if itself else layers.Cropping2D(((0, 0), (0, 1)))(h)


def _gated(h, given):
    """tanh(a) * sigmoid(b), a and b being the halves of the last axis: (..., 2 * width) -> (..., width)."""
    h = h if given is None else layers.Add()([h, layers.Conv2D(h.shape[-1], 1)(given)])
    a, b = ops.split(h, 2, axis=-1)
    return layers.Multiply()([layers.Activation("tanh")(a), layers.Activation("sigmoid")(b)])
