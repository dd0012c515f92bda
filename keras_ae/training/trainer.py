"""How Keras trains our models: compile, fit, evaluate, predict, and the loss of one step."""

import numpy as np
import tensorflow as tf
from keras import ops

from keras_ae import distribute
from keras_ae.training import callbacks as our_callbacks
from keras_ae.training import feed, keras_internals, loops, records, replicas, saving
from keras_ae.utils import files, inputs, seeds, validation


class Trainer(saving.Saved, keras_internals.KerasHooks):
    """A keras.Model of examples of the shape `self.shape`, trained by plain `fit`.

    A subclass has `shape` and `is_on_device`, and states `objective(x, target)`: a (batch,) tensor whose mean is minimised. It may
    report parts of it by `self.log(name=...)`, for names in the class attribute `logged`; they appear in the logs of fit and evaluate.

    Attributes:
        logged: names of the parts that the objective logs.
        why_no_loss: str, for a class that is trained by its own objective alone: the reason, for whoever gives compile() a loss.
    """

    logged = ()
    why_no_loss = None

    # What a subclass states

    def objective(self, x, target):
        """What training minimises: float tensors (batch, *shape), x and target -> (batch,) nats."""
        raise NotImplementedError

    def reconstruction_of(self, x):
        """The reconstruction, in a graph: float tensor (batch, *shape) -> the same."""
        raise NotImplementedError

    def training_input(self, x):
        """What the network sees of x in fit and evaluate: x itself, unless a subclass corrupts it."""
        return x

    def training_target(self, x, y):
        """What the objective explains: x, or y where fit and evaluate are given one. float (batch, *shape)."""
        return x if y is None else inputs.to_float(y, self.shape)

    def check_input(self, x, name="x"):
        """Raises ValueError unless the array x is one that the model can take."""
        raise NotImplementedError

    def check_target(self, y, name):
        """Raises ValueError unless the array y is one that fit and evaluate can be given."""
        self.check_input(y, name)

    def takes_as_target(self, y):
        """Whether the array y is something to explain. Labels, (batch,) or (batch, 1), are not: scikit-learn hands them to every step."""
        return np.shape(y)[1:] not in ((), (1,)) or self.shape == (1,)

    def weights_of_a_loss(self, target, weights):
        """How a loss given to compile weighs its values: weights of examples, (batch,) or None -> None, or of the rank of the loss."""
        # Keras would broadcast (batch,) along the last axis of an image.
        return None if weights is None else ops.reshape(weights, (-1, *[1] * (len(self.shape) - 1)))

    def seen_by_metrics(self, x, target, y_pred, weights):
        """What the metrics given to compile see: two (batch, *shape), and weights of examples, (batch,) or None."""
        return target, y_pred, weights

    def end_step(self, record):
        """Called as a training step ends, for a subclass with numbers that change from step to step.

        Args:
            record: `records.Record`, what the objective kept by `self.keep`, and `weights`, those of the examples, (batch,).
        """

    def log(self, **parts):
        """Reports parts of the objective, each (batch,), in the logs. Weighted as the loss is. For use inside `objective`."""
        records.log(**parts)

    def keep(self, **values):
        """Keeps values for `end_step`. For use inside `objective`."""
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
            loss: None: the model's own objective. Otherwise a Keras loss of (x, reconstruction), used instead.
            jit_compile: "auto": XLA where it is faster, as `training_plan` tells.
            steps_per_execution: "auto": 32 with XLA, else 1.

        Several replicas train without XLA and step by step, whatever is asked for.

        Raises:
            ValueError: a loss, for a model that is trained by its own objective alone.
        """
        if loss is not None and self.why_no_loss:
            raise ValueError(f"Expected no `loss`: {self.why_no_loss} Received: loss={loss!r}")
        jit_compile, steps_per_execution = replicas.possible(
            self.distribute_strategy, jit_compile, steps_per_execution
        )
        if jit_compile == "auto":
            jit_compile = loops.suits_xla(self)[0] and not kwargs.get("run_eagerly", False)
        if steps_per_execution == "auto":
            steps_per_execution = 32 if jit_compile else 1
        keras_internals.forget_loss(self)
        super().compile(
            optimizer,
            loss,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            **kwargs,
        )
        self.loss = (
            loss or self.objective
        )  # what tells others, such as keras.wrappers, that the model knows what to minimise

    @property
    def training_plan(self):
        """How `fit` will run, and why, in a line: what `compile` chose or was told."""
        if not self.compiled:
            return (
                "not compiled: compile() chooses what is fastest for the model on the devices found"
            )
        count, kind = (
            self.distribute_strategy.num_replicas_in_sync,
            "GPU" if tf.config.list_physical_devices("GPU") else "CPU",
        )
        how = "without XLA" if not self.jit_compile else "under XLA"
        how = "eagerly" if self.run_eagerly else how
        loop = (
            ", arrays stay on the device and the steps are a loop inside XLA"
            if loops.run_inside_xla(self)
            else ""
        )
        return (
            f"{count} x {kind}, {how} ({loops.suits_xla(self)[1]}), {self.steps_per_execution} steps an execution{loop}, "
            f"{type(self.optimizer).__name__}, {self.dtype_policy.name}"
        )

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
        """As keras.Model.fit. x: array (batch, *shape) or tf.data.Dataset; y: what to reconstruct, x itself if None or labels."""
        self._prepare(options)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = inputs.split(
                validation_split, x, y, sample_weight
            )
        size = options.pop("validation_batch_size", None) or batch_size
        validation_data = self._fed_for_validation(validation_data, size)
        x, y, sample_weight, batch_size = self._fed(
            x, y, sample_weight, batch_size, self._seed_of_passes(shuffle)
        )
        callbacks, verbose = self._with_our_callbacks(
            callbacks, verbose, (x, validation_data), options.get("steps_per_epoch")
        )
        options |= {
            "validation_data": validation_data,
            "sample_weight": sample_weight,
            "shuffle": False,
        }
        with (
            files.writing("what the callbacks of `fit` write"),
            replicas.in_step_with_others(self.distribute_strategy),
        ):
            return super().fit(
                x, y, batch_size, epochs, callbacks=callbacks, verbose=verbose, **options
            )

    def evaluate(self, x=None, y=None, batch_size=None, *, sample_weight=None, **options):
        """As keras.Model.evaluate. x and y as in `fit`."""
        self._prepare(options)
        x, y, sample_weight, batch_size = self._fed(x, y, sample_weight, batch_size)
        if isinstance(x, feed.Feed):
            x.limit(options.get("steps"))
        inside_fit = our_callbacks.are_of_a_fit(options.get("callbacks"))
        if options.get("verbose", "auto") and not inside_fit:
            options["callbacks"] = [
                *our_callbacks.as_list(options.get("callbacks")),
                keras_internals.BlockwiseProgress(),
            ]
        return super().evaluate(x, y, batch_size, sample_weight=sample_weight, **options)

    def predict(self, x, batch_size=None, **options):
        """As keras.Model.predict: the reconstruction of x, a numpy array (batch, *shape)."""
        x, *_ = self._fed(x, None, None, batch_size, shares=False)
        return super().predict(x.dataset() if isinstance(x, feed.Feed) else x, **options)

    # One step, in a graph

    def train_step(self, data):
        with records.recording() as record:
            logs = super().train_step(data)
        self.end_step(
            record
        )  # here: replicas wait for each other to assign, and what they share until now is done with
        return logs

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        x = inputs.to_float(x, self.shape)
        target, count = self.training_target(x, y), ops.shape(x)[0]
        sample_weight, shares = replicas.split_shares(sample_weight)
        weights = (
            ops.ones((count,))
            if sample_weight is None
            else ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        )
        if self.distribute_strategy.num_replicas_in_sync > 1:
            x, target, weights = (replicas.never_empty(array) for array in (x, target, weights))
        seen = self.training_input(x)
        if keras_internals.has_loss(self):
            with keras_internals.training_mode(training):
                y_pred = self.reconstruction_of(seen)
            weights = self.weights_of_a_loss(target, None if sample_weight is None else weights)
        else:
            # add_loss and not a return of our own: Keras then divides by the number of replicas.
            self.add_loss(self._mean_objective(seen, target, weights, count, training))
        loss = super().compute_loss(x, target, y_pred, weights)
        return loss if shares is None else self._by_share(loss, count, shares)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        sample_weight, _ = replicas.split_shares(sample_weight)
        if keras_internals.has_metrics(self):
            x = inputs.to_float(x, self.shape)
            if self.training_input.__func__ is not Trainer.training_input:
                # What is evaluated is what the network made of what it saw.
                with keras_internals.training_mode(False):
                    y_pred = self.reconstruction_of(self.training_input(x))
            y, y_pred, sample_weight = self.seen_by_metrics(
                x, self.training_target(x, y), y_pred, sample_weight
            )
        return super().compute_metrics(x, y, y_pred, sample_weight)

    # How Keras runs the steps

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            if (
                not self.optimizer.built
            ):  # else its variables are made in the first step, which TensorFlow then traces twice
                with self.distribute_strategy.scope():
                    self.optimizer.build(self.trainable_variables)
            super().make_train_function(force)
            self.train_function = loops.fastest(self, self.train_function, self.train_step)

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = loops.fastest(self, self.test_function, self.test_step)

    def get_metrics_result(self):
        # On several workers each number that is read is a collective operation: they are read at the end of an epoch only.
        in_a_step = tf.inside_function() and distribute.several_workers(self.distribute_strategy)
        return {} if in_a_step else super().get_metrics_result()

    def example_batch(self):
        example = tf.zeros((1, *self.shape))
        return example, self.training_target(example, None)

    # Inside

    def _prepare(self, options):
        """Compiles a model that is not compiled, and refuses what an autoencoder cannot be given."""
        if not self.compiled:
            self.compile()
        if options.get("class_weight") is not None:
            raise ValueError(
                "Expected no `class_weight`, as an autoencoder has no classes; weigh examples by `sample_weight`. Received: one"
            )

    def _seed_of_passes(self, shuffle):
        """The seed of the order of the examples, the same on all workers; None: in their own order."""
        seed = seeds.fresh() if shuffle else None
        return (
            seed if seed is None else int(replicas.from_chief([seed], self.distribute_strategy)[0])
        )

    def _fed_for_validation(self, data, batch_size):
        """validation_data of `fit`, x, (x, y) or (x, y, sample_weight), for Keras."""
        if data is None:
            return None
        data = data if isinstance(data, (tuple, list)) else (data,)
        names = ("validation_data[0]", "validation_data[1]")
        data = self._fed(*data, *[None] * (3 - len(data)), batch_size, names=names)
        return data[0] if data[1] is None else data[:3]

    def _with_our_callbacks(self, callbacks, verbose, data, steps_per_epoch):
        """The callbacks of `fit`, ours beside the user's, and its verbosity."""
        callbacks = our_callbacks.as_list(callbacks)
        if distribute.several_workers(self.distribute_strategy):
            callbacks, verbose = replicas.prepare_worker(self, callbacks, verbose)
        progress = [keras_internals.BlockwiseProgress()] if verbose else []
        return [our_callbacks.PassPerEpoch(*data, steps_per_epoch), *callbacks, *progress], verbose

    def _fed(self, x, y, sample_weight, batch_size, seed=None, names=("x", "y"), shares=True):
        """Checks x and y, and turns arrays into a feed or a tf.data.Dataset: returns (x, y, sample_weight, batch_size) for Keras."""
        if feed.of(x):
            return (
                (feed.of(x) if loops.run_inside_xla(self) else self._shared(x, shares)),
                y,
                sample_weight,
                batch_size,
            )
        if isinstance(x, tf.data.Dataset):
            if not replicas.has_shares(x):
                inputs.check_dataset(x, self.shape)
            return self._shared(x, shares), y, sample_weight, batch_size
        if not inputs.is_array(x):
            return x, y, sample_weight, batch_size
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
        x = feed.Feed(arrays, batch_size or 32, seed)
        return (
            (x if loops.run_inside_xla(self) else self._shared(x.dataset(), shares)),
            None,
            None,
            None,
        )

    def _shared(self, dataset, shares):
        return (
            replicas.with_shares(dataset, self.distribute_strategy, self.training_target)
            if shares
            else dataset
        )

    def _mean_objective(self, seen, target, weights, count, training):
        """The weighted mean of the objective, whose parts go to the logs: ()."""
        with records.recording() as record, keras_internals.training_mode(training):
            objective = self.objective(seen, target)
            records.keep(weights=weights)
        for name, part in record.parts.items():
            self._parts[name].update_state(_mean(part, weights), sample_weight=count)
        return _mean(objective, weights)

    def _by_share(self, loss, count, shares):
        """Weighs the loss of a replica by its share of the global batch: Keras divides by the number of replicas, as if all had as many
        examples. And keeps Keras' log right, which takes the loss for the mean of `count` examples.
        """
        n, count = self.distribute_strategy.num_replicas_in_sync, ops.cast(count, "float32")
        share = ops.sum(shares) * n  # 1 where the examples are spread evenly
        keras_internals.add_to_logged_loss(self, loss * n * (1 - share) * count)
        return loss * share


def _mean(values, weights):
    """sum(values * weights) / count: (batch,), (batch,) -> ()."""
    return ops.sum(ops.cast(values, "float32") * weights) / ops.cast(
        ops.shape(values)[0], "float32"
    )
