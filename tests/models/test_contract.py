"""What every public model does on every network. New public models are tested automatically.

Every class is trained in graph mode once, on a dense network. The other tests run eagerly, which is
faster for a few steps.
"""

import collections
import functools
import inspect
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly

import keras_ae
from keras_ae.models.autoencoder import Autoencoder

MODELS = [
    value
    for value in (getattr(keras_ae, name) for name in keras_ae.__all__)
    if isinstance(value, type) and issubclass(value, Autoencoder)
]
SHAPES = {
    "dense": (8, 8, 1),
    "conv": (7, 5, 3),
    "vector": (5,),
    "custom": (8, 8, 1),
    "glu": (8, 8, 1),
}
# How much the mean of a part of the loss over a few examples varies between draws, in nats.
# Only for models that estimate the KL term from one draw.
NOISE = collections.defaultdict(
    float, {keras_ae.HVAE: 1.0, keras_ae.ConditionalVAE: 0.3, keras_ae.TDVAE: 0.3}
)


def frame(cls):
    """The input shape of the network of a class, for an 8x8 image."""
    return (8, 1) if cls in SEQUENCES else (8, 8, 1)


def custom_network(cls):
    code_size = 6 if issubclass(cls, keras_ae.VAE) else 3
    flatten, noise = keras.layers.Flatten(), keras.layers.Dropout(0.1)
    encoder = keras.Sequential(
        [
            keras.Input(frame(cls)),
            flatten,
            keras.layers.Dense(9),
            keras.layers.BatchNormalization(),
            noise,
            keras.layers.Dense(code_size),
        ]
    )
    # The decoder returns a flat output, and the model reshapes it.
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(math.prod(frame(cls)))])
    return encoder, decoder


# Arguments of each class with which its code has three numbers and custom_network fits.
OWN = collections.defaultdict(
    lambda: {"latent_dim": 3},
    {
        keras_ae.HVAE: {"latent_dim": (1, 2), "width": 6},
        keras_ae.ConditionalVAE: {"latent_dim": 1, "classes": 2, "width": 6},
        keras_ae.TDVAE: {"latent_dim": 3, "belief": 3},
        keras_ae.IDEC: {"latent_dim": 3, "clusters": 2},
        keras_ae.VaDE: {"latent_dim": 3, "clusters": 2},
        keras_ae.VQVAE2: {"size": 16, "width": 3, "blocks": 0, "activation": "tanh"},
        # Recurrent networks are slow to trace: here only for vectors, else in test_sequence.py.
        keras_ae.SequenceAE: {"latent_dim": 3, "network": "dense"},
    },
)
# Models of sequences. Their networks are for one frame, their code has three numbers per frame, and
# their loss draws frames, so it varies more.
SEQUENCES = (keras_ae.TDVAE,)
CODEBOOKS = (keras_ae.VQVAE, keras_ae.VQVAE2)


def takes(cls, *arguments):
    """Whether a class has all these arguments.

    A class without `network` has its own convolutional networks of two widths.
    """
    return set(arguments) <= set(inspect.signature(cls).parameters)


def has(cls, kind):
    """Whether a class has this kind of network."""
    if cls in SEQUENCES:  # the rows of an image are the frames, so a frame is a vector
        return kind not in ("conv", "vector")
    return takes(cls, "network") or kind in ("dense", "conv")


def make(cls, kind, start=True, **options):
    arguments = {
        "dense": {"widths": (16,)},
        "glu": {"widths": (16, 12), "activation": "glu"},
        "conv": {"network": "conv", "widths": (4, 8)},
        "vector": {"widths": ()},
        "custom": {"network": custom_network(cls)},
    }
    if cls not in FIRST:  # gelu is compiled for each shape, which takes time: two models test it
        arguments["conv"]["activation"] = "relu"
    if cls is keras_ae.SequenceAE:
        arguments["vector"] = {"network": "gru", "widths": (4,)}
    if not takes(cls, "network"):
        arguments = {image: {"widths": (4, 6)} for image in ("dense", "conv")}
    model = cls(**{"shape": SHAPES[kind], **OWN[cls], **arguments[kind], **options})
    if start and hasattr(cls, "start_clusters"):  # only then the whole objective is in use
        model.start_clusters(data(kind), labels=np.arange(20) % 2)
    return model


