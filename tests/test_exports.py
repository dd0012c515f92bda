import subprocess
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

import keras_ae
from keras_ae import exports

IMAGES, VECTORS = (8, 8, 1), (5,)
DISTRIBUTIONS = keras_ae.distributions
MODELS = {
    "AE dense": lambda: keras_ae.AE(IMAGES, 3, widths=(16, 8)),
    "AE conv": lambda: keras_ae.AE((9, 7, 3), 3, "conv", widths=(4, 8), likelihood="gaussian"),
    "AE vectors": lambda: keras_ae.AE(VECTORS, 2, widths=(7,), activation="glu"),
    "AE own network": lambda: keras_ae.AE(IMAGES, 2, network=own_network()),
    "DAE dense": lambda: keras_ae.DAE(IMAGES, 3, widths=(16,)),
    "DAE conv": lambda: keras_ae.DAE(IMAGES, 3, "conv", widths=(4,), activation="glu"),
    "SparseAE": lambda: keras_ae.SparseAE(IMAGES, 80, widths=(16,), sparsity="kl"),
    "VAE dense": lambda: keras_ae.VAE(IMAGES, 3, widths=(16,), posterior="full", prior="flow"),
    "VAE conv": lambda: keras_ae.VAE(IMAGES, 3, "conv", widths=(4, 8), prior="mixture"),
    "VAE iaf": lambda: keras_ae.VAE(IMAGES, 3, widths=(16,), posterior="iaf", prior="vamp"),
    "KSparseAE": lambda: keras_ae.KSparseAE(IMAGES, 20, widths=(16,), k=3),
    "SequenceAE": lambda: keras_ae.SequenceAE(
        (6, 3), 3, widths=(8,), likelihood="gaussian", mask_value=-1
    ),
    "HVAE": lambda: keras_ae.HVAE(IMAGES, (3, 2), widths=(16,), width=8),
    "ConditionalVAE": lambda: keras_ae.ConditionalVAE(IMAGES, 3, widths=(16,), width=8),
    "VQVAE": lambda: keras_ae.VQVAE(IMAGES, 8, widths=(16,), size=16, width=4),
    "VQVAE2": lambda: keras_ae.VQVAE2(IMAGES, widths=(8, 8), size=16, width=4),
    "IDEC": lambda: keras_ae.IDEC(IMAGES, 3, widths=(16,), clusters=4),
    "VaDE": lambda: keras_ae.VaDE(IMAGES, 3, widths=(16,), clusters=4, covariance="full"),
}
LIKELIHOODS = {
    "bernoulli": DISTRIBUTIONS.Bernoulli,
    "continuous_bernoulli": DISTRIBUTIONS.ContinuousBernoulli,
    "fixed": lambda: DISTRIBUTIONS.Gaussian(0.1),
    "trainable": lambda: DISTRIBUTIONS.Gaussian("trainable"),
    "predicted": lambda: DISTRIBUTIONS.Gaussian("predicted"),
    "logistic": lambda: DISTRIBUTIONS.DiscretizedLogisticMixture(2),
}
MODELS |= {
    f"VAE {name}": lambda make=make: keras_ae.VAE(IMAGES, 3, widths=(16,), likelihood=make())
    for name, make in LIKELIHOODS.items()
}


def own_network():
    layers = keras.layers
    encoder = [
        keras.Input(IMAGES),
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Dense(2),
    ]
    decoder = [
        keras.Input((2,)),
        layers.GaussianNoise(1.0),
        layers.Dense(64, activation="elu"),
        layers.Reshape(IMAGES),
    ]
    return keras.Sequential(encoder), keras.Sequential(decoder)


