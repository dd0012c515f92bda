"""A label beside the code: a posterior and a prior of both, y one-hot and z, side by side in one vector."""

import keras
import tensorflow as tf

from keras_ae.distributions import densities, draws, registry
from keras_ae.distributions.posteriors import Posterior
from keras_ae.distributions.priors import Prior
from keras_ae.networks import Conditioner
from keras_ae.utils import validation

CERTAIN = 100.0  # logit of a label that is known: the others have a probability of e^-100


@keras.saving.register_keras_serializable("keras_ae")
class LabelledPosterior(Posterior):
    """q(y, z|x) = q(y|x) q(z|x, y): a classifier, and a posterior of z that knows the label. Where the label is known, q(y|x) is certain.

    Args:
        classes: int, the number of classes.
        latent_dim: int, the size of z.
        posterior: of z, a name or a layer of `keras_ae.distributions`.
        width: int, the number of features that the encoder gives, and the units of the hidden layer of both networks.

    Input shape: (batch, width + classes): features of x, and the evidence that `evidence` makes of labels, zeros where there is none.
    Output: batch shape (batch,), event shape (classes + latent_dim,).

    Source: Kingma et al., "Semi-supervised learning with deep generative models", NeurIPS 2014, equation 4 (model M2).
    """

    def __init__(self, classes, latent_dim, posterior="diagonal", width=300, **kwargs):
        super().__init__(**kwargs)
        self.classes, self.latent_dim = (
            validation.positive_int(classes, "classes"),
            validation.positive_int(latent_dim, "latent_dim"),
        )
        self.posterior, self.width = (
            registry.get(Posterior, posterior),
            validation.positive_int(width, "width"),
        )
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
        """What is known of labels: int (batch,), -1 for one that is not known -> (batch, classes)."""
        # Not by tf.one_hot: where a model is exported to ONNX, -1 is the last class there.
        return CERTAIN * tf.cast(
            tf.equal(labels[:, None], tf.range(self.classes, dtype=labels.dtype)), "float32"
        )

    def logits(self, params):
        """Of q(y|x): (batch, width + classes) -> (batch, classes)."""
        features, evidence = tf.split(params, (self.width, self.classes), axis=-1)
        known = tf.reduce_max(evidence, axis=-1, keepdims=True) > 0
        return tf.where(known, evidence, self.classifier([features]))

    def call(self, params):
        features, logits = params[:, : self.width], self.logits(params)
        label = densities.StraightThroughOneHot(logits, dtype="float32")
        return draws.Chain(
            (self.classes, self.latent_dim),
            [lambda _: label, lambda above: self.posterior(self.network([features, *above]))],
        )

    def centre(self, params):
        return self(params).centre()

    def get_config(self):
        config = {"classes": self.classes, "latent_dim": self.latent_dim, "width": self.width}
        return {
            **super().get_config(),
            **config,
            "posterior": keras.saving.serialize_keras_object(self.posterior),
        }


@keras.saving.register_keras_serializable("keras_ae")
class LabelledPrior(Prior):
    """p(y, z) = p(y) p(z), all labels being equally likely. Batch shape (), event shape (classes + latent_dim,).

    Args:
        classes: int, the number of classes.
        code_size: int, the size of z.
        prior: p(z), a name or a layer of `keras_ae.distributions`.
    """

    def __init__(self, classes, code_size, prior="standard_normal", **kwargs):
        super().__init__(classes + code_size, **kwargs)
        self.classes, self.code_size = classes, code_size
        self.prior = registry.get(Prior, prior, code_size)

    @property
    def inner(self):
        return [self.prior]

    def join(self, vae, posterior):
        def none(x):
            raise ValueError(
                "Expected a prior with parameters of its own beside a label. Received: one made of the posterior, as VampPrior"
            )

        self.prior.join(vae, none)
        self.prior()

    def call(self):
        label = registry.tfd.OneHotCategorical(logits=tf.zeros(self.classes), dtype="float32")
        return draws.Chain(
            (self.classes, self.code_size), [lambda _: label, lambda above: self.prior()]
        )

    def get_config(self):
        config = super().get_config()
        del config["latent_dim"]
        return {
            **config,
            "classes": self.classes,
            "code_size": self.code_size,
            "prior": keras.saving.serialize_keras_object(self.prior),
        }
