"""The conditional variational autoencoder: it draws examples with a given label.

Some of the labels may be missing in training.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae import objectives
from keras_ae.distributions.labelled import LabelledPosterior, LabelledPrior
from keras_ae.models import latent_maps
from keras_ae.models.vae import VAE
from keras_ae.training import records
from keras_ae.utils import inputs, seeds, validation


@keras.saving.register_keras_serializable("keras_ae")
class ConditionalVAE(VAE):
    """Conditional VAE: p(x|y, z) p(y) p(z), with a label y and a code z for everything else.

    objective(x, y) = -log p(x|y, z) + beta * (KL(q(y|x) || p(y)) + KL(q(z|x, y) || p(z)))
        - classification * log q(y|x),  z ~ q(z|x, y), nats per example

    y is one of `classes` labels. z holds what the label leaves open, such as the style of a digit.

    In `fit(x, labels)`, a label of -1 means that the label is not known.
    Where the label is known, q(y|x) is 1 for it in the first two terms, and the last term trains
    the classifier.
    Where it is not known, the last term is zero. The first two terms are then summed over all
    labels, weighted by q(y|x), or computed for one label drawn from q(y|x); see `unknown`.
    So a few labels and many images are enough to train a classifier. This is semi-supervised
    learning with the model M2.

    A code is y and z side by side. y is one-hot, or holds the probability of each label.
    z may be a hierarchy with latent maps, as in `HVAE`: then p(z|y) takes the place of p(z), since
    the way from the top down begins at y and z_1.
    The logs hold loss, reconstruction, kl and classification, and
    loss = reconstruction + beta * kl + classification.
    `elbo` and `log_likelihood` are bounds of log p(x), where p(x) sums over the labels.

    Args:
        shape, network, widths, activation, likelihood, beta: as in `VAE`; with maps as in `HVAE`.
        latent_dim: int, the size of z, or a tuple that holds maps, as in `HVAE`. Then the first
            of the tuple, z_1, must be an int. The attribute `latent_dim` is the size of a code:
            classes + the size of z.
        classes: int, the number of labels. The labels are 0 to classes - 1.
        prior: p(z), as in `VAE`, except "vamp". With maps: of the top layer.
        posterior: q(z|x, y), as in `VAE`. With maps: of the top layer.
        objective: as in `VAE`; with unknown="sum" it must be "elbo" or "iwae".
        classification: float >= 0, the weight of the last term.
        unknown: what training does where the label is not known.
            "draw": it draws one label y ~ q(y|x), with the straight-through gradient of
            Gumbel-softmax.
            "sum": it sums over all labels, exactly. This needs `classes` times as many decodings
            and teaches the classifier far more.
        width: int, the number of features of x that the encoder returns. It is also the number of
            units of the classifier and of the network of q(z|x, y).
        blocks: with maps, as in `HVAE`.

    Input and output shape: as in `VAE`.
    Labels: integers (batch,), -1 where the label is not known.

    Raises:
        ValueError: an argument does not fit.

    For example:

        cvae = keras_ae.ConditionalVAE((28, 28, 1), latent_dim=20, classes=10)
        cvae.sample(4, labels=3)  # (4, 28, 28, 1): four images with the label 3
        cvae.classify(x_train)  # (60, 10): the probability of each label for each image

    Source: Kingma et al., "Semi-supervised learning with deep generative models", NeurIPS 2014,
    equations 6 to 9; Sohn et al., "Learning structured output representation using deep conditional
    generative models", NeurIPS 2015; Jang et al., ICLR 2017, section 4.3.
    """

    limits = (
        "Its samples and reconstructions are means of p(x|y, z), which are smoother than images."
    )
    told = ("classes", "width")
    examples = (
        "model.sample({classes}, labels=range({classes}))  # one image of each label",
        "model.classify(x)  # the probability of each label",
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
        "model.log_likelihood(x)  # nats per image",
    )
    logged = ("reconstruction", "kl", "classification")

    def __init__(
        self,
        shape,
        latent_dim,
        network=None,
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
        blocks=1,
        **kwargs,
    ):
        maps = latent_maps.are_in(latent_dim)
        size, *below = latent_dim if maps else [latent_dim]
        posterior = LabelledPosterior(classes, size, posterior, width)
        prior, told = LabelledPrior(classes, size, prior), {}
        if maps:
            layers = (classes + size, *below)
            chosen = (network, widths, activation, likelihood, prior, posterior, blocks)
            parts = latent_maps.parts(shape, layers, *chosen, kwargs.get("missing", False))
            network, likelihood, prior, posterior, told = parts
            widths = activation = None
        network = "dense" if network is None else network
        parts = (likelihood, prior, posterior, beta, objective)
        super().__init__(shape, prior.latent_dim, network, widths, activation, *parts, **kwargs)
        self._network |= told
        self._has_maps = maps
        self.classes = classes
        self.classification = validation.at_least_zero(classification, "classification")
        self.unknown = _checked_unknown(unknown, self.objective_layer)

    def classify(self, x):
        """The probability of each label for each example: q(y|x).

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            tensor (batch, classes).

        Raises:
            ValueError: as in `encode`.
        """

        def probabilities(x):
            return tf.nn.softmax(self._logits(self.params_of(x)))

        return inputs.in_batches(probabilities, self.checked(x))

    def posterior(self, x, labels=None):
        """The distribution q(y, z|x).

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            labels: int array (batch,), -1 where the label is not known. None: no label is known.

        Returns:
            tfp distribution, batch shape (batch,), event shape (latent_dim,).

        Raises:
            ValueError: as in `encode`.
        """
        return self.posterior_of(self.posterior_params(x, labels))

    def posterior_params(self, x, labels=None):
        """The encoder's output for x, followed by what is known about the labels.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            labels: as in `posterior`.

        Returns:
            tensor (batch, width + classes); with maps, their features lie between the two.

        Raises:
            ValueError: as in `encode`.
        """
        labels = None if labels is None else self._checked_labels(labels)
        return self.params_of(self.checked(x), labels)

    def encode(self, x, sample=False, seed=None, labels=None):
        """The codes of x: the probability of each label and the mean of q(z|x, y), side by side.

        Where a label is given, its part of the code is one-hot.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.
            sample: bool. True: draw from q(y, z|x) instead.
            seed: int for a reproducible draw, None for a fresh one.
            labels: int array (batch,), -1 where the label is not known. None: no label is known.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: as in `VAE.encode`; a label is not in -1 to classes - 1.
        """
        if labels is None:
            return super().encode(x, sample, seed)
        posterior = self.posterior(x, labels)
        return posterior.sample(seed=self._seed(seed)) if sample else posterior.centre()

    def sample(self, n, seed=None, labels=None):
        """Draws codes from the prior, sets their labels, and decodes them.

        Args:
            n: int, the number of samples.
            seed: int for a reproducible draw, None for a fresh one.
            labels: int for all samples, or int array (n,), one for each. None: random labels.

        Returns:
            tensor (n, *shape), the mean of p(x|y, z) for each code.

        Raises:
            ValueError: n < 1; a label is not in 0 to classes - 1.
        """
        seed = self._seed(seed)
        z = self.prior.sample(validation.positive_int(n, "n"), seed=seed)
        if labels is not None:
            labels = self._checked_labels(np.broadcast_to(labels, (n,)), lowest=0)
            z = tf.concat([tf.one_hot(labels, self.classes), z[:, self.classes :]], axis=-1)
            # Maps depend on the label above them.
            z = self.prior.redraw(z, 1, seeds.fold(seed, 1)) if self._has_maps else z
        return self.decode(z)

    def training_target(self, x, y):
        if y is None:
            return ops.full((ops.shape(x)[0],), -1, "int32")
        return ops.cast(ops.reshape(y, (-1,)), "int32")  # (batch,) or (batch, 1) -> (batch,)

    def takes_as_target(self, y):
        return True  # labels

    def check_target(self, y, name):
        self._checked_labels(y, name)

    def params_of(self, x, labels=None):
        """The encoder's output for x, followed by what is known about the labels.

        Args:
            x: float tensor (batch, *shape).
            labels: int tensor (batch,), -1 where the label is not known. None: no label is known.

        Returns:
            float32 tensor (batch, width + classes), as from `posterior_params`.
        """
        features = ops.cast(super().params_of(x), "float32")
        labels = tf.fill([tf.shape(features)[0]], -1) if labels is None else labels
        return tf.concat([features, self._labelled.evidence(labels)], axis=-1)

    def kinds_of_samples(self):
        return "labels", self.classes

    def objective(self, x, target):
        params = self.params_of(x, target)
        if self.unknown == "sum":
            loss = self._summed(params, x)
        else:
            loss = self.objective_layer.loss(self, params, x)
        known = ops.cast(target >= 0, "float32")
        # The classifier sees the features only, not the label that may be known.
        logits = self._labelled.classifier([params[:, : self._labelled.width]])
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            ops.maximum(target, 0), logits
        )
        classification = self.classification * known * cross_entropy
        self.log(classification=classification)
        return loss + classification

    def seen_by_metrics(self, x, target, y_pred, weights):
        return x, y_pred, weights  # metrics compare images; the target holds labels

    def get_config(self):
        posterior, prior = self._labelled, self.prior_layer
        latent_dim = posterior.latent_dim
        if self._has_maps:
            latent_dim, prior = (latent_dim, *prior.network.latents[1:]), prior.top
        return {
            **super().get_config(),
            "latent_dim": latent_dim,
            "classes": self.classes,
            "prior": keras.saving.serialize_keras_object(prior.prior),
            "posterior": keras.saving.serialize_keras_object(posterior.posterior),
            "classification": self.classification,
            "unknown": self.unknown,
            "width": posterior.width,
        }

    def _summed(self, params, x):
        """sum_y q(y|x) loss(x, y) - beta H(q(y|x)), over all labels y, nats.

        Where the label is known, q(y|x) is 1 for it.

        Args:
            params: tensor (batch, n), as from `params_of`.
            x: float tensor (batch, *shape).

        Returns:
            tensor (batch,).
        """
        n, logits = self.classes, self._logits(params)  # (batch, classes)
        q = tf.nn.softmax(logits)
        entropy = -tf.reduce_sum(q * tf.nn.log_softmax(logits), axis=1)  # (batch,)
        features = tf.repeat(params[:, :-n], n, axis=0)  # (batch, m) -> (batch * classes, m)
        evidence = self._labelled.evidence(tf.range(n))
        evidence = tf.tile(evidence, (tf.shape(x)[0], 1))  # -> (batch * classes, classes)
        params = tf.concat([features, evidence], axis=1)  # (batch * classes, m + classes)
        with records.recording() as record:  # the parts that the objective logs for each label
            losses = self.objective_layer.loss(self, params, tf.repeat(x, n, axis=0))

        def summed(values):
            values = tf.reshape(values, (-1, n))  # (batch * classes,) -> (batch, classes)
            return tf.reduce_sum(q * values, axis=1)  # (batch, classes) -> (batch,)

        for name, values in record.parts.items():
            self.log(**{name: summed(values) - (entropy if name == "kl" else 0.0)})
        return summed(losses) - self.beta * entropy

    @property
    def _labelled(self):
        """The posterior of the label and of z, with maps that of the top layer."""
        return self.posterior_layer.top if self._has_maps else self.posterior_layer

    def _logits(self, params):
        """The logits of q(y|x), from the output of `params_of`: (batch, n) -> (batch, classes)."""
        features, evidence = params[:, : self._labelled.width], params[:, -self.classes :]
        return self._labelled.logits(tf.concat([features, evidence], axis=-1))

    def _checked_labels(self, labels, name="labels", lowest=-1):
        if not inputs.is_eager(labels):
            return labels
        labels = np.asarray(labels)
        are_integers = labels.dtype.kind in "iu" and labels.size > 0
        lowest_found, highest_found = (labels.min(), labels.max()) if are_integers else (None, None)
        fits = labels.ndim == 1 and are_integers
        if not fits or lowest_found < lowest or highest_found >= self.classes:
            received = f"shape={labels.shape}, dtype={labels.dtype}"
            received += f", from {lowest_found} to {highest_found}" if are_integers else ""
            raise ValueError(
                f"Expected `{name}` to be integers of shape (batch,), "
                f"from {lowest} to {self.classes - 1}. Received: {received}"
            )
        return tf.cast(labels, tf.int32)


def _checked_unknown(unknown, objective):
    """`unknown`; ValueError unless it is "draw" or "sum" and fits the objective."""
    if unknown not in ("draw", "sum"):
        raise ValueError(f"Expected `unknown` to be 'draw' or 'sum'. Received: unknown={unknown!r}")
    if unknown == "sum" and not isinstance(objective, (objectives.ELBO, objectives.IWAE)):
        received = f"objective={type(objective).__name__}"
        raise ValueError(
            f"Expected the objective 'elbo' or 'iwae' with unknown='sum'. Received: {received}"
        )
    return unknown
