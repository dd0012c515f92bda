"""Networks of a convolutional hierarchy: from the image up, and from the top layer down.

The top-down pass is shared: the prior, the posterior and the decoder all read its features h.

    encoder:  image -> features at each resolution -> what the top layer needs
    top down: top layer -> h -> layer 2 -> h -> ... -> h -> image
"""

import itertools
import math

import keras
import tensorflow as tf
from keras import layers

from keras_ae.networks.convolutional import halved_sizes
from keras_ae.networks.layers import BiasGelu, DepthToSpace, LearnedMap, is_gated
from keras_ae.utils import validation


def top_down(shape, latents, top_size, output_shape, widths, activation="gelu", blocks=1):
    """The encoder and the top-down pass of a hierarchy of latent maps.

    Args:
        shape: (height, width, channels) of one image; any height and width.
        latents: sequence of the layers from the top down: an int, or the (height, width, channels)
            of a map; only the top layer may be an int. A map has the height and width that the
            image has after one or more of the encoder's convolutions, each of which halves them.
        top_size: int, the number of parameters of the posterior of the top layer.
        output_shape: (height, width, channels) of the likelihood's parameters.
        widths: sequence of ints, at least one: channels of the convolutions from the image up.
        activation: Keras activation.
        blocks: int >= 0, residual blocks of the encoder at each resolution but the first.

    Returns:
        encoder: keras.Model (batch, *shape) -> (batch, n), the parameters of the top layer's
            posterior, followed by the flattened features for each resolution with maps, the
            lowest one first.
        decoder: keras.Model (batch, sum of the layers' sizes) -> (batch, *output_shape). Its layer
            "top_down" is the `TopDown` pass.

    Raises:
        ValueError: the shape is not that of an image; the latents do not fit it.
    """
    if is_gated(activation):
        expected = "an activation that keeps the number of channels"
        raise ValueError(f"Expected `activation` to be {expected}. Received: {activation!r}")
    validation.at_least(blocks, "blocks", 0)
    validation.positive_widths(widths)
    sizes = halved_sizes(shape, widths, "top_down")[1:]  # of the encoder's maps
    places = _places(latents, sizes)
    maps = [(*size, width) for size, width in zip(sizes, widths, strict=True)]
    encoder = _encoder(shape, maps, sorted(set(places), reverse=True), top_size, activation, blocks)
    down = TopDown(latents, places, maps, output_shape, activation, name="top_down")
    z = keras.Input((sum(down.sizes),), name="z")
    return encoder, keras.Model(z, down(z), name="decoder")


