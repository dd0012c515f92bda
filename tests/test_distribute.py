"""Several replicas in one process; several processes are in test_cluster.py."""

import functools
import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ae
from keras_ae import cli, distribute
from keras_ae.utils import seeds

DEFAULT = tf.distribute.get_strategy()
on_both = pytest.mark.parametrize("strategy", [2, 4], indirect=True)


@pytest.fixture(params=[2, pytest.param(4, marks=pytest.mark.slow)])
def strategy(request, two_replicas):
    """Two replicas by TensorFlow's own strategy, and four by ours, in one process."""
    return two_replicas if request.param == 2 else distribute.strategy("mirrored")


def examples(n):
    return np.random.default_rng(0).random((n, 8, 8, 1), dtype="float32")


def made(strategy, cls, loss=None, **options):
    """A compiled model, the same one under any strategy."""
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = cls((8, 8, 1), 3, widths=(16,))
        model.compile(
            keras.optimizers.SGD(0.01), loss, metrics=["mse"], **{"jit_compile": False, **options}
        )
    return model


@functools.cache
def trained(strategy, cls, n=25, batch_size=8, loss=None, weighted=False):
    """The same training under any strategy, run once for all tests.

    Returns (model, logs of the last epoch and of evaluate, prediction, loss of each epoch).
    """
    x = examples(n)
    weights = np.random.default_rng(1).random(n) if weighted else None
    model = made(strategy, cls, loss)
    history = model.fit(
        x,
        batch_size=batch_size,
        epochs=2,
        shuffle=False,
        sample_weight=weights,
        validation_data=x[:11],
        verbose=0,
    ).history
    logs = {name: values[-1] for name, values in history.items()} | evaluated(model, x)
    return model, logs, model.predict(x, batch_size=7, verbose=0), history["loss"]


def evaluated(model, x):
    logs = model.evaluate(x, batch_size=7, verbose=0, return_dict=True)
    return {f"evaluate {name}": value for name, value in logs.items()}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param((24, 8), id="even", marks=pytest.mark.slow),
        pytest.param((25, 8), id="last batch of 1", marks=pytest.mark.slow),
        pytest.param((26, 7, "mse", True), id="uneven, weighted, mse"),
    ],
)
def test_replicas_train_like_one_device(strategy, case):
    """To rounding: weights, logs of fit, validation and evaluate, and predictions."""
    one, logs, predicted, _ = trained(DEFAULT, keras_ae.AE, *case)
    many, logs_of_many, predicted_by_many, _ = trained(strategy, keras_ae.AE, *case)
    assert many.distribute_strategy.num_replicas_in_sync in (2, 4)
    for weight, of_many in zip(one.get_weights(), many.get_weights(), strict=True):
        np.testing.assert_allclose(of_many, weight, atol=1e-6)
    for name, value in logs.items():
        assert logs_of_many[name] == pytest.approx(value, rel=1e-5), name
    np.testing.assert_allclose(predicted_by_many, predicted, atol=1e-6)


