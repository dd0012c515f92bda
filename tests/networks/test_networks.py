import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ae import networks
from keras_ae.networks import convolutional

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (7, 5, 2), (1, 9, 1)]
OPTIONS = list(itertools.product([(4,), (4, 6, 8)], ["relu", "glu"]))  # widths and activation
# Each shape with one of them, and one shape with all; the others are slow.
FEW = {
    *zip(SHAPES, [OPTIONS[3], OPTIONS[3], OPTIONS[2], OPTIONS[3], OPTIONS[2]], strict=True),
    *((SHAPES[3], o) for o in OPTIONS),
}


@pytest.mark.parametrize("network", [networks.dense, networks.conv, networks.residual])
@pytest.mark.parametrize(
    ("shape", "widths", "activation"),
    [
        pytest.param(shape, *options, marks=[] if (shape, options) in FEW else pytest.mark.slow)
        for shape, options in itertools.product(SHAPES, OPTIONS)
    ],
    ids=str,
)
def test_shapes(network, shape, widths, activation):
    output_shape = (*shape[:-1], 2 * shape[-1])
    encoder, decoder = network(shape, 6, 3, output_shape, widths=widths, activation=activation)
    assert encoder(np.zeros((2, *shape), "float32")).shape == (2, 6)
    assert decoder(np.zeros((2, 3), "float32")).shape == (2, *output_shape)
    assert encoder.output_shape == (None, 6) and decoder.output_shape == (None, *output_shape)


def test_the_mixer_sees_the_image_patch_by_patch():
    """A 5x6 image is padded to 2x2 patches of 4x4; each patch passes the same first layer."""
    shape = (5, 6, 1)
    encoder, decoder = networks.mixer(shape, 4, 3, shape, widths=(7, 9), activation="linear")
    x = np.random.default_rng(0).random((2, *shape), dtype="float32")
    padded = np.pad(x[..., 0], ((0, 0), (0, 3), (0, 2)))  # (2, 5, 6) -> (2, 8, 8)
    patches = [padded[:, i : i + 4, j : j + 4] for i in (0, 4) for j in (0, 4)]
    first, *others = [layer for layer in encoder.layers if layer.weights]
    features = [patch.reshape(2, 16) @ first.kernel + first.bias for patch in patches]
    expected = np.concatenate(features, axis=1)
    for layer in others:
        expected = expected @ layer.kernel + layer.bias
    np.testing.assert_allclose(encoder(x), expected, rtol=1e-4, atol=1e-5)
    assert decoder.output_shape == (None, *shape)
    # With a last layer that numbers the places of a patch, the decoder lays patches side by side.
    last = decoder.get_layer("params")
    last.kernel.assign(np.zeros(last.kernel.shape))
    last.bias.assign(np.arange(16))
    places = np.tile(np.arange(16).reshape(4, 4), (2, 2))[:5, :6]
    np.testing.assert_allclose(decoder(np.zeros((1, 3)))[0, ..., 0], places)


def test_a_block_of_the_mixer_moves_features_between_patches():
    """Otherwise the pixels of one patch would depend on its own features alone."""
    shape = (8, 8, 1)
    _, decoder = networks.mixer(shape, 4, 3, shape, widths=(7, 9))
    start = decoder.get_layer(index=3).output  # (batch, 4 patches, 7 features)
    tail = keras.Model(start, decoder.output)
    before = np.random.default_rng(0).normal(size=(1, 4, 7)).astype("float32")
    after = before.copy()
    after[0, 0, 0] += 1.0  # one feature of the first patch
    changed = np.abs(np.asarray(tail(after) - tail(before)))[0, ..., 0]
    assert changed[4:, 4:].max() > 1e-4  # a pixel of the last patch


@pytest.mark.parametrize(
    "options, message",
    [
        ({"shape": (8,)}, "Expected images.*Received: shape=\\(8,\\)"),
        ({"widths": (4,)}, "Expected two `widths`.*Received: widths=\\(4,\\)"),
        ({"patch": 0}, "`patch`.*Received: patch=0"),
        ({"blocks": -1}, "`blocks`.*Received: blocks=-1"),
    ],
)
def test_the_mixer_refuses_what_does_not_fit(options, message):
    arguments = {"shape": (8, 8, 1), "code_size": 4, "latent_dim": 2, "output_shape": (8, 8, 1)}
    with pytest.raises(ValueError, match=message):
        networks.mixer(**{**arguments, **options})


def test_dense_without_widths_is_linear():
    encoder, decoder = networks.dense((4,), 2, 2, (4,), widths=())
    assert len(encoder.weights) == len(decoder.weights) == 2
    a, b = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("float32")
    np.testing.assert_allclose(encoder(a + b), encoder(a) + encoder(b) - encoder(0 * a), atol=1e-5)


def test_dense_widths_run_from_the_input_to_the_code():
    encoder, decoder = networks.dense((8, 8, 1), 2, 2, (8, 8, 1), widths=(9, 5))
    assert [w.shape for w in encoder.get_weights()[::2]] == [(64, 9), (9, 5), (5, 2)]
    assert [w.shape for w in decoder.get_weights()[::2]] == [(2, 5), (5, 9), (9, 64)]