@keras.saving.register_keras_serializable("keras_ae")
class TopDown(layers.Layer):
    """The way from the top layer down to the image, one layer of latent variables after the other.

    h = start(z_1);  h = merge(h, z_l) for each further layer l;  parameters of p(x|z) = last(h)

    Each z_l is a vector; a map is flattened. Any axes may stand before those of one example: they
    are kept, and what is the same for many draws is computed once.

    Args:
        latents, output_shape, activation: as in `top_down`.
        places: sequence of ints, for each layer below the top: the number of its resolution, 0 for
            the one next to the image.
        maps: sequence of (height, width, channels) of h at each resolution, from the image up.
    """

    def __init__(self, latents, places, maps, output_shape, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.latents = tuple(one if isinstance(one, int) else tuple(one) for one in latents)
        self.sizes = tuple(one if isinstance(one, int) else math.prod(one) for one in self.latents)
        self.places, self.maps = tuple(places), tuple(map(tuple, maps))
        self.output_size, self.activation = tuple(output_shape), activation
        dense, reshape = layers.Dense(math.prod(self.maps[-1])), layers.Reshape(self.maps[-1])
        self.first = Stack((self.sizes[0],), dense, reshape)
        self.levels = [
            Level(latent[-1], self.maps[place], activation, name=f"level_{number}")
            for number, (latent, place) in enumerate(zip(self.latents[1:], places, strict=True), 1)
        ]
        pairs = itertools.pairwise(self.maps)  # a map, and the one with half its height and width
        self.ups = [
            Stack(coarse, *_doubled(fine[-1], coarse, fine, activation), LearnedMap())
            for fine, coarse in pairs
        ]
        image = _doubled(self.output_size[-1], self.maps[0], self.output_size, activation)
        self.image = Stack(self.maps[0], *image)
        self.built = True

    def start(self, z):
        """h before the second layer: z_1 (..., size) -> (..., height, width, channels)."""
        return self._down(_by_example(self.first, z, 1), len(self.maps) - 1, self._place(1))

    def merge(self, number, h, z):
        """h before the layer `number` + 1: h, and the part z (..., size) of the layer `number`."""
        h = self.levels[number - 1].merge(h, z)
        return self._down(h, self._place(number), self._place(number + 1))

    def prior(self, number, h):
        """Two numbers per latent variable of the layer `number`, given h: 2 x (..., size)."""
        return self.levels[number - 1].prior(h)

    def posterior(self, number, h, features):
        """The same, given h and the encoder's features (batch, height, width, channels)."""
        return self.levels[number - 1].posterior(h, features)

    def last(self, h):
        """The parameters of p(x|z), from h after the last layer: (..., *output_shape)."""
        return _by_example(self.image, h, 3)

    def call(self, z):
        first, *parts = tf.split(z, self.sizes, axis=-1)
        h = self.start(first)
        for number, part in enumerate(parts, start=1):
            h = self.merge(number, h, part)
        return self.last(h)

    def get_config(self):
        return {
            **super().get_config(),
            "latents": self.latents,
            "places": self.places,
            "maps": self.maps,
            "output_shape": self.output_size,
            "activation": self.activation,
        }

    def _place(self, number):
        """The resolution of the layer `number`, or that of the image's own convolution."""
        return self.places[number - 1] if number < len(self.sizes) else 0

    def _down(self, h, place, to):
        """h, from one resolution to a finer one."""
        for up in reversed(self.ups[to:place]):
            h = _by_example(up, h, 3)
        return h


class Level(layers.Layer):
    """One layer of latent variables, a map: its prior, its posterior, and how it changes h.

    Args:
        channels: int, of the latent map.
        shape: (height, width, channels) of h.
        activation: as in `top_down`.
    """

    def __init__(self, channels, shape, activation, **kwargs):
        super().__init__(**kwargs)
        *area, width = shape
        self.latent_shape = (*area, channels)
        self.prior_head = Stack(shape, *_head(2 * channels, activation, "glorot_uniform"))
        # It starts at zero: there the posterior is the prior.
        self.posterior_head = Stack(shape, *_head(2 * channels, activation, "zeros"))
        self.from_features = Stack(shape, layers.Conv2D(width, 1))
        self.from_h = Stack(shape, layers.Conv2D(width, 1, use_bias=False))
        self.from_z = Stack(self.latent_shape, layers.Conv2D(width, 1))
        self.block = ResidualBlock(shape, activation)
        self.built = True

    def prior(self, h):
        """2 x (..., size), from h (..., height, width, channels)."""
        return _halves(_by_example(self.prior_head, h, 3))

    def posterior(self, h, features):
        """2 x (..., size), from h and the features (batch, height, width, channels)."""
        h = _by_example(self.from_h, h, 3) + self.from_features(features)
        return _halves(_by_example(self.posterior_head, h, 3))

    def merge(self, h, z):
        """h with the latent variables z (..., size): as h."""
        shape = tf.concat([tf.shape(z)[:-1], self.latent_shape], axis=0)
        change = _by_example(self.from_z, tf.reshape(z, shape), 3)
        return _by_example(self.block, h + tf.cast(change, h.dtype), 3)


class Stack(layers.Layer):
    """Layers, one after the other, for examples of this shape."""

    def __init__(self, shape, *stack, **kwargs):
        super().__init__(**kwargs)
        self.stack, shape = list(stack), (None, *shape)
        for layer in self.stack:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, h):
        for layer in self.stack:
            h = layer(h)
        return h


