"""The base of all objectives, and the two terms of the ELBO."""

import keras

from keras_ae import distributions


class Objective(keras.Layer):
    """What a VAE minimises. A subclass defines `loss(vae, params, x)`.

    The loss may report its parts by `vae.log(name=...)`: reconstruction, kl, and the names in the
    class attribute `logged`.

    Attributes:
        scheduled: True if the objective reads `vae.step`, the number of training steps so far.
        is_default: True for the objective that a card does not mention.
    """

    logged = ()
    scheduled = False
    is_default = False

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")  # half precision rounds nats too far
        super().__init__(**kwargs)

    def check(self, vae):
        """Checks that the parts of the VAE fit, else ValueError; makes the weights it needs."""

    def loss(self, vae, params, x):
        """One number per example; training minimises their mean.

        Args:
            vae: the VAE.
            params: tensor (batch, n), the output of the encoder. `vae.posterior_of(params)` is
                q(z|x).
            x: float tensor (batch, *shape), the examples to explain.

        Returns:
            tensor (batch,), nats.
        """
        raise NotImplementedError


def elbo_terms(vae, params, x):
    """-log p(x|z), KL(q || p), q and a `Draw`, one z per example. Logs the first two."""
    q, p = vae.posterior_of(params), vae.prior
    drawn = distributions.draw(q, vae.draw_seed())  # z ~ q(z|x): (batch, latent_dim)
    reconstruction = -vae.likelihood_of_draw(drawn).log_prob(x)
    kl = distributions.kl_divergence(q, p, drawn)
    vae.log(reconstruction=reconstruction, kl=kl)
    return reconstruction, kl, q, drawn
