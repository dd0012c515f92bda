import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import keras_ae
from keras_ae.distributions import densities
from keras_ae.utils import seeds


def make(**options):
    model = keras_ae.TDVAE(
        **{
            "shape": (6, 4),
            "latent_dim": (2, 3),
            "widths": (8,),
            "max_jump": 3,
            "belief": 5,
            "width": 7,
            **options,
        }
    )
    model.compile(run_eagerly=True)  # a graph does not pay for a few steps
    return model


@functools.cache
def shared():
    """A model with random weights. Tests must not change it."""
    return make()


@pytest.fixture
def sequences():
    return np.random.default_rng(0).standard_normal((10, 6, 4)).astype("float32")


class Exact:
    """Replaces a network by a function from its input to the loc and scale of the state."""

    def __init__(self, function, belief=2):
        self.function, self.features = function, belief

    def __call__(self, v):
        loc, scale = self.function(v)
        return densities.DiagonalNormal(loc, scale * tf.ones_like(loc))


def test_with_exact_distributions_the_objective_is_the_density_of_the_next_frame():
    """E[objective] = -log p(x_t+1|x_1..t) in a linear Gaussian state space.

    Its filter, smoother and transition are known in closed form.
    """
    a, q, r, steps, copies = 0.9, 0.5, 0.7, 5, 40_000
    x = np.array([0.3, -1.0, 0.8, 1.5, 0.2])
    mean, variance, beliefs, densities_of_next = 0.0, 1.0, [], []
    for t, frame in enumerate(x):
        if t:
            mean, variance = a * mean, a**2 * variance + q**2
            densities_of_next.append(stats.norm.logpdf(frame, mean, np.sqrt(variance + r**2)))
        gain = variance / (variance + r**2)
        mean, variance = mean + gain * (frame - mean), (1 - gain) * variance
        beliefs.append((mean, np.sqrt(variance)))

    model = make(
        shape=(steps, 1),
        latent_dim=1,
        widths=(),
        likelihood=keras_ae.distributions.Gaussian(r),
        max_jump=1,
        belief=2,
    )
    model.decoder.set_weights([np.ones((1, 1)), np.zeros(1)])
    b = tf.tile(tf.constant([beliefs], "float32"), (copies, 1, 1))  # (copies, steps, 2)
    model._beliefs = lambda x: b

    def smoothing(v):  # z2, b1, b2, jump
        z2, loc1, scale1 = v[:, :1], v[:, 1:2], v[:, 2:3]
        precision = 1 / scale1**2 + (a / q) ** 2
        return (loc1 / scale1**2 + a * z2 / q**2) / precision, precision**-0.5

    model.state_layer = Exact(lambda b: (b[:, :1], b[:, 1:]))
    model.transition_layer = Exact(lambda v: (a * v[:, :1], q))
    model.smoothing_layer = Exact(smoothing)
    frames = np.tile(x.astype("float32")[None, :, None], (copies, 1, 1))
    objective = np.array(model.objective(frames, frames))
    error = objective.std() / np.sqrt(copies)
    assert error < 0.01
    assert objective.mean() == pytest.approx(-np.mean(densities_of_next), abs=5 * error)
    # A smoother that ignores z2 and returns the belief at t1 gives a looser bound.
    model.smoothing_layer = Exact(lambda v: (v[:, 1:2], v[:, 2:3]))
    assert np.mean(model.objective(frames, frames)) > objective.mean() + 20 * error