class ResidualBlock(Stack):
    """h + conv(activation(conv(activation(h)))): (batch, h, w, c) -> the same.

    Source: He et al., "Identity mappings in deep residual networks", ECCV 2016, figure 1.
    """

    def __init__(self, shape, activation, **kwargs):
        width, small = shape[-1], keras.initializers.VarianceScaling(0.1)
        stack = (
            _activation(activation),
            layers.Conv2D(width, 3, padding="same", use_bias=False),
            _activation(activation),
            layers.Conv2D(width, 3, padding="same", kernel_initializer=small),
        )
        super().__init__(shape, *stack, **kwargs)

    def call(self, h):
        return h + super().call(h)

    def compute_output_shape(self, input_shape):
        return input_shape


def _encoder(shape, maps, places, top_size, activation, blocks):
    """(batch, *shape) -> parameters of the top layer's posterior, then the features at `places`."""
    h = image = keras.Input(shape, name="image")
    features = {}
    for place, (*_, width) in enumerate(maps):
        h = _activation(activation)(h) if place else h
        h = layers.Conv2D(width, 4, strides=2, padding="same")(h)
        for _ in range(blocks if place else 0):
            h = ResidualBlock(h.shape[1:], activation)(h)
        features[place] = h
    top = layers.Dense(top_size, name="top")(layers.Flatten()(_activation(activation)(h)))
    below = [layers.Flatten()(features[place]) for place in places]
    return keras.Model(image, layers.Concatenate()([top, *below]) if below else top, name="encoder")


def _doubled(channels, shape, doubled, activation):
    """Layers from maps of one shape to maps of twice the height and width, cut to `doubled`."""
    surplus = [(0, 2 * n - wanted) for n, wanted in zip(shape[:2], doubled[:2], strict=True)]
    cut = [layers.Cropping2D(surplus)] if any(after for _, after in surplus) else []
    convolution = layers.Conv2D(4 * channels, 3, padding="same")
    return _activation(activation), convolution, DepthToSpace(), *cut


def _head(channels, activation, kernel):
    convolution = layers.Conv2D(channels, 3, padding="same", kernel_initializer=kernel)
    return _activation(activation), convolution


def _activation(activation):
    return BiasGelu() if activation == "gelu" else layers.Activation(activation)


def _halves(params):
    """(..., h, w, 2 * c) -> two float32 tensors (..., h * w * c)."""
    size = math.prod(params.shape[-3:]) // 2
    shape = tf.concat([tf.shape(params)[:-3], [size]], axis=0)
    return [tf.reshape(half, shape) for half in tf.split(tf.cast(params, "float32"), 2, axis=-1)]


def _by_example(function, x, rank):
    """Calls a function of (batch, ...) for x (..., and the `rank` axes of one example)."""
    if x.shape.rank == rank + 1:
        return function(x)
    y = function(tf.reshape(x, (-1, *x.shape[-rank:])))
    return tf.reshape(y, tf.concat([tf.shape(x)[:-rank], y.shape[1:]], axis=0))


def _places(latents, sizes):
    """The number of the resolution of each layer below the top. Raises ValueError."""
    for latent in latents:
        for size in latent if isinstance(latent, (tuple, list)) else [latent]:
            validation.positive_int(size, "latent_dim")
    places = []
    for latent in latents[1:]:
        is_map = isinstance(latent, (tuple, list)) and len(latent) == 3
        if not is_map or tuple(latent[:2]) not in sizes:
            known = ", ".join(f"({height}, {width}, channels)" for height, width in reversed(sizes))
            raise ValueError(
                "Expected latent maps below the top layer to have the size of one of the network's "
                f"maps: {known}. Received: {latent!r} in latent_dim={tuple(latents)}"
            )
        places.append(sizes.index(tuple(latent[:2])))
    if places != sorted(places, reverse=True):
        raise ValueError(
            "Expected latent maps from the smallest to the largest one. "
            f"Received: latent_dim={tuple(latents)}"
        )
    return places
