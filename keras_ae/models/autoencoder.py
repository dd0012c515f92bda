"""The base of all models: the verbs they share, and how Keras trains and saves them."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae import distribute, distributions, networks
from keras_ae.training import feed, loops
from keras_ae.utils import files, inputs, seeds, validation


class property_of_class:
    """A property of a class, which is read as `Cls.name`: `@property`, but for classes."""

    def __init__(self, function):
        self.function, self.__doc__ = function, function.__doc__

    def __get__(self, instance, cls):
        return self.function(cls)


class Autoencoder(loops.Stepped):
    """An encoder, a decoder and a likelihood p(x|z), trained by plain `fit`.

    A subclass states `objective(x, target)`, a (batch,) tensor in nats whose mean is minimised. It may report parts of it by
    `self.log(name=...)`, for names in the class attribute `logged`; they appear in the logs of fit and evaluate.

    Args:
        shape: tuple, the shape of one example: (height, width, channels), (features,), or with a time axis before them.
        latent_dim: int, the size of a code z.
        network: "dense", "conv" or a pair (encoder, decoder) of keras.Models; see `keras_ae.networks`.
        widths: units or filters of the hidden layers from the input to the code; None for the network's own.
        activation: Keras activation of the hidden layers, "glu" for gated ones; None for the network's own.
        likelihood: a name or a layer of `keras_ae.distributions`; None: "bernoulli" for images, "gaussian" for vectors.
        code_size: int, the size of the encoder's output; a subclass's business.
    """

    logged = ()
    why_no_loss = None  # a subclass whose objective alone will do says here why, to who gives compile() another loss

    def __init__(self, shape, latent_dim, network, widths, activation, likelihood, code_size, **kwargs):
        super().__init__(**kwargs)
        self.shape = inputs.example_shape(shape)
        self.latent_dim = validation.positive_int(latent_dim, "latent_dim")
        self._likelihood = distributions.likelihood_for(self.shape, likelihood)
        self._params_shape = (*self.shape[:-1], self._likelihood.params_size(self.shape[-1]))
        widths = None if widths is None else tuple(widths)
        self._network = {"network": network, "widths": widths, "activation": activation}
        sizes, mask_value = self._network_sizes(code_size), self._likelihood.mask_value
        self.encoder, self.decoder = networks.build(network, *sizes, widths, activation, mask_value)
        self._seeds = seeds.SeedGenerator()
        self._parts = {}
        self._report(self.logged)
        self._logs = self._weights = None  # the parts of the objective, and the weights (batch,), while compute_loss runs
        self._stepping = False  # whether the last compute_loss was a training step's
        self._training = None  # whether encoder and decoder run in training mode, while compute_loss runs
        self.built = True  # every weight exists; Keras' own build would lock the model before a subclass is complete

    # The verbs

    def encode(self, x):
        """Codes of x.

        Args:
            x: array (batch, *shape); integers are pixels 0-255.

        Returns:
            tensor (batch, latent_dim).

        Raises:
            ValueError: x has another shape, holds NaN, or lies outside the likelihood's support.
        """
        return inputs.in_batches(self._encode, self._checked(x))

    def decode(self, z):
        """The mean of p(x|z): (batch, latent_dim) -> (batch, *shape).

        Raises:
            ValueError: z has another shape.
        """
        return inputs.in_batches(lambda z: self.likelihood(z).mean(), self._checked_code(z))

    def reconstruct(self, x):
        """decode(encode(x)), without any draw: (batch, *shape) -> (batch, *shape). `predict` gives the same as an array."""
        return self.decode(self.encode(x))

    def likelihood(self, z):
        """p(x|z): a tfp distribution, batch shape (batch,), event shape `shape`. z: (batch, latent_dim)."""
        params = self.decoder(self._checked_code(z), training=self._training)
        return self._likelihood(ops.reshape(params, (-1, *self._params_shape)))

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
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
            raise ValueError(f"Expected `steps` to be an integer of at least 2. Received: steps={steps!r}")
        if len(a) != len(b):
            raise ValueError(f"Expected as many examples in `a` as in `b`. Received: {len(a)} and {len(b)}")
        t = tf.linspace(0.0, 1.0, steps)[:, tf.newaxis]  # (steps, 1)
        start, end = (self.encode(x)[:, tf.newaxis] for x in (a, b))  # (batch, 1, latent_dim)
        z = (1 - t) * start + t * end  # (batch, steps, latent_dim)
        images = self.decode(ops.reshape(z, (-1, self.latent_dim)))
        return ops.reshape(images, (len(a), steps, *self.shape))

    # Training: what a subclass states

    def objective(self, x, target):
        """What training minimises: float tensors (batch, *shape), x and target -> (batch,) nats."""
        raise NotImplementedError

    def training_input(self, x):
        """What the network sees of x in fit and evaluate: x itself, unless a subclass corrupts it."""
        return x

    def training_target(self, x, y):
        """What the objective explains: x, or where fit and evaluate are given a y, that. float (batch, *shape)."""
        return x if y is None else inputs.to_float(y, self.shape)

    def check_input(self, x, name="x"):
        """Raises ValueError unless the array x is one that the model can take."""
        self._likelihood.check(x, self.shape, name)

    def check_target(self, y, name):
        """Raises ValueError unless the array y is one that fit and evaluate can be given."""
        self.check_input(y, name)

    def weights_of_a_loss(self, target, weights):
        """How a loss given to compile weighs its values: weights of examples, (batch,) or None -> None, or of the rank of the loss."""
        # Keras would broadcast (batch,) along the last axis of an image.
        return None if weights is None else ops.reshape(weights, (-1, *[1] * (len(self.shape) - 1)))

    def seen_by_metrics(self, x, target, y_pred, weights):
        """What the metrics given to compile see: two (batch, *shape), and weights of examples, (batch,) or None."""
        return target, y_pred, weights

    def end_step(self):
        """Called as a training step ends, for a subclass with numbers that change from step to step."""

    def log(self, **parts):
        """Reports parts of the objective, each (batch,), in the logs. Weighted as the loss is. For use inside `objective`."""
        if self._logs is not None:
            self._logs.update(parts)

    # Training: Keras

    def call(self, x):
        return self.reconstruct(x)  # no loss, no metric, no draw; no `training` argument, so that BatchNormalization updates once

    def compile(self, optimizer="adam", loss=None, *, jit_compile="auto", steps_per_execution="auto", **kwargs):
        """As keras.Model.compile, with defaults that suit the model; `compile()` is enough.

        Args:
            optimizer: as in Keras.
            loss: None: the model's own objective. Otherwise a Keras loss of (x, reconstruction), used instead.
            jit_compile: "auto": XLA where it is faster, as `training_plan` tells.
            steps_per_execution: "auto": 32 with XLA, else 1.

        Several replicas train without XLA and step by step, whatever is asked for.

        Raises:
            ValueError: a loss, for a model that is trained by its own objective alone.
        """
        if loss is not None and self.why_no_loss:
            raise ValueError(f"Expected no `loss`: {self.why_no_loss} Received: loss={loss!r}")
        jit_compile, steps_per_execution = distribute.possible(self.distribute_strategy, jit_compile, steps_per_execution)
        if jit_compile == "auto":
            jit_compile = self._suits_xla()[0] and not kwargs.get("run_eagerly", False)
        if steps_per_execution == "auto":
            steps_per_execution = 32 if jit_compile else 1
        self.loss = self._compile_loss = None  # Keras keeps the loss of an earlier compile when the new one is None
        super().compile(optimizer, loss, jit_compile=jit_compile, steps_per_execution=steps_per_execution, **kwargs)

    @property
    def training_plan(self):
        """How `fit` will run, and why, in a line: what `compile` chose or was told."""
        if not self.compiled:
            return "not compiled: compile() chooses what is fastest for the model on the devices found"
        replicas, kind = self.distribute_strategy.num_replicas_in_sync, "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        how = "without XLA" if not self.jit_compile else "under XLA"
        how = "eagerly" if self.run_eagerly else how
        loop = ", arrays stay on the device and the steps are a loop inside XLA" if self._loops_inside_xla else ""
        return (
            f"{replicas} x {kind}, {how} ({self._suits_xla()[1]}), {self.steps_per_execution} steps an execution{loop}, "
            f"{type(self.optimizer).__name__}, {self.dtype_policy.name}"
        )

    def fit(self, x=None, y=None, batch_size=None, epochs=1, *, validation_data=None, sample_weight=None, **kwargs):
        """As keras.Model.fit. x: array (batch, *shape) or tf.data.Dataset; y: what to reconstruct, x itself if None."""
        if not self.compiled:
            self.compile()
        if kwargs.get("class_weight") is not None:
            raise ValueError(
                "Expected no `class_weight`, as an autoencoder has no classes; weigh examples by `sample_weight`. Received: one"
            )
        split = kwargs.pop("validation_split", 0.0)
        if split and validation_data is None:
            (x, y, sample_weight), validation_data = inputs.split(split, x, y, sample_weight)
        if validation_data is not None:
            data = validation_data if isinstance(validation_data, (tuple, list)) else (validation_data,)
            size = kwargs.pop("validation_batch_size", None) or batch_size
            data = self._fed(*data, *[None] * (3 - len(data)), size, names=("validation_data[0]", "validation_data[1]"))
            validation_data = data[0] if data[1] is None else data[:3]
        seed = seeds.fresh() if kwargs.pop("shuffle", True) else None
        seed = seed if seed is None else int(distribute.from_chief([seed], self.distribute_strategy)[0])
        x, y, sample_weight, batch_size = self._fed(x, y, sample_weight, batch_size, seed)
        callbacks = loops.as_list(kwargs.pop("callbacks", None))
        if distribute.several_workers(self.distribute_strategy):
            callbacks, kwargs["verbose"] = distribute.prepare_worker(self, callbacks, kwargs.get("verbose", "auto"))
        feeds = [source for source in map(feed.of, (x, validation_data)) if source]
        firsts = [source.next_pass for source in feeds]  # a second fit goes on where the first one stopped

        def begin(epoch, logs):  # each epoch is the pass of its number, also where a backup lets the first one be another
            for source, first in zip(feeds, firsts, strict=True):
                source.next_pass = first + epoch
            if feed.of(x):
                feed.of(x).steps_left = kwargs.get("steps_per_epoch") or math.inf

        progress = [loops.Progress()] if kwargs.get("verbose", "auto") else []
        callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=begin), *callbacks, *progress]
        kwargs |= {"validation_data": validation_data, "sample_weight": sample_weight, "callbacks": callbacks, "shuffle": False}
        with files.writing("what the callbacks of `fit` write"), distribute.in_step_with_others(self.distribute_strategy):
            return super().fit(x, y, batch_size, epochs, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, *, sample_weight=None, **kwargs):
        """As keras.Model.evaluate. x and y as in `fit`."""
        if not self.compiled:
            self.compile()
        x, y, sample_weight, batch_size = self._fed(x, y, sample_weight, batch_size)
        if isinstance(x, feed.Feed):
            x.steps_left = kwargs.get("steps") or math.inf
        inside_fit = isinstance(kwargs.get("callbacks"), keras.callbacks.CallbackList)
        if kwargs.get("verbose", "auto") and not inside_fit:
            kwargs["callbacks"] = [*loops.as_list(kwargs.get("callbacks")), loops.Progress()]
        return super().evaluate(x, y, batch_size, sample_weight=sample_weight, **kwargs)

    def predict(self, x, batch_size=None, **kwargs):
        """As keras.Model.predict: the reconstruction of x, a numpy array (batch, *shape)."""
        x, *_ = self._fed(x, None, None, batch_size, shares=False)
        return super().predict(x.dataset() if isinstance(x, feed.Feed) else x, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self._stepping = training
        x = inputs.to_float(x, self.shape)
        target = self.training_target(x, y)
        count = ops.shape(x)[0]
        sample_weight, shares = distribute.split_shares(sample_weight)
        weights = ops.ones((count,)) if sample_weight is None else ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        if self.distribute_strategy.num_replicas_in_sync > 1:
            x, target, weights = (distribute.never_empty(array) for array in (x, target, weights))
        seen = self.training_input(x)
        if self._compile_loss is not None:
            y_pred = self._trained(training, self.reconstruct, seen)
            weights = self.weights_of_a_loss(target, None if sample_weight is None else weights)
            return self._by_share(super().compute_loss(x, target, y_pred, weights), count, shares)
        self._logs, self._weights = {}, weights
        objective = self._trained(training, self.objective, seen, target)
        logs, self._logs, self._weights = self._logs, None, None
        for name, part in logs.items():
            self._parts[name].update_state(_mean(part, weights), sample_weight=count)
        # add_loss and not a return of our own: Keras then divides by the number of replicas.
        self.add_loss(_mean(objective, weights))
        return self._by_share(super().compute_loss(x, target, y_pred, weights), count, shares)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if self._stepping:  # here: replicas wait for each other to assign, and what they share until now is done with
            self.end_step()
        sample_weight, _ = distribute.split_shares(sample_weight)
        if self._compile_metrics is not None:
            x = inputs.to_float(x, self.shape)
            if self.training_input.__func__ is not Autoencoder.training_input:
                # What is evaluated is what the network made of what it saw.
                y_pred = self._trained(False, self.reconstruct, self.training_input(x))
            y, y_pred, sample_weight = self.seen_by_metrics(x, self.training_target(x, y), y_pred, sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    # Saving: Keras

    def get_config(self):
        # Written out, because Keras' automatic config records the default arguments of a Model, silently.
        network = self._network["network"]
        if not isinstance(network, str):
            network = [keras.saving.serialize_keras_object(model) for model in (self.encoder, self.decoder)]
        return {
            "name": self.name,
            "shape": self.shape,
            "latent_dim": self.latent_dim,
            **self._network,
            "network": network,
            "likelihood": keras.saving.serialize_keras_object(self._likelihood),
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
        return {card.name: card for card in map(presets.info, presets.list_models()) if card.family in families}

    # Inside

    def _network_sizes(self, code_size):
        """What the network is built for: the encoder's input shape and output size, the decoder's input size and output shape."""
        return self.shape, code_size, self.latent_dim, self._params_shape

    def _report(self, names):
        """Makes the metrics in which `log` gathers parts of the objective."""
        for name in names:
            self._parts[name] = keras.metrics.Mean(name=name)

    def _by_share(self, loss, count, shares):
        """Weighs the loss of a replica by its share of the global batch: Keras divides by the number of replicas, as if all had as many
        examples. And keeps Keras' log right, which takes the loss for the mean of `count` examples.
        """
        if shares is None:
            return loss
        replicas, count = self.distribute_strategy.num_replicas_in_sync, ops.cast(count, "float32")
        share = ops.sum(shares) * replicas  # 1 where the examples are spread evenly
        self._loss_tracker.total.assign_add(loss * replicas * (1 - share) * count)
        return loss * share

    def _encode(self, x):
        return self.encoder(x, training=self._training)

    def _checked(self, x):
        if inputs.is_eager(x) and self._training is None:  # what fit feeds has been checked, and may be noisy by now
            self.check_input(x)
        return inputs.to_float(x, self.shape)

    def _checked_code(self, z):
        z = ops.cast(z, "float32")
        if z.shape.rank != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"Expected `z` to have the shape (batch, {self.latent_dim}). Received: shape={tuple(z.shape)}")
        return z

    def _fed(self, x, y, sample_weight, batch_size, seed=None, names=("x", "y"), shares=True):
        """Checks x and y, and turns arrays into a feed or a tf.data.Dataset: returns (x, y, sample_weight, batch_size) for Keras."""
        if isinstance(x, tf.data.Dataset):
            inputs.check_dataset(x, self.shape)
        elif inputs.is_array(x):
            self.check_input(x, names[0])
        if inputs.is_array(y):
            self.check_target(y, names[1])
        if feed.of(x):
            return (feed.of(x) if self._loops_inside_xla else self._shared(x, shares)), y, sample_weight, batch_size
        if isinstance(x, tf.data.Dataset):
            x = self._shared(x, shares)
        if not inputs.is_array(x):
            return x, y, sample_weight, batch_size
        arrays = (
            [x] if y is None and sample_weight is None else [x, self.training_target(x, None) if y is None else y]
        )  # Keras drops weights without y
        arrays += [] if sample_weight is None else [np.asarray(sample_weight, "float32")]
        for array, name in zip(arrays[1:], ("y", "sample_weight"), strict=False):
            if len(array) != len(x):
                raise ValueError(f"Expected as many examples in `{name}` as in `x`. Received: {len(array)} and {len(x)}")
        x = feed.Feed(arrays, batch_size or 32, seed)
        return (x if self._loops_inside_xla else self._shared(x.dataset(), shares)), None, None, None

    def _shared(self, dataset, shares):
        return distribute.with_shares(dataset, self.distribute_strategy, self.training_target) if shares else dataset

    @property
    def _loops_inside_xla(self):
        return self.jit_compile and not self.run_eagerly and self._distribute_strategy is None

    def _suits_xla(self):
        """Whether XLA makes the model faster on the devices found, and why."""
        if self.distribute_strategy.num_replicas_in_sync > 1:
            return False, "several replicas"
        if tf.config.list_physical_devices("GPU"):
            return True, "a GPU"
        models = (self.encoder, self.decoder)
        if any("Conv" in type(layer).__name__ for model in models for layer in model._flatten_layers()):
            return False, "convolutions on a CPU"
        recurrent = any(isinstance(layer, keras.layers.RNN) for model in models for layer in model._flatten_layers())
        return True, f"a {'recurrent' if recurrent else 'dense'} network on a CPU"

    def _trained(self, training, function, *args):
        """Runs a function with encoder and decoder in or out of training mode; Keras passes `training` down only from call()."""
        self._training = training
        try:
            return function(*args)
        finally:
            self._training = None


def _names_of_subclasses(cls):
    return {name for child in cls.__subclasses__() for name in (child.__name__, *_names_of_subclasses(child))}


def _mean(values, weights):
    """sum(values * weights) / count: (batch,), (batch,) -> ()."""
    return ops.sum(ops.cast(values, "float32") * weights) / ops.cast(ops.shape(values)[0], "float32")
