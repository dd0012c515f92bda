"""Networks of convolutions: "conv", "residual", and that of two maps of a VQVAE2."""

import math

import keras
from keras import layers, ops

from keras_ae.networks.layers import DepthToSpace, activated
from keras_ae.utils import validation


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
    return _convolutional(
        "residual", shape, code_size, latent_dim, output_shape, widths, activation, blocks, code
    )


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
        h = activated(layers.Conv2D, n, activation, kernel_size=4, strides=2, padding="same")(h)
    below = _blocks(h, blocks, activation)  # (batch, *bottom, features)
    h = activated(layers.Conv2D, highest, activation, kernel_size=4, strides=2, padding="same")(
        below
    )
    h = layers.Conv2D(width, 1, name="top")(_blocks(h, blocks, activation))  # (batch, *top, width)
    encoder = keras.Model(
        image, layers.Concatenate()([layers.Flatten()(h), layers.Flatten()(below)]), name="encoder"
    )

    z = keras.Input((math.prod(top) * width,), name="z_top")
    below = keras.Input((math.prod(bottom) * features,), name="features")
    h = activated(layers.Conv2D, highest, activation, kernel_size=3, padding="same")(
        layers.Reshape((*top, width))(z)
    )
    h = _doubled(
        _blocks(h, blocks, activation), features, bottom, activation
    )  # (batch, *top, c) -> (batch, *bottom, features)
    h = layers.Concatenate()([h, layers.Reshape((*bottom, features))(below)])
    bottom_encoder = keras.Model(
        [z, below],
        layers.Flatten()(layers.Conv2D(width, 1, name="bottom")(h)),
        name="bottom_encoder",
    )

    z = keras.Input(((math.prod(top) + math.prod(bottom)) * width,), name="z")
    above, below = ops.split(z, [math.prod(top) * width], axis=-1)
    h = _doubled(
        layers.Reshape((*top, width))(above), features, bottom, activation
    )  # -> (batch, *bottom, features)
    h = layers.Concatenate()([h, layers.Reshape((*bottom, width))(below)])
    h = activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    h = _upwards(_blocks(h, blocks, activation), sizes[:-1], widths[:-1], activation, output_shape)
    return encoder, bottom_encoder, keras.Model(z, h, name="decoder")


def sizes_of_levels(shape, widths):
    """Heights and widths from the image to the top map of `two_levels`, a list of (height, width). Raises ValueError as that."""
    if len(shape) != 3:
        raise ValueError(
            f"Expected images, shape=(height, width, channels). Received: shape={shape}"
        )
    if len(validation.positive_widths(widths)) < 2:
        raise ValueError(
            f"Expected at least two `widths`, the last for the top map. Received: widths={tuple(widths)}"
        )
    return _sizes(shape, widths, "two_levels")


def _convolutional(
    name, shape, code_size, latent_dim, output_shape, widths, activation, blocks=0, code="vector"
):
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
        h = activated(layers.Conv2D, width, activation, kernel_size=4, strides=2, padding="same")(h)
    h = _blocks(h, blocks, activation)
    if code == "map":
        h = layers.Flatten(name="code")(
            layers.Conv2D(code_size // area, 1)(h)
        )  # (batch, h, w, c) -> (batch, h * w * c)
    else:
        h = layers.Dense(code_size, name="code")(layers.Flatten()(h))
    encoder = keras.Model(image, h, name="encoder")

    z = h = keras.Input((latent_dim,), name="z")
    if code == "map":
        h = layers.Reshape((*sizes[-1], latent_dim // area))(
            h
        )  # (batch, h * w * c) -> (batch, h, w, c)
        h = activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    else:
        h = activated(layers.Dense, area * features, activation)(h)
        h = layers.Reshape((*sizes[-1], features))(h)  # (batch, h * w * c) -> (batch, h, w, c)
    h = _blocks(h, blocks, activation)
    return encoder, keras.Model(
        z, _upwards(h, sizes, widths, activation, output_shape), name="decoder"
    )


def _sizes(shape, widths, name):
    """Heights and widths of a stack of convolutions of stride 2: before each, and after the last."""
    if len(shape) != 3:
        raise ValueError(
            f'Expected images, shape=(height, width, channels), for network="{name}". Received: shape={shape}'
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
    """h + conv(activation(conv(h))), (batch, h, w, c) -> the same. It starts close to h, so that many of them train like none."""
    features = h.shape[-1]
    change = activated(layers.Conv2D, features, activation, kernel_size=3, padding="same")(h)
    small = keras.initializers.VarianceScaling(0.1)
    return layers.Add()(
        [h, layers.Conv2D(features, 3, padding="same", kernel_initializer=small)(change)]
    )


def _upwards(h, sizes, widths, activation, output_shape):
    """From the lowest map to the output, doubling height and width: (batch, h, w, c) -> (batch, *output_shape)."""
    for size, width in zip(sizes[-2:0:-1], widths[-2::-1], strict=True):
        h = _doubled(h, width, size, activation)
    h = layers.Conv2D(4 * output_shape[-1], 3, padding="same", name="params")(h)
    return _upsampled(h, output_shape[:2])


def _doubled(h, width, size, activation):
    """A convolution to `width` channels of twice the height and width: (batch, h, w, c) -> (batch, *size, width)."""
    return _upsampled(
        activated(layers.Conv2D, 4 * width, activation, kernel_size=3, padding="same")(h), size
    )


def _upsampled(h, size):
    h = DepthToSpace()(h)
    surplus = [
        (0, have - want) for have, want in zip(h.shape[1:3], size, strict=True)
    ]  # odd sizes were rounded up
    return layers.Cropping2D(surplus)(h) if any(after for _, after in surplus) else h