def trained(name):
    """A model whose biases and statistics are not the zeros of a fresh one."""
    model = MODELS[name]()
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.1 * rng.random(w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def case(model, role, n):
    """(input, what the model makes of it)."""
    rng = np.random.default_rng(n)
    if role == "decoder":
        z = rng.standard_normal((n, model.latent_dim)).astype("float32")
        return z, model.decode(z)
    x = rng.random((n, *model.shape), dtype="float32")
    return x, (model.encode if role == "encoder" else model.reconstruct)(x)


FAST = {
    *(("VAE dense", role) for role in exports.ROLES),
    *((name, "reconstruct") for name in ("VQVAE2", "HVAE", "SequenceAE")),
}
CASES = [
    pytest.param(name, role, marks=() if (name, role) in FAST else pytest.mark.slow)
    for name in MODELS
    for role in exports.ROLES
]


@pytest.mark.parametrize("name, role", CASES)
def test_onnx_computes_what_the_model_does(name, role, tmp_path):
    model = trained(name)
    path = keras_ae.export(model, tmp_path / f"{role}.onnx", role)
    session = onnxruntime.InferenceSession(path)
    for n in (1, 5):
        value, expected = case(model, role, n)
        received = session.run([exports.ROLES[role][1]], {exports.ROLES[role][0]: value})[0]
        np.testing.assert_allclose(received, expected, atol=1e-5, rtol=1e-5)
    written = onnx.load(path)
    assert [(s.domain, s.version) for s in written.opset_import if s.domain == ""] == [("", 17)]
    operations = {node.op_type for node in written.graph.node}
    assert {node.domain for node in written.graph.node} == {""}  # standard operations alone
    assert not any("Random" in one or one in ("Bernoulli", "Multinomial") for one in operations)


SAVED = ["AE conv", "VAE conv", "VAE logistic"]
PROGRAM = """
import sys, numpy as np, tensorflow as tf
sys.modules["keras_ae"] = None
for folder in sys.argv[1:]:
    data, loaded = np.load(f"{folder}.npz"), tf.saved_model.load(folder)
    for serve in (loaded.serve, lambda value: loaded.signatures["serving_default"](value)):
        (received,) = serve(tf.constant(data["value"])).values()
        np.testing.assert_allclose(received, data["expected"], atol=1e-6)
        assert len(*serve(tf.constant(data["one"])).values()) == 1
"""


def export_with_a_case(name, role, folder):
    """A SavedModel in a folder, and beside it what it is given and what it should give."""
    model = trained(name)
    keras_ae.export(model, folder, role)
    value, expected = case(model, role, 3)
    np.savez(f"{folder}.npz", value=value, expected=expected, one=value[:1])
    operations = exports._operations(
        tf.saved_model.load(folder).signatures["serving_default"].graph
    )
    assert not any(word in operation for operation in operations for word in exports.RANDOM)


def test_a_saved_model_computes_what_the_model_does(tmp_path, monkeypatch):
    export_with_a_case("VAE conv", "reconstruct", tmp_path / "a")
    monkeypatch.setattr(sys, "argv", ["program", str(tmp_path / "a")])
    monkeypatch.setitem(sys.modules, "keras_ae", None)
    exec(PROGRAM, {})


@pytest.mark.slow
def test_a_saved_model_needs_no_keras_ae(tmp_path):
    folders = [tmp_path / f"{name} {role}" for name in SAVED for role in exports.ROLES]
    for folder in folders:
        export_with_a_case(*folder.name.rsplit(" ", 1), folder)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *folders], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_a_part_that_draws_is_refused(tmp_path):
    @keras.saving.register_keras_serializable("tests")
    class Noise(keras.layers.Layer):
        def call(self, x):
            return x + tf.random.normal(tf.shape(x))

        def compute_output_shape(self, shape):
            return shape

    encoder, decoder = own_network()
    model = keras_ae.AE(IMAGES, 2, network=(keras.Sequential([*encoder.layers, Noise()]), decoder))
    for path in ("encoder.onnx", "encoder"):
        with pytest.raises(ValueError, match="whose encoder draws nothing.*RandomStandardNormal"):
            keras_ae.export(model, tmp_path / path, "encoder")
    assert not list(tmp_path.iterdir())


def test_arguments_are_checked(tmp_path):
    model = MODELS["AE dense"]()
    for arguments, message in (
        (
            {"role": "prior"},
            "Expected `role` to be one of 'encoder', 'decoder', 'reconstruct'. "
            "Received: role='prior'",
        ),
        (
            {"format": "torch"},
            "Expected `format` to be one of 'savedmodel', 'onnx'. Received: format='torch'",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            keras_ae.export(model, tmp_path / "a", **arguments)
    with pytest.raises(ValueError, match="Expected a model of keras_ae. Received: Functional"):
        keras_ae.export(model.decoder, tmp_path / "a")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("precious")
    with pytest.raises(ValueError, match="which holds something else"):
        keras_ae.export(model, tmp_path / "precious")
    with pytest.raises(ValueError, match="which is a folder"):
        keras_ae.export(model, tmp_path / "precious", format="onnx")
    assert (tmp_path / "precious" / "file").read_text() == "precious"


def test_an_export_replaces_an_earlier_one_and_leaves_nothing_else(tmp_path):
    for latent_dim in (2, 3):
        model = keras_ae.AE(IMAGES, latent_dim, widths=(4,))
        keras_ae.export(model, tmp_path / "a.onnx")
        keras_ae.export(model, tmp_path / "a")
    assert onnxruntime.InferenceSession(tmp_path / "a.onnx").get_inputs()[0].shape == ["batch", 3]
    assert tf.saved_model.load(tmp_path / "a").signatures[
        "serving_default"
    ].structured_input_signature[1]["z"].shape == (None, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.onnx"]


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r'pip install "keras-ae\[onnx\]"'):
        keras_ae.export(MODELS["AE dense"](), tmp_path / "a.onnx")
