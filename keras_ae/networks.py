"""Networks: functions that give an encoder and a decoder, two ordinary functional keras.Models.

    encoder, decoder = keras_ae.networks.dense((28, 28, 1), code_size=40, latent_dim=20, output_shape=(28, 28, 1))
    keras_ae.VAE((28, 28, 1), latent_dim=20, network=(encoder, decoder))       # or two models of your own

code_size is what the posterior asks for (`posterior.params_size(latent_dim)`; latent_dim for an AE), output_shape what the
likelihood asks for (shape, its last axis times the likelihood's parameters a value).
"""

import itertools
import math

import keras
from keras import layers, ops

from keras_ae import recurrent
from keras_ae.layers import GATES, BiasGelu, DepthToSpace, GatedLinearUnit, GatedTanh  # noqa: F401  (users find them here)
from keras_ae.recurrent import gru as gru
from keras_ae.recurrent import lstm as lstm


def dense(shape, code_size, latent_dim, output_shape, widths=(500, 500), activation="gelu"):
    """A multilayer perceptron each way; the decoder takes the widths in reverse. Linear where widths is ().

    Args:
        shape: tuple, the shape of one example.
        code_size: int, the size of the encoder's output.
        latent_dim: int, the size of the decoder's input.
        output_shape: tuple, the shape of the decoder's output.
        widths: sequence of ints, units of the hidden layers from the input to the code.
        activation: Keras activation of the hidden layers. "glu" gives gated layers, (W x + b) * sigmoid(V x + c), of these widths, and
            "gated_tanh" tanh(W x + b) * sigmoid(V x + c).

    Returns:
        (encoder, decoder): (batch, *shape) -> (batch, code_size) and (batch, latent_dim) -> (batch, *output_shape).
    """
    image = h = keras.Input(shape, name="image")
    h = layers.Flatten()(h)  # (batch, *shape) -> (batch, prod(shape))
    for width in widths:
        h = _activated(layers.Dense, width, activation)(h)
    encoder = keras.Model(image, layers.Dense(code_size, name="code")(h), name="encoder")

    z = h = keras.Input((latent_dim,), name="z")
    for width in reversed(widths):
        h = _activated(layers.Dense, width, activation)(h)
    h = layers.Dense(math.prod(output_shape), name="params")(h)
    decoder = keras.Model(z, layers.Reshape(output_shape)(h), name="decoder")  # (batch, prod) -> (batch, *output_shape)
    return encoder, decoder


def conv(shape, code_size, latent_dim, output_shape, widths=(32, 64), activation="gelu"):
    """Strided convolutions down, sub-pixel convolutions (Shi et al., CVPR 2016) up; each width halves the height and width.

    Sub-pixel upsampling is faster than transposed convolutions on CPUs, at equal parameters.

    Args:
        shape: (height, width, channels) of one image; any height and width.
        code_size, latent_dim, output_shape: as in `dense`.
        widths: sequence of ints, at least one: channels of the convolutions from the image to the code.
        activation: as in `dense`.

    Returns:
        (encoder, decoder), as in `dense`.
    """
    return _convolutional("conv", shape, code_size, latent_dim, output_shape, widths, activation)


def residual(shape, code_size, latent_dim, output_shape, widths=(32, 64), activation="gelu", blocks=2, code="vector"):
    """As `conv`, with residual blocks (He et al., CVPR 2016) at the lowest resolution, where they are cheap and see the whole image.

    A block adds to its input what two 3x3 convolutions make of it. With code="map" a code is a small image of features, flattened, so
    that each part of it stays with its part of the picture: for denoising, where a code need not be short.

    Args:
        shape, code_size, latent_dim, output_shape, widths, activation: as in `conv`.
        blocks: int >= 0, the number of blocks, in the encoder and in the decoder.
        code: "vector" or "map"; a map has the height and width of the last convolution, so code_size and latent_dim are multiples of
            their product: 49 for images of 28x28 and two widths.

    Returns:
        (encoder, decoder), as in `dense`.

    Raises:
        ValueError: as in `conv`; code is neither, or its sizes are no such multiples.
    """
    if code not in ("vector", "map"):
        raise ValueError(f'Expected `code` to be "vector" or "map". Received: code={code!r}')
    return _convolutional("residual", shape, code_size, latent_dim, output_shape, widths, activation, blocks, code)


