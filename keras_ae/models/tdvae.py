"""The temporal difference variational autoencoder: a belief about the state of a sequence, and jumps from state to state."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae import distributions
from keras_ae.distributions.hierarchical import HierarchicalPosterior
from keras_ae.models.autoencoder import Autoencoder, trained_by
from keras_ae.utils import inputs, seeds, validation

FRAMES_AT_ONCE = 20_000  # of those that `rollout` watches: it bounds the memory


@keras.saving.register_keras_serializable("keras_ae")
class TDVAE(Autoencoder):
    """Temporal difference VAE of sequences x_1..T: a belief b_t of what was seen, a state z_t of the world, and jumps between states.

    b_t = LSTM(b_t-1, encoder(x_t)),  p_B(z_t|b_t),  p_T(z_t2|z_t1, t2 - t1),  p_D(x_t|z_t),  q_S(z_t1|z_t2, b_t1, b_t2, t2 - t1)

    objective(x) = -log p_D(x_t2|z_t2)                         reconstruction
                   + KL(q_S(z_t1|...) || p_B(z_t1|b_t1))       kl
                   + log p_B(z_t2|b_t2) - log p_T(z_t2|z_t1)   transition,    z_t2 ~ p_B(.|b_t2),  z_t1 ~ q_S, nats a pair of frames

    for one pair t1 < t2 <= t1 + max_jump in each example, drawn anew each time, all pairs being equally likely. What the belief at t2 says
    about t1 is what the belief at t1 should have known: it learns to hold what will matter later, such as a direction of motion that no
    frame shows. KL is exact, layer by layer of the state, given the layers above. loss = reconstruction + kl + transition, in the logs too.
    It is the loss of one jump, not a bound of log p(x_1..T).

    The code of a sequence is the states of all its frames side by side, each by what was seen until then: `encode` gives the means of
    p_B(z_t|b_t), and `decode` takes frame by frame. So `predict`, `reconstruct` and `interpolate` mean what they mean elsewhere, and tell
    how much of a frame its state holds. What is to come is a verb of its own: `rollout`.

    Args:
        shape: tuple, the shape of one example: (steps, height, width, channels), (steps, features), or steps of any other arrays.
        latent_dim: int, the size of a state, or a tuple of ints, the sizes of its layers from the top down, each of which depends on those
            above. The attribute `state_dim` is their sum, the attribute `latent_dim` that of all steps, the size of a code.
        network, widths, activation, likelihood: as in `AE`, for one frame; encoder and decoder of your own: (batch, *frame) -> (batch,
            belief) and (batch, state_dim) -> (batch, *what the likelihood asks for).
        max_jump: int, the longest jump, less than steps.
        belief: int, the size of b_t.
        width: int, units of the one hidden layer, tanh(W v + b) * sigmoid(V v + c), of p_B, p_T and q_S.

    Input shape: (batch, *shape), floats in the likelihood's support, or integers 0-255. Output shape: (batch, *shape).

    Raises:
        ValueError: an argument does not fit.

    Source: Gregor et al., "Temporal difference variational auto-encoder", ICLR 2019, sections 3 and 4; layers and gates: its appendix. That
    p_T and q_S know the jump is ours; it lets a rollout choose its pace.
    """

    limits = "It foretells frames as means, which are smoother than frames."
    logged = ("reconstruction", "kl", "transition")
    why_no_loss = trained_by("a TDVAE", "its reconstruction, kl and transition")

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
        shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        if len(shape) < 2:
            raise ValueError(
                f"Expected `shape` to be (height, width, channels) or (features,) after the number of steps. Received: {shape}"
            )
        belief, width, max_jump = (
            validation.positive_int(n, s)
            for n, s in ((belief, "belief"), (width, "width"), (max_jump, "max_jump"))
        )
        options = {"width": width, "activation": "gated_tanh"}
        state = HierarchicalPosterior(latent_dim, features=belief, **options)
        self.state_dim = n = sum(state.sizes)
        super().__init__(
            shape, shape[0] * n, network, widths, activation, likelihood, code_size=belief, **kwargs
        )
        if max_jump >= shape[0]:
            raise ValueError(
                f"Expected `max_jump` to be less than the number of steps, {shape[0]}. Received: max_jump={max_jump}"
            )
        self.max_jump = max_jump
        self.state_layer = state  # p_B(z_t|b_t)
        self.transition_layer = HierarchicalPosterior(
            latent_dim, features=n + max_jump, **options
        )  # p_T(z_t2|z_t1, t2 - t1)
        self.smoothing_layer = HierarchicalPosterior(
            latent_dim, features=n + 2 * belief + max_jump, **options
        )  # q_S
        self.memory_layer = keras.layers.LSTM(belief, return_sequences=True, name="belief")
        self.memory_layer.build((None, None, belief))
        pairs = [
            (t1, t2)
            for t1 in range(shape[0])
            for t2 in range(t1 + 1, min(t1 + max_jump, shape[0] - 1) + 1)
        ]
        self._pairs = np.array(pairs, "int32")  # (pairs, 2)

    @property
    def frame(self):
        """tuple, the shape of one frame."""
        return self.shape[1:]

    def belief(self, x):
        """p_B(z_t|b_t), the state after the last frame of x: a tfp distribution, batch shape (batch,), event shape (state_dim,).

        Args:
            x: array (batch, any number of frames, *frame); integers are pixels 0-255.

        Raises:
            ValueError: as in `encode`.
        """
        return self.state_layer(self._beliefs(self._watched(x))[:, -1])

    def transition(self, z, jump=1):
        """p_T(z_t2|z_t1, jump), the state `jump` frames later: a tfp distribution, batch shape (batch,), event shape (state_dim,).

        Args:
            z: tensor (batch, state_dim).
            jump: int from 1 to max_jump, or int (batch,).
        """
        jumps = ops.one_hot(
            ops.broadcast_to(jump, ops.shape(z)[:1]) - 1, self.max_jump
        )  # (batch, max_jump)
        return self.transition_layer(ops.concatenate([z, jumps], axis=-1))

    def likelihood_of_frame(self, z):
        """p_D(x_t|z_t): a tfp distribution, batch shape (batch,), event shape `frame`. z: (batch, state_dim)."""
        params = self.decoder(z)
        return self.likelihood_layer(ops.reshape(params, (-1, *self._params_shape[1:])))

    def likelihood_of(self, z):
        """prod_t p_D(x_t|z_t): a tfp distribution, batch shape (batch,), event shape `shape`. z: (batch, latent_dim)."""
        states = ops.reshape(z, (-1, self.state_dim))  # (batch * steps, state_dim)
        return super().likelihood_of(states)

    def rollout(self, x, n, jump=1, seed=None):
        """What may come after x: a state is drawn from the belief, then one state from the other, without another look.

        z_0 ~ p_B(.|b_t),  z_i ~ p_T(.|z_i-1, jump),  i = 1..n

        Args:
            x: array (batch, any number of frames, *frame); integers are pixels 0-255.
            n: int, the number of jumps.
            jump: int from 1 to max_jump, the number of frames of each.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch, n, *frame): the means of p_D(.|z_i), frames t + jump, t + 2 * jump, ...

        Raises:
            ValueError: as in `encode`; n < 1; another jump.
        """
        validation.positive_int(n, "n")
        if validation.positive_int(jump, "jump") > self.max_jump:
            raise ValueError(
                f"Expected `jump` to be from 1 to max_jump={self.max_jump}. Received: jump={jump}"
            )
        x = self._watched(x)
        seed = self.draw_seed() if seed is None else seeds.from_int(seed)
        size = max(1, FRAMES_AT_ONCE // (x.shape[1] + n))
        batches = inputs.batches(x, size)
        of_batches = seeds.split(seed, len(batches))
        return tf.concat(
            [self._rolled_out(*pair, n, jump) for pair in zip(batches, of_batches, strict=True)],
            axis=0,
        )

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
        config = {"latent_dim": self.state_layer.sizes, "max_jump": self.max_jump}
        return {
            **super().get_config(),
            **config,
            "belief": self.state_layer.features,
            "width": self.state_layer.width,
        }

    def _draw_pairs(self, n):
        """t1 and t2 of n examples, counted from 0: 2 x int32 (n,)."""
        draws = seeds.uniform((n,), self.draw_seed()) * len(self._pairs)
        numbers = ops.minimum(
            ops.cast(draws, "int32"), len(self._pairs) - 1
        )  # a product may be rounded up
        pairs = ops.take(ops.convert_to_tensor(self._pairs), numbers, axis=0)  # (n, 2)
        return pairs[:, 0], pairs[:, 1]

    def _beliefs(self, x):
        """b_t after each frame: (batch, steps, *frame) -> float32 (batch, steps, belief)."""
        steps = x.shape[1]
        features = self.encoder(ops.reshape(x, (-1, *self.frame)))  # (batch * steps, belief)
        features = ops.reshape(
            features, (-1, steps, self.state_layer.features)
        )  # (batch, steps, belief)
        return ops.cast(self.memory_layer(features), "float32")

    def code_of(self, x):
        b = ops.reshape(
            self._beliefs(x), (-1, self.state_layer.features)
        )  # (batch, steps, belief) -> (batch * steps, belief)
        return ops.reshape(
            self.state_layer.centre(b), (-1, self.latent_dim)
        )  # (batch * steps, state_dim) -> (batch, latent_dim)

    def _rolled_out(self, x, seed, n, jump):
        first, *of_jumps = seeds.split(seed, n + 1)
        z, frames = self.state_layer(self._beliefs(x)[:, -1]).sample(seed=first), []
        for seed_of_jump in of_jumps:
            z = self.transition(z, jump).sample(seed=seed_of_jump)  # (batch, state_dim)
            frames.append(self.likelihood_of_frame(z).mean())
        return tf.stack(frames, axis=1)  # n x (batch, *frame) -> (batch, n, *frame)

    def _watched(self, x):
        """x, of any number of frames, checked: float32 (batch, frames, *frame)."""
        steps = np.shape(x)[1] if np.ndim(x) > 1 else self.shape[0]
        shape = (steps, *self.frame)
        inputs.check(x, shape, self.likelihood_layer.support)
        return inputs.to_float(x, shape)

    def _network_sizes(self, code_size):
        return self.frame, code_size, self.state_dim, self._params_shape[1:]
