"""Samplers: a density fitted to the codes of a trained model, from which new images are drawn.

    model = keras_ae.load("ae_mnist")
    sampler = keras_ae.samplers.fit(model, x_train)
    images = sampler.sample(64)

An AE has no prior, so that a code drawn at random decodes to nothing likely; and a VAE's prior is not quite where its codes are. A
sampler gives the one a density and the other a better one. It takes seconds, and leaves the model as it is.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_ae import distributions, parts, random, representation

MIXTURE_COMPONENTS = 10  # as in the paper
FLOW_EPOCHS = 30


class Sampler:
    """A density over the codes of a model, z ~ p(z), x = decode(z).

    Args:
        model: the model.
        loc, scale: arrays (latent_dim,), mean and standard deviation of its codes.
        log_prob: function of standardised codes, (n, latent_dim) -> (n,) nats.
        draw: function (n, seed) -> (n, latent_dim), standardised codes.
    """

    def __init__(self, model, loc, scale, log_prob, draw):
        self.model, self._loc, self._scale, self._log_prob, self._draw = model, loc, scale, log_prob, draw

    def log_prob(self, z):
        """log p(z): codes (n, latent_dim) -> array (n,), nats."""
        z = np.asarray(z, "float64")
        if z.ndim != 2 or z.shape[1] != len(self._loc):
            raise ValueError(f"Expected codes of shape (n, {len(self._loc)}). Received: shape={z.shape}")
        return np.asarray(self._log_prob((z - self._loc) / self._scale)) - np.log(self._scale).sum()

    def sample_codes(self, n, seed=None):
        """Draws codes: float32 array (n, latent_dim). seed: int for a reproducible draw, None for a fresh one."""
        parts.positive_int(n, "n")
        seed = int(keras.random.randint((), 0, 2**31 - 1)) if seed is None else seed
        return np.asarray(self._loc + self._scale * self._draw(n, seed), "float32")

    def sample(self, n, seed=None):
        """Draws codes and decodes them, each to the mean of p(x|z): tensor (n, *shape). seed: as in `sample_codes`.

        Raises:
            ValueError: n < 1.
        """
        return self.model.decode(self.sample_codes(n, seed))


def fit(model, x, kind="mixture", seed=0, verbose=0):
    """Fits a density to the codes of x: for a VAE, to one draw of q(z|x) for each.

    Args:
        model: any model.
        x: array (n, *shape), such as the training set; integers are pixels 0-255.
        kind: "mixture", ten Gaussians with full covariances by expectation-maximisation (scikit-learn); or "flow", a masked
            autoregressive flow, `keras_ae.distributions.AutoregressiveFlow`, trained by maximum likelihood: slower, and nearer where codes
            lie on curved sheets.
        seed: int, of the fit.
        verbose: as in keras.Model.fit, for the flow.

    Returns:
        Sampler.

    Raises:
        ValueError: as in `model.encode`; kind is neither; fewer than 20 examples.
        ImportError: scikit-learn is not installed.

    Source: Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, section 4; van den Oord et al., NeurIPS 2017, fit
    a prior afterwards too.
    """
    if kind not in ("mixture", "flow"):
        raise ValueError(f'Expected `kind` to be "mixture" or "flow". Received: kind={kind!r}')
    if len(x) < 20:
        raise ValueError(f"Expected at least 20 examples to fit a density to. Received: {len(x)}")
    variational = hasattr(model, "posterior")
    z = np.asarray(model.encode(x, sample=True, seed=seed) if variational else model.encode(x), "float64")  # (n, latent_dim)
    loc, scale = z.mean(axis=0), z.std(axis=0) + 1e-6
    fitted = _mixture if kind == "mixture" else _flow
    return Sampler(model, loc, scale, *fitted((z - loc) / scale, seed, verbose))


def _mixture(z, seed, verbose):
    mixture = representation.gaussian_mixture(z, min(MIXTURE_COMPONENTS, len(z) // 10), seed)

    def draw(n, seed):
        mixture.random_state = np.random.RandomState(seed & 0x7FFFFFFF)
        return mixture.random_state.permutation(mixture.sample(n)[0])  # which come in the order of the Gaussians

    return mixture.score_samples, draw


def _flow(z, seed, verbose):
    density = Density(z.shape[1])
    z = z.astype("float32")
    batch_size = min(256, len(z))
    steps = FLOW_EPOCHS * -(-len(z) // batch_size)
    density.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)))
    held_out = max(1, len(z) // 10)
    stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    data = {"validation_data": (z[:held_out],), "callbacks": [stop], "verbose": verbose}
    density.fit(z[held_out:], batch_size=batch_size, epochs=FLOW_EPOCHS, **data)
    return (
        lambda z: density.prior().log_prob(tf.cast(z, "float32")),
        lambda n, seed: density.prior().sample(n, seed=random.from_int(seed)).numpy(),
    )


class Density(keras.Model):
    """A flow, trained by maximum likelihood: loss = -mean log p(z), nats."""

    def __init__(self, latent_dim):
        super().__init__()
        self.prior = distributions.AutoregressiveFlow(latent_dim)
        self.built = True

    def call(self, z):
        return self.prior().log_prob(z)  # (batch, latent_dim) -> (batch,)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return -tf.reduce_mean(y_pred)
