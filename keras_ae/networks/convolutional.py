"""Convolutional networks: "conv", "residual", and the networks with two maps of a VQVAE2."""

import math

import keras
from keras import layers, ops

from keras_ae.networks.layers import DepthToSpace, activated
from keras_ae.utils import validation


def conv(shape, code_size, latent_dim, output_shape, widths=(32, 64), activation="gelu"):
    """Strided convolutions as encoder, sub-pixel convolutions as decoder.

    Each width halves height and width. Sub-pixel upsampling (Shi et al., CVPR 2016) is faster than
    transposed convolutions on CPUs, with as many parameters.

    Args:
        shape: (height, width, channels) of one image; any height and width.
        code_size, latent_dim, output_shape: as in `dense`.
        widths: sequence of ints, at least one: channels of the convolutions from the image to the
            code.
        activation: as in `dense`.

    Returns:
        (encoder, decoder), as in `dense`.
    """
    return _convolutional("conv", shape, code_size, latent_dim, output_shape, widths, activation)


def residual(
    shape,
    code_size,
    latent_dim,
    output_shape,
    widths=(32, 64),
    activation="gelu",
    blocks=2,
    code="vector",
):
    """As `conv`, with residual blocks (He et al., CVPR 2016) at the lowest resolution.

    There the blocks are cheap and see the whole image. A block adds two 3x3 convolutions of its
    input to its input. With code="map" a code is a small map of features, flattened. Each part of
    it describes its part of the image. This suits denoising, where a code need not be short.

    Args:
        shape, code_size, latent_dim, output_shape, widths, activation: as in `conv`.
        blocks: int >= 0, the number of blocks in the encoder, and in the decoder.
        code: "vector" or "map". A map has the height and width of the last convolution, so
            code_size and latent_dim must be multiples of their product: 49 for images of 28x28 and
            two widths.

    Returns:
        (encoder, decoder), as in `dense`.

    Raises:
        ValueError: as in `conv`; code is neither of the two; the sizes are no such multiples.
    """
    if code not in ("vector", "map"):
        raise ValueError(f'Expected `code` to be "vector" or "map". Received: code={code!r}')
    return _convolutional(
        "residual", shape, code_size, latent_dim, output_shape, widths, activation, blocks, code
    )


def two_levels(shape, width, output_shape, widths=(32, 64), activation="gelu", blocks=2):
    """Three networks for a code of two maps. The bottom map has twice the size of the top map.

    Args:
        shape, output_shape, activation: as in `residual`.
        blocks: int >= 0, the number of residual blocks at each of the two resolutions.
        width: int, the size of one vector of a map.
        widths: sequence of ints, at least two: channels of the convolutions of stride 2. The last
            convolution leads to the top map, the others to the bottom map.

    Returns:
        (encoder, bottom_encoder, decoder). All maps are flattened.
        encoder: (batch, *shape) -> the top map, followed by features for the bottom map.
        bottom_encoder: the top map and these features -> the bottom map.
        decoder: the top map, followed by the bottom map -> (batch, *output_shape).

    Raises:
        ValueError: shape is not that of images; widths are no positive integers, or fewer than two.

    Source: Razavi et al., "Generating diverse high-fidelity images with VQ-VAE-2", NeurIPS 2019,
    figure 2a.
    """
    activation = "fused_gelu" if activation == "gelu" else activation
    sizes = sizes_of_levels(shape, widths)
    *_, bottom, top = sizes
    return (
        _top_encoder(shape, width, widths, activation, blocks),
        _bottom_encoder(top, bottom, width, widths[-2:], activation, blocks),
        _decoder_of_two(sizes, width, widths, activation, blocks, output_shape),
    )


def _top_encoder(shape, width, widths, activation, blocks):
    """(batch, *shape) -> the top map, followed by features for the bottom map, flattened."""
    strided = {"kernel_size": 4, "strides": 2, "padding": "same"}
    image = h = keras.Input(shape, name="image")
    for n in widths[:-1]:
        h = activated(layers.Conv2D, n, activation, **strided)(h)
    below = _blocks(h, blocks, activation)  # (batch, *bottom, features)
    h = activated(layers.Conv2D, widths[-1], activation, **strided)(below)
    h = layers.Conv2D(width, 1, name="top")(_blocks(h, blocks, activation))  # (batch, *top, width)
    h = layers.Concatenate()([layers.Flatten()(h), layers.Flatten()(below)])
    return keras.Model(image, h, name="encoder")


def _bottom_encoder(top, bottom, width, widths, activation, blocks):
    """The top map, and features of the image -> the bottom map. All are flattened."""
    features, highest = widths
    z = keras.Input((math.prod(top) * width,), name="z_top")
    below = keras.Input((math.prod(bottom) * features,), name="features")
    h = layers.Reshape((*top, width))(z)
    h = activated(layers.Conv2D, highest, activation, kernel_size=3, padding="same")(h)
    h = _blocks(h, blocks, activation)
    h = _doubled(h, features, bottom, activation)  # (batch, *top, c) -> (batch, *bottom, features)
    h = layers.Concatenate()([h, layers.Reshape((*bottom, features))(below)])
    h = layers.Flatten()(layers.Conv2D(width, 1, name="bottom")(h))
    return keras.Model([z, below], h, name="bottom_encoder")


