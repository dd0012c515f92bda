"""The variational autoencoder: a density p(x) through a latent variable z."""

import keras
import tensorflow as tf

from keras_ae import distributions, objectives
from keras_ae.models.autoencoder import Autoencoder
from keras_ae.models.bounds import Bounds
from keras_ae.schedules import Schedule
from keras_ae.utils import seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class VAE(Autoencoder):
    """Variational autoencoder: p(x) = integral p(x|z) p(z) dz, with q(z|x) in the place of the posterior.

    objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)),  z ~ q(z|x), nats an example

    With beta = 1 this is minus the evidence lower bound, an upper bound of -log p(x). KL is exact where TensorFlow Probability knows
    it and otherwise estimated at the same z. The logs hold loss, reconstruction and kl, and loss = reconstruction + beta * kl. Other
    objectives are in `keras_ae.objectives`.

    Args:
        shape: tuple, the shape of one example: (height, width, channels) or (features,).
        latent_dim: int, the size of a code z.
        network: "dense", "conv" or a pair (encoder, decoder) of keras.Models, (batch, *shape) -> (batch,
            posterior.params_size(latent_dim)) and (batch, latent_dim) -> (batch, *what the likelihood asks for).
        widths, activation, likelihood: as in `AE`.
        prior: p(z), "standard_normal", "mixture", "flow", "realnvp", "vamp", or a layer of `keras_ae.distributions`.
        posterior: q(z|x), "diagonal", "full", a flow ("planar", "sylvester", "iaf"), or a layer of `keras_ae.distributions`.
        beta: float >= 0, the weight of the KL term, or a schedule of `keras_ae.schedules`, which sets it at each training step. The
            attribute `beta` is a variable with the present value: `vae.beta.assign(0.5)` changes it by hand.
        objective: "elbo", "iwae", "free_bits", "capacity", "total_correlation" (beta-TCVAE), "adversarial_total_correlation" (FactorVAE),
            "mmd" (InfoVAE and WAE), or a layer of `keras_ae.objectives`.

    Input shape: (batch, *shape), floats in the likelihood's support, or integers 0-255. Output shape: (batch, *shape).

    Raises:
        ValueError: an argument does not fit.

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equations 3 and 10; beta: Higgins et al., ICLR 2017.
    """

    parts = ("likelihood_layer", "posterior_layer", "prior_layer", "objective_layer")
    limits = (
        "What it draws and reconstructs is the mean of p(x|z), which is smoother than an image."
    )
    examples = (
        "model.sample(16)  # images from the prior",
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.log_likelihood(x)  # nats an image",
    )
    logged = ("reconstruction", "kl")
    why_no_loss = (
        "a VAE is trained by minus its evidence lower bound, in which the reconstruction term is the log-density of its likelihood; "
        "another loss would make it no density model. Choose `likelihood=` (for example "
        "keras_ae.distributions.Gaussian(scale=0.1) for a squared error), or use an AE."
    )

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        prior="standard_normal",
        posterior="diagonal",
        beta=1.0,
        objective="elbo",
        **kwargs,
    ):
        posterior = distributions.get(distributions.Posterior, posterior)
        beta = keras.saving.deserialize_keras_object(beta) if isinstance(beta, dict) else beta
        schedule = beta if isinstance(beta, Schedule) else None
        if schedule is None and not (validation.is_number(beta) and beta >= 0):
            raise ValueError(
                f"Expected `beta` to be a number of at least 0, or a schedule. Received: beta={beta!r}"
            )
        code_size = (
            posterior.params_size(latent_dim) if isinstance(latent_dim, int) else None
        )  # an error of the base's then
        super().__init__(
            shape, latent_dim, network, widths, activation, likelihood, code_size, **kwargs
        )
        self.posterior_layer = posterior
        if not posterior.built:
            posterior.build((None, code_size))
        self.prior_layer = distributions.get(distributions.Prior, prior, latent_dim)
        self.prior_layer.join(self, lambda x: self.posterior_of(self.params_of(x)))
        if tuple(self.prior.event_shape) != (latent_dim,):
            raise ValueError(
                f"Expected `prior` to be a distribution over codes of shape ({latent_dim},), since latent_dim={latent_dim}. "
                f"Received: {type(self.prior_layer).__name__} with event_shape={tuple(self.prior.event_shape)}"
            )
        self.schedule, self.objective_layer = schedule, objectives.get(objective)
        self.beta = self._number(
            beta if schedule is None else float(schedule(0)), "beta", "float32"
        )
        scheduled = schedule is not None or self.objective_layer.scheduled
        self.step = self._number(0, "step", "int64") if scheduled else None  # training steps so far
        self.objective_layer.check(self)
        self._report(self.objective_layer.logged)
        self._bounds = Bounds(self)

    @property
    def prior(self):
        """p(z): a tfp distribution, batch shape (), event shape (latent_dim,)."""
        return self.prior_layer()

    def posterior(self, x):
        """q(z|x): a tfp distribution, batch shape (batch,), event shape (latent_dim,). x: array (batch, *shape)."""
        return self.posterior_of(self.posterior_params(x))

    def posterior_params(self, x):
        """What the encoder says of x: array (batch, *shape) -> (batch, params_size of the posterior)."""
        return self.params_of(self.checked(x))

    def encode(self, x, sample=False, seed=None):
        """Codes of x: the mean of q(z|x), or what the posterior calls its centre where no mean is known; or a draw from q(z|x).

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            sample: whether to draw.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: x has another shape, holds NaN, or lies outside the likelihood's support.
        """
        if not sample:
            return super().encode(x)
        return self.posterior(x).sample(seed=self._seed(seed))

    def elbo(self, x, n_samples=1, seed=None):
        """The evidence lower bound, with beta = 1 whatever the model's beta.

        ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x)

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            n_samples: int, draws of z that estimate the expectation.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch,), nats.

        Raises:
            ValueError: as in `encode`; n_samples < 1.
        """
        return self._bounds.elbo(self.checked(x), n_samples, self._seed(seed))

    def log_likelihood(self, x, n_samples=5000, batch_size=100, seed=None, verbose=0):
        """The importance-weighted bound of log p(x), which grows to log p(x) with n_samples.

        L(x) = log 1/S sum_s p(x|z_s) p(z_s) / q(z_s|x),  z_s ~ q(z|x),  ELBO(x) <= E[L(x)] <= log p(x)

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            n_samples: int, S.
            batch_size: int, the number of examples worked on at once; it bounds the memory.
            seed: int for a reproducible draw, None for a fresh one.
            verbose: 1 for a progress bar.

        Returns:
            tensor (batch,), nats.

        Raises:
            ValueError: as in `encode`; n_samples < 1; batch_size < 1.

        Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, equation 8.
        """
        validation.positive_int(batch_size, "batch_size")
        return self._bounds.importance_weighted(
            self.checked(x), n_samples, batch_size, self._seed(seed), verbose
        )

    def sample(self, n, seed=None):
        """Draws codes from the prior and decodes them, each to the mean of p(x|z): (n, *shape).

        Args:
            n: int, how many.
            seed: int for a reproducible draw, None for a fresh one.

        Raises:
            ValueError: n < 1.
        """
        validation.positive_int(n, "n")
        return self.decode(self.prior.sample(n, seed=self._seed(seed)))

    # Graph functions

    def params_of(self, x):
        """What the encoder says of x: float tensor (batch, *shape) -> (batch, params_size of the posterior)."""
        return self.encoder(x)

    def posterior_of(self, params):
        """q(z|x) of what the encoder said of x."""
        return self.posterior_layer(params)

    def code_of(self, x):
        return self.posterior_layer.centre(self.params_of(x))

    def log_likelihood_of(self, x, z):
        """log p(x|z) of several codes for each example: x (batch, *shape), z (n, batch, latent_dim) -> (n, batch) nats."""
        likelihood = self.likelihood_of(tf.reshape(z, (-1, self.latent_dim)))
        n = tf.shape(z)[0]
        tiled = tf.tile(
            x, (n, *[1] * len(self.shape))
        )  # (batch, *shape) -> (n * batch, *shape), in the order of z
        return tf.reshape(likelihood.log_prob(tiled), (n, -1))

    def objective(self, x, target):
        return self.objective_layer.loss(self, self.params_of(x), target)

    def end_step(self, record):
        if self.step is not None:
            self.step.assign_add(1)
        if self.schedule is not None:
            self.beta.assign(self.schedule(self.step))

    def get_config(self):
        return {
            **super().get_config(),
            "prior": keras.saving.serialize_keras_object(self.prior_layer),
            "posterior": keras.saving.serialize_keras_object(self.posterior_layer),
            # float(self.beta) fails on a mirrored variable
            "beta": keras.saving.serialize_keras_object(
                self.schedule or float(keras.ops.convert_to_numpy(self.beta))
            ),
            "objective": keras.saving.serialize_keras_object(self.objective_layer),
        }

    def _number(self, value, name, dtype):
        """A variable that is not trained; replicas, which all assign the same to it, share it."""
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            dtype=dtype,
            autocast=False,
            aggregation="only_first_replica",
            name=name,
        )

    def _seed(self, seed):
        return self._seeds.draw() if seed is None else seeds.from_int(seed)
