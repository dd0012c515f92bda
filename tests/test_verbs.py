"""What Keras users do with a model: imports, tf.function, their own train steps, exports."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ae

X = np.random.default_rng(0).random((12, 5), dtype="float32")


@pytest.fixture(scope="module")
def ae():
    model = keras_ae.AE((5,), 2, widths=(4,))
    model.compile(run_eagerly=True)
    return model


@pytest.fixture(scope="module")
def vae():
    return keras_ae.VAE((5,), 2, widths=(4,))


ORDERS = {
    "keras_ae, then keras": "import keras_ae, keras",
    "keras, then keras_ae": "import keras, keras_ae",
    "keras of tensorflow, later": "import keras_ae\nfrom tensorflow import keras",
    "a part of keras_ae, then keras": "import keras_ae.networks, keras",
}


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_keras_finds_the_classes_whatever_is_imported_first(order, vae, tmp_path):
    vae.save(tmp_path / "vae.keras")
    path = str(tmp_path / "vae.keras")
    code = f"{ORDERS[order]}\nprint(type(keras.models.load_model({path!r})).__name__)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "VAE\n", result.stderr


def test_the_import_hook_waits_until_keras_ae_is_imported():
    """`import keras_ae` installs a hook that imports all models.

    The hook does nothing while a part of keras_ae is being imported.
    """
    assert "keras_ae.models.vae" in sys.modules
    busy = sys.modules["keras_ae.networks.dense"]
    busy.__spec__._initializing = True
    models = sys.modules.pop("keras_ae.models")
    try:
        keras_ae._import_models()
        assert "keras_ae.models" not in sys.modules
    finally:
        busy.__spec__._initializing = False
        sys.modules["keras_ae.models"] = models


@pytest.mark.parametrize(
    "verb", ["encode", "decode", "reconstruct", "elbo", "log_likelihood", "sample", "interpolate"]
)
def test_verbs_work_inside_a_function_of_tensorflow(vae, verb):
    """With batches of unknown length, and with the same numbers as outside."""
    calls = {
        "decode": lambda x: vae.decode(x[:, :2]),
        "elbo": lambda x: vae.elbo(x, 2, seed=1),
        "log_likelihood": lambda x: vae.log_likelihood(x, 60, seed=1),
        "sample": lambda x: vae.sample(3, seed=1),
        "interpolate": lambda x: vae.interpolate(x, x[::-1], 3),
    }
    call = calls.get(verb) or getattr(vae, verb)
    inside = tf.function(call, input_signature=[tf.TensorSpec((None, 5), tf.float32)])(X)
    np.testing.assert_allclose(inside, call(X), rtol=1e-5, atol=1e-6)


def test_a_custom_train_step_may_use_the_verbs():
    @keras.saving.register_keras_serializable("tests")
    class Mine(keras_ae.VAE):
        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(self.elbo(data))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Mine((5,), 2, widths=(4,))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    loss = model.fit(X, epochs=20, verbose=0).history["loss"]
    assert loss[-1] < loss[0]


KINDS = {
    "list": lambda x: x.tolist(),
    "tensor": tf.constant,
    "tf.Variable": tf.Variable,
    "keras.Variable": keras.Variable,
    "DataFrame": lambda x: pytest.importorskip("pandas").DataFrame(x),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_array_is_input(ae, kind):
    x = KINDS[kind](X)
    np.testing.assert_array_equal(ae.encode(x), ae.encode(X))
    np.testing.assert_array_equal(ae.predict(x, verbose=0), ae.predict(X, verbose=0))
    assert ae.evaluate(x, verbose=0) == ae.evaluate(X, verbose=0)
    assert np.isfinite(ae.fit(x, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("shape", [(12, 2), (12, 1), (11,)])
def test_weights_of_another_shape_are_refused(ae, shape):
    received = str(shape)[:-1].replace("(", "[(]")
    message = rf"one weight for each example, shape \(12,\). Received: shape={received}"
    with pytest.raises(ValueError, match=message):
        ae.fit(X, sample_weight=np.ones(shape), verbose=0)
    if len(shape) == 2:
        dataset = tf.data.Dataset.from_tensor_slices((X, X, np.ones(shape))).batch(4)
        with pytest.raises(
            ValueError, match=r"to have the shape \(batch,\). Received: shape=\(None, \d\)"
        ):
            ae.fit(dataset, verbose=0)


@pytest.mark.parametrize("network", ["dense", pytest.param("conv", marks=pytest.mark.slow)])
def test_export_as_saved_model(network, tmp_path):
    shape = (5,) if network == "dense" else (8, 8, 1)
    model = keras_ae.VAE(shape, 2, network, widths=(4,))
    x = np.random.default_rng(0).random((3, *shape), dtype="float32")
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(x), model.reconstruct(x), atol=1e-6)


@pytest.mark.slow
def test_export_as_onnx(vae, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    vae.export(tmp_path / "model.onnx", format="onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    np.testing.assert_allclose(session.run(None, {"x": X})[0], vae.reconstruct(X), atol=1e-5)


def test_a_model_is_a_step_of_a_scikit_learn_pipeline():
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    model = keras_ae.AE((5,), 2, widths=(4,))
    model.compile(run_eagerly=True)
    step = keras.wrappers.SKLearnTransformer(model, fit_kwargs={"verbose": 0})
    chain = pipeline.make_pipeline(preprocessing.StandardScaler(), step)
    assert chain.fit(X, X[:, 0]).transform(X).shape == (12, 5)


def test_an_objective_with_other_arguments_is_refused():
    class Other(keras_ae.objectives.Objective):
        def loss(self, vae, x, target):
            return 0.0

    message = r"loss\(self, vae, params, x\).*Received: loss\(self, vae, x, target\) of Other"
    with pytest.raises(ValueError, match=message):
        keras_ae.VAE((5,), 2, objective=Other())


def test_a_recurrent_network_refuses_a_gated_activation():
    for activation in ("glu", "gated_tanh"):
        message = f"gates.* Received: activation='{activation}'"
        with pytest.raises(ValueError, match=message):
            keras_ae.SequenceAE((4, 2), 2, activation=activation)


STRANGER = '''
"""An autoencoder that a stranger wrote."""

import keras

from keras_ae.models.ae import AE


def largest(model, dataset):
    return {"name": "largest", "value": 1.0, "protocol": {}}


@keras.saving.register_keras_serializable("keras_ae")
class ShrinkingAE(AE):
    """An AE that pays for large codes.

    objective(x) = -log p(x|z) + weight * |z|, nats per example
    """

    logged = ("reconstruction", "penalty")
    told = ("weight",)
    limits = "It is small."
    examples = ("model.encode(x)  # codes of weight {weight}",)
    size_limits = {"weight": 10}
    own_metrics = {"largest": (largest, 0.1)}

    def __init__(self, shape, latent_dim, weight=1.0, **kwargs):
        super().__init__(shape, latent_dim, **kwargs)
        self.weight = weight

    def objective(self, x, target):
        z = self.code_of(x)
        reconstruction = -self.likelihood(z).log_prob(target)
        penalty = self.weight * keras.ops.sum(keras.ops.abs(z), axis=-1)
        self.log(reconstruction=reconstruction, penalty=penalty)
        return reconstruction + penalty

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}
'''


def test_a_new_model_is_one_file(tmp_path, monkeypatch):
    """It is trained, saved with its own card, loaded and measured. No other file knows its name."""
    from keras_ae import evaluation, models

    (tmp_path / "shrinking.py").write_text(STRANGER)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    from keras_ae.models.shrinking import ShrinkingAE

    model = ShrinkingAE((5,), 2, widths=(4,))
    model.compile(run_eagerly=True)
    assert set(model.fit(X, verbose=0).history) == {"loss", "reconstruction", "penalty"}
    model.save_to_preset(tmp_path / "mine")
    card = (tmp_path / "mine" / "README.md").read_text()
    assert "| weight | `1.0` |" in card and "It is small." in card
    assert "model.encode(x)  # codes of weight 1.0" in card and "weight * |z|" in card
    np.testing.assert_array_equal(
        keras_ae.load(tmp_path / "mine").reconstruct(X), model.reconstruct(X)
    )
    metric = {"name": "largest", "protocol": {"dataset": "mine"}}
    assert evaluation.measure(model, metric)["value"] == 1.0
    with pytest.raises(ValueError, match="`weight` of at most 10"):
        keras_ae.load(tmp_path / "mine", weight=11)
    assert not any(
        "ShrinkingAE" in path.read_text()
        for path in pathlib.Path(models.__file__).parents[1].rglob("*.py")
    )