def test_every_term_equals_a_computation_in_numpy_with_the_same_draws(sequences):
    """One example at a time; the beliefs come from prefixes of the sequences."""
    model, x = make(), sequences
    target = x + 1
    state = np.array(model._seeds.state)
    objective = np.array(model.objective(x, target))
    model._seeds.state.assign(state)
    seed_of_pairs, seed_of_z2, seed_of_z1 = (model._seeds.draw() for _ in range(3))
    pairs = [(t1, t2) for t1, t2 in itertools.combinations(range(6), 2) if t2 - t1 <= 3]
    chosen = [pairs[int(u * len(pairs))] for u in seeds.uniform((10,), seed_of_pairs).numpy()]

    def b(i, t):
        return model._beliefs(tf.constant(x[i : i + 1, : t + 1]))[0, -1]

    b1 = tf.stack([b(i, t1) for i, (t1, _) in enumerate(chosen)])
    b2 = tf.stack([b(i, t2) for i, (_, t2) in enumerate(chosen)])
    jumps = np.eye(3, dtype="float32")[[t2 - t1 - 1 for t1, t2 in chosen]]
    z2 = model.state_layer(b2).sample(seed=seed_of_z2)
    z1 = model.smoothing_layer(tf.concat([z2, b1, b2, jumps], 1)).sample(seed=seed_of_z1)

    def normals(layer, v, z):
        """loc and scale of z, (5,) each, computed from the weights of the layer."""
        loc, scale = [], []
        parts = zip(layer.networks, (slice(0, 2), slice(2, 5)), (z[:0], z[:2]), strict=True)
        for network, part, above in parts:
            h = 0
            for dense, vector in zip(network.first, (v, above), strict=False):
                h = h + np.array(vector) @ dense.kernel.numpy()
                h = h + (dense.bias.numpy() if dense.use_bias else 0)
            hidden = np.tanh(h[:7]) / (1 + np.exp(-h[7:]))
            raw = hidden @ network.last.kernel.numpy() + network.last.bias.numpy()
            n = part.stop - part.start
            loc, scale = [*loc, *raw[:n]], [*scale, *(np.log1p(np.exp(raw[n:])) + 1e-5)]
        return np.array(loc), np.array(scale)

    for i, (_, t2) in enumerate(chosen):
        v1, v2 = np.array(z1[i]), np.array(z2[i])
        p1, p2 = normals(model.state_layer, b1[i], v1), normals(model.state_layer, b2[i], v2)
        p_t = normals(model.transition_layer, np.concatenate([v1, jumps[i]]), v2)
        q_s = normals(model.smoothing_layer, np.concatenate([v2, b1[i], b2[i], jumps[i]]), v1)
        kl = np.log(p1[1] / q_s[1]) + (q_s[1] ** 2 + (q_s[0] - p1[0]) ** 2) / (2 * p1[1] ** 2) - 0.5
        transition = stats.norm.logpdf(v2, *p2) - stats.norm.logpdf(v2, *p_t)
        reconstruction = -stats.norm.logpdf(target[i, t2], model.decoder(v2[None])[0]).sum()
        assert objective[i] == pytest.approx(reconstruction + kl.sum() + transition.sum(), rel=1e-4)
    logs = model.evaluate(x, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        logs["reconstruction"] + logs["kl"] + logs["transition"], rel=1e-5
    )


def test_all_pairs_up_to_max_jump_are_equally_likely():
    t1, t2 = map(np.array, shared()._draw_pairs(24_000))
    pairs, counts = np.unique(np.stack([t1, t2]), axis=1, return_counts=True)
    expected = {(s, t) for s in range(6) for t in range(s + 1, min(s + 3, 5) + 1)}  # 12 pairs
    assert set(zip(*pairs, strict=True)) == expected
    assert stats.chisquare(counts).pvalue > 1e-3


def test_a_belief_knows_the_past_and_not_the_future(sequences):
    model, x = shared(), tf.constant(sequences)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        states = tf.unstack(tf.reshape(model.code_of(x), (10, 6, 5)), axis=1)
    for t, state in enumerate(states):
        gradient = np.abs(tape.gradient(state, x)).max(axis=(0, 2))
        assert (gradient[: t + 1] > 0).all() and (gradient[t + 1 :] == 0).all()
    np.testing.assert_allclose(model.belief(x[:, :3]).centre(), states[2], atol=1e-6)
    np.testing.assert_allclose(tf.reshape(model.encode(x), (10, 6, 5))[:, 4], states[4], atol=1e-6)


def test_a_transition_set_by_hand_rolls_out_exactly():
    """The state is one of four places, and the network of p_T moves it on by the jump.

    Each hidden unit is the AND of one place and one jump.
    """
    model = make(shape=(4, 4), latent_dim=4, widths=(), max_jump=2, width=8)
    model.decoder.set_weights([np.eye(4), np.zeros(4)])
    for layer in (model.state_layer, model.transition_layer):
        layer.networks[0].last.bias.assign([0.0] * 4 + [-20.0] * 4)  # scales of 1e-5
    start = model.state_layer.networks[0].last
    start.kernel.assign(np.zeros((8, 8)))
    start.bias.assign([0, 0, 1, 0] + [-20] * 4)  # place 2, whatever the frames are
    move = model.transition_layer.networks[0]
    both, out = np.zeros((6, 16)), np.zeros((8, 8))
    for unit, (place, jump) in enumerate(itertools.product(range(4), range(2))):
        both[[place, 4 + jump], unit] = 20
        both[[place, 4 + jump], 8 + unit] = 40
        out[unit, (place + jump + 1) % 4] = 1
    move.first[0].set_weights([both, np.array([-20.0] * 8 + [-60.0] * 8)])
    move.last.kernel.assign(out)
    x = np.zeros((3, 2, 4), "float32")  # two frames are enough
    np.testing.assert_allclose(
        model.rollout(x, 5), np.tile(np.eye(4)[[3, 0, 1, 2, 3]], (3, 1, 1)), atol=1e-3
    )
    np.testing.assert_allclose(
        model.rollout(x, 3, jump=2), np.tile(np.eye(4)[[0, 2, 0]], (3, 1, 1)), atol=1e-3
    )


