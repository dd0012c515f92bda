"""The variational autoencoder: a density p(x) with a latent variable z."""

import keras
import tensorflow as tf

from keras_ae import distributions, objectives, schedules
from keras_ae.models import partial
from keras_ae.models.autoencoder import Autoencoder
from keras_ae.models.bounds import Bounds
from keras_ae.models.imputation import Imputation
from keras_ae.utils import inputs, seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class VAE(Autoencoder):
    """Variational autoencoder: p(x) = integral p(x|z) p(z) dz, and q(z|x) approximates p(z|x).

    objective(x) = -log p(x|z) + beta * KL(q(z|x) || p(z)),  z ~ q(z|x), nats per example

    With beta = 1 this is minus the evidence lower bound, an upper bound of -log p(x).
    KL is exact where TensorFlow Probability has a closed form. Otherwise it is estimated from the
    same z.
    The logs hold loss, reconstruction and kl, and loss = reconstruction + beta * kl.
    `keras_ae.objectives` has other objectives.

    Args:
        shape: tuple, the shape of one example: (height, width, channels) or (features,).
        latent_dim: int, the size of a code z.
        network: "dense", "conv" or a pair (encoder, decoder) of keras.Models. The encoder maps
            (batch, *shape) to (batch, posterior.params_size(latent_dim)). The decoder maps
            (batch, latent_dim) to (batch, *shape of the likelihood's parameters).
        widths, activation, likelihood: as in `AE`.
        prior: p(z): "standard_normal", "mixture", "flow", "realnvp", "vamp", or a layer of
            `keras_ae.distributions`.
        posterior: q(z|x): "diagonal", "full", a flow ("planar", "sylvester", "iaf"), or a layer of
            `keras_ae.distributions`.
        beta: float >= 0, the weight of the KL term, or a schedule of `keras_ae.schedules`, which
            sets the weight in each training step. The attribute `beta` is a variable with the
            current weight: `vae.beta.assign(0.5)` changes it by hand.
        objective: "elbo", "iwae", "free_bits", "capacity", "total_correlation" (beta-TCVAE),
            "adversarial_total_correlation" (FactorVAE), "mmd" (InfoVAE and WAE), or a layer of
            `keras_ae.objectives`.
        missing: True if values of x may be missing: NaN. Only the values that are there count in
            p(x|z). The encoder sees zeros for missing values, and a mask that is 1 where x is
            there: (batch, *shape[:-1], 2 * shape[-1]). `impute` fills what is missing.

    Input shape: (batch, *shape), floats in the support of the likelihood, or integers 0-255.
    Output shape: (batch, *shape).

    Raises:
        ValueError: an argument does not fit.

    For example:

        vae = keras_ae.VAE((28, 28, 1), latent_dim=20)
        vae.fit(x_train, epochs=1)
        vae.sample(16)  # (16, 28, 28, 1): images from the prior
        vae.elbo(x_train)  # (60,): nats per image

    Source: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, equations 3 and 10;
    beta: Higgins et al., ICLR 2017.
    """

    parts = ("likelihood_layer", "posterior_layer", "prior_layer", "objective_layer")
    limits = "Its samples and reconstructions are means of p(x|z), which are smoother than images."
    examples = (
        "model.sample(16)  # images from the prior",
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.log_likelihood(x)  # nats per image",
    )
    logged = ("reconstruction", "kl")
    takes_missing = True
    why_no_loss = (
        "a VAE minimises minus its evidence lower bound, and the reconstruction term of that bound "
        "must be the log-density of its likelihood. With another loss it would not be a density "
        "model. Choose `likelihood=` (for example keras_ae.distributions.Gaussian(scale=0.1) for a "
        "squared error), or use an AE."
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
        missing=False,
        **kwargs,
    ):
        if missing:
            likelihood = _observed(shape, likelihood)
        posterior = distributions.get(distributions.Posterior, posterior)
        beta = schedules.get(beta, "beta")
        # None if latent_dim is no integer: the base then raises the error.
        code_size = posterior.params_size(latent_dim) if isinstance(latent_dim, int) else None
        super().__init__(
            shape, latent_dim, network, widths, activation, likelihood, code_size, **kwargs
        )
        self.posterior_layer = posterior
        if not posterior.built:
            posterior.build((None, code_size))
        self.prior_layer = distributions.get(distributions.Prior, prior, latent_dim)
        self.prior_layer.join(self, lambda x: self.posterior_of(self.params_of(x)))
        self._check_prior()
        self.schedule = beta if isinstance(beta, schedules.Schedule) else None
        self.objective_layer = objectives.get(objective)
        self.beta = self._number(float(schedules.at(beta, 0)), "beta", "float32")
        has_step = self.schedule is not None or self.objective_layer.scheduled
        # The number of training steps so far
        self.step = self._number(0, "step", "int64") if has_step else None
        self.objective_layer.check(self)
        self._report(self.objective_layer.logged)
        self._bounds, self._imputation = Bounds(self), Imputation(self)

    @property
    def missing(self):
        """Whether NaN in x means a missing value."""
        return isinstance(self.likelihood_layer, distributions.Observed)

    @property
    def prior(self):
        """p(z): a tfp distribution, batch shape (), event shape (latent_dim,)."""
        return self.prior_layer()

    def posterior(self, x):
        """The distribution q(z|x).

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            tfp distribution, batch shape (batch,), event shape (latent_dim,).

        Raises:
            ValueError: as in `encode`.
        """
        return self.posterior_of(self.posterior_params(x))

    def posterior_params(self, x):
        """The encoder's output for x, the parameters of q(z|x).

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            tensor (batch, params_size of the posterior).

        Raises:
            ValueError: as in `encode`.
        """
        return self.params_of(self.checked(x))

    def encode(self, x, sample=False, seed=None):
        """The codes of x: the mean of q(z|x), or a draw from it.

        Where the mean is not known, as for flows, the code is the `centre` of the posterior.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            sample: bool. True: draw from q(z|x).
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: x has another shape, contains NaN, or lies outside the likelihood's support.
        """
        if not sample:
            return super().encode(x)
        return self.posterior(x).sample(seed=self._seed(seed))

    def elbo(self, x, n_samples=1, seed=None):
        """The evidence lower bound, always with beta = 1.

        ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x)

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            n_samples: int, the number of draws of z that estimate the expectation.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (batch,), nats.

        Raises:
            ValueError: as in `encode`; n_samples < 1.
        """
        return self._bounds.elbo(self.checked(x), n_samples, self._seed(seed))

    def log_likelihood(self, x, n_samples=5000, batch_size=100, seed=None, verbose=0, backup=None):
        """The importance-weighted bound of log p(x). It approaches log p(x) as n_samples grows.

        L(x) = log 1/S sum_s p(x|z_s) p(z_s) / q(z_s|x),  z_s ~ q(z|x)

        ELBO(x) <= E[L(x)] <= log p(x)

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            n_samples: int, S, the number of draws of z per example.
            batch_size: int, the number of examples to work on at once. It limits the memory.
            seed: int for a reproducible draw, None for a fresh one.
            verbose: 1 for a progress bar.
            backup: path of a file that keeps what was computed, batch by batch, or None. If the
                program ends early, the same call with the same seed goes on from there.

        Returns:
            tensor (batch,), nats.

        Raises:
            ValueError: as in `encode`; n_samples < 1; batch_size < 1; a backup without a seed, or
                one of other arguments or weights.

        Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, equation 8.
        """
        validation.positive_int(batch_size, "batch_size")
        if backup is not None and seed is None:
            raise ValueError("Expected a seed beside `backup`. Received: seed=None")
        plan = self.checked(x), n_samples, batch_size, self._seed(seed), verbose
        kept = None if backup is None else partial.Partial(backup, *plan[:-1], self.get_weights())
        return self._bounds.importance_weighted(*plan, kept)

    def impute(self, x, draws=None, n_samples=1000, batch_size=100, seed=None, verbose=0):
        """Fills missing values. What is there stays as it is.

        E[x_missing | x_observed] = sum_s w_s E[x_missing | z_s],  z_s ~ q(z|x_observed),
        where w_s is proportional to p(x_observed|z_s) p(z_s) / q(z_s|x_observed)

        With `draws`, the values are drawn from p(x_missing | x_observed): codes are drawn among
        the z_s with the probabilities w_s, and values from p(x|z). Several draws show how certain
        the values are ("multiple imputation").

        Args:
            x: array (batch, *shape), NaN where a value is missing.
            draws: int, how many draws. None for the mean.
            n_samples: int, the number of draws of z per example. The more, the closer to the
                exact mean or distribution under the model.
            batch_size: int, the number of examples to work on at once. It limits the memory.
            seed: int for a reproducible result, None for a fresh one.
            verbose: 1 for a progress bar.

        Returns:
            tensor (batch, *shape), or (draws, batch, *shape).

        Raises:
            ValueError: as in `encode`; the model was not made with missing=True; draws < 1;
                n_samples < 1; batch_size < 1.

        Source: Mattei & Frellsen, "MIWAE", ICML 2019, section 3.
        """
        if not self.missing:
            raise ValueError(
                "Expected a model made with missing=True, which learns from incomplete examples. "
                f"Received: a {type(self).__name__} made with missing=False"
            )
        validation.positive_int(batch_size, "batch_size")
        if draws is not None:
            validation.positive_int(draws, "draws")
        plan = self.checked(x), n_samples, batch_size, self._seed(seed), verbose
        if draws is None:
            return self._imputation.mean(*plan)
        return self._imputation.draws(draws, *plan)

    def sample(self, n, seed=None):
        """Draws codes from the prior and decodes them.

        Args:
            n: int, the number of samples.
            seed: int for a reproducible draw, None for a fresh one.

        Returns:
            tensor (n, *shape), the mean of p(x|z) for each code.

        Raises:
            ValueError: n < 1.
        """
        validation.positive_int(n, "n")
        return self.decode(self.prior.sample(n, seed=self._seed(seed)))

    # Graph functions

    def params_of(self, x):
        """The encoder's output: (batch, *shape) -> (batch, params_size of the posterior)."""
        return self.encoder(with_mask(x) if self.missing else x)

    def posterior_of(self, params):
        """q(z|x), from the encoder's output `params`."""
        return self.posterior_layer(params)

    def code_of(self, x):
        return self.posterior_layer.centre(self.params_of(x))

    def likelihood_of_draw(self, drawn):
        """p(x|z) for a `Draw` of the posterior; several draws per example lie one after the other.

        Args:
            drawn: keras_ae.distributions.Draw, with z (batch, latent_dim) or
                (n, batch, latent_dim).

        Returns:
            tfp distribution, batch shape (batch,) or (n * batch,), event shape `shape`.
        """
        params = distributions.image_params(self.prior_layer, drawn)
        if params is None:
            return self.likelihood_of(tf.reshape(drawn.z, (-1, self.latent_dim)))
        return self.likelihood_layer(tf.reshape(params, (-1, *self._params_shape)))

    def log_likelihood_of(self, x, z):
        """log p(x|z) for several codes per example, nats.

        Args:
            x: float tensor (batch, *shape).
            z: tensor (n, batch, latent_dim).

        Returns:
            tensor (n, batch).
        """
        return self.log_likelihood_of_draw(x, distributions.Draw(z, None))

    def log_likelihood_of_draw(self, x, drawn):
        """As `log_likelihood_of`, for a `keras_ae.distributions.Draw` of n codes per example."""
        likelihood, n = self.likelihood_of_draw(drawn), tf.shape(drawn.z)[0]
        # (batch, *shape) -> (n * batch, *shape), in the order of the codes
        tiled = tf.tile(x, (n, *[1] * len(self.shape)))
        return tf.reshape(likelihood.log_prob(tiled), (n, -1))

    def objective(self, x, target):
        return self.objective_layer.loss(self, self.params_of(x), target)

    def end_step(self, record):
        if self.step is not None:
            self.step.assign_add(1)
        if self.schedule is not None:
            self.beta.assign(self.schedule(self.step))

    def get_config(self):
        # float(self.beta) fails on a mirrored variable.
        beta = self.schedule or float(keras.ops.convert_to_numpy(self.beta))
        return {
            **super().get_config(),
            "prior": keras.saving.serialize_keras_object(self.prior_layer),
            "posterior": keras.saving.serialize_keras_object(self.posterior_layer),
            "beta": keras.saving.serialize_keras_object(beta),
            "objective": keras.saving.serialize_keras_object(self.objective_layer),
        }

    def seen_by_metrics(self, x, target, y_pred, weights):
        # The error of a missing value counts as 0.
        target = tf.where(tf.math.is_nan(target), y_pred, target) if self.missing else target
        return super().seen_by_metrics(x, target, y_pred, weights)

    def _network_sizes(self, code_size):
        seen, *sizes = super()._network_sizes(code_size)
        return (*seen[:-1], 2 * seen[-1]) if self.missing else seen, *sizes

    def _check_prior(self):
        shape = tuple(self.prior.event_shape)
        if shape != (self.latent_dim,):
            raise ValueError(
                f"Expected `prior` to be a distribution over codes of shape ({self.latent_dim},), "
                f"since latent_dim={self.latent_dim}. "
                f"Received: {type(self.prior_layer).__name__} with event_shape={shape}"
            )

    def _number(self, value, name, dtype):
        """A variable that is not trained. All replicas assign it the same value and share it."""
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


def with_mask(x):
    """x with 0 for missing values, and 1 where x is there: (..., c) -> (..., 2 * c)."""
    missing = tf.math.is_nan(x)
    there = tf.cast(~missing, x.dtype)
    return tf.concat([tf.where(missing, tf.zeros_like(x), x), there], axis=-1)


def _observed(shape, likelihood):
    """The likelihood layer that counts only what is there."""
    likelihood = distributions.likelihood_for(inputs.example_shape(shape), likelihood)
    is_observed = isinstance(likelihood, distributions.Observed)
    return likelihood if is_observed else distributions.Observed(likelihood)