def _decoder_of_two(sizes, width, widths, activation, blocks, output_shape):
    """The top map, followed by the bottom map -> (batch, *output_shape)."""
    (*_, bottom, top), features = sizes, widths[-2]
    z = keras.Input(((math.prod(top) + math.prod(bottom)) * width,), name="z")
    above, below = ops.split(z, [math.prod(top) * width], axis=-1)
    h = layers.Reshape((*top, width))(above)
    h = _doubled(h, features, bottom, activation)  # -> (batch, *bottom, features)
    h = layers.Concatenate()([h, layers.Reshape((*bottom, width))(below)])
    h = activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    h = _upwards(_blocks(h, blocks, activation), sizes[:-1], widths[:-1], activation, output_shape)
    return keras.Model(z, h, name="decoder")


def sizes_of_levels(shape, widths):
    """(height, width) of each level of `two_levels`, from the image to the top map: a list.

    Raises:
        ValueError: as in `two_levels`.
    """
    if len(shape) != 3:
        raise ValueError(
            f"Expected images, shape=(height, width, channels). Received: shape={shape}"
        )
    if len(validation.positive_widths(widths)) < 2:
        raise ValueError(
            "Expected at least two `widths`, the last one for the top map. "
            f"Received: widths={tuple(widths)}"
        )
    return halved_sizes(shape, widths, "two_levels")


def _convolutional(
    name, shape, code_size, latent_dim, output_shape, widths, activation, blocks=0, code="vector"
):
    """The networks "conv" (without blocks) and "residual"."""
    activation = "fused_gelu" if activation == "gelu" else activation
    sizes = halved_sizes(shape, widths, name)
    area, features = math.prod(sizes[-1]), widths[-1]
    if code == "map" and (code_size % area or latent_dim % area):
        raise ValueError(
            f'Expected `code_size` and `latent_dim` to be multiples of {area} for code="map", '
            f"since widths={tuple(widths)} leave a map of {sizes[-1][0]}x{sizes[-1][1]}. "
            f"Received: {code_size=}, {latent_dim=}"
        )

    image = h = keras.Input(shape, name="image")
    for width in widths:
        h = activated(layers.Conv2D, width, activation, kernel_size=4, strides=2, padding="same")(h)
    h = _blocks(h, blocks, activation)
    if code == "map":
        h = layers.Conv2D(code_size // area, 1)(h)
        h = layers.Flatten(name="code")(h)  # (batch, h, w, c) -> (batch, h * w * c)
    else:
        h = layers.Dense(code_size, name="code")(layers.Flatten()(h))
    encoder = keras.Model(image, h, name="encoder")

    z = h = keras.Input((latent_dim,), name="z")
    if code == "map":
        # (batch, h * w * c) -> (batch, h, w, c)
        h = layers.Reshape((*sizes[-1], latent_dim // area))(h)
        h = activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    else:
        h = activated(layers.Dense, area * features, activation)(h)
        h = layers.Reshape((*sizes[-1], features))(h)  # (batch, h * w * c) -> (batch, h, w, c)
    h = _blocks(h, blocks, activation)
    h = _upwards(h, sizes, widths, activation, output_shape)
    return encoder, keras.Model(z, h, name="decoder")


def halved_sizes(shape, widths, name):
    """(height, width) before each convolution of stride 2, and after the last one: a list."""
    if len(shape) != 3:
        raise ValueError(
            f'Expected images, shape=(height, width, channels), for network="{name}". '
            f"Received: shape={shape}"
        )
    if not widths:
        raise ValueError(
            f'Expected at least one width for network="{name}". Received: widths={widths}'
        )
    sizes = [tuple(shape[:2])]
    for _ in widths:
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    return sizes


def _blocks(h, n, activation):
    for _ in range(n):
        h = _block(h, activation)
    return h


def _block(h, activation):
    """h + conv(activation(conv(h))): (batch, h, w, c) -> the same.

    It starts close to h, so that a stack of many blocks trains as well as one without blocks.
    """
    features = h.shape[-1]
    change = activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    small = keras.initializers.VarianceScaling(0.1)
    change = layers.Conv2D(features, 3, padding="same", kernel_initializer=small)(change)
    return layers.Add()([h, change])


def _upwards(h, sizes, widths, activation, output_shape):
    """From the smallest map to the output, doubling height and width at each step."""
    for size, width in zip(sizes[-2:0:-1], widths[-2::-1], strict=True):
        h = _doubled(h, width, size, activation)
    h = layers.Conv2D(4 * output_shape[-1], 3, padding="same", name="params")(h)
    return _upsampled(h, output_shape[:2])


def _doubled(h, width, size, activation):
    """A convolution to twice the height and width: (batch, h, w, c) -> (batch, *size, width)."""
    h = activated(layers.Conv2D, 4 * width, activation, kernel_size=3, padding="same")(h)
    return _upsampled(h, size)


def _upsampled(h, size):
    """Twice the height and width, cut to `size`, since odd sizes were rounded up."""
    h = DepthToSpace()(h)
    surplus = [(0, have - want) for have, want in zip(h.shape[1:3], size, strict=True)]
    return layers.Cropping2D(surplus)(h) if any(after for _, after in surplus) else h
