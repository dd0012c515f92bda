import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from eagerly import eagerly

import keras_ae
from keras_ae.training import feed, loops


def passes(source, n):
    """The examples of n passes, one array per pass."""

    def one_pass():
        batches = source.dataset()
        return [batch[0] if isinstance(batch, tuple) else batch for batch in batches]

    return [np.concatenate(one_pass()) for _ in range(n)]


def test_a_pass_holds_every_example_once_in_its_own_order():
    x = np.arange(21)
    source = feed.Feed([x], 8, seed=1)
    first, second = passes(source, 2)
    assert sorted(first) == sorted(second) == list(x)
    assert not (first == second).all() and not (first == x).all()
    assert [len(batch) for batch in source.dataset()] == [8, 8, 5] and source.num_batches == 3


def test_the_number_of_a_pass_determines_its_order():
    """A training that resumes at its third epoch sees the data of an uninterrupted training."""
    x = np.arange(21)
    third = passes(feed.Feed([x], 8, seed=1), 3)[2]
    resumed = feed.Feed([x], 8, seed=1)
    resumed.next_pass = 2
    np.testing.assert_array_equal(passes(resumed, 1)[0], third)
    assert not (passes(feed.Feed([x], 8, seed=2), 3)[2] == third).all()


def test_without_a_seed_the_order_stays():
    np.testing.assert_array_equal(passes(feed.Feed([np.arange(21)], 8), 2), [np.arange(21)] * 2)


@pytest.mark.parametrize("n, most", [(21, 2), (24, 2), (24, 32), (5, 32), (8, 1)])
def test_the_loop_calls_each_batch_once_in_the_order_of_the_dataset(n, most):
    """21: a smaller last batch. 5: only that. 24 with 2 steps: a last loop of one step."""
    x = np.arange(1, n + 1)
    source = feed.Feed([x, -x], 8, seed=1)
    seen, count = tf.Variable(tf.zeros(100, tf.int32)), tf.Variable(0)

    def step(batch):
        rows = tf.range(tf.shape(batch[0])[0]) + count
        values = tf.cast(batch[0], tf.int32)
        seen.assign(tf.tensor_scatter_nd_update(seen, rows[:, tf.newaxis], values))
        tf.debugging.assert_equal(batch[0], -batch[1])
        count.assign_add(tf.shape(batch[0])[0])

    run, one_pass = loops.compiled_loop(step), iter(source)
    with pytest.raises(StopIteration):
        for _ in range(10):
            run(one_pass, most)
    source.next_pass = 0
    assert int(count) == n
    np.testing.assert_array_equal(seen[:n], passes(source, 1)[0])


def trained(how, options="validation", epochs=3, **more):
    """The logs, weights and steps of a small training.

    how: "xla"; "loop", the same loop without XLA, eagerly; "graph" or "eager", Keras' own loop.
    """
    keras.utils.set_random_seed(1)
    model = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    own_loop = how in ("xla", "loop")
    model.compile(
        keras.optimizers.Adam(0.01),
        jit_compile=own_loop,
        run_eagerly=how == "eager",
        metrics=["mse"],
    )
    x = np.random.default_rng(0).integers(0, 256, (43, 8, 8)).astype("uint8")
    validation = {} if options == "split" else {"validation_data": x[:20]}
    options = {**validation, **OPTIONS[options]}
    with eagerly() if how == "loop" else contextlib.nullcontext():
        history = model.fit(x, batch_size=8, epochs=epochs, verbose=0, **options, **more).history
    return history, model.get_weights(), int(model.optimizer.iterations)


OPTIONS = {
    "validation": {},
    "split": {"shuffle": False, "validation_split": 0.1},
    "weights": {"sample_weight": np.arange(43.0)},
}
WAYS = [
    ("loop", "eager", "weights"),
    *[pytest.param("xla", "graph", options, marks=pytest.mark.slow) for options in OPTIONS],
]