@pytest.mark.slow
def test_a_dataset_of_ones_own_trains_like_one_device(strategy):
    one, _, _, losses = trained(DEFAULT, keras_ae.AE)
    x = examples(25)
    many = made(strategy, keras_ae.AE)
    dataset = tf.data.Dataset.from_tensor_slices((x, x)).batch(8)
    loss = many.fit(dataset, epochs=2, verbose=0).history["loss"]
    for weight, of_many in zip(one.get_weights(), many.get_weights(), strict=True):
        np.testing.assert_allclose(of_many, weight, rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(losses, rel=1e-5)


@pytest.mark.slow
def test_the_loss_of_a_vae_keeps_its_scale(strategy):
    _, logs, _, _ = trained(DEFAULT, keras_ae.VAE)
    _, logs_of_many, _, _ = trained(strategy, keras_ae.VAE)
    for name, value in logs.items():
        assert logs_of_many[name] == pytest.approx(value, rel=0.1), name
    for prefix in ("", "val_", "evaluate "):
        loss, reconstruction, kl = (
            logs_of_many[prefix + name] for name in ("loss", "reconstruction", "kl")
        )
        assert loss == pytest.approx(reconstruction + kl, rel=1e-5)


@on_both
def test_the_noise_of_replicas_differs_and_follows_from_the_seed(strategy):
    def noise(seed):
        with strategy.scope():
            generator = seeds.SeedGenerator(seed)
        draw = tf.function(
            lambda: strategy.run(lambda: tf.random.stateless_normal([9], generator.draw()))
        )
        return np.array(
            [strategy.experimental_local_results(draw()) for _ in range(2)]
        )  # (draws, replicas, 9)

    first, again, other = noise(1), noise(1), noise(2)
    np.testing.assert_array_equal(first, again)
    rows = np.concatenate([first, other]).reshape(-1, 9)
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.slow
def test_a_whole_training_follows_from_the_seed(strategy):
    first, again = trained(strategy, keras_ae.VAE), trained.__wrapped__(strategy, keras_ae.VAE)
    assert first[1] == again[1]
    for a, b in zip(first[0].get_weights(), again[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["preset", "keras"])
def test_a_model_of_several_replicas_is_saved_and_loaded(how, strategy, tmp_path):
    vae, _, predicted, _ = trained(strategy, keras_ae.VAE)
    x = examples(25)
    if how == "keras":
        vae.save(tmp_path / "vae.keras")
        load = functools.partial(keras.models.load_model, tmp_path / "vae.keras")
    else:
        vae.save_to_preset(tmp_path / "vae")
        load = functools.partial(keras_ae.load, tmp_path / "vae")
    np.testing.assert_allclose(load().predict(x, verbose=0), predicted, atol=1e-6)
    with strategy.scope():
        loaded = load()
    np.testing.assert_allclose(loaded.predict(x, verbose=0), predicted, atol=1e-6)
    loaded.fit(x, verbose=0)
    assert loaded.distribute_strategy is strategy


def test_xla_and_several_steps_at_once_train_like_one_device(strategy, tmp_path):
    """25 examples in batches of 8: the last batch has one, so some replicas have none."""
    options = {"jit_compile": True, "steps_per_execution": 4}
    many = made(strategy, keras_ae.AE, **options)
    x = examples(25)
    logs = many.fit(x, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    logs = {name: values[-1] for name, values in logs.items()} | evaluated(many, x)
    _, logs_of_one, _, _ = trained(DEFAULT, keras_ae.AE)
    for name, value in logs.items():
        assert value == pytest.approx(logs_of_one[name], rel=1e-5), name
    one = made(DEFAULT, keras_ae.AE, **options)
    assert one.jit_compile
    one.save(tmp_path / "one.keras")
    with strategy.scope():
        loaded = keras.models.load_model(tmp_path / "one.keras")
    loaded.fit(examples(25), verbose=0)
    assert loaded.jit_compile


def test_names_of_strategies():
    assert distribute.strategy() is distribute.strategy("auto") is DEFAULT
    assert distribute.strategy("mirrored") is distribute.strategy("mirrored")
    assert distribute.strategy("mirrored").num_replicas_in_sync == 4
    for name in ("cpu", "CPU:0", "cpu:3", "/device:CPU:1"):
        device = "CPU:0" if name == "cpu" else name.upper().removeprefix("/DEVICE:")
        with distribute.strategy(name).scope():
            assert keras.Variable(0.0).value.device.endswith(f"device:{device}")
    assert distribute.is_chief() and not distribute.several_workers()


def test_one_device_by_name_trains():
    _, logs, _, _ = trained(DEFAULT, keras_ae.AE)
    _, logs_of_named, _, _ = trained(distribute.strategy("cpu:1"), keras_ae.AE)
    assert logs_of_named == pytest.approx(logs, rel=1e-5)


WORKERS = {"worker": ["a:1", "b:2"]}


@pytest.mark.parametrize(
    "name, tf_config, message",
    [
        (
            "tpu",
            None,
            r'"multiworker", or a device of this machine: CPU:0, CPU:1.*Received: \'tpu\'',
        ),
        ("GPU:7", None, "Received: 'GPU:7'"),
        (3, None, "Received: 3"),
        (
            "multiworker",
            None,
            "Expected the environment variable TF_CONFIG.*Received: TF_CONFIG=None",
        ),
        ("multiworker", "", "Received: TF_CONFIG=''"),
        ("auto", "{", r'Expected TF_CONFIG to be JSON of the form \{"cluster": .*Received: \{'),
        ("auto", "[]", r"Received: \[\]"),
        ("auto", {"cluster": WORKERS}, "Received: "),
        ("auto", {"cluster": WORKERS, "task": {"type": "worker", "index": 2}}, "Received: "),
        ("auto", {"cluster": WORKERS, "task": {"type": "chief", "index": 0}}, "Received: "),
        (
            "auto",
            {"cluster": {**WORKERS, "ps": ["c:3"]}, "task": {"type": "ps", "index": 0}},
            "Received: ",
        ),
        (
            "auto",
            {"cluster": {"worker": [1, 2]}, "task": {"type": "worker", "index": 0}},
            "Received: ",
        ),
    ],
)
def test_mistakes_are_told(name, tf_config, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if tf_config is not None:
        monkeypatch.setenv(
            "TF_CONFIG", tf_config if isinstance(tf_config, str) else json.dumps(tf_config)
        )
    with pytest.raises(ValueError, match=message):
        distribute.strategy(name)


def test_a_multiworker_strategy_comes_first(monkeypatch):
    monkeypatch.setenv(
        "TF_CONFIG",
        json.dumps(
            {"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": 0}}
        ),
    )
    tf.zeros(())
    with pytest.raises(ValueError, match="before anything else uses TensorFlow"):
        distribute.strategy("multiworker")


@pytest.mark.slow
def test_train_takes_a_strategy(tmp_path, monkeypatch, capsys):
    """`keras-ae train --strategy` runs a recipe without a strategy on all four logical CPUs."""
    recipe = """
        import sys, keras, tensorflow as tf, keras_ae
        (images, _), _ = keras_ae.datasets.load("digits")
        ae = keras_ae.AE((8, 8, 1), 3, widths=(16,))
        ae.compile(jit_compile=False)
        log = keras_ae.TrainingLog(f"{sys.argv[1]}.log")
        ae.fit(images[:32], epochs=1, verbose=0, callbacks=[log])
        ae.save_to_preset(sys.argv[1], training=log)
    """
    (tmp_path / "tiny.py").write_text("\n".join(line.strip() for line in recipe.splitlines()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    assert cli.main(["train", "tiny.py", "--strategy", "mirrored"]) == 0
    assert capsys.readouterr() == ("saved tiny: a preset, trained by tiny.py\n", "")
    assert keras_ae.info(tmp_path / "tiny").metadata["training"]["hardware"].endswith("4 replicas")
    assert cli.main(["train", "tiny.py", "--strategy", "tpu"]) == 2
    assert "Received: 'tpu'" in capsys.readouterr().err.splitlines()[-1]
