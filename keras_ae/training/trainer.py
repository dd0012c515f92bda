"""How Keras trains our models: compile, fit, evaluate, predict, and the loss of one step."""

import contextlib

import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae import distribute
from keras_ae.training import callbacks as our_callbacks
from keras_ae.training import (
    feed,
    keras_internals,
    loops,
    records,
    replicas,
    replicated,
    saving,
    steps,
)
from keras_ae.utils import files, inputs, seeds, validation


class Trainer(saving.Saved, steps.Steps, keras_internals.KerasHooks):
    """A keras.Model for examples of the shape `self.shape`, trained by plain `fit`.

    A subclass has `shape` and `is_on_device`, and defines `objective(x, target)`: a (batch,)
    tensor. Training minimises its mean. The objective may report its parts by
    `self.log(name=...)`, for names in the class attribute `logged`. The logs of fit and evaluate
    show them.

    Attributes:
        logged: names of the parts that the objective logs.
        why_no_loss: str, for a class that only its own objective can train. It gives the reason
            in the error for a loss in `compile`.
    """

    logged = ()
    why_no_loss = None

    # What a subclass defines

    def objective(self, x, target):
        """What training minimises: x and target, float tensors (batch, *shape) -> (batch,) nats."""
        raise NotImplementedError

    def reconstruction_of(self, x):
        """The reconstruction, inside a graph: float tensor (batch, *shape) -> the same shape."""
        raise NotImplementedError

    def check_input(self, x, name="x"):
        """Raises ValueError unless the model accepts the array x."""
        raise NotImplementedError

    def check_target(self, y, name):
        """Raises ValueError unless fit and evaluate accept the array y."""
        self.check_input(y, name)

    def takes_as_target(self, y):
        """Whether the array y is something to explain.

        Labels, (batch,) or (batch, 1), are not. scikit-learn passes them to every step.
        """
        return np.shape(y)[1:] not in ((), (1,)) or self.shape == (1,)

    def weights_of_a_loss(self, target, weights):
        """The weights of examples, in the rank of a loss given to compile.

        (batch,) -> (batch, 1, ...). None stays None.
        """
        # Keras would broadcast (batch,) along the last axis of an image.
        return None if weights is None else ops.reshape(weights, (-1, *[1] * (len(self.shape) - 1)))

    def seen_by_metrics(self, x, target, y_pred, weights):
        """What the metrics given to compile see: target and prediction, (batch, *shape), weights.

        The weights are those of the examples, (batch,) or None.
        """
        return target, y_pred, weights

    def end_step(self, record):
        """Called at the end of a training step, for a subclass that updates numbers there.

        Args:
            record: `records.Record` with the values that the objective kept by `self.keep`, and
                `weights`, the weights of the examples, (batch,).
        """

    def log(self, **parts):
        """Reports parts of the objective, each (batch,), in the logs. Call it inside `objective`.

        They are weighted as the loss is.
        """
        records.log(**parts)

    def keep(self, **values):
        """Keeps values for `end_step`. Call it inside `objective`."""
        records.keep(**values)

    # Keras' verbs

    def compile(
        self,
        optimizer="adam",
        loss=None,
        *,
        jit_compile="auto",
        steps_per_execution="auto",
        **kwargs,
    ):
        """As keras.Model.compile, with defaults that suit the model; `compile()` is enough.

        Args:
            optimizer: as in Keras.
            loss: None for the model's own objective. A Keras loss of (x, reconstruction)
                replaces it.
            jit_compile: bool, or "auto": XLA if it is faster. `training_plan` tells.
            steps_per_execution: int, or "auto": 32 with XLA, else 1.
            kwargs: as in Keras.

        Raises:
            ValueError: a loss was given, and only its own objective can train this model.
        """
        if loss is not None and self.why_no_loss:
            raise ValueError(f"Expected no `loss`: {self.why_no_loss} Received: loss={loss!r}")
        if jit_compile == "auto":
            jit_compile = loops.suits_xla(self)[0] and not kwargs.get("run_eagerly", False)
        if steps_per_execution == "auto":
            steps_per_execution = 32 if jit_compile else 1
        kwargs |= {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}
        keras_internals.forget_loss(self)
        strategy = self.distribute_strategy
        several = strategy.num_replicas_in_sync > 1
        # Outside of the scope, the metrics would not have a part on each replica.
        with strategy.scope() if several else contextlib.nullcontext():
            super().compile(optimizer, loss, **kwargs)
        # It tells others, such as keras.wrappers, that the model has something to minimise.
        self.loss = loss or self.objective

    @property
    def training_plan(self):
        """How `fit` will run, and why, in one line."""
        if not self.compiled:
            return (
                "not compiled: compile() chooses what is fastest for the model on the devices found"
            )
        count = self.distribute_strategy.num_replicas_in_sync
        kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        how = "under XLA" if self.jit_compile else "without XLA"
        how = "eagerly" if self.run_eagerly else how
        reason = loops.suits_xla(self)[1]
        parts = [f"{count} x {kind}", f"{how} ({reason})"]
        parts.append(f"{self.steps_per_execution} steps an execution")
        if loops.run_inside_xla(self):
            parts.append("arrays stay on the device and the steps are a loop inside XLA")
        elif loops.take_a_feed(self):
            parts.append("arrays stay with each replica, which takes its part of a batch")
        parts += [type(self.optimizer).__name__, self.dtype_policy.name]
        return ", ".join(parts + ([] if kind == "GPU" else [loops.state_of_onednn()]))

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        *,
        validation_data=None,
        validation_split=0.0,
        sample_weight=None,
        shuffle=True,
        callbacks=None,
        verbose="auto",
        **options,
    ):
        """As keras.Model.fit.

        Args:
            x: array (batch, *shape) or tf.data.Dataset.
            y: array (batch, *shape), what to reconstruct; x itself if None or labels.
            validation_data: x, (x, y) or (x, y, sample_weight).
            batch_size, epochs, validation_split, sample_weight, shuffle, callbacks, verbose,
                options: as in Keras.

        Returns:
            keras.callbacks.History.

        Raises:
            ValueError: the model does not accept x or y; `class_weight` was given.
            OSError: a callback cannot write its file.
            ConnectionError: another worker died.
        """
        self._prepare(options)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = inputs.split(
                validation_split, x, y, sample_weight
            )
        size = options.pop("validation_batch_size", None) or batch_size
        validation_data = self._fed_for_validation(validation_data, size)
        seed = self._seed_of_passes(shuffle)
        x, y, sample_weight, batch_size = self._fed(x, y, sample_weight, batch_size, seed)
        callbacks, verbose = self._with_our_callbacks(
            callbacks, verbose, (x, validation_data), options.get("steps_per_epoch")
        )
        options |= {"validation_data": validation_data, "sample_weight": sample_weight}
        options |= {"shuffle": False, "callbacks": callbacks, "verbose": verbose}
        with (
            files.writing("what the callbacks of `fit` write"),
            replicas.in_step_with_others(self.distribute_strategy),
        ):
            return super().fit(x, y, batch_size, epochs, **options)

    def evaluate(self, x=None, y=None, batch_size=None, *, sample_weight=None, **options):
        """As keras.Model.evaluate. x and y as in `fit`."""
        self._prepare(options)
        x, y, sample_weight, batch_size = self._fed(x, y, sample_weight, batch_size)
        if isinstance(x, feed.Feed):
            x.limit(options.get("steps"))
        callbacks = options.get("callbacks")
        if options.get("verbose", "auto") and not our_callbacks.are_of_a_fit(callbacks):
            progress = keras_internals.BlockwiseProgress()
            options["callbacks"] = [*our_callbacks.as_list(callbacks), progress]
        return super().evaluate(x, y, batch_size, sample_weight=sample_weight, **options)

    def predict(self, x, batch_size=None, **options):
        """As keras.Model.predict: the reconstruction of x, a numpy array (batch, *shape)."""
        x, *_ = self._fed(x, None, None, batch_size, shares=False)
        return super().predict(x.dataset() if isinstance(x, feed.Feed) else x, **options)

    # How Keras runs the steps

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            if not self.optimizer.built:
                # Otherwise the first step makes its variables, and TensorFlow traces it twice.
                with self.distribute_strategy.scope():
                    self.optimizer.build(self.trainable_variables)
            super().make_train_function(force)
            self.train_function = self._fastest(self.train_function, self.train_step)

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._fastest(self.test_function, self.test_step)

    def get_metrics_result(self):
        # On several workers, reading a number is a collective operation. So they are read only at
        # the end of an epoch.
        in_a_step = tf.inside_function() and distribute.several_workers(self.distribute_strategy)
        return {} if in_a_step else super().get_metrics_result()

    def example_batch(self):
        example = tf.zeros((1, *self.shape))
        return example, self.training_target(example, None)

    # Inside

    def _fastest(self, function, step):
        """The fastest way to run a step, train_step or test_step; `function` is Keras' own way."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return loops.fastest(self, function, step)
        if step.__func__ is Trainer.train_step:
            step = replicated.training_step(self)
        else:
            is_test = step.__name__ == "test_step"  # a user's train_step may communicate
            step = replicated.whole_step(self, step, self.jit_compile and is_test)
        return replicated.fastest(self, function, step)

    def _prepare(self, options):
        """Compiles the model if needed, and refuses options that an autoencoder cannot have."""
        if not self.compiled:
            self.compile()
        if options.get("class_weight") is not None:
            raise ValueError(
                "Expected no `class_weight`, because an autoencoder has no classes; weigh "
                "examples by `sample_weight`. Received: one"
            )

    def _seed_of_passes(self, shuffle):
        """The seed for the order of the examples, the same on all workers; None to keep it."""
        if not shuffle:
            return None
        return int(replicas.from_chief([seeds.fresh()], self.distribute_strategy)[0])

    def _fed_for_validation(self, data, batch_size):
        """validation_data of `fit`, x, (x, y) or (x, y, sample_weight), for Keras."""
        if data is None:
            return None
        data = data if isinstance(data, (tuple, list)) else (data,)
        names = ("validation_data[0]", "validation_data[1]")
        data = self._fed(*data, *[None] * (3 - len(data)), batch_size, names=names)
        return data[0] if data[1] is None else data[:3]

    def _with_our_callbacks(self, callbacks, verbose, data, steps_per_epoch):
        """The callbacks of `fit`, the user's and ours, and its verbosity."""
        callbacks = our_callbacks.as_list(callbacks)
        if distribute.several_workers(self.distribute_strategy):
            callbacks, verbose = replicas.prepare_worker(self, callbacks, verbose)
        progress = [keras_internals.BlockwiseProgress()] if verbose else []
        if verbose and self.jit_compile and self.train_function is None:
            print("XLA compiles the training step: some seconds, once for this model", flush=True)
        return [our_callbacks.PassPerEpoch(*data, steps_per_epoch), *callbacks, *progress], verbose

    def _fed(self, x, y, sample_weight, batch_size, seed=None, names=("x", "y"), shares=True):
        """Checks x and y, and turns arrays into a feed or a tf.data.Dataset.

        Returns:
            (x, y, sample_weight, batch_size) for Keras.
        """
        if feed.of(x):
            x = feed.of(x) if loops.take_a_feed(self) else self._shared(x, shares)
        elif isinstance(x, tf.data.Dataset):
            if not replicas.has_shares(x):
                inputs.check_dataset(x, self.shape)
            x = self._shared(x, shares)
        elif inputs.is_array(x):
            source = feed.Feed(self._arrays(x, y, sample_weight, names), batch_size or 32, seed)
            x = source if loops.take_a_feed(self) else self._shared(source.dataset(), shares)
            return x, None, None, None
        return x, y, sample_weight, batch_size

    def _arrays(self, x, y, sample_weight, names):
        """The arrays of a Feed, checked: [x], [x, y] or [x, y, sample_weight]."""
        x, y = (array if array is None else inputs.as_array(array) for array in (x, y))
        self.check_input(x, names[0])
        y = y if y is None or self.takes_as_target(y) else None
        arrays = [x]
        if y is not None:
            self.check_target(y, names[1])
        if y is not None or sample_weight is not None:  # Keras drops weights without y
            arrays.append(self.training_target(x, None) if y is None else y)
        if sample_weight is not None:
            arrays.append(inputs.weights(sample_weight, len(x)))
        validation.same_length(x, arrays[1:], ("y", "sample_weight"))
        return arrays

    def _shared(self, dataset, shares):
        if not shares:
            return dataset
        return replicas.with_shares(dataset, self.distribute_strategy, self.training_target)