@pytest.mark.parametrize("ours, kerass, options", WAYS)
def test_the_loop_inside_xla_trains_like_kerass_own(ours, kerass, options):
    """Both loops give the same logs, metrics, validation and weights, except for rounding."""
    with_loop, without = trained(ours, options), trained(kerass, options)
    assert set(with_loop[0]) == set(without[0]) == {"loss", "mse", "val_loss", "val_mse"}
    for name, values in with_loop[0].items():
        np.testing.assert_allclose(values, without[0][name], rtol=1e-4, err_msg=name)
    for one, other in zip(with_loop[1], without[1], strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    assert with_loop[2] == without[2] == (15 if options == "split" else 18)


@pytest.mark.parametrize("how", ["loop", pytest.param("xla", marks=pytest.mark.slow)])
def test_an_epoch_has_the_steps_that_were_asked_for(how):
    history, _, iterations = trained(how, steps_per_epoch=2, validation_steps=1)
    assert iterations == 6 and len(history["val_loss"]) == 3
    model = keras_ae.AE((8, 8, 1), 3, widths=(16,))
    model.compile(jit_compile=True)
    x = np.random.default_rng(0).random((24, 8, 8, 1), dtype="float32")
    with eagerly() if how == "loop" else contextlib.nullcontext():
        first = model.evaluate(x[:8], verbose=0)
        assert model.evaluate(x, batch_size=8, steps=1, verbose=0) == pytest.approx(first)


@pytest.mark.slow
def test_a_second_fit_compiles_nothing_and_other_data_use_kerass_own_function():
    traces, losses = [], []

    class Counted(keras_ae.AE):
        def objective(self, x, target):
            traces.append(x)
            return super().objective(x, target)

    model, x = Counted((8, 8, 1), 3, widths=(4,)), np.zeros((16, 8, 8, 1), "float32")
    model.compile(jit_compile=True)

    def fit():
        losses.append(model.fit(x, batch_size=8, verbose=0, validation_data=x).history["loss"][0])

    fit()
    first = len(traces)
    fit()
    assert first == len(traces) > 0
    losses += [model.train_on_batch(x), model.test_on_batch(x)]
    losses += model.fit(tf.data.Dataset.from_tensor_slices(x).batch(8), verbose=0).history["loss"]
    fit()
    assert np.isfinite(losses).all() and losses == sorted(losses, reverse=True)


def test_the_training_plan_can_be_read_and_overridden():
    model = keras_ae.AE((8, 8, 1), 3, widths=(4,))
    assert "not compiled" in model.training_plan
    model.compile()
    for part in ("XLA", "dense", "Adam", "32 steps"):
        assert part in model.training_plan
    assert model.jit_compile and model.steps_per_execution == 32
    model.compile("sgd", jit_compile=False, steps_per_execution=4)
    for part in ("without XLA", "4 steps", "SGD"):
        assert part in model.training_plan
    model.compile(run_eagerly=True)
    assert "eagerly" in model.training_plan


@pytest.mark.parametrize(
    "ways", [("loop", "graph"), pytest.param(("xla", "graph"), marks=pytest.mark.slow)]
)
def test_every_loop_draws_dynamic_binarisation_again_in_each_pass(ways):
    """Three calls of fit for one epoch give the losses of one call for three, in each loop."""
    x = np.full((40, 8, 8, 1), 64, "uint8")
    losses = []
    for how in ways:
        keras.utils.set_random_seed(0)
        model = keras_ae.AE((8, 8, 1), 3, widths=(4,))
        model.compile(keras.optimizers.SGD(0.0), jit_compile=how != "graph")
        dataset, again = (keras_ae.datasets.binarize_dynamic(x, 16) for _ in range(2))
        with eagerly() if how == "loop" else contextlib.nullcontext():
            apart = [model.fit(dataset, verbose=0).history["loss"][0] for _ in range(3)]
            assert len(set(apart)) == 3
            assert len({model.evaluate(dataset, verbose=0) for _ in range(2)}) == 2
            losses.append(model.fit(again, epochs=3, verbose=0).history["loss"])
        np.testing.assert_allclose(losses[-1], apart, rtol=1e-6)
    np.testing.assert_allclose(*losses, rtol=0.02)  # different draws from the same distribution


@pytest.mark.parametrize("how", ["loop", pytest.param("xla", marks=pytest.mark.slow)])
def test_the_bytes_that_are_gathered_at_once_are_limited(how, monkeypatch):
    def batch(tensors, seed, order, step, size, *rest):
        sizes.append(size)
        return made(tensors, seed, order, step, size, *rest)

    sizes, made = [], feed.batch
    monkeypatch.setattr(feed, "batch", batch)
    epochs = 1 if how == "loop" else 3
    history, weights, iterations = trained(how, epochs=epochs)
    assert max(sizes) == 40  # all whole batches of the 43 examples
    sizes.clear()
    monkeypatch.setattr(loops, "BLOCK_BYTES", 2 * 8 * 64)  # two batches
    again = trained(how, epochs=epochs)
    assert max(sizes) == 16
    assert again[2] == iterations == 6 * epochs
    np.testing.assert_allclose(again[0]["loss"], history["loss"], rtol=1e-6)
    for one, other in zip(again[1], weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_class_weights_are_refused():
    with pytest.raises(ValueError, match="no `class_weight`"):
        keras_ae.AE((8, 8, 1), 3, widths=(4,)).fit(np.zeros((4, 8, 8, 1)), class_weight={0: 1.0})


def test_a_dataset_of_dynamic_binarisation_is_drawn_again_in_each_pass():
    dataset = keras_ae.datasets.binarize_dynamic(np.full((40, 8, 8, 1), 64, "uint8"), 16)
    first, second = (np.concatenate(list(dataset)) for _ in range(2))
    assert set(np.unique(first)) == {0, 1} and first.mean() == pytest.approx(64 / 255, abs=0.03)
    assert 0.3 < np.mean(first != second) < 0.45  # 2 p (1 - p) = 0.376
