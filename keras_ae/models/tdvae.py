"""The temporal difference variational autoencoder, for sequences.

It has a belief about the current state of a sequence, and it jumps from one state to a later one.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae import distributions
from keras_ae.distributions.hierarchical import HierarchicalPosterior
from keras_ae.models.autoencoder import Autoencoder, trained_by
from keras_ae.utils import inputs, seeds, validation

FRAMES_AT_ONCE = 20_000  # how many frames `rollout` works on at once, to limit memory


@keras.saving.register_keras_serializable("keras_ae")
class TDVAE(Autoencoder):
    """Temporal difference VAE of sequences x_1..T, which predicts states of the world to come.

        b_t = LSTM(b_t-1, encoder(x_t))         the belief after the frames up to t
        p_B(z_t|b_t)                            the state z_t, given the belief
        p_T(z_t2|z_t1, t2 - t1)                 a later state, given an earlier one
        p_D(x_t|z_t)                            a frame, given its state
        q_S(z_t1|z_t2, b_t1, b_t2, t2 - t1)     an earlier state, given a later one

    objective(x) = -log p_D(x_t2|z_t2)                         reconstruction
                   + KL(q_S(z_t1|...) || p_B(z_t1|b_t1))       kl
                   + log p_B(z_t2|b_t2) - log p_T(z_t2|z_t1)   transition
                   with z_t2 ~ p_B(.|b_t2) and z_t1 ~ q_S, nats per pair of frames

    Each step draws one pair t1 < t2 <= t1 + max_jump per example. All pairs are equally likely.
    The belief at t2 shows what the belief at t1 should have known. So the belief learns to keep
    what will matter later, such as a direction of motion that no single frame shows.
    The KL divergence is exact: the sum over the layers of the state, each given the layers above.
    loss = reconstruction + kl + transition, in the logs too. It is the loss of one jump, not a
    bound of log p(x_1..T).

    The code of a sequence holds the states of all its frames side by side. Each state depends on
    the frames up to its own: `encode` returns the means of p_B(z_t|b_t), and `decode` decodes each
    frame by itself. So `predict`, `reconstruct` and `interpolate` mean the same as for other
    models, and show how much of a frame its state holds. `rollout` predicts the frames to come.

    Args:
        shape: tuple, the shape of one example: (steps, height, width, channels), (steps, features),
            or steps of any other arrays.
        latent_dim: int, the size of a state, or a tuple of ints, the sizes of its layers from the
            top down. Each layer depends on the layers above. The attribute `state_dim` is their
            sum, and the attribute `latent_dim` is the size of a code: steps * state_dim.
        network, widths, activation, likelihood: as in `AE`, for one frame. Your own encoder maps
            (batch, *frame) to (batch, belief). Your own decoder maps (batch, state_dim) to
            (batch, *shape of the likelihood's parameters).
        max_jump: int, the longest jump, less than steps.
        belief: int, the size of b_t.
        width: int, units of the one hidden layer of p_B, p_T and q_S, which is
            tanh(W v + b) * sigmoid(V v + c).

    Input shape: (batch, *shape), floats in the support of the likelihood, or integers 0-255.
    Output shape: (batch, *shape).

    Raises:
        ValueError: an argument does not fit.

    For example:

        x = x_train.reshape(6, 10, 28, 28, 1)  # 6 sequences of 10 frames
        model = keras_ae.TDVAE((10, 28, 28, 1), latent_dim=8)
        future = model.rollout(x, 3)  # (6, 3, 28, 28, 1): the next 3 frames

    Source: Gregor et al., "Temporal difference variational auto-encoder", ICLR 2019, sections 3 and
    4; layers and gates: its appendix. In the paper, p_T and q_S do not know the jump. Here they
    do, so that a rollout can choose its jump.
    """

    limits = "Its predictions are means, which are smoother than real frames."
    logged = ("reconstruction", "kl", "transition")
    why_no_loss = trained_by("a TDVAE", "its terms reconstruction, kl and transition")

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        max_jump=4,
        belief=50,
        width=50,
        **kwargs,
    ):
        shape = _checked_shape(shape)
        belief = validation.positive_int(belief, "belief")
        width = validation.positive_int(width, "width")
        max_jump = validation.positive_int(max_jump, "max_jump")
        options = {"width": width, "activation": "gated_tanh"}
        state = HierarchicalPosterior(latent_dim, features=belief, **options)
        self.state_dim = n = sum(state.sizes)
        size = shape[0] * n
        super().__init__(
            shape, size, network, widths, activation, likelihood, code_size=belief, **kwargs
        )
        if max_jump >= shape[0]:
            expected = f"less than the number of steps, {shape[0]}"
            raise ValueError(f"Expected `max_jump` to be {expected}. Received: max_jump={max_jump}")
        self.max_jump = max_jump
        self.state_layer = state  # p_B(z_t|b_t)
        # p_T(z_t2|z_t1, t2 - t1)
        features = n + max_jump
        self.transition_layer = HierarchicalPosterior(latent_dim, features=features, **options)
        # q_S(z_t1|z_t2, b_t1, b_t2, t2 - t1)
        features = n + 2 * belief + max_jump
        self.smoothing_layer = HierarchicalPosterior(latent_dim, features=features, **options)
        self.memory_layer = keras.layers.LSTM(belief, return_sequences=True, name="belief")
        self.memory_layer.build((None, None, belief))
        self._pairs = _pairs_of_frames(shape[0], max_jump)  # (pairs, 2)

    @property
    def frame(self):
        """tuple, the shape of one frame."""
        return self.shape[1:]

    def belief(self, x):
        """The state after the last frame of x, given the frames: p_B(z_t|b_t).

        Args:
            x: array (batch, any number of frames, *frame); integers are pixels 0-255.

        Returns:
            tfp distribution, batch shape (batch,), event shape (state_dim,).

        Raises:
            ValueError: as in `encode`.
        """
        return self.state_layer(self._beliefs(self._watched(x))[:, -1])

    def transition(self, z, jump=1):
        """The state `jump` frames later: p_T(z_t2|z_t1, jump).

        Args:
            z: tensor (batch, state_dim).
            jump: int from 1 to max_jump, or int tensor (batch,).

        Returns:
            tfp distribution, batch shape (batch,), event shape (state_dim,).
        """
        jumps = ops.broadcast_to(jump, ops.shape(z)[:1])  # (batch,)
        jumps = ops.one_hot(jumps - 1, self.max_jump)  # (batch, max_jump)
        return self.transition_layer(ops.concatenate([z, jumps], axis=-1))

    def likelihood_of_frame(self, z):
        """p_D(x_t|z_t): tensor (batch, state_dim) -> tfp distribution, event shape `frame`."""
        params = self.decoder(z)
        return self.likelihood_layer(ops.reshape(params, (-1, *self._params_shape[1:])))

    def likelihood_of(self, z):
        """prod_t p_D(x_t|z_t): (batch, latent_dim) -> tfp distribution, event shape `shape`."""
        # (batch, latent_dim) -> (batch * steps, state_dim)
        states = ops.reshape(z, (-1, self.state_dim))
        return super().likelihood_of(states)

    def rollout(self, x, n, jump=1, seed=None):
        """Draws one possible future of each sequence: frames that may come after x.

        It draws a state from the belief, and then each state from the state before it.

        z_0 ~ p_B(.|b_t),  z_i ~ p_T(.|z_i-1, jump),  i = 1..n

        Args:
            x: array (batch, any number of frames, *frame); integers are pixels 0-255.
            n: int, the number of jumps.
            jump: int from 1 to max_jump, the number of frames per jump.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch, n, *frame): the means of p_D(.|z_i), frames t + jump, t + 2 * jump, ...

        Raises:
            ValueError: as in `encode`; n < 1; jump is not in 1 to max_jump.
        """
        validation.positive_int(n, "n")
        if validation.positive_int(jump, "jump") > self.max_jump:
            raise ValueError(
                f"Expected `jump` to be from 1 to max_jump={self.max_jump}. Received: jump={jump}"
            )
        x = self._watched(x)
        seed = self.draw_seed() if seed is None else seeds.from_int(seed)
        batches = inputs.batches(x, max(1, FRAMES_AT_ONCE // (x.shape[1] + n)))
        pairs = zip(batches, seeds.split(seed, len(batches)), strict=True)
        futures = [self._rolled_out(batch, of_batch, n, jump) for batch, of_batch in pairs]
        return tf.concat(futures, axis=0)

    def objective(self, x, target):
        t1, t2 = self._draw_pairs(ops.shape(x)[0])
        b = self._beliefs(x)  # (batch, steps, belief)
        b1, b2 = (tf.gather(b, t, batch_dims=1) for t in (t1, t2))  # 2 x (batch, belief)
        jumps = ops.one_hot(t2 - t1 - 1, self.max_jump)  # (batch, max_jump)

        belief1, belief2 = self.state_layer(b1), self.state_layer(b2)
        at_t2 = distributions.draw(belief2, self.draw_seed())
        z2 = at_t2.z  # (batch, state_dim)
        smoothing = self.smoothing_layer(ops.concatenate([z2, b1, b2, jumps], axis=-1))
        at_t1 = distributions.draw(smoothing, self.draw_seed())
        z1 = at_t1.z  # (batch, state_dim)

        reconstruction = -self.likelihood_of_frame(z2).log_prob(tf.gather(target, t2, batch_dims=1))
        kl = distributions.kl_divergence(smoothing, belief1, at_t1)
        transition = at_t2.log_prob() - self.transition(z1, t2 - t1).log_prob(z2)
        self.log(reconstruction=reconstruction, kl=kl, transition=transition)
        return reconstruction + kl + transition

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.state_layer.sizes,
            "max_jump": self.max_jump,
            "belief": self.state_layer.features,
            "width": self.state_layer.width,
        }

    def _draw_pairs(self, n):
        """Draws t1 and t2 for n examples, counted from 0: 2 x int32 (n,)."""
        draws = seeds.uniform((n,), self.draw_seed()) * len(self._pairs)
        # The product may be rounded up to len(self._pairs).
        numbers = ops.minimum(ops.cast(draws, "int32"), len(self._pairs) - 1)
        pairs = ops.take(ops.convert_to_tensor(self._pairs), numbers, axis=0)  # (n, 2)
        return pairs[:, 0], pairs[:, 1]

    def _beliefs(self, x):
        """b_t after each frame: (batch, steps, *frame) -> float32 (batch, steps, belief)."""
        steps = x.shape[1]
        features = self.encoder(ops.reshape(x, (-1, *self.frame)))  # (batch * steps, belief)
        # (batch * steps, belief) -> (batch, steps, belief)
        features = ops.reshape(features, (-1, steps, self.state_layer.features))
        return ops.cast(self.memory_layer(features), "float32")

    def code_of(self, x):
        # (batch, steps, belief) -> (batch * steps, belief)
        b = ops.reshape(self._beliefs(x), (-1, self.state_layer.features))
        z = self.state_layer.centre(b)
        # (batch * steps, state_dim) -> (batch, latent_dim)
        return ops.reshape(z, (-1, self.latent_dim))

    def _rolled_out(self, x, seed, n, jump):
        """One batch of `rollout`: float32 (batch, frames, *frame) -> (batch, n, *frame)."""
        first, *of_jumps = seeds.split(seed, n + 1)
        b = self._beliefs(x)[:, -1]  # (batch, steps, belief) -> (batch, belief)
        z, frames = self.state_layer(b).sample(seed=first), []
        for seed_of_jump in of_jumps:
            z = self.transition(z, jump).sample(seed=seed_of_jump)  # (batch, state_dim)
            frames.append(self.likelihood_of_frame(z).mean())
        return tf.stack(frames, axis=1)  # n x (batch, *frame) -> (batch, n, *frame)

    def _watched(self, x):
        """x with any number of frames, checked: float32 (batch, frames, *frame)."""
        steps = np.shape(x)[1] if np.ndim(x) > 1 else self.shape[0]
        shape = (steps, *self.frame)
        inputs.check(x, shape, self.likelihood_layer.support)
        return inputs.to_float(x, shape)

    def _network_sizes(self, code_size):
        return self.frame, code_size, self.state_dim, self._params_shape[1:]


def _checked_shape(shape):
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if len(shape) < 2:
        expected = "the number of steps, followed by (height, width, channels) or (features,)"
        raise ValueError(f"Expected `shape` to be {expected}. Received: {shape}")
    return shape


def _pairs_of_frames(steps, max_jump):
    """All pairs t1 < t2 <= t1 + max_jump, counted from 0: int32 array (pairs, 2)."""
    pairs = [(t1, t2) for t1 in range(steps) for t2 in range(t1 + 1, min(t1 + max_jump + 1, steps))]
    return np.array(pairs, "int32")
