"""A label y beside the code z: a posterior and a prior of both together.

y is a one-hot vector. y and z lie side by side in one vector.
"""

import keras
import tensorflow as tf

from keras_ae.distributions import densities, draws, registry
from keras_ae.distributions.posteriors import Posterior
from keras_ae.distributions.priors import Prior
from keras_ae.networks import Conditioner
from keras_ae.utils import validation

CERTAIN = 100.0  # the logit of a known label; the other labels have a probability of e^-100


@keras.saving.register_keras_serializable("keras_ae")
class LabelledPosterior(Posterior):
    """q(y, z|x) = q(y|x) q(z|x, y): a classifier, and a posterior of z given the label.

    If the label is known, q(y|x) is certain of it.

    Args:
        classes: int, the number of classes.
        latent_dim: int, the size of z.
        posterior: the posterior of z, a name or a layer of `keras_ae.distributions`.
        width: int, the number of features that the encoder returns. It is also the number of units
            in the hidden layer of the classifier and of the network of z.

    Input shape: (batch, width + classes): features of x, then the output of `evidence`, which is
    zero where the label is not known.
    Output: batch shape (batch,), event shape (classes + latent_dim,).

    Raises:
        ValueError: an argument does not fit.

    For example:

        posterior = keras_ae.distributions.LabelledPosterior(classes=3, latent_dim=2, width=16)
        evidence = posterior.evidence(np.array([0, -1]))  # the second label is not known
        params = np.concatenate([features, evidence], axis=1)  # (2, 19)
        posterior(params).sample()  # (2, 5)

    Source: Kingma et al., "Semi-supervised learning with deep generative models", NeurIPS 2014,
    equation 4 (model M2).
    """

    def __init__(self, classes, latent_dim, posterior="diagonal", width=300, **kwargs):
        super().__init__(**kwargs)
        self.classes = validation.positive_int(classes, "classes")
        self.latent_dim = validation.positive_int(latent_dim, "latent_dim")
        self.posterior = registry.get(Posterior, posterior)
        self.width = validation.positive_int(width, "width")
        options = {"widths": (width,), "activation": "glu", "dtype": "float32"}
        self.classifier = Conditioner((width,), classes, **options, name="classifier")
        params_size = self.posterior.params_size(latent_dim)
        self.network = Conditioner(
            (width, classes), params_size, **options, name="code_given_label"
        )
        self.built = True

    @property
    def inner(self):
        return [self.posterior]

    def params_size(self, event_shape):
        return self.width

    def evidence(self, labels):
        """Turns labels into the logits of the known ones.

        Args:
            labels: int (batch,), -1 if a label is not known.

        Returns:
            float32 tensor (batch, classes): CERTAIN at the known label, otherwise 0.
        """
        # Not tf.one_hot: in a model exported to ONNX it takes -1 as the last class.
        classes = tf.range(self.classes, dtype=labels.dtype)
        return CERTAIN * tf.cast(tf.equal(labels[:, None], classes), "float32")

    def logits(self, params):
        """The logits of q(y|x): (batch, width + classes) -> (batch, classes)."""
        features, evidence = tf.split(params, (self.width, self.classes), axis=-1)
        known = tf.reduce_max(evidence, axis=-1, keepdims=True) > 0  # (batch, 1)
        return tf.where(known, evidence, self.classifier([features]))

    def call(self, params):
        features, logits = params[:, : self.width], self.logits(params)
        label = densities.StraightThroughOneHot(logits, dtype="float32")

        def code_given_label(above):
            return self.posterior(self.network([features, *above]))

        return draws.Chain((self.classes, self.latent_dim), [lambda above: label, code_given_label])

    def centre(self, params):
        return self(params).centre()

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "posterior": keras.saving.serialize_keras_object(self.posterior),
        }


@keras.saving.register_keras_serializable("keras_ae")
class LabelledPrior(Prior):
    """p(y, z) = p(y) p(z), where all labels are equally likely.

    Args:
        classes: int, the number of classes.
        code_size: int, the size of z.
        prior: p(z), a name or a layer of `keras_ae.distributions`.

    Output: batch shape (), event shape (classes + code_size,).

    Raises:
        ValueError: an argument does not fit.

    For example:

        prior = keras_ae.distributions.LabelledPrior(classes=3, code_size=2)
        prior().sample(4)  # (4, 5): a label and a code, four times
    """

    def __init__(self, classes, code_size, prior="standard_normal", **kwargs):
        super().__init__(classes + code_size, **kwargs)
        self.classes, self.code_size = classes, code_size
        self.prior = registry.get(Prior, prior, code_size)

    @property
    def inner(self):
        return [self.prior]

    def join(self, vae, posterior):
        def refuse(x):
            raise ValueError(
                "Expected a prior with its own parameters beside a label. "
                "Received: a prior made of the posterior, such as VampPrior"
            )

        self.prior.join(vae, refuse)
        self.prior()  # raises the error now if the prior needs the posterior

    def call(self):
        label = registry.tfd.OneHotCategorical(logits=tf.zeros(self.classes), dtype="float32")
        conditionals = [lambda above: label, lambda above: self.prior()]
        return draws.Chain((self.classes, self.code_size), conditionals)

    def get_config(self):
        config = super().get_config()
        del config["latent_dim"]
        return {
            **config,
            "classes": self.classes,
            "code_size": self.code_size,
            "prior": keras.saving.serialize_keras_object(self.prior),
        }
