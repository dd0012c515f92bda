"""Fits densities to the codes or the symbols of a trained model."""

import itertools
import math

import keras
import numpy as np
import tensorflow as tf

from keras_ae import distributions
from keras_ae.samplers.maximum_likelihood import MaximumLikelihood
from keras_ae.samplers.pixelcnn import PixelCNN
from keras_ae.utils import fits, seeds, validation

MIXTURE_COMPONENTS = 10  # as in the paper
FLOW_EPOCHS = 30
PIXELCNN_EPOCHS = 10


class Sampler:
    """A density over the codes of a model, z ~ p(z), x = decode(z).

    Args:
        model: the model.
        loc, scale: arrays (latent_dim,), mean and standard deviation of its codes.
        log_prob: function of standardised codes, (n, latent_dim) -> (n,) nats.
        draw: function (n, seed) -> (n, latent_dim), standardised codes.
    """

    def __init__(self, model, loc, scale, log_prob, draw):
        self.model, self._loc, self._scale = model, loc, scale
        self._log_prob, self._draw = log_prob, draw

    def log_prob(self, z):
        """log p(z): codes (n, latent_dim) -> array (n,), nats."""
        z = np.asarray(z, "float64")
        if z.ndim != 2 or z.shape[1] != len(self._loc):
            raise ValueError(
                f"Expected codes of shape (n, {len(self._loc)}). Received: shape={z.shape}"
            )
        return np.asarray(self._log_prob((z - self._loc) / self._scale)) - np.log(self._scale).sum()

    def sample_codes(self, n, seed=None):
        """Draws codes: float32 array (n, latent_dim).

        seed: int for a reproducible draw, None for a new one.
        """
        validation.positive_int(n, "n")
        seed = seeds.fresh() if seed is None else seed
        return np.asarray(self._loc + self._scale * self._draw(n, seed), "float32")

    def sample(self, n, seed=None):
        """Draws codes and decodes each to the mean of p(x|z): tensor (n, *shape).

        seed: as in `sample_codes`.

        Raises:
            ValueError: n < 1.
        """
        return self.model.decode(self.sample_codes(n, seed))


class SymbolSampler:
    """A density over the symbols of a VQVAE: s ~ p(s), x = decode_symbols(s).

    Each map of symbols has a PixelCNN of its own, conditioned on the map before. With s the symbols
    of x, log p(x|s) + log p(s) is a lower bound of log p(x).

    Args:
        model: a VQVAE.
        networks: list of `keras_ae.pixelcnn.PixelCNN`, one per shape in `model.map_shapes`.
    """

    def __init__(self, model, networks):
        self.model, self.networks = model, networks

    def log_prob(self, symbols):
        """log p(s): int (n, symbols of a code) -> array (n,), nats."""
        maps = split_maps(self.model, symbols)
        given = [None, *maps[:-1]]
        options = {"batch_size": 500, "verbose": 0}
        return sum(
            network.predict(_pair(one, other), **options)
            for network, one, other in zip(self.networks, maps, given, strict=True)
        )

    def sample_symbols(self, n, seed=None):
        """Draws symbols: int32 array (n, symbols of a code).

        seed: int for a reproducible draw, None for a new one.
        """
        validation.positive_int(n, "n")
        seed = seeds.fresh() if seed is None else seed
        maps, given = [], None
        for network in self.networks:
            # The upper half of the seed differs per map, so that no two maps share noise.
            given = network.sample(n, seed + (len(maps) << 31), given)
            maps.append(np.asarray(given).reshape(n, -1))  # (n, h, w) -> (n, h * w)
        return np.concatenate(maps, axis=1)

    def sample(self, n, seed=None):
        """Draws symbols and decodes each to the mean of p(x|z): tensor (n, *shape).

        seed: as in `sample_symbols`.

        Raises:
            ValueError: n < 1.
        """
        return self.model.decode_symbols(self.sample_symbols(n, seed))