@pytest.mark.parametrize(
    ("activation", "function"), [("glu", lambda a: a), ("gated_tanh", np.tanh)]
)
def test_a_gated_layer_is_the_published_formula(activation, function):
    encoder, _ = networks.dense((4,), 3, 2, (4,), widths=(3,), activation=activation)
    (kernel, bias, last, offset), x = (
        encoder.get_weights(),
        np.random.default_rng(0).standard_normal((5, 4)).astype("float32"),
    )
    h = x @ kernel + bias
    gated = function(h[:, :3]) / (1 + np.exp(-h[:, 3:]))  # f(W x + b) * sigmoid(V x + c)
    np.testing.assert_allclose(encoder(x), gated @ last + offset, atol=1e-5)


def test_depth_to_space_is_tensorflows():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 8)).astype("float32")
    np.testing.assert_array_equal(networks.DepthToSpace()(x), tf.nn.depth_to_space(x, 2))


def test_a_code_that_is_a_map_keeps_its_places():
    """Without blocks, a corner of the image changes only its corner of the map.

    A corner of the map changes only its corner of the image.
    """
    encoder, decoder = networks.residual(
        (32, 32, 1), 3 * 64, 2 * 64, (32, 32, 1), widths=(4, 6), blocks=0, code="map"
    )
    x, z = np.zeros((2, 32, 32, 1), "float32"), np.zeros((2, 128), "float32")
    x[1, :4, :4], z[1, :2] = 1, 1  # the top left corner; the first place of the map
    moved = np.any(
        np.array(encoder(x)).reshape(2, 8, 8, 3)[1] != np.array(encoder(x)).reshape(2, 8, 8, 3)[0],
        axis=-1,
    )
    assert moved[0, 0] and not moved[3:].any() and not moved[:, 3:].any()
    moved = np.any(np.array(decoder(z))[1] != np.array(decoder(z))[0], axis=-1)
    assert moved[:4, :4].any() and not moved[16:].any() and not moved[:, 16:].any()


def test_a_block_starts_near_the_identity():
    plain = networks.residual((8, 8, 1), 6, 3, (8, 8, 1), widths=(4,), blocks=0)
    keras.utils.set_random_seed(0)
    deep = networks.residual((8, 8, 1), 6, 3, (8, 8, 1), widths=(4,), blocks=3)
    assert len(deep[0].weights) == len(plain[0].weights) + 3 * 4  # two kernels and two biases
    h = keras.Input((4, 4, 8))
    block = keras.Model(h, convolutional._block(h, "fused_gelu"))
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 8)).astype("float32")
    change = np.array(block(x)) - x
    assert 0 < np.abs(change).mean() < 0.5 * np.abs(x).mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"code": "image"}, '"vector" or "map". Received: code=\'image\''),
        (
            {"code": "map"},
            'multiples of 4 for code="map".*a map of 2x2. Received: code_size=6, latent_dim=3',
        ),
        ({"widths": ()}, "at least one width"),
    ],
)
def test_residual_refuses_what_does_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        networks.residual((8, 8, 1), 6, 3, (8, 8, 1), **options)


@pytest.mark.parametrize("network", [networks.conv, networks.residual, networks.mixer])
def test_networks_survive_json(network):
    encoder, decoder = network((8, 8, 1), 6, 3, (8, 8, 1), activation="glu")
    for model in (encoder, decoder):
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
        copy.set_weights(model.get_weights())
        x = np.random.default_rng(0).random((2, *model.input_shape[1:]), dtype="float32")
        np.testing.assert_array_equal(copy(x), model(x))


@pytest.mark.parametrize("shape", [(4, 5, 3, 8), (6, 8)])
@pytest.mark.parametrize("mode", ["eager", "graph", pytest.param("xla", marks=pytest.mark.slow)])
def test_the_fused_gelu_is_kerass_gelu_of_x_and_bias(shape, mode):
    """Values, gradients, and the gradients of gradients, against keras.activations.gelu."""
    rng = np.random.default_rng(0)
    x, bias = (tf.constant(rng.standard_normal(s).astype("float32")) for s in (shape, shape[-1:]))
    layer = networks.BiasGelu()
    layer.build(shape)

    def both(x, bias):
        layer.bias.assign(bias)
        results = []
        for function in (
            layer,
            lambda x: keras.activations.gelu(x + layer.bias.value, approximate=False),
        ):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = tf.sin(function(x))
                by_x, by_bias = tape.gradient(y, [x, layer.bias.value])
            results.append((y, by_x, by_bias, outer.gradient(by_x, x)))
        return results

    if mode != "eager":
        both = tf.function(both, jit_compile=mode == "xla")
    for fused, plain in zip(*both(x, bias), strict=True):
        np.testing.assert_allclose(fused, plain, atol=1e-5)


def test_calls_by_hand_compile_nothing():
    """Else TensorFlow warns of retracing when images of several sizes or numbers are decoded."""
    layer = networks.BiasGelu()
    compiled = networks.layers._gelu.experimental_get_tracing_count()
    for n in (2, 3, 4, 5, 6, 7):
        layer(np.zeros((n, 2, 2, 3), "float32"))
    assert networks.layers._gelu.experimental_get_tracing_count() == compiled
