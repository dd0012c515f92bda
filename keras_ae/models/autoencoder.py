"""The base of all models: what a user asks of them, and what they are made of."""

import keras
import tensorflow as tf
from keras import ops

from keras_ae import distributions, networks
from keras_ae.training.trainer import Trainer
from keras_ae.utils import inputs, seeds, validation


class property_of_class:
    """A property of a class, which is read as `Cls.name`: `@property`, but for classes."""

    def __init__(self, function):
        self.function, self.__doc__ = function, function.__doc__

    def __get__(self, instance, cls):
        return self.function(cls)


def trained_by(model, terms):
    """`why_no_loss` of a class: model is its name with an article, terms are what it minimises."""
    return (
        f"{model} is trained by {terms} together, in nats. For a squared error choose likelihood='gaussian', "
        "whose -log p(x|z) is half of it but for a constant."
    )


class Autoencoder(Trainer):
    """An encoder, a decoder and a likelihood p(x|z), trained by plain `fit`.

    Two kinds of method are never mixed. A verb (`encode`, `decode`, ...) is for users: it checks its input and works in batches. A graph
    function (`code_of`, `likelihood_of`, ...) is for objectives: it takes and gives tensors, and checks nothing.

    A subclass states `objective(x, target)`, a (batch,) tensor in nats whose mean is minimised. What a card, a check or a plot must know
    of a class is an attribute of the class.

    Args:
        shape: tuple, the shape of one example: (height, width, channels), (features,), or with a time axis before them.
        latent_dim: int, the size of a code z.
        network: "dense", "conv" or a pair (encoder, decoder) of keras.Models; see `keras_ae.networks`.
        widths: units or filters of the hidden layers from the input to the code; None for the network's own.
        activation: Keras activation of the hidden layers, "glu" for gated ones; None for the network's own.
        likelihood: a name or a layer of `keras_ae.distributions`; None: "bernoulli" for images, "gaussian" for vectors.
        code_size: int, the size of the encoder's output; a subclass's business.

    Attributes:
        likelihood_layer: the layer of `keras_ae.distributions` that makes p(x|z) of the decoder's output.
        parts: names of the attributes that hold such layers, in the order of the card.
        told: constructor arguments that the card tells, beside those of every model.
        limits: what models of this class cannot do, a sentence or two for the card.
        examples: lines of Python for the card; {input} and the constructor arguments are filled in.
        size_limits: the largest values of constructor arguments that a preset from a stranger may ask for, {name: int}.
        own_metrics: measures of this class alone, {name: (function of (model, dataset, ...), tolerance)}, as in `keras_ae.evaluation`.
    """

    parts = ("likelihood_layer",)
    told = ()
    limits = "It has no prior: a code drawn at random decodes to no likely image."
    examples = (
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
    )
    size_limits = {}
    own_metrics = {}

    def __init__(
        self, shape, latent_dim, network, widths, activation, likelihood, code_size, **kwargs
    ):
        super().__init__(**kwargs)
        self.shape = inputs.example_shape(shape)
        self.latent_dim = validation.positive_int(latent_dim, "latent_dim")
        self.likelihood_layer = distributions.likelihood_for(self.shape, likelihood)
        self._params_shape = (*self.shape[:-1], self.likelihood_layer.params_size(self.shape[-1]))
        widths = None if widths is None else tuple(widths)
        self._network = {"network": network, "widths": widths, "activation": activation}
        sizes, mask_value = self._network_sizes(code_size), self.likelihood_layer.mask_value
        self.encoder, self.decoder = networks.build(network, *sizes, widths, activation, mask_value)
        self._seeds = seeds.SeedGenerator()
        self._parts = {}
        self._report(self.logged)
        self.built = True  # every weight exists; Keras' own build would lock the model before a subclass is complete

    # Verbs

    def encode(self, x):
        """Codes of x.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: x has another shape, holds NaN, or lies outside the likelihood's support.
        """
        return inputs.in_batches(self.code_of, self.checked(x))

    def decode(self, z):
        """The mean of p(x|z): (batch, latent_dim) -> (batch, *shape).

        Raises:
            ValueError: z has another shape.
        """
        return inputs.in_batches(lambda z: self.likelihood_of(z).mean(), self.checked_code(z))

    def reconstruct(self, x):
        """decode(encode(x)), without any draw: (batch, *shape) -> (batch, *shape). `predict` gives the same as an array."""
        return inputs.in_batches(self.reconstruction_of, self.checked(x))

    def likelihood(self, z):
        """p(x|z): a tfp distribution, batch shape (batch,), event shape `shape`. z: (batch, latent_dim).

        Raises:
            ValueError: z has another shape.
        """
        return self.likelihood_of(self.checked_code(z))

    def interpolate(self, a, b, steps=10):
        """Decodes the straight lines between the codes of a and of b.

        Args:
            a, b: arrays (batch, *shape), as many of one as of the other.
            steps: int >= 2, the number of points, ends included.

        Returns:
            tensor (batch, steps, *shape).

        Raises:
            ValueError: as in `encode`; a and b differ in length; steps < 2.
        """
        validation.at_least(steps, "steps", 2)
        if inputs.is_eager(a) and inputs.is_eager(b) and len(a) != len(b):
            raise ValueError(
                f"Expected as many examples in `a` as in `b`. Received: {len(a)} and {len(b)}"
            )
        t = tf.linspace(0.0, 1.0, steps)[:, tf.newaxis]  # (steps, 1)
        start, end = (self.encode(x)[:, tf.newaxis] for x in (a, b))  # (batch, 1, latent_dim)
        z = (1 - t) * start + t * end  # (batch, steps, latent_dim)
        images = self.decode(ops.reshape(z, (-1, self.latent_dim)))
        return ops.reshape(images, (-1, steps, *self.shape))

    # Graph functions

    def code_of(self, x):
        """The code: float tensor (batch, *shape) -> (batch, latent_dim)."""
        return self.encoder(x)

    def likelihood_of(self, z):
        """p(x|z): tensor (batch, latent_dim) -> a tfp distribution, batch shape (batch,), event shape `shape`."""
        return self.likelihood_layer(ops.reshape(self.decoder(z), (-1, *self._params_shape)))

    def reconstruction_of(self, x):
        return self.likelihood_of(ops.cast(self.code_of(x), "float32")).mean()

    def draw_seed(self):
        """The next seed of the model's noise: int32 (2,)."""
        return self._seeds.draw()

    # Checks

    def check_input(self, x, name="x"):
        self.likelihood_layer.check(x, self.shape, name)

    def checked(self, x):
        """x as a float tensor (batch, *shape). Raises ValueError as `encode`; inside a graph, the shape alone can be checked."""
        if inputs.is_eager(x):
            x = inputs.as_array(x)
            self.check_input(x)
        return inputs.to_float(x, self.shape)

    def checked_code(self, z):
        """z as a float tensor (batch, latent_dim). Raises ValueError if it has another shape."""
        z = ops.cast(z, "float32")
        if z.shape.rank != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(
                f"Expected `z` to have the shape (batch, {self.latent_dim}). Received: shape={tuple(z.shape)}"
            )
        return z

    # Keras

    def call(self, x):
        return self.reconstruct(
            x
        )  # no loss, no metric, no draw; no `training` argument, so that BatchNormalization updates once

    def get_config(self):
        # Written out, because Keras' automatic config records the default arguments of a Model, silently.
        network = self._network["network"]
        if not isinstance(network, str):
            network = [
                keras.saving.serialize_keras_object(model) for model in (self.encoder, self.decoder)
            ]
        return {
            "name": self.name,
            "shape": self.shape,
            "latent_dim": self.latent_dim,
            **self._network,
            "network": network,
            "likelihood": keras.saving.serialize_keras_object(self.likelihood_layer),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def compile_from_config(self, config):
        # Keras leaves a model whose compile() is overridden uncompiled on loading, unless this is overridden too.
        if self.distribute_strategy.num_replicas_in_sync > 1:
            config = {**config, "jit_compile": False, "steps_per_execution": 1}
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_build_config(self):
        return None  # the constructor builds everything

    def build_from_config(self, config):
        pass

    def export(self, filepath, format="tf_saved_model", verbose=None, **options):
        """As keras.Model.export, of the reconstruction: x (batch, *shape) -> (batch, *shape). For a part, see `keras_ae.export`.

        Args:
            filepath: str or path, a folder for a SavedModel, a file for ONNX.
            format: "tf_saved_model" or "onnx".
            verbose, options: as in keras.Model.export; not for ONNX.
        """
        if format == "onnx":
            from keras_ae import exports

            exports.export(self, filepath, role="reconstruct", format="onnx")
            return
        options.setdefault(
            "input_signature", [keras.InputSpec("float32", (None, *self.shape), name="x")]
        )
        super().export(filepath, format=format, verbose=verbose, **options)

    # Presets: imported when they are called

    @classmethod
    def from_preset(cls, name, *, load_weights=True, **overrides):
        """`keras_ae.load`, for a preset of this class: `VAE.from_preset("vae_mnist")`.

        Raises:
            ValueError: as in `keras_ae.load`; the preset is of another class.
        """
        from keras_ae import presets

        model = presets.load(name, load_weights=load_weights, **overrides)
        if not isinstance(model, cls):
            known = ", ".join(presets.list_models(family=cls.__name__)) or "none is built in"
            received = f"{name!r}, which is a {type(model).__name__}"
            raise ValueError(f"Expected a preset of {cls.__name__}: {known}. Received: {received}")
        return model

    def save_to_preset(self, folder, *, dataset=None, training=None, metrics=()):
        """Writes the model as a preset, a folder that `keras_ae.load` reads. Arguments and errors: as in `keras_ae.presets.save`."""
        from keras_ae import presets

        presets.save(self, folder, dataset=dataset, training=training, metrics=metrics)

    @property_of_class
    def presets(cls):
        """{name: ModelCard} of the built-in presets of this class and its subclasses."""
        from keras_ae import presets

        families = {cls.__name__, *_names_of_subclasses(cls)}
        return {
            card.name: card
            for card in map(presets.info, presets.list_models())
            if card.family in families
        }

    # For cards and plots

    def kinds_of_samples(self):
        """What `sample` can be asked for: the name of its argument and how many values that has, ("labels", 10). None: nothing."""
        return

    # Inside

    def _network_sizes(self, code_size):
        """What the network is built for: the encoder's input shape and output size, the decoder's input size and output shape."""
        return self.shape, code_size, self.latent_dim, self._params_shape

    def _report(self, names):
        """Makes the metrics in which `log` gathers parts of the objective."""
        for name in names:
            self._parts[name] = keras.metrics.Mean(name=name)


def _names_of_subclasses(cls):
    return {
        name
        for child in cls.__subclasses__()
        for name in (child.__name__, *_names_of_subclasses(child))
    }