def test_a_rollout_follows_its_seed(sequences, monkeypatch):
    model = shared()
    one = model.rollout(sequences, 2, seed=3)
    assert one.shape == (10, 2, 4)
    np.testing.assert_array_equal(one, model.rollout(sequences, 2, seed=3))
    assert np.abs(one - model.rollout(sequences, 2, seed=4)).max() > 1e-3
    assert np.abs(model.rollout(sequences, 2) - model.rollout(sequences, 2)).max() > 1e-3
    same = np.repeat(sequences[:1], 10, axis=0)
    assert np.std(model.rollout(same, 2), axis=0).min() > 1e-4  # each example has its own draws
    monkeypatch.setattr("keras_ae.models.tdvae.FRAMES_AT_ONCE", 24)  # three sequences
    assert np.std(model.rollout(same, 2), axis=0).min() > 1e-4
    assert model.rollout(sequences, 2).shape == (10, 2, 4)


def test_frames_may_be_images(tmp_path):
    x = keras_ae.datasets.moving(
        np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1)).astype("uint8"), steps=3
    )
    model = make(shape=x.shape[1:], network="conv", widths=(4, 8), activation="relu", max_jump=2)
    model.fit(x, verbose=0)
    assert model.encode(x).shape == (8, 15) and model.reconstruct(x).shape == x.shape
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name, value in {"latent_dim": (2, 3), "max_jump": 2, "belief": 5, "width": 7}.items():
        assert loaded.get_config()[name] == model.get_config()[name] == value
    np.testing.assert_allclose(
        loaded.rollout(x, 2, seed=1), model.rollout(x / np.float32(255), 2, seed=1), atol=1e-5
    )


@pytest.mark.full_data
def test_it_learns_in_which_direction_digits_move():
    """No single frame shows the direction.

    After five frames of unseen MNIST digits, the rollout moves in the right direction. It is closer
    to the true frames than the last frame is.
    """

    def sequences(images, seed):
        binary = 255 * keras_ae.datasets.binarize(images, seed)
        return keras_ae.datasets.moving(binary.astype("uint8"), 10, seed)

    (x, _), (x_test, _) = keras_ae.datasets.load("mnist")
    x, x_test = sequences(x[:12_000], 1), sequences(x_test[:300], 2) / np.float32(255)
    model = make(
        shape=x.shape[1:], latent_dim=(8, 8), widths=(200,), max_jump=4, belief=50, width=50
    )
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, 4 * 375)))
    model.fit(x, batch_size=32, epochs=4, verbose=0)
    last, truth = x_test[:, 4], x_test[:, 5:8]
    rolled = np.array(model.rollout(x_test[:, :5], 3, seed=1))
    right = (x_test[:, 1] == np.roll(x_test[:, 0], 1, axis=2)).all(axis=(1, 2, 3))
    shifts = np.arange(-13, 15)
    likeness = [
        (rolled * np.roll(last, shift, axis=2)[:, None]).sum(axis=(2, 3, 4)) for shift in shifts
    ]
    # (300, 3): 1, 2, 3 for an exact prediction
    moved = shifts[np.argmax(likeness, axis=0)] * np.where(right, 1, -1)[:, None]
    assert np.mean(moved[:, 1:] > 0) > 0.9 and (np.diff(moved.mean(axis=0)) > 0.5).all()
    error, persistence = (
        np.mean((frames - truth) ** 2, axis=(0, 2, 3, 4)) for frames in (rolled, last[:, None])
    )
    assert (error[1:] < 0.75 * persistence[1:]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make(shape=(5,)), r"or \(features,\). Received: \(5,\)"),
        (lambda: make(max_jump=6), "less than the number of steps, 6. Received: max_jump=6"),
        (lambda: make(max_jump=0), "Received: max_jump=0"),
        (lambda: make(belief=0), "Received: belief=0"),
        (lambda: make(width=0), "Received: width=0"),
        (lambda: make(latent_dim=(2, 0)), "Received: latent_dim=0"),
        (lambda: shared().rollout(np.zeros((1, 2, 4)), 0), "Received: n=0"),
        (
            lambda: shared().rollout(np.zeros((1, 2, 4)), 1, jump=4),
            "from 1 to max_jump=3. Received: jump=4",
        ),
        (
            lambda: shared().rollout(np.zeros((1, 2, 5)), 1),
            r"the shape \(batch, 2, 4\). Received: shape=\(1, 2, 5\)",
        ),
        (
            lambda: shared().belief(np.zeros(4)),
            r"the shape \(batch, 6, 4\). Received: shape=\(4,\)",
        ),
        (lambda: shared().compile(loss="mse"), "Expected no `loss`"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
