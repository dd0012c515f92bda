"""The network "mixer": patches of an image, joined by dense layers."""

import keras
from keras import layers

from keras_ae.networks.layers import activated
from keras_ae.utils import validation


def mixer(
    shape,
    code_size,
    latent_dim,
    output_shape,
    widths=(32, 256),
    activation="gelu",
    patch=4,
    blocks=1,
):
    """Patches instead of convolutions. It has dense layers only, which XLA makes fast on CPUs.

    The encoder describes each patch by the same few features. A hidden layer then reads the
    features of all patches. The decoder goes the other way. Its blocks first let each feature move
    between the patches, and then the features of each patch change each other.

    Args:
        shape: (height, width, channels) of one image; any height and width.
        code_size, latent_dim, output_shape: as in `dense`.
        widths: two ints: the features of a patch, the units of the hidden layer.
        activation: as in `dense`.
        patch: int, the height and width of a patch.
        blocks: int >= 0, the number of blocks of the decoder.

    Returns:
        (encoder, decoder), as in `dense`.

    Raises:
        ValueError: shape is not that of images; there are not two widths.

    Source: the blocks are those of Tolstikhin et al., "MLP-Mixer", NeurIPS 2021, figure 1. Here the
    two branches of a block start near zero.
    """
    if len(shape) != 3:
        raise ValueError(
            'Expected images, shape=(height, width, channels), for network="mixer". '
            f"Received: shape={shape}"
        )
    if len(widths) != 2:
        raise ValueError(
            "Expected two `widths`, the features of a patch and the units of the hidden layer. "
            f"Received: widths={tuple(widths)}"
        )
    features, units = widths
    rows, columns = (-(-n // validation.positive_int(patch, "patch")) for n in shape[:2])

    image = h = keras.Input(shape, name="image")
    h = _patches(h, rows, columns, patch)  # (batch, h, w, c) -> (batch, patches, patch * patch * c)
    h = activated(layers.Dense, features, activation)(h)
    h = layers.Flatten()(h)  # (batch, patches, features) -> (batch, patches * features)
    h = activated(layers.Dense, units, activation)(h)
    encoder = keras.Model(image, layers.Dense(code_size, name="code")(h), name="encoder")

    z = h = keras.Input((latent_dim,), name="z")
    h = activated(layers.Dense, units, activation)(h)
    h = activated(layers.Dense, rows * columns * features, activation)(h)
    h = layers.Reshape((rows * columns, features))(h)  # -> (batch, patches, features)
    for _ in range(validation.at_least(blocks, "blocks", 0)):
        h = _block(h, activation)
    h = layers.Dense(patch * patch * output_shape[-1], name="params")(h)
    return encoder, keras.Model(z, _image(h, rows, columns, patch, output_shape), name="decoder")


def _block(h, activation):
    """(batch, patches, features) -> the same: first along the patches, then along the features."""
    patches, features = h.shape[1:]
    moved = layers.Permute((2, 1))(layers.LayerNormalization()(h))  # -> (batch, features, patches)
    moved = _perceptron(moved, features, patches, activation)
    h = layers.Add()([h, layers.Permute((2, 1))(moved)])
    changed = _perceptron(layers.LayerNormalization()(h), 2 * features, features, activation)
    return layers.Add()([h, changed])


def _perceptron(h, units, outputs, activation):
    """One hidden layer along the last axis; its output starts near zero."""
    h = activated(layers.Dense, units, activation)(h)
    return layers.Dense(outputs, kernel_initializer=keras.initializers.VarianceScaling(0.1))(h)


def _patches(h, rows, columns, patch):
    """(batch, height, width, c) -> (batch, rows * columns, patch * patch * c), padded by zeros."""
    height, width, channels = h.shape[1:]
    missing = (0, rows * patch - height), (0, columns * patch - width)
    if any(after for _, after in missing):
        h = layers.ZeroPadding2D(missing)(h)
    h = layers.Reshape((rows, patch, columns, patch * channels))(h)
    h = layers.Permute((1, 3, 2, 4))(h)  # -> (batch, rows, columns, patch, patch * c)
    return layers.Reshape((rows * columns, patch * patch * channels))(h)


def _image(h, rows, columns, patch, output_shape):
    """(batch, rows * columns, patch * patch * c) -> (batch, *output_shape); the padding goes."""
    height, width, channels = output_shape
    h = layers.Reshape((rows, columns, patch, patch * channels))(h)
    h = layers.Permute((1, 3, 2, 4))(h)  # -> (batch, rows, patch, columns, patch * c)
    h = layers.Reshape((rows * patch, columns * patch, channels))(h)
    surplus = (0, rows * patch - height), (0, columns * patch - width)
    return layers.Cropping2D(surplus)(h) if any(after for _, after in surplus) else h
