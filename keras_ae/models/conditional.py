"""The conditional variational autoencoder: what is drawn has the label that is asked for. Labels may be missing in training."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae import objectives
from keras_ae.distributions.labelled import LabelledPosterior, LabelledPrior
from keras_ae.models.vae import VAE
from keras_ae.training import records
from keras_ae.utils import inputs, validation


@keras.saving.register_keras_serializable("keras_ae")
class ConditionalVAE(VAE):
    """Conditional VAE: p(x|y, z) p(y) p(z), y one of `classes` labels, z what the label leaves open, such as the style of a digit.

    objective(x, y) = -log p(x|y, z) + beta * (KL(q(y|x) || p(y)) + KL(q(z|x, y) || p(z))) - classification * log q(y|x),
        z ~ q(z|x, y), nats an example

    `fit(x, labels)`: where a label is known, q(y|x) is certain in the first terms, and the last one trains the classifier. Where it is not,
    -1, there is no last term, and the first ones are summed over all labels, each by its q(y|x), or y is drawn from it (`unknown`). So few
    labels and many images train a classifier too: semi-supervised learning (model M2).

    A code is y, one-hot or probabilities, and z side by side. The logs hold loss, reconstruction, kl and classification, and
    loss = reconstruction + beta * kl + classification. `elbo` and `log_likelihood` are of p(x), whatever the label.

    Args:
        shape, network, widths, activation, likelihood, beta, objective: as in `VAE`.
        latent_dim: int, the size of z. The attribute `latent_dim` is that of a code, classes + the size of z.
        classes: int, the number of labels, 0 to classes - 1.
        prior: p(z), as in `VAE`, but no VampPrior.
        posterior: q(z|x, y), as in `VAE`.
        classification: float >= 0, the weight of the last term.
        unknown: what training does where a label is not known: "draw" one, y ~ q(y|x), with the straight-through gradient of
            Gumbel-softmax; or "sum" over all, exactly, which takes `classes` times as many decodings and teaches the classifier far more.
            With the objectives "elbo" and "iwae".
        width: int, features of x that the encoder gives, and units of the classifier and of the network of q(z|x, y).

    Input and output shape: as in `VAE`. Labels: (batch,), integers, -1 for one that is not known.

    Raises:
        ValueError: an argument does not fit.

    Source: Kingma et al., "Semi-supervised learning with deep generative models", NeurIPS 2014, equations 6 to 9; Sohn et al., "Learning
    structured output representation using deep conditional generative models", NeurIPS 2015; Jang et al., ICLR 2017, section 4.3.
    """

    limits = (
        "What it draws and reconstructs is the mean of p(x|y, z), which is smoother than an image."
    )
    told = ("classes", "width")
    examples = (
        "model.sample({classes}, labels=range({classes}))  # images with these labels, from the prior",
        "model.classify(x)  # the probability of each label",
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.log_likelihood(x)  # nats an image",
    )
    logged = ("reconstruction", "kl", "classification")

    def __init__(
        self,
        shape,
        latent_dim,
        network="dense",
        widths=None,
        activation=None,
        likelihood=None,
        classes=10,
        prior="standard_normal",
        posterior="diagonal",
        beta=1.0,
        objective="elbo",
        classification=10.0,
        unknown="draw",
        width=300,
        **kwargs,
    ):
        posterior = LabelledPosterior(classes, latent_dim, posterior, width)
        prior = LabelledPrior(classes, latent_dim, prior)
        super().__init__(
            shape,
            prior.latent_dim,
            network,
            widths,
            activation,
            likelihood,
            prior,
            posterior,
            beta,
            objective,
            **kwargs,
        )
        self.classes, self.classification = (
            classes,
            validation.at_least_zero(classification, "classification"),
        )
        if unknown not in ("draw", "sum"):
            raise ValueError(
                f"Expected `unknown` to be 'draw' or 'sum'. Received: unknown={unknown!r}"
            )
        if unknown == "sum" and not isinstance(
            self.objective_layer, (objectives.ELBO, objectives.IWAE)
        ):
            received = type(self.objective_layer).__name__
            raise ValueError(
                f"Expected the objective 'elbo' or 'iwae' with unknown='sum'. Received: objective={received}"
            )
        self.unknown = unknown

    def classify(self, x):
        """q(y|x): array (batch, *shape) -> (batch, classes), probabilities.

        Raises:
            ValueError: as in `encode`.
        """
        return inputs.in_batches(
            lambda x: tf.nn.softmax(self.posterior_layer.logits(self.params_of(x))), self.checked(x)
        )

    def posterior(self, x, labels=None):
        """q(y, z|x): a tfp distribution, batch shape (batch,), event shape (latent_dim,). x: array (batch, *shape); labels: (batch,)."""
        return self.posterior_of(self.posterior_params(x, labels))

    def posterior_params(self, x, labels=None):
        """What the encoder says of x, and what is known of its labels: (batch, *shape), (batch,) -> (batch, params_size + classes)."""
        return self.params_of(
            self.checked(x), None if labels is None else self._checked_labels(labels)
        )

    def encode(self, x, sample=False, seed=None, labels=None):
        """Codes of x: the probability of each label, one-hot where it is given, and the mean of q(z|x, y); or a draw of both.

        Args:
            x, sample, seed: as in `VAE.encode`.
            labels: int array (batch,), or None.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: as in `VAE.encode`; a label that is not in -1 to classes - 1.
        """
        if labels is None:
            return super().encode(x, sample, seed)
        posterior = self.posterior(x, labels)
        return posterior.sample(seed=self._seed(seed)) if sample else posterior.centre()

    def sample(self, n, seed=None, labels=None):
        """Draws codes from the prior, with the labels asked for, and decodes them, each to the mean of p(x|y, z): (n, *shape).

        Args:
            n, seed: as in `VAE.sample`.
            labels: int, or int array (n,), or None for any.

        Raises:
            ValueError: n < 1; a label that is not in 0 to classes - 1.
        """
        z = self.prior.sample(validation.positive_int(n, "n"), seed=self._seed(seed))
        if labels is not None:
            labels = self._checked_labels(np.broadcast_to(labels, (n,)), lowest=0)
            z = tf.concat([tf.one_hot(labels, self.classes), z[:, self.classes :]], axis=-1)
        return self.decode(z)

    def training_target(self, x, y):
        return (
            ops.full((ops.shape(x)[0],), -1, "int32")
            if y is None
            else ops.cast(ops.reshape(y, (-1,)), "int32")
        )

    def takes_as_target(self, y):
        return True  # labels

    def check_target(self, y, name):
        self._checked_labels(y, name)

    def params_of(self, x, labels=None):
        """What the encoder says of x, and what is known of its labels: (batch, *shape), int (batch,) -> (batch, params_size + classes)."""
        features = ops.cast(super().params_of(x), "float32")
        labels = tf.fill([tf.shape(features)[0]], -1) if labels is None else labels
        return tf.concat([features, self.posterior_layer.evidence(labels)], axis=-1)

    def kinds_of_samples(self):
        return "labels", self.classes

    def objective(self, x, target):
        params = self.params_of(x, target)
        loss = (
            self._summed(params, x)
            if self.unknown == "sum"
            else self.objective_layer.loss(self, params, x)
        )
        known = ops.cast(target >= 0, "float32")
        logits = self.posterior_layer.classifier(
            [params[:, : self.posterior_layer.width]]
        )  # whatever is known of the label
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            ops.maximum(target, 0), logits
        )
        classification = self.classification * known * cross_entropy
        self.log(classification=classification)
        return loss + classification

    def seen_by_metrics(self, x, target, y_pred, weights):
        return x, y_pred, weights  # of the images, not of the labels

    def get_config(self):
        config = {"latent_dim": self.posterior_layer.latent_dim, "classes": self.classes}
        config |= {"prior": keras.saving.serialize_keras_object(self.prior_layer.prior)}
        config |= {"posterior": keras.saving.serialize_keras_object(self.posterior_layer.posterior)}
        return {
            **super().get_config(),
            **config,
            "classification": self.classification,
            "unknown": self.unknown,
            "width": self.posterior_layer.width,
        }

    def _summed(self, params, x):
        """sum_y q(y|x) loss(x, y) - beta H(q(y|x)), over all labels y: (batch,). Where the label is known, q(y|x) is 1 for it."""
        n, logits = self.classes, self.posterior_layer.logits(params)  # (batch, classes)
        q, entropy = (
            tf.nn.softmax(logits),
            -tf.reduce_sum(tf.nn.softmax(logits) * tf.nn.log_softmax(logits), axis=1),
        )
        features = tf.repeat(
            params[:, : self.posterior_layer.width], n, axis=0
        )  # (batch, width) -> (batch * classes, width)
        evidence = tf.tile(
            self.posterior_layer.evidence(tf.range(n)), (tf.shape(x)[0], 1)
        )  # (batch * classes, classes)
        with records.recording() as of_labels:  # what the objective logs for each label
            every = self.objective_layer.loss(
                self, tf.concat([features, evidence], axis=1), tf.repeat(x, n, axis=0)
            )

        def summed(values):
            return tf.reduce_sum(
                q * tf.reshape(values, (-1, n)), axis=1
            )  # (batch * classes,) -> (batch,)

        for name, values in of_labels.parts.items():
            self.log(**{name: summed(values) - (entropy if name == "kl" else 0.0)})
        return summed(every) - self.beta * entropy

    def _checked_labels(self, labels, name="labels", lowest=-1):
        if not inputs.is_eager(labels):
            return labels
        labels = np.asarray(labels)
        numbers = labels.dtype.kind in "iu" and labels.size > 0
        if labels.ndim != 1 or not numbers or labels.min() < lowest or labels.max() >= self.classes:
            received = f", from {labels.min()} to {labels.max()}" if numbers else ""
            raise ValueError(
                f"Expected `{name}` to be integers of shape (batch,), from {lowest} to {self.classes - 1}. "
                f"Received: shape={labels.shape}, dtype={labels.dtype}{received}"
            )
        return tf.cast(labels, tf.int32)
