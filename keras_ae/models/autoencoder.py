"""The base class of all models: the methods that users call, and the parts of a model."""

import keras
import tensorflow as tf
from keras import ops

from keras_ae import distributions, networks
from keras_ae.training.trainer import Trainer
from keras_ae.utils import inputs, seeds, validation


class property_of_class:
    """Like `@property`, but read from the class: `Cls.name`."""

    def __init__(self, function):
        self.function, self.__doc__ = function, function.__doc__

    def __get__(self, instance, cls):
        return self.function(cls)


def trained_by(model, terms):
    """The `why_no_loss` of a class: the reason why its `compile` takes no loss.

    Args:
        model: str, the name of the class with an article.
        terms: str, the terms that the class minimises.
    """
    return (
        f"{model} minimises the sum of {terms}, in nats. For a squared error, choose "
        "likelihood='gaussian': its -log p(x|z) is half the squared error plus a constant."
    )


class Autoencoder(Trainer):
    """An encoder, a decoder and a likelihood p(x|z), trained by plain `fit`.

    A model has two kinds of methods.
    A verb (`encode`, `decode`, ...) is for users. It checks its input and works in batches.
    A graph function (`code_of`, `likelihood_of`, ...) is for objectives. It takes tensors, returns
    tensors and checks nothing.

    A subclass defines `objective(x, target)`. It returns a tensor (batch,) in nats, and training
    minimises its mean. Everything that cards, checks and plots need to know about a class is an
    attribute of the class.

    Args:
        shape: tuple, the shape of one example: (height, width, channels) or (features,).
            A sequence has a time axis before them.
        latent_dim: int, the size of a code z.
        network: "dense", "conv" or a pair (encoder, decoder) of keras.Models; see
            `keras_ae.networks`.
        widths: units or filters of the hidden layers, from the input to the code.
            None: the default of the network.
        activation: Keras activation of the hidden layers, or "glu" for gated layers.
            None: the default of the network.
        likelihood: a name or a layer of `keras_ae.distributions`.
            None: "bernoulli" for images, "gaussian" for vectors.
        code_size: int, the size of the encoder's output. The subclass sets it.

    Attributes:
        likelihood_layer: the layer of `keras_ae.distributions` that turns the decoder's output
            into p(x|z).
        parts: names of the attributes that hold such layers, in the order of the card.
        told: constructor arguments that the card shows besides those of every model.
        limits: str, one or two sentences for the card: what models of this class cannot do.
        examples: lines of Python for the card. {input} and the constructor arguments are filled in.
        size_limits: {name: int}, the largest value of a constructor argument that a preset from
            a stranger may have.
        own_metrics: metrics of this class only, as in `keras_ae.evaluation`:
            {name: (function of (model, dataset, ...), tolerance)}.
        takes_missing: whether the likelihood may be `Observed`, where NaN means missing.
    """

    parts = ("likelihood_layer",)
    told = ()
    limits = "It has no prior: a random code does not decode to a realistic image."
    examples = (
        "model.encode(x)  # codes",
        "model.reconstruct(x)  # x: {input}",
    )
    size_limits = {}
    own_metrics = {}
    takes_missing = False

    def __init__(
        self, shape, latent_dim, network, widths, activation, likelihood, code_size, **kwargs
    ):
        super().__init__(**kwargs)
        self.shape = inputs.example_shape(shape)
        self.latent_dim = validation.positive_int(latent_dim, "latent_dim")
        self.likelihood_layer = distributions.likelihood_for(self.shape, likelihood)
        if isinstance(self.likelihood_layer, distributions.Observed) and not self.takes_missing:
            raise ValueError(
                "Expected a VAE for missing values: VAE(..., missing=True). "
                f"Received: {type(self).__name__} with the likelihood Observed"
            )
        self._params_shape = (*self.shape[:-1], self.likelihood_layer.params_size(self.shape[-1]))
        widths = None if widths is None else tuple(widths)
        self._network = {"network": network, "widths": widths, "activation": activation}
        sizes, mask_value = self._network_sizes(code_size), self.likelihood_layer.mask_value
        self.encoder, self.decoder = networks.build(network, *sizes, widths, activation, mask_value)
        self._seeds = seeds.SeedGenerator()
        self._parts = {}
        self._report(self.logged)
        # All weights exist. Keras' own build would lock the model before the subclass is complete.
        self.built = True

    # Verbs

    def encode(self, x):
        """The codes of x.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: x has another shape, contains NaN, or lies outside the likelihood's support.
        """
        return inputs.in_batches(self.code_of, self.checked(x))

    def decode(self, z):
        """The mean of p(x|z).

        Args:
            z: array (batch, latent_dim).

        Returns:
            tensor (batch, *shape).

        Raises:
            ValueError: z has another shape.
        """
        return inputs.in_batches(lambda z: self.likelihood_of(z).mean(), self.checked_code(z))

    def reconstruct(self, x):
        """decode(encode(x)). Nothing is drawn at random. `predict` returns the same as an array.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            tensor (batch, *shape).

        Raises:
            ValueError: as in `encode`.
        """
        return inputs.in_batches(self.reconstruction_of, self.checked(x))

    def likelihood(self, z):
        """The distribution p(x|z).

        Args:
            z: array (batch, latent_dim).

        Returns:
            tfp distribution, batch shape (batch,), event shape `shape`.

        Raises:
            ValueError: z has another shape.
        """
        return self.likelihood_of(self.checked_code(z))

    def interpolate(self, a, b, steps=10):
        """Decodes points on the straight line from the code of each a to the code of each b.

        Args:
            a: array (batch, *shape).
            b: array (batch, *shape), as many examples as `a`.
            steps: int >= 2, the number of points, including both ends.

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
        """The code of x: float tensor (batch, *shape) -> (batch, latent_dim)."""
        return self.encoder(x)

    def likelihood_of(self, z):
        """p(x|z): tensor (batch, latent_dim) -> tfp distribution, as `likelihood`."""
        # The decoder may return a flat output: -> (batch, *params_shape)
        return self.likelihood_layer(ops.reshape(self.decoder(z), (-1, *self._params_shape)))

    def reconstruction_of(self, x):
        return self.likelihood_of(ops.cast(self.code_of(x), "float32")).mean()

    def draw_seed(self):
        """The seed of the model's next random draw: int32 (2,)."""
        return self._seeds.draw()

    # Checks

    def check_input(self, x, name="x"):
        self.likelihood_layer.check(x, self.shape, name)

    def checked(self, x):
        """x as a float tensor (batch, *shape). Inside a graph only the shape can be checked.

        Raises:
            ValueError: as in `encode`.
        """
        if inputs.is_eager(x):
            x = inputs.as_array(x)
            self.check_input(x)
        return inputs.to_float(x, self.shape)

    def checked_code(self, z):
        """z as a float tensor (batch, latent_dim).

        Raises:
            ValueError: z has another shape.
        """
        z = ops.cast(z, "float32")
        if z.shape.rank != 2 or z.shape[1] != self.latent_dim:
            expected = f"the shape (batch, {self.latent_dim})"
            raise ValueError(f"Expected `z` to have {expected}. Received: shape={tuple(z.shape)}")
        return z

    # Keras

    def call(self, x):
        # No loss, no metric, no random draw.
        # There is no `training` argument, so that BatchNormalization updates only once per step.
        return self.reconstruct(x)

    def get_config(self):
        # Written out: Keras' automatic config silently records the default arguments of a Model.
        network = self._network["network"]
        if not isinstance(network, str):
            pair = self.encoder, self.decoder
            network = [keras.saving.serialize_keras_object(model) for model in pair]
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
        # When a class overrides compile() but not this method, Keras loads its models uncompiled.
        if self.distribute_strategy.num_replicas_in_sync > 1:
            config = {**config, "jit_compile": False, "steps_per_execution": 1}
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_build_config(self):
        return None  # the constructor builds everything

    def build_from_config(self, config):
        pass

    def export(self, filepath, format="tf_saved_model", verbose=None, **options):
        """Exports the reconstruction, like keras.Model.export: (batch, *shape) -> (batch, *shape).

        To export one part of the model, use `keras_ae.export`.

        Args:
            filepath: str or path; a folder for a SavedModel, a file for ONNX.
            format: "tf_saved_model" or "onnx".
            verbose: as in keras.Model.export; ignored for ONNX.
            options: as in keras.Model.export; ignored for ONNX.
        """
        if format == "onnx":
            from keras_ae import exports

            exports.export(self, filepath, role="reconstruct", format="onnx")
            return
        signature = [keras.InputSpec("float32", (None, *self.shape), name="x")]
        options.setdefault("input_signature", signature)
        super().export(filepath, format=format, verbose=verbose, **options)

    # Presets. These methods import keras_ae.presets when they are called.

    @classmethod
    def from_preset(cls, name, *, load_weights=True, **overrides):
        """Loads a preset of this class, as `keras_ae.load` does: `VAE.from_preset("vae_mnist")`.

        Args:
            name: a preset, as in `keras_ae.load`.
            load_weights: bool, as in `keras_ae.load`.
            overrides: constructor arguments to change, as in `keras_ae.load`.

        Returns:
            the model, an instance of this class.

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
        """Writes the model as a preset, a folder that `keras_ae.load` reads.

        The arguments and errors are those of `keras_ae.presets.save`.
        """
        from keras_ae import presets

        presets.save(self, folder, dataset=dataset, training=training, metrics=metrics)

    @property_of_class
    def presets(cls):
        """{name: ModelCard}, the built-in presets of this class and its subclasses."""
        from keras_ae import presets

        families = {cls.__name__, *_names_of_subclasses(cls)}
        return {
            card.name: card
            for card in map(presets.info, presets.list_models())
            if card.family in families
        }

    # For cards and plots

    def kinds_of_samples(self):
        """Which kinds of samples `sample` can draw.

        Returns:
            (name of the argument of `sample`, number of its values), for example ("labels", 10),
            or None if `sample` takes no such argument.
        """
        return

    # Inside

    def _network_sizes(self, code_size):
        """The sizes of the network.

        Returns:
            (encoder's input shape, encoder's output size, decoder's input size, decoder's output
            shape).
        """
        return self.shape, code_size, self.latent_dim, self._params_shape

    def _report(self, names):
        """Makes the metrics that average the parts of the objective given to `log`."""
        for name in names:
            self._parts[name] = keras.metrics.Mean(name=name)


def _names_of_subclasses(cls):
    names = set()
    for child in cls.__subclasses__():
        names |= {child.__name__, *_names_of_subclasses(child)}
    return names