@functools.cache
def untrained(cls, kind="dense"):
    """A model that several tests share. Tests must not change it."""
    keras.utils.set_random_seed(0)
    return make(cls, kind)


def data(kind, n=20, seed=0):
    rng = np.random.default_rng(seed)
    if kind == "vector":
        return rng.standard_normal((n, 5)).astype("float32")
    return rng.random((n, *SHAPES[kind]), dtype="float32")


def target(cls, x):
    """A valid y: images, or labels of which a third is unknown."""
    return np.arange(len(x)) % 3 - 1 if cls is keras_ae.ConditionalVAE else x


# Two models stand for all in tests of the base class, a network or Keras.
FIRST = (keras_ae.AE, keras_ae.VAE)
# Models that sum over all replicas at the end of a step.
GATHERING = (keras_ae.IDEC, keras_ae.VQVAE, keras_ae.VQVAE2)


def named(value):
    """The name of a class in the name of a test."""
    return getattr(value, "__name__", value)


def slow_but_for(fast, cases):
    """Test parameters, cls or (cls, ...), marked as slow unless the class is in `fast`."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    slow = pytest.mark.slow
    return [pytest.param(*case, marks=[] if case[0] in fast else slow) for case in cases]


PAIRS = [
    (cls, kind)
    for cls in MODELS
    for kind in SHAPES
    if has(cls, kind) and (kind != "glu" or cls in FIRST)
]
everywhere = pytest.mark.parametrize("cls, kind", PAIRS, ids=named)
every_model = pytest.mark.parametrize("cls", MODELS, ids=named)
two_models = pytest.mark.parametrize("cls", FIRST, ids=named)


@pytest.mark.parametrize(
    "cls, kind, mode",
    [
        *slow_but_for((*FIRST, keras_ae.VQVAE), [(cls, "dense", "graph") for cls in MODELS]),
        *((cls, kind, "eager") for cls, kind in PAIRS if kind in ("dense", "conv") or cls in FIRST),
        *(
            pytest.param(*pair, "graph", marks=pytest.mark.slow)
            for pair in PAIRS
            if pair[1] != "dense"
        ),
    ],
    ids=named,
)
def test_it_trains_predicts_saves_and_loads(cls, kind, mode, tmp_path):
    model, x, eager = make(cls, kind), data(kind), mode == "eager"
    optimizer = keras.optimizers.SGD(0.01) if eager else keras.optimizers.Adam(0.01)
    epochs, batch_size, steps = (1, 20, 1) if eager else (2, 8, 6)
    model.compile(optimizer, jit_compile=False, run_eagerly=eager)
    options = {"epochs": epochs, "batch_size": batch_size, "verbose": 0}
    history = model.fit(x, validation_data=x[:5], **options).history
    assert {"loss", "val_loss"} <= set(history) and np.isfinite(history["loss"]).all()
    assert np.isfinite(history["val_loss"]).all()
    predicted, reconstructed = model.predict(x, verbose=0), model.reconstruct(x)
    assert isinstance(predicted, np.ndarray) and predicted.shape == x.shape
    np.testing.assert_allclose(predicted, reconstructed, atol=1e-5)
    if not eager:  # nothing is drawn at random
        assert np.isfinite(model.evaluate(x, verbose=0, return_dict=True)["loss"])
        np.testing.assert_allclose(predicted, model.predict(x, verbose=0))
    z = model.encode(x)
    assert z.shape == (20, model.latent_dim) and model.decode(z).shape == x.shape
    np.testing.assert_allclose(model.decode(z), model.likelihood(z).mean())
    lines = model.interpolate(x[:2], x[2:4], steps=4)
    assert lines.shape == (2, 4, *SHAPES[kind])
    np.testing.assert_allclose(lines[:, 0], reconstructed[:2], atol=1e-5)
    np.testing.assert_allclose(lines[:, -1], reconstructed[2:4], atol=1e-5)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is cls
    for name in {"name", "shape", "latent_dim", "widths", "activation"} & set(model.get_config()):
        assert loaded.get_config()[name] == model.get_config()[name]
    loaded.run_eagerly = eager or cls not in FIRST
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), predicted)
    assert float(loaded.optimizer.learning_rate) == pytest.approx(0.01)
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) == steps
    loaded.fit(x, verbose=0)  # training continues
    assert int(loaded.optimizer.iterations) == steps + 1


@everywhere
def test_gradients_reach_every_trainable_weight(cls, kind):
    model, x = untrained(cls, kind), tf.constant(data(kind))
    with tf.GradientTape() as tape:
        objective = model.objective(x, model.training_target(x, None))
    assert objective.shape == (20,)
    for weight, gradient in zip(
        model.trainable_weights, tape.gradient(objective, model.trainable_variables), strict=True
    ):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        # BatchNormalization cancels a bias before it, but only in exact arithmetic.
        assert np.abs(gradient).max() > 0, weight.path


@pytest.fixture
def eager_functions():
    """Functions made by tf.function run eagerly during the test, without tracing."""
    with eagerly():
        yield


@two_models
def test_an_uncompiled_model_compiles_itself(cls, eager_functions):
    model = make(cls, "dense")
    model.fit(data("dense"), verbose=0)
    assert model.compiled


DENSE = [(cls, "dense") for cls in MODELS if takes(cls, "network")]


@pytest.mark.parametrize(
    "cls, kind",
    [*slow_but_for((keras_ae.AE,), DENSE), *slow_but_for((), [(cls, "conv") for cls in FIRST])],
    ids=named,
)
def test_xla_gives_the_same_reconstruction(cls, kind):
    model, x = make(cls, kind), data(kind)
    model.compile(jit_compile=True, steps_per_execution=2)
    loss = model.fit(x, epochs=2, batch_size=8, verbose=0).history["loss"]
    assert np.isfinite(loss).all()
    np.testing.assert_allclose(model.predict(x, verbose=0), model.reconstruct(x), atol=1e-5)


@pytest.mark.parametrize("cls", slow_but_for((keras_ae.AE,), FIRST), ids=named)
def test_every_kind_of_input_trains_alike(cls):
    """The same history for uint8 and float, with and without the channel axis, arrays and tf.data.

    And for x and (x, x).
    """
    pixels = (data("dense") * 255).astype("uint8")
    x = pixels / np.float32(255)
    inputs = {
        "float": (x,),
        "float64": (x.astype("float64"),),
        "uint8": (pixels,),
        "int64": (pixels.astype("int64"),),
        "no channel": (x[..., 0],),
        "uint8, no channel": (pixels[..., 0],),
        "(x, x)": (x, x),
        "tensor": (tf.constant(x),),
        "list": (x.tolist(),),
        "tf.data": (tf.data.Dataset.from_tensor_slices(pixels).batch(12),),
        "tf.data of pairs": (tf.data.Dataset.from_tensor_slices((x, pixels)).batch(12),),
    }
    losses = {}
    for name, arrays in inputs.items():
        keras.utils.set_random_seed(1)
        model = make(cls, "dense")
        model.compile("sgd", run_eagerly=True)
        batch_size = None if name.startswith("tf.data") else 12
        arrays = [np.array(a, "float32") if isinstance(a, list) else a for a in arrays]
        options = {"batch_size": batch_size, "shuffle": False, "verbose": 0}
        losses[name] = model.fit(*arrays, **options).history["loss"]
    for name, loss in losses.items():
        np.testing.assert_allclose(loss, losses["float"], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    "cls, mode",
    [
        *slow_but_for((*FIRST, keras_ae.DAE, keras_ae.TDVAE), [(cls, "eager") for cls in MODELS]),
        *slow_but_for((), [(cls, "graph") for cls in FIRST]),
    ],
    ids=named,
)
def test_the_same_seed_gives_the_same_result(cls, mode):
    def history(seed):
        keras.utils.set_random_seed(seed)
        model, x = make(cls, "dense"), data("dense")
        eager = mode == "eager"
        model.compile("sgd", run_eagerly=eager, jit_compile=False, metrics=["mse"])
        return model.fit(x, batch_size=10, validation_data=x[:5], verbose=0).history

    first = history(1)
    assert {"loss", "val_loss", "mse", "val_mse"} <= set(first)
    assert all(np.isfinite(values).all() for values in first.values())
    assert history(1) == first
    if cls in FIRST:
        assert history(2)["loss"] != first["loss"]


@pytest.mark.parametrize(
    "cls, mode",
    [
        *((cls, "eager") for cls in MODELS),
        *(pytest.param(cls, "graph", marks=pytest.mark.slow) for cls in FIRST),
    ],
    ids=named,
)
def test_sample_weights_weigh_examples(cls, mode):
    """Weights 0 and 2 give the mean over the examples with 2: sum(objective * weight) / count."""
    model, x = make(cls, "dense"), data("dense")
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=mode == "eager")
    weights = np.array([0.0, 2.0] * 10)
    if cls is keras_ae.AE:  # without noise they are equal
        weighted = model.evaluate(x, sample_weight=weights, verbose=0, return_dict=True)["loss"]
        others = model.evaluate(x[1::2], verbose=0, return_dict=True)["loss"]
        assert weighted == pytest.approx(others, rel=1e-5)
    silent = model.evaluate(x, sample_weight=np.zeros(20), verbose=0, return_dict=True)
    assert all(value == 0 for value in silent.values())
    before = [w.numpy() for w in model.trainable_weights]
    model.fit(x, sample_weight=np.zeros(20), verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


@pytest.mark.parametrize(
    "cls, policy, mode",
    [
        *((cls, "mixed_bfloat16", "eager") for cls in MODELS),
        *((cls, "mixed_float16", "eager") for cls in FIRST),
        *(
            pytest.param(cls, policy, "graph", marks=pytest.mark.slow)
            for cls in FIRST
            for policy in ("mixed_float16", "mixed_bfloat16")
        ),
    ],
    ids=named,
)
def test_mixed_precision_computes_densities_in_float32(cls, policy, mode):
    keras.config.set_dtype_policy(policy)
    try:
        model, x = make(cls, "dense"), data("dense")
        model.compile("sgd", run_eagerly=mode == "eager", jit_compile=False)
        history = model.fit(x, epochs=2, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert model.encoder.compute_dtype == policy.removeprefix("mixed_")
        assert model.predict(x, verbose=0).dtype == "float32"
        assert model.likelihood(model.encode(x)).log_prob(x).dtype == tf.float32
        assert all(weight.dtype == "float32" for weight in model.trainable_weights)
    finally:
        keras.config.set_dtype_policy("float32")


def test_eager_mode_works_when_noise_leaves_the_support():
    """A Keras layer may do that. The noisy input of the network is not checked."""
    x = data("dense")
    model = make(keras_ae.DAE, "dense", corruption=keras.layers.GaussianNoise(0.9))
    model.compile(run_eagerly=True, metrics=["mse"])
    history = model.fit(x, epochs=2, validation_data=x, verbose=0).history
    assert np.isfinite(history["val_loss"]).all() and np.isfinite(history["mse"]).all()


@pytest.mark.parametrize(
    "cls, mode",
    [
        *((cls, "eager") for cls in (*FIRST, keras_ae.DAE, keras_ae.ConditionalVAE)),
        *(pytest.param(cls, "graph", marks=pytest.mark.slow) for cls in (*FIRST, keras_ae.DAE)),
    ],
    ids=named,
)
def test_metrics_and_callbacks_work(cls, mode):
    model, x = make(cls, "dense"), data("dense")
    model.compile("adam", metrics=["mse"], run_eagerly=mode == "eager")
    stop = keras.callbacks.EarlyStopping(monitor="val_mse", patience=0, min_delta=1e9)
    history = model.fit(
        x, epochs=5, validation_data=(x, target(cls, x)), callbacks=[stop], verbose=0
    ).history
    assert len(history["mse"]) < 5  # it stopped early
    expected = np.mean((model.predict(x, verbose=0) - x) ** 2)
    if cls.training_input is Autoencoder.training_input:
        assert model.evaluate(x, return_dict=True, verbose=0)["mse"] == pytest.approx(
            expected, rel=1e-5
        )


def on_one_and_on_two(cls, x, batch_size, two_replicas):
    """Loss, prediction and evaluation after the same training on one device and two replicas."""
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        keras.utils.set_random_seed(1)
        with strategy.scope():
            model = make(cls, "dense")
            eager = strategy is not two_replicas
            model.compile(keras.optimizers.SGD(0.001), jit_compile=False, run_eagerly=eager)
        history = model.fit(x, epochs=2, batch_size=batch_size, shuffle=False, verbose=0).history
        assert model.distribute_strategy.num_replicas_in_sync == strategy.num_replicas_in_sync
        logs = model.evaluate(x, verbose=0)
        # The kl of a VaDE is less than one nat here, and is estimated from one draw per example.
        # So only its loss is compared.
        logs = logs[:1] if cls is keras_ae.VaDE else logs
        yield history["loss"], model.predict(x, verbose=0), logs


@pytest.mark.parametrize("cls", slow_but_for((keras_ae.AE,), MODELS), ids=named)
def test_two_replicas_train_like_one_device(cls, two_replicas):
    """The loss has the same scale. Without noise the predictions are the same, too."""
    one, two = on_one_and_on_two(cls, data("dense", n=18), 6, two_replicas)
    exact = cls is keras_ae.AE
    np.testing.assert_allclose(one[0], two[0], rtol=1e-5 if exact else 0.05)
    np.testing.assert_allclose(one[1], two[1], atol=1e-5 if exact else 0.05)
    np.testing.assert_allclose(one[2], two[2], rtol=1e-5 if exact else 0.05, atol=NOISE[cls])


@pytest.mark.parametrize("cls", slow_but_for((), (*FIRST, *GATHERING)), ids=named)
def test_a_last_batch_smaller_than_the_replica_count_does_no_harm(cls, two_replicas):
    # Batches of 6, 6 and 1: one replica has no example of the last batch.
    one, two = on_one_and_on_two(cls, data("dense", n=13), 6, two_replicas)
    assert np.isfinite(two[0]).all() and np.isfinite(two[1]).all()
    assert two[1].shape == one[1].shape
    # The replica without an example works on one with weight zero. An unused row of a codebook may
    # start again at one of its vectors.
    rtol = 0.2 if cls in CODEBOOKS else 0.05
    np.testing.assert_allclose(one[2], two[2], rtol=rtol, atol=NOISE[cls] + 0.005)


# Without SEQUENCES: here a frame says nothing about the next one, so a state does not encode it;
# test_tdvae.py trains on moving sequences.
# Without VQVAE2: nearly all places of its maps are blank, so rows of its codebooks start again;
# test_vqvae2.py trains on digits.
@pytest.mark.parametrize(
    "cls, kind",
    [
        *slow_but_for((keras_ae.AE,), [pair for pair in DENSE if pair[0] not in SEQUENCES]),
        *slow_but_for((), [(cls, "conv") for cls in (*FIRST, keras_ae.VQVAE)]),
    ],
    ids=named,
)
def test_a_network_overfits_one_batch(cls, kind):
    """Ten images with one white pixel each: the reconstructions come close to them."""
    x = np.zeros((10, *SHAPES[kind]), "float32")
    for i in range(10):
        x[i, i % x.shape[1], i // 2 % x.shape[2]] = 1
    options = {"widths": (64,)}
    if cls is keras_ae.DAE:
        options["corruption"] = keras_ae.corruption.GaussianCorruption(0.01)
    if issubclass(cls, keras_ae.VAE):
        options["beta"] = 0.01
    if cls is keras_ae.VQVAE:
        options["width"] = 1  # three symbols, so that images do not share a code
    model = make(cls, kind, start=False, **options)  # `start` would fit clusters to other data
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(np.repeat(x, 480, axis=0), batch_size=10, verbose=0)
    assert np.mean((model.predict(x, verbose=0) - x) ** 2) < 0.1 * np.var(x)


@every_model
@pytest.mark.parametrize(
    "x, message",
    [
        (
            np.zeros((4, 9, 8, 1), "float32"),
            r"shape \(batch, 8, 8, 1\). Received: shape=\(4, 9, 8, 1\)",
        ),
        (np.zeros((8, 8, 1), "float32"), r"Received: shape=\(8, 8, 1\)"),
        (np.zeros((0, 8, 8, 1), "float32"), "at least one example"),
        (np.full((4, 8, 8, 1), np.nan, "float32"), "256 NaN"),
        (np.full((4, 8, 8, 1), 1.5, "float32"), r"lie in \[0.0, 1.0\].*from 1.5 to 1.5"),
        (np.full((4, 8, 8, 1), -1, "int64"), r"lie in \[0, 255\].*from -1 to -1"),
        (np.full((4, 8, 8, 1), 256, "int64"), r"lie in \[0, 255\]"),
        (np.full((4, 8, 8, 1), "a"), "numbers. Received: dtype=<U1"),
    ],
)
def test_bad_input_is_refused(cls, x, message):
    model, good = untrained(cls), data("dense")
    verbs = [model.encode, model.reconstruct, model.fit, model.evaluate, model.predict]
    verbs += [lambda x: model.fit(good, validation_data=(x, target(cls, x)), verbose=0)]
    verbs += [] if cls is keras_ae.ConditionalVAE else [lambda x: model.fit(good, x, verbose=0)]
    verbs += [
        getattr(model, name)
        for name in ("elbo", "log_likelihood", "posterior", "corrupt")
        if hasattr(model, name)
    ]
    for verb in verbs:
        with pytest.raises(ValueError, match=message):
            verb(x)


@every_model
def test_a_dataset_of_another_shape_is_refused(cls):
    dataset = tf.data.Dataset.from_tensor_slices(np.zeros((4, 9, 8, 1), "float32")).batch(2)
    with pytest.raises(ValueError, match=r"shape \(batch, 8, 8, 1\)"):
        untrained(cls).fit(dataset)


BAD_ARGUMENTS = [
    ({"shape": ()}, r"\(height, width, channels\) or \(features,\).*Received: \(\)"),
    ({"shape": (8, 0, 1)}, "positive integers"),
    ({"latent_dim": 0}, "latent_dim=0"),
    (
        {"network": "resnet"},
        "'dense', 'conv', 'residual', 'mixer', 'gru', 'lstm', or a pair of keras.Models.*'resnet'",
    ),
    ({"widths": (0,)}, "positive integers.*Received: widths="),
    ({"likelihood": "poisson"}, "'bernoulli'.*Received: 'poisson'"),
    (
        {"shape": (5, 5), "network": "conv"},
        r"shape=\(height, width, channels\), for network=\"conv\"",
    ),
]


@pytest.mark.parametrize(
    "cls, options, message",
    [(cls, *bad) for cls in MODELS for bad in BAD_ARGUMENTS if takes(cls, *bad[0])],
    ids=named,
)
def test_bad_arguments_are_refused(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls(**{"shape": (8, 8, 1), **OWN[cls], **options})


@pytest.mark.parametrize("cls", [cls for cls in MODELS if takes(cls, "network")], ids=named)
def test_a_network_that_does_not_fit_is_refused(cls):
    encoder, decoder = custom_network(cls)
    small = keras.Sequential([keras.Input((3,)), keras.layers.Dense(63)])
    with pytest.raises(
        ValueError, match=r"decoder to give \(batch, (8, )?8, 1\).*Received: \(None, 63\)"
    ):
        make(cls, "dense", widths=None, network=(encoder, small))
    wrong = keras.Sequential(
        [keras.Input(frame(cls)), keras.layers.Flatten(), keras.layers.Dense(5)]
    )
    with pytest.raises(ValueError, match=r"encoder to give \(batch, [36]\).*Received: \(None, 5\)"):
        make(cls, "dense", widths=None, network=(wrong, decoder))


@every_model
def test_a_code_of_another_shape_is_refused(cls):
    model = untrained(cls)
    with pytest.raises(
        ValueError,
        match=rf"`z` to have the shape \(batch, {model.latent_dim}\). Received: shape=\(2, 4\)",
    ):
        model.decode(np.zeros((2, 4), "float32"))