def two_levels(shape, width, output_shape, widths=(32, 64), activation="gelu", blocks=2):
    """Networks of a code of two maps, a top one and a bottom one of twice its height and width: three models, of flat vectors.

    Args:
        shape, output_shape, activation, blocks: as in `residual`, the blocks at both resolutions.
        width: int, the size of a vector of a map.
        widths: sequence of ints, at least two: channels of the convolutions of stride 2. The last one leads to the top map, those before
            it to the bottom map.

    Returns:
        (encoder, bottom_encoder, decoder): (batch, *shape) -> the vectors of the top map, and features of the bottom one; vectors of the
        top map, and these features -> the vectors of the bottom map; the vectors of both maps, the top first -> (batch, *output_shape).

    Raises:
        ValueError: shape is not that of images; widths are no positive integers, or fewer than two.

    Source: Razavi et al., "Generating diverse high-fidelity images with VQ-VAE-2", NeurIPS 2019, figure 2a.
    """
    activation = "fused_gelu" if activation == "gelu" else activation
    sizes, (features, highest) = sizes_of_levels(shape, widths), widths[-2:]
    *_, bottom, top = sizes

    image = h = keras.Input(shape, name="image")
    for n in widths[:-1]:
        h = _activated(layers.Conv2D, n, activation, kernel_size=4, strides=2, padding="same")(h)
    below = _blocks(h, blocks, activation)  # (batch, *bottom, features)
    h = _activated(layers.Conv2D, highest, activation, kernel_size=4, strides=2, padding="same")(below)
    h = layers.Conv2D(width, 1, name="top")(_blocks(h, blocks, activation))  # (batch, *top, width)
    encoder = keras.Model(image, layers.Concatenate()([layers.Flatten()(h), layers.Flatten()(below)]), name="encoder")

    z = keras.Input((math.prod(top) * width,), name="z_top")
    below = keras.Input((math.prod(bottom) * features,), name="features")
    h = _activated(layers.Conv2D, highest, activation, kernel_size=3, padding="same")(layers.Reshape((*top, width))(z))
    h = _doubled(_blocks(h, blocks, activation), features, bottom, activation)  # (batch, *top, c) -> (batch, *bottom, features)
    h = layers.Concatenate()([h, layers.Reshape((*bottom, features))(below)])
    bottom_encoder = keras.Model([z, below], layers.Flatten()(layers.Conv2D(width, 1, name="bottom")(h)), name="bottom_encoder")

    z = keras.Input(((math.prod(top) + math.prod(bottom)) * width,), name="z")
    above, below = ops.split(z, [math.prod(top) * width], axis=-1)
    h = _doubled(layers.Reshape((*top, width))(above), features, bottom, activation)  # -> (batch, *bottom, features)
    h = layers.Concatenate()([h, layers.Reshape((*bottom, width))(below)])
    h = _activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    h = _upwards(_blocks(h, blocks, activation), sizes[:-1], widths[:-1], activation, output_shape)
    return encoder, bottom_encoder, keras.Model(z, h, name="decoder")


def sizes_of_levels(shape, widths):
    """Heights and widths from the image to the top map of `two_levels`, a list of (height, width). Raises ValueError as that."""
    if len(shape) != 3:
        raise ValueError(f"Expected images, shape=(height, width, channels). Received: shape={shape}")
    if len(_positive(widths)) < 2:
        raise ValueError(f"Expected at least two `widths`, the last for the top map. Received: widths={tuple(widths)}")
    return _sizes(shape, widths, "two_levels")


