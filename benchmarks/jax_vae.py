"""The VAEs in JAX and optax, as a good user writes them: one jitted step that owns its memory.

Images are (batch, height, width, channels) and stay on the device. The weights are those that a
model of keras_ae starts with, and the outputs are compared before anything is timed. A pass is one
`lax.scan` over its steps, or a loop in Python over a jitted step; the races take the faster one.
"""

import functools
import math

import jax
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp

from benchmarks import task
from benchmarks.ours import SHAPE, vae_of


def dense(count, scanned=True):
    """Trains the dense VAE."""
    return _training("dense", dense_encoder, dense_decoder, count, scanned)


def conv(count, scanned=False):
    """Trains the twin of keras_ae's convolutional VAE."""
    return _training("conv", conv_encoder, conv_decoder, count, scanned)


def mixer(count, scanned=True):
    """Trains the twin of keras_ae's VAE of patches."""
    return _training("mixer", mixer_encoder, mixer_decoder, count, scanned)


def dense_encoder(weights, x):
    """(batch, 28, 28, 1) -> (batch, 40)."""
    return _layers(weights, x.reshape(len(x), -1), jax.nn.relu)


def dense_decoder(weights, z):
    """(batch, 20) -> (batch, 28, 28, 1)."""
    return _layers(weights, z, jax.nn.relu).reshape(-1, *SHAPE)


def conv_encoder(weights, x):
    """(batch, 28, 28, 1) -> (batch, 40)."""
    *convolutions, code = weights
    for kernel, bias in convolutions:
        x = _gelu(_convolution(x, kernel, stride=2) + bias)
    return _linear(code, x.reshape(len(x), -1))


def conv_decoder(weights, z):
    """(batch, 20) -> (batch, 28, 28, 1)."""
    first, *convolutions = weights
    h = _gelu(_linear(first, z))
    h = h.reshape(len(z), 7, 7, -1)  # (batch, 49 * c) -> (batch, 7, 7, c)
    for i, (kernel, bias) in enumerate(convolutions):
        h = _convolution(h, kernel) + bias
        h = _depth_to_space(h if i == len(convolutions) - 1 else _gelu(h))
    return h


def mixer_encoder(weights, x):
    """(batch, 28, 28, 1) -> (batch, 40)."""
    features, hidden, code = weights
    x = x.reshape(len(x), 7, 4, 7, 4).swapaxes(2, 3)  # (batch, 28, 28, 1) -> (batch, 7, 7, 4, 4)
    h = _gelu(_linear(features, x.reshape(len(x), 49, 16)))
    h = _gelu(_linear(hidden, h.reshape(len(x), -1)))  # (batch, 49, f) -> (batch, units)
    return _linear(code, h)


def mixer_decoder(weights, z):
    """(batch, 20) -> (batch, 28, 28, 1)."""
    hidden, features, norm_1, up_1, down_1, norm_2, up_2, down_2, params = weights
    h = _gelu(_linear(features, _gelu(_linear(hidden, z))))
    h = h.reshape(len(z), 49, -1)  # (batch, 49 * f) -> (batch, 49, f)
    moved = _normalized(norm_1, h).swapaxes(1, 2)  # -> (batch, f, 49)
    h = h + _linear(down_1, _gelu(_linear(up_1, moved))).swapaxes(1, 2)
    h = h + _linear(down_2, _gelu(_linear(up_2, _normalized(norm_2, h))))
    h = _linear(params, h).reshape(len(z), 7, 7, 4, 4)
    return h.swapaxes(2, 3).reshape(-1, *SHAPE)  # (batch, 7, 4, 7, 4) -> (batch, 28, 28, 1)


def _linear(weights, h):
    kernel, bias = weights
    return h @ kernel + bias


def _layers(weights, h, activation):
    for pair in weights[:-1]:
        h = activation(_linear(pair, h))
    return _linear(weights[-1], h)


def _normalized(weights, h):
    scale, shift = weights
    loc = h.mean(axis=-1, keepdims=True)
    variance = jnp.square(h - loc).mean(axis=-1, keepdims=True)
    return (h - loc) * lax.rsqrt(variance + 1e-3) * scale + shift


