import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly

import keras_ae
from keras_ae.samplers.pixelcnn import PixelCNN


def jolted(network):
    """With weights drawn anew, biases too, so that nothing is zero by chance of the start."""
    rng = np.random.default_rng(0)
    network.set_weights([0.3 * rng.standard_normal(w.shape) for w in network.get_weights()])
    return network


def every_map(symbols, size):
    return np.array(list(itertools.product(range(symbols), repeat=size**2))).reshape(-1, size, size)


@pytest.mark.parametrize("condition", [None, ((1, 2), 3)])
def test_the_probabilities_of_all_maps_add_up_to_one(condition):
    """81 maps of 2 x 2, three symbols."""
    network, maps = jolted(PixelCNN((2, 2), 3, condition, width=6, blocks=2)), every_map(3, 2)
    given = None if condition is None else np.tile([[[2, 0]]], (81, 1, 1))
    log_prob = network(maps if given is None else (maps, given))
    assert np.sum(np.exp(log_prob)) == pytest.approx(1, rel=1e-4)
    assert np.ptp(log_prob) > 1


def test_each_symbol_depends_on_all_before_and_on_none_after():
    """Every one of 25, each changed in turn: no blind spot, and no look ahead."""
    network = jolted(PixelCNN((5, 5), 2, width=8, blocks=3)).network
    start = np.random.default_rng(0).integers(0, 2, (1, 5, 5))
    maps = np.repeat(start, 26, axis=0)
    for i in range(25):
        maps[i, i // 5, i % 5] ^= 1
    logits = np.array(network(maps)).reshape(26, 25, 2)
    moved = np.abs(logits[:25] - logits[25]).max(axis=-1)  # (changed, seen from)
    rounding = 1e-6
    assert (
        moved[np.tril_indices(25)] < rounding
    ).all()  # a symbol itself and those before it do not notice
    assert (moved[np.triu_indices(25, 1)] > 10 * rounding).all()


def test_draws_follow_the_density():
    network = jolted(PixelCNN((2, 2), 2, width=6, blocks=1))
    draws = np.array(network.sample(4000, seed=1)).reshape(4000, 4) @ [8, 4, 2, 1]
    expected = np.exp(network(every_map(2, 2)))
    np.testing.assert_allclose(np.bincount(draws, minlength=16) / 4000, expected, atol=0.03)
    np.testing.assert_array_equal(network.sample(5, seed=3), network.sample(5, seed=3))


@pytest.mark.slow
def test_the_condition_counts():
    """A map that repeats the one that is given, four times as large."""
    rng = np.random.default_rng(0)
    given = rng.integers(0, 3, (600, 1, 2))
    maps = np.repeat(np.repeat(given, 2, axis=1), 2, axis=2)
    network = PixelCNN((2, 4), 3, ((1, 2), 3), width=12, blocks=1)
    network.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    network.fit((maps, given), epochs=12, batch_size=60, verbose=0)
    found = network.sample(60, seed=0, condition=given[:60])
    assert np.mean(np.array(found) == maps[:60]) > 0.95


def test_a_saved_network_is_the_same(tmp_path):
    network, maps = (
        jolted(PixelCNN((2, 3), 4, ((1, 3), 2), width=6, blocks=1)),
        np.array([[[0, 3, 1], [2, 2, 0]]]),
    )
    network.save(tmp_path / "prior.keras")
    again, pair = keras.models.load_model(tmp_path / "prior.keras"), (maps, np.array([[[1, 0, 1]]]))
    np.testing.assert_array_equal(again(pair), network(pair))
    np.testing.assert_array_equal(
        again.sample(2, 0, np.tile(pair[1], (2, 1, 1))),
        network.sample(2, 0, np.tile(pair[1], (2, 1, 1))),
    )


def test_an_example_without_weight_moves_nothing():
    network, maps = jolted(PixelCNN((2, 2), 3, width=4, blocks=1)), every_map(3, 2)
    network.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    before = network.get_weights()
    network.fit(maps, np.zeros(81), sample_weight=np.zeros(81), verbose=0)
    for weight, old in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_half_precision_keeps_the_density_whole():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = PixelCNN((2, 2), 3, width=6, blocks=1)
        assert network(every_map(3, 2)).dtype == tf.float32
        assert network.sample(4, seed=0).shape == (4, 2, 2)
    finally:
        keras.config.set_dtype_policy("float32")


@eagerly()
def test_a_fit_leaves_the_seeds_of_others_alone(images, monkeypatch):
    """What a user draws after it depends on the user's own seed, and the fit on its own."""
    monkeypatch.setattr(keras_ae.samplers.fitted, "FLOW_EPOCHS", 1)
    model, x = keras_ae.AE((8, 8, 1), 2, widths=(4,)), np.repeat(images, 2, axis=0)
    draws, densities = [], []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        sampler = keras_ae.samplers.fit(model, x, kind="flow")
        of_numpy = np.random.rand()  # noqa: NPY002
        draws.append([of_numpy, float(keras.random.uniform(())), float(tf.random.uniform(()))])
        densities.append(sampler.log_prob(np.zeros((1, 2))))
    assert not set(draws[0]) & set(draws[1])
    np.testing.assert_array_equal(*densities)


@pytest.mark.slow
def test_a_vqvae_gets_a_prior_over_its_symbols(monkeypatch):
    monkeypatch.setattr(keras_ae.samplers.fitted, "PIXELCNN_EPOCHS", 4)
    (x, _), (x_test, _) = keras_ae.datasets.load("digits")
    network = keras_ae.networks.residual(
        (8, 8, 1), 8, 8, (8, 8, 1), widths=(8, 16), blocks=0, code="map"
    )
    model = keras_ae.VQVAE((8, 8, 1), 8, network=network, size=8, width=2)
    model.compile(keras.optimizers.Adam(0.005))
    model.fit(x, epochs=10, batch_size=64, verbose=0)
    assert model.map_shapes == [(2, 2)]
    sampler = keras_ae.samplers.fit(model, x, kind="pixelcnn")
    symbols = np.array(model.symbols(x_test))
    shares = np.array([np.bincount(model.symbols(x)[:, i], minlength=8) + 1 for i in range(4)]) / (
        len(x) + 8
    )
    independent = sum(np.log(shares[i, symbols[:, i]]) for i in range(4))
    assert sampler.log_prob(symbols).mean() > independent.mean() + 0.3
    assert sampler.sample_symbols(6, seed=1).shape == (6, 4)
    np.testing.assert_allclose(
        sampler.sample(6, seed=1), model.decode_symbols(sampler.sample_symbols(6, seed=1))
    )


def test_several_symbols_at_a_place_stand_side_by_side():
    network = keras_ae.networks.residual(
        (8, 8, 1), 24, 24, (8, 8, 1), widths=(8, 16), blocks=0, code="map"
    )
    model = keras_ae.VQVAE(
        (8, 8, 1), 24, network=network, size=8, width=2
    )  # a map of 2 x 2, six numbers at each place
    assert model.map_shapes == [(2, 6)]
    z = tf.reshape(
        tf.range(24.0), (1, 2, 2, 6)
    )  # as the map is: height, width, the numbers of a place
    np.testing.assert_array_equal(
        tf.reshape(z, (2, 6, 2))[1, 3], z[0, 1, 1, :2]
    )  # a symbol is two numbers


def test_symbols_that_are_no_map_are_a_row(images):
    model = keras_ae.VQVAE((8, 8, 1), 12, widths=(8,), size=4, width=4)
    assert model.map_shapes == [(1, 3)]
    assert keras_ae.samplers.split_maps(model, model.symbols(images))[0].shape == (20, 1, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: PixelCNN((2, 3), 4, ((2, 2), 4)),
            r"divide those of the map, \(2, 3\). Received: \(2, 2\)",
        ),
        (lambda: PixelCNN((0, 3), 4), "Received: shape=0"),
        (lambda: PixelCNN((2, 3), 4, blocks=0), "Received: blocks=0"),
        (
            lambda: PixelCNN((2, 2), 3, ((1, 1), 3), width=4).sample(2, 0),
            r"`condition` to have the shape \(2, 1, 1\). Received: shape=None",
        ),
        (
            lambda: PixelCNN((2, 2), 3, width=4).sample(2, 0, np.zeros((2, 1, 1))),
            r"the shape None. Received: shape=\(2, 1, 1\)",
        ),
        (
            lambda: keras_ae.samplers.fit(keras_ae.AE((4,), 2), np.zeros((30, 4)), kind="pixelcnn"),
            "for a AE. Received: kind='pixelcnn'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_sampler_asks_for_whole_codes(images):
    model = keras_ae.VQVAE((8, 8, 1), 12, widths=(8,), size=4, width=4)
    with pytest.raises(ValueError, match=r"shape \(batch, 3\). Received: shape=\(2, 4\)"):
        keras_ae.samplers.split_maps(model, tf.zeros((2, 4), tf.int32))


def test_a_sampler_knows_the_symbols(images):
    model = keras_ae.VQVAE((8, 8, 1), 12, widths=(8,), size=4, width=4)
    with pytest.raises(ValueError, match="from 0 to 3. Received: from 0 to 4"):
        keras_ae.samplers.split_maps(model, [[0, 4, 1]])


def test_an_encoder_that_is_a_class_gives_a_row_of_symbols(images):
    class Encoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(8)

        def build(self, shape):
            self.dense.build((None, 64))

        def call(self, x):
            return self.dense(self.flatten(x))

        def compute_output_shape(self, shape):
            return (shape[0], 8)

    decoder = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))]
    )
    model = keras_ae.VQVAE((8, 8, 1), 8, network=(Encoder(), decoder), size=4, width=4)
    assert model.map_shapes == [(1, 2)]
    assert model.symbols(images).shape == (20, 2)