@keras.saving.register_keras_serializable("keras_ae")
class Conditioner(layers.Layer):
    """A multilayer perceptron of several vectors, v_i: (..., *batch, sizes[i]) each, any of which may lack axes on the left -> (..., size).

    The first hidden layer is activation(sum_i W_i v_i + b), so that what is alike for many draws is computed once.

    Args:
        sizes: sequence of ints, the sizes of the vectors.
        size: int, the size of the output.
        widths: sequence of ints, at least one: units of the hidden layers.
        activation: Keras activation of the hidden layers, "glu" or "gated_tanh" for gated ones.
    """

    def __init__(self, sizes, size, widths, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.activation = GATES[activation]() if _is_gated(activation) else keras.activations.get(activation)
        factor = 2 if _is_gated(activation) else 1
        options = [{"kernel_initializer": _start(n, widths[0], activation), "use_bias": n == sizes[0]} for n in sizes]
        self.first = [layers.Dense(factor * widths[0], **option) for option in options]
        pairs = list(itertools.pairwise(widths))
        self.hidden = [layers.Dense(factor * b, kernel_initializer=_start(a, b, activation)) for a, b in pairs]
        self.last = layers.Dense(size)
        fans = [*sizes, *(a for a, _ in pairs), widths[-1]]
        for layer, fan_in in zip([*self.first, *self.hidden, self.last], fans, strict=True):
            layer.build((None, fan_in))
        self.built = True

    def call(self, vectors):
        h = sum(layer(vector) for layer, vector in zip(self.first, vectors, strict=True))
        for layer in self.hidden:
            h = layer(self.activation(h))  # (..., width) -> (..., width)
        return self.last(self.activation(h))  # (..., width) -> (..., size)


NETWORKS = {"dense": dense, "conv": conv, "residual": residual, **recurrent.NETWORKS}


def build(network, shape, code_size, latent_dim, output_shape, widths=None, activation=None, mask_value=None):
    """Builds the network of a name, or checks and adopts a user's own (encoder, decoder). mask_value: for those that know of padding.

    Raises:
        ValueError: an unknown name, or models whose outputs do not fit code_size and output_shape.
    """
    if isinstance(network, (tuple, list)):
        network = [keras.saving.deserialize_keras_object(model) if isinstance(model, dict) else model for model in network]
    if isinstance(network, str) and network in NETWORKS:
        options = {"widths": widths, "activation": activation, "mask_value": mask_value if network in recurrent.NETWORKS else None}
        options = {name: value for name, value in options.items() if value is not None}
        _positive(options.get("widths", ()))
        return NETWORKS[network](shape, code_size, latent_dim, output_shape, **options)
    if not (isinstance(network, list) and len(network) == 2 and all(isinstance(m, keras.Model) for m in network)):
        known = ", ".join(map(repr, NETWORKS))
        raise ValueError(f"Expected `network` to be one of {known}, or a pair of keras.Models. Received: network={network!r}")
    if widths is not None or activation is not None:
        raise ValueError(f"Expected no `widths` and `activation` beside a network of your own. Received: {widths=}, {activation=}")
    encoder, decoder = network
    _check_output("encoder", encoder, (None, *shape), (code_size,), "what the posterior or the code needs")
    _check_output("decoder", decoder, (None, latent_dim), output_shape, "what the likelihood needs")
    return encoder, decoder


def _positive(widths):
    if not all(isinstance(width, int) and width > 0 for width in widths):
        raise ValueError(f"Expected `widths` to be positive integers. Received: widths={tuple(widths)}")
    return widths


def _check_output(role, model, input_shape, expected, why):
    received = model.compute_output_shape(input_shape)
    if not model.built:
        model.build(input_shape)
    if math.prod(received[1:]) != math.prod(expected):
        expected = ", ".join(map(str, ("batch", *expected)))
        raise ValueError(f"Expected the {role} to give ({expected}), {why}. Received: {tuple(received)}")


def _convolutional(name, shape, code_size, latent_dim, output_shape, widths, activation, blocks=0, code="vector"):
    """The networks "conv", which has no blocks, and "residual"."""
    activation = "fused_gelu" if activation == "gelu" else activation
    sizes = _sizes(shape, widths, name)
    area, features = math.prod(sizes[-1]), widths[-1]
    if code == "map" and (code_size % area or latent_dim % area):
        raise ValueError(
            f'Expected `code_size` and `latent_dim` to be multiples of {area} for code="map", since widths={tuple(widths)} leave a map of '
            f"{sizes[-1][0]}x{sizes[-1][1]}. Received: {code_size=}, {latent_dim=}"
        )

    image = h = keras.Input(shape, name="image")
    for width in widths:
        h = _activated(layers.Conv2D, width, activation, kernel_size=4, strides=2, padding="same")(h)
    h = _blocks(h, blocks, activation)
    if code == "map":
        h = layers.Flatten(name="code")(layers.Conv2D(code_size // area, 1)(h))  # (batch, h, w, c) -> (batch, h * w * c)
    else:
        h = layers.Dense(code_size, name="code")(layers.Flatten()(h))
    encoder = keras.Model(image, h, name="encoder")

    z = h = keras.Input((latent_dim,), name="z")
    if code == "map":
        h = layers.Reshape((*sizes[-1], latent_dim // area))(h)  # (batch, h * w * c) -> (batch, h, w, c)
        h = _activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    else:
        h = _activated(layers.Dense, area * features, activation)(h)
        h = layers.Reshape((*sizes[-1], features))(h)  # (batch, h * w * c) -> (batch, h, w, c)
    h = _blocks(h, blocks, activation)
    return encoder, keras.Model(z, _upwards(h, sizes, widths, activation, output_shape), name="decoder")


def _sizes(shape, widths, name):
    """Heights and widths of a stack of convolutions of stride 2: before each, and after the last."""
    if len(shape) != 3:
        raise ValueError(f'Expected images, shape=(height, width, channels), for network="{name}". Received: shape={shape}')
    if not widths:
        raise ValueError(f'Expected at least one width for network="{name}". Received: widths={widths}')
    sizes = [tuple(shape[:2])]
    for _ in widths:
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    return sizes


def _blocks(h, n, activation):
    for _ in range(n):
        h = _block(h, activation)
    return h


def _block(h, activation):
    """h + conv(activation(conv(h))), (batch, h, w, c) -> the same. It starts close to h, so that many of them train like none."""
    features = h.shape[-1]
    change = _activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    small = keras.initializers.VarianceScaling(0.1)
    return layers.Add()([h, layers.Conv2D(features, 3, padding="same", kernel_initializer=small)(change)])


def _upwards(h, sizes, widths, activation, output_shape):
    """From the lowest map to the output, doubling height and width: (batch, h, w, c) -> (batch, *output_shape)."""
    for size, width in zip(sizes[-2:0:-1], widths[-2::-1], strict=True):
        h = _doubled(h, width, size, activation)
    h = layers.Conv2D(4 * output_shape[-1], 3, padding="same", name="params")(h)
    return _upsampled(h, output_shape[:2])


def _doubled(h, width, size, activation):
    """A convolution to `width` channels of twice the height and width: (batch, h, w, c) -> (batch, *size, width)."""
    return _upsampled(_activated(layers.Conv2D, 4 * width, activation, kernel_size=3, padding="same")(h), size)


def _activated(layer, width, activation, **options):
    """A layer of `width` units or filters with its activation."""
    if activation == "fused_gelu":
        return lambda h: BiasGelu()(layer(width, use_bias=False, **options)(h))
    if not _is_gated(activation):
        return layer(width, activation=activation, **options)

    def gated(h):
        area = options.get("kernel_size", 1) ** 2
        kernel = _start(area * h.shape[-1], area * width, activation)
        return GATES[activation]()(layer(2 * width, kernel_initializer=kernel, **options)(h))

    return gated


def _is_gated(activation):
    return isinstance(activation, str) and activation in GATES


def _start(fan_in, fan_out, activation):
    """Glorot-uniform, for each half of a gated layer too: twice the units alone would start it too small."""
    scale = (fan_in + 2 * fan_out) / (fan_in + fan_out) if _is_gated(activation) else 1.0
    return keras.initializers.VarianceScaling(scale, mode="fan_avg", distribution="uniform")


def _upsampled(h, size):
    h = DepthToSpace()(h)
    surplus = [(0, have - want) for have, want in zip(h.shape[1:3], size, strict=True)]  # odd sizes were rounded up
    return layers.Cropping2D(surplus)(h) if any(after for _, after in surplus) else h