def _gelu(h):
    return h * 0.5 * (1 + lax.erf(h * math.sqrt(0.5)))


def _convolution(x, kernel, stride=1):
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", dimension_numbers=layout)


def _depth_to_space(h):
    n, rows, columns, c = h.shape
    h = h.reshape(n, rows, columns, 2, 2, c // 4).swapaxes(2, 3)
    return h.reshape(n, 2 * rows, 2 * columns, c // 4)  # (b, h, w, 4c) -> (b, 2h, 2w, c)


def twins(vae, encoder, decoder):
    """The weights of a model as JAX takes them: (of the encoder, of the decoder), lists of pairs.

    Raises:
        AssertionError: an output of encoder or decoder differs by more than 1e-4.
    """
    found = []
    for model, function in ((vae.encoder, encoder), (vae.decoder, decoder)):
        arrays = [jnp.asarray(weight.numpy()) for weight in model.weights]
        weights = list(zip(arrays[::2], arrays[1::2], strict=True))
        x = np.random.default_rng(0).random((8, *model.input_shape[1:]), dtype="float32")
        difference = np.abs(np.asarray(jax.jit(function)(weights, x)) - model(x).numpy())
        assert difference.max() < 1e-4, "the twin gives other outputs"
        found.append(weights)
    return tuple(found)


def loss_of(weights, x, key, encoder, decoder):
    """Minus the evidence lower bound, the mean over the batch: x (batch, 28, 28, 1) in [0, 1]."""
    loc, log_var = jnp.split(encoder(weights[0], x), 2, axis=1)
    z = loc + jnp.exp(0.5 * log_var) * jax.random.normal(key, loc.shape)
    logits = decoder(weights[1], z)
    reconstruction = jnp.sum(jax.nn.softplus(logits) - x * logits)
    kl = -0.5 * jnp.sum(1 + log_var - loc**2 - jnp.exp(log_var))
    return (reconstruction + kl) / len(x)


def step_of(encoder, decoder, optimizer):
    """One step of Adam: function of (weights, slots, key), x -> the next of these, the loss."""
    gradients_of = jax.value_and_grad(loss_of)

    def step(state, x):
        weights, slots, key = state
        key, noise = jax.random.split(key)
        loss, gradients = gradients_of(weights, x, noise, encoder, decoder)
        updates, slots = optimizer.update(gradients, slots)
        return (optax.apply_updates(weights, updates), slots, key), loss

    return step


def _training(network, encoder, decoder, count, scanned):
    weights = twins(vae_of(network), encoder, decoder)
    return training(weights, encoder, decoder, jnp.asarray(task.floats(count)), scanned)


def training(weights, encoder, decoder, x, scanned):
    """A function of the number of passes. It trains on x and returns the loss of the last pass."""
    optimizer = optax.adam(task.LEARNING_RATE)
    step = step_of(encoder, decoder, optimizer)
    # rbg: the generator of XLA itself, the faster of JAX's two on processors
    state = (weights, optimizer.init(weights), jax.random.key(0, impl="rbg"))
    full = len(x) // task.BATCH * task.BATCH

    @functools.partial(jax.jit, donate_argnums=0)
    def one(state, x, rows):
        return step(state, x[rows])

    @functools.partial(jax.jit, donate_argnums=0)
    def scan(state, x, rows):
        return lax.scan(lambda state, rows: step(state, x[rows]), state, rows)

    def train(passes):
        nonlocal state
        for _ in range(passes):
            order = draws.permutation(len(x)).astype("int32")
            batches, rest, losses = order[:full].reshape(-1, task.BATCH), order[full:], []
            if scanned:
                state, loss = scan(state, x, batches)
                losses.append(loss.sum() * task.BATCH)
            else:
                for rows in batches:
                    state, loss = one(state, x, rows)
                    losses.append(loss * task.BATCH)
            if len(rest):
                state, loss = one(state, x, rest)
                losses.append(loss * len(rest))
        return float(sum(losses)) / len(x)

    draws = np.random.default_rng(0)
    return train
