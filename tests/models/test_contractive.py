import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ae


def make(**options):
    return keras_ae.ContractiveAE((8, 8, 1), 5, **{"widths": (12,), **options})


def jacobians(model, x):
    """The Jacobians computed by TensorFlow's batch_jacobian: (batch, latent_dim, 64)."""
    x = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        z = model.encoder(x)
    found = tape.batch_jacobian(z, x, experimental_use_pfor=False)
    return np.reshape(found, (len(x), model.latent_dim, -1))


@pytest.mark.parametrize(
    "options", [{}, {"network": "conv", "widths": (4, 8)}, {"activation": "glu"}], ids=str
)
def test_the_penalty_is_the_squared_frobenius_norm_of_the_jacobian(images, options):
    model = make(weight=0.3, **options)
    expected = np.sum(jacobians(model, images) ** 2, axis=(1, 2))
    assert expected.min() > 1e-3
    np.testing.assert_allclose(model.squared_jacobian(images), expected, rtol=1e-4)
    objective = -model.likelihood(model.encode(images)).log_prob(images) + 0.3 * expected
    np.testing.assert_allclose(model.objective(images, images), objective, rtol=1e-5)


def test_the_penalty_of_one_sigmoid_layer_is_the_formula_of_the_paper(images):
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(5, "sigmoid")]
    )
    decoder = keras.Sequential([keras.Input((5,)), keras.layers.Dense(64)])
    model = keras_ae.ContractiveAE((8, 8, 1), 5, network=(encoder, decoder))
    h, kernel = np.array(encoder(images)), np.array(encoder.layers[-1].kernel)
    # Rifai et al., 2011, section 3.1
    expected = np.sum((h * (1 - h)) ** 2 * np.sum(kernel**2, axis=0), axis=1)
    np.testing.assert_allclose(model.squared_jacobian(images), expected, rtol=1e-4)


def test_the_estimate_is_unbiased(images):
    model = make(jacobian=2)
    exact = np.sum(jacobians(model, images) ** 2, axis=(1, 2))
    x = np.tile(images, (400, 1, 1, 1))
    draws = np.reshape(model.squared_jacobian(x, seed=3), (400, 20))
    z = (draws.mean(axis=0) - exact) / (draws.std(axis=0) / 20)
    assert np.abs(z).max() < 5 and draws.std() > 0, z
    first, second, other = (model.squared_jacobian(images, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0


def test_the_penalty_makes_the_code_less_sensitive(images):
    norms = []
    for weight in (0.0, 3.0):
        model = make(weight=weight)
        model.compile(jit_compile=False)
        x = np.tile(images, (50, 1, 1, 1))
        logs = model.fit(x, epochs=2, batch_size=20, verbose=0, shuffle=False).history
        assert logs["loss"][-1] == pytest.approx(
            logs["reconstruction"][-1] + logs["penalty"][-1], rel=1e-4
        )
        norms.append(np.mean(model.squared_jacobian(images)))
    assert norms[1] < 0.3 * norms[0], norms


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": -1}, "`weight`.*Received: weight=-1"),
        (
            {"jacobian": "hutchinson"},
            "\"exact\" or a positive integer. Received: jacobian='hutchinson'",
        ),
        ({"jacobian": 0}, "Received: jacobian=0"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_a_keras_loss_is_refused():
    with pytest.raises(ValueError, match="Expected no `loss`.*Received: loss='mse'"):
        make().compile(loss="mse")
