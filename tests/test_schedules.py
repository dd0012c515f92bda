import keras
import numpy as np
import pytest

import keras_ae
from keras_ae.schedules import Cyclical, WarmUp


def test_the_values_of_the_schedules():
    np.testing.assert_allclose(
        [WarmUp(4, 1.0, 3.0)(step) for step in range(7)], [1, 1.5, 2, 2.5, 3, 3, 3]
    )
    np.testing.assert_allclose(
        [Cyclical(4, rise=0.5)(step) for step in range(9)], [0, 0.5, 1, 1, 0, 0.5, 1, 1, 0]
    )


@pytest.mark.parametrize(
    "schedule", [WarmUp(4, 1.0, 3.0), Cyclical(6, 0.25, 0.5, 2.0)], ids=lambda s: type(s).__name__
)
def test_a_schedule_is_made_again_from_its_config(schedule):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert [float(copy(step)) for step in range(8)] == [float(schedule(step)) for step in range(8)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WarmUp(0), "Received: steps=0"),
        (lambda: WarmUp(2.5), "steps=2.5"),
        (lambda: Cyclical(5, rise=0), "rise=0"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def fit_without_learning(vae, x, **options):
    """A history in which only the schedule moves: no weight changes, all examples are equal."""
    return vae.fit(x, batch_size=5, verbose=0, **options).history


def make(beta, **options):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,), beta=beta, prior="standard_normal")
    vae.compile(keras.optimizers.SGD(0.0), **options)
    return vae


@pytest.mark.parametrize(
    "how",
    [
        {"run_eagerly": True},
        pytest.param({"jit_compile": True, "steps_per_execution": 4}, marks=pytest.mark.slow),
    ],
    ids=["eager", "xla"],
)
def test_beta_moves_at_every_step(images, how):
    x = np.repeat(images[:1], 20, axis=0)  # four steps an epoch
    vae = make(WarmUp(10), **how)
    history = fit_without_learning(vae, x, epochs=3)
    for epoch in range(3):
        mean_beta = np.mean([min(1, step / 10) for step in range(4 * epoch, 4 * epoch + 4)])
        weighted = history["loss"][epoch] - history["reconstruction"][epoch]
        assert weighted == pytest.approx(mean_beta * history["kl"][epoch], rel=1e-4)
    assert int(vae.step) == 12 and float(vae.beta.numpy()) == 1
    logs = vae.evaluate(x, verbose=0, return_dict=True)
    assert int(vae.step) == 12  # evaluation is no step
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + logs["kl"], rel=1e-5)


@pytest.mark.slow
def test_beta_moves_alike_on_two_replicas(images, two_replicas):
    x = np.repeat(images[:1], 20, axis=0)
    with two_replicas.scope():
        vae = make(WarmUp(10), jit_compile=False)
    history = vae.fit(x, batch_size=10, epochs=3, verbose=0).history
    for epoch in range(3):
        weighted = history["loss"][epoch] - history["reconstruction"][epoch]
        mean_beta = (2 * epoch + 2 * epoch + 1) / 20
        assert weighted == pytest.approx(mean_beta * history["kl"][epoch], rel=1e-3)


def test_a_schedule_goes_on_after_saving(images, tmp_path):
    vae = make(WarmUp(10), run_eagerly=True)
    fit_without_learning(vae, images)  # four steps
    vae.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    assert int(loaded.step) == 4 and float(loaded.beta.numpy()) == pytest.approx(0.4)
    fit_without_learning(loaded, images)
    assert int(loaded.step) == 8 and float(loaded.beta.numpy()) == pytest.approx(0.8)
    loaded.save_to_preset(tmp_path / "preset")
    assert float(keras_ae.load(tmp_path / "preset").beta.numpy()) == pytest.approx(0.8)


def test_kerass_own_schedules_do_too(images, tmp_path):
    vae = make(
        keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.25, 4.0]), run_eagerly=True
    )
    fit_without_learning(vae, images)
    assert float(vae.beta.numpy()) == 4
    vae.save_to_preset(tmp_path / "preset")
    assert type(keras_ae.load(tmp_path / "preset").schedule).__name__ == "PiecewiseConstantDecay"