def fit(model, x, kind="mixture", seed=0, verbose=0):
    """Fits a density to the codes of x; for a VAE, to one draw of q(z|x) per example.

        sampler = keras_ae.samplers.fit(keras_ae.load("ae_mnist"), x_train)
        sampler.sample(64)

    Args:
        model: any model.
        x: array (n, *shape), such as the training set; integers are pixels 0-255.
        kind: "mixture": ten Gaussians with full covariances, by expectation-maximisation
            (scikit-learn). "flow": a masked autoregressive flow, trained by maximum likelihood;
            slower, but it follows curved sheets of codes better. "pixelcnn": for the symbols of a
            VQVAE.
        seed: int, for the fit.
        verbose: as in keras.Model.fit, for the flow and the PixelCNN.

    Returns:
        Sampler, or SymbolSampler.

    Raises:
        ValueError: as in `model.encode`; kind is none of these, or "pixelcnn" for a model without
            symbols; fewer than 20 examples.
        ImportError: scikit-learn is not installed.

    Source: Ghosh et al., "From variational to deterministic autoencoders", ICLR 2020, section 4;
    for symbols: van den Oord et al., NeurIPS 2017.
    """
    kinds = ("mixture", "flow", *(["pixelcnn"] if hasattr(model, "symbols") else []))
    if kind not in kinds:
        known = " or ".join(map(repr, kinds))
        raise ValueError(
            f"Expected `kind` to be {known} for a {type(model).__name__}. Received: kind={kind!r}"
        )
    if len(x) < 20:
        raise ValueError(f"Expected at least 20 examples to fit a density to. Received: {len(x)}")
    with seeds.global_seed(seed):
        if kind == "pixelcnn":
            return SymbolSampler(model, _pixelcnns(model, x, verbose))
        variational = hasattr(model, "posterior")
        options = {"sample": True, "seed": seed} if variational else {}
        z = np.asarray(model.encode(x, **options), "float64")  # (n, latent_dim)
        loc, scale = z.mean(axis=0), z.std(axis=0) + 1e-6
        z = (z - loc) / scale
        fitted = _mixture(z, seed) if kind == "mixture" else _flow(z, verbose)
        return Sampler(model, loc, scale, *fitted)


def _mixture(z, seed):
    """(log_prob, draw), as `Sampler` takes them, of a mixture of Gaussians."""
    mixture = fits.gaussian_mixture(z, min(MIXTURE_COMPONENTS, len(z) // 10), seed)

    def draw(n, seed):
        mixture.random_state = np.random.RandomState(seed & 0x7FFFFFFF)
        # scikit-learn returns the draws sorted by Gaussian.
        return mixture.random_state.permutation(mixture.sample(n)[0])

    return mixture.score_samples, draw


def _flow(z, verbose):
    """(log_prob, draw), as `Sampler` takes them, of a masked autoregressive flow."""
    density = FlowDensity(z.shape[1])
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
        lambda n, seed: density.prior().sample(n, seed=seeds.from_int(seed)).numpy(),
    )


def split_maps(model, symbols):
    """The maps of symbols: int (n, symbols of a code) -> a list of (n, height, width).

    Raises:
        ValueError: as `model.checked_symbols`.
    """
    sizes = [math.prod(shape) for shape in model.map_shapes]
    pieces = np.split(model.checked_symbols(symbols), np.cumsum(sizes)[:-1], axis=1)
    return [
        piece.reshape(-1, *shape) for piece, shape in zip(pieces, model.map_shapes, strict=True)
    ]


def _pair(maps, given):
    """The input of a PixelCNN: maps, or maps and their condition."""
    return maps if given is None else (maps, given)


def _pixelcnns(model, x, verbose):
    """A trained PixelCNN per map of symbols of x."""
    maps, networks = split_maps(model, model.symbols(x)), []
    size = model.quantizers[0].size
    for given, one in itertools.pairwise([None, *maps]):
        network = PixelCNN(one.shape[1:], size, None if given is None else (given.shape[1:], size))
        _train(network, one, given, verbose)
        networks.append(network)
    return networks


def _train(network, maps, given, verbose):
    """Trains a PixelCNN, and stops where a held-out tenth of the maps is explained no better."""
    batch_size, held_out = min(64, len(maps)), max(1, len(maps) // 10)
    steps = PIXELCNN_EPOCHS * -(-len(maps) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    network.compile(keras.optimizers.Adam(rate), jit_compile=False)
    data, validation = (
        _pair(maps[part], None if given is None else given[part])
        for part in (slice(held_out, None), slice(held_out))
    )
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    options = {"batch_size": batch_size, "epochs": PIXELCNN_EPOCHS, "callbacks": [stop]}
    network.fit(data, validation_data=(validation,), verbose=verbose, **options)


class FlowDensity(MaximumLikelihood):
    """A masked autoregressive flow: codes (batch, latent_dim) -> log p(z), (batch,), nats."""

    def __init__(self, latent_dim):
        super().__init__()
        self.prior = distributions.AutoregressiveFlow(latent_dim)
        self.built = True

    def call(self, z):
        return self.prior().log_prob(z)
