"""How `fit` and `evaluate` run their steps on several replicas: in one process, or on workers.

Each replica makes its own part of a batch, from the arrays that all of them hold. The steps are a
loop in one TensorFlow graph. A training step is:

    gradients of the replica's examples    no communication; inside XLA if that is faster
    sum of the gradients of all replicas   one all-reduce of all gradients together
    update of the weights                  the same on all replicas; inside XLA as above
"""

import tensorflow as tf

from keras_ae import distribute
from keras_ae.training import feed, records, replicas


def fastest(model, function, step):
    """As `loops.fastest`, for a model of several replicas.

    Args:
        model: a compiled model.
        function: Keras' own function of an iterator. It runs if the model runs eagerly.
        step: what `training_step` or `test_step` made.
    """
    loop, over_iterator = _loop(model, step), _loop_over_iterator(step)

    def run(iterator):
        # In the scope of several workers, an optimizer would add up the gradients once more.
        if isinstance(iterator, feed.Pass):
            replicas.alone(loop, iterator, model.steps_per_execution)
        elif model.run_eagerly:
            return function(iterator)
        else:
            replicas.alone(over_iterator, iterator)
        # On several workers, reading a number is a collective operation: only at an epoch's end.
        several = distribute.several_workers(model.distribute_strategy)
        return {} if several else model.get_metrics_result()

    return run


def training_step(model):
    """A training step on all replicas: function of a batch, or of a function that makes one.

    It calls `model.gradients` and `model.end_step` on each replica.
    """
    strategy, compiled = model.distribute_strategy, model.jit_compile
    together = distribute.several_replicas_here(strategy)
    variables = model.trainable_variables

    def update(gradients):
        model.optimizer.apply(gradients, variables)

    gradients_of, update = (
        tf.function(function, jit_compile=compiled, autograph=False) if compiled else function
        for function in (model.gradients, update)
    )

    def of_replica(batch):
        gradients, kept = gradients_of(_made(batch))
        if not together:
            gradients = _summed(gradients)
        elif gradients:
            model.optimizer.apply(gradients, variables)  # Keras sums over the replicas
        model.end_step(records.Record(kept=kept))
        return gradients

    def step(batch):
        gradients = strategy.run(of_replica, args=(batch,))
        if gradients and not together:
            update(list(gradients))

    return step


def whole_step(model, function, jit_compile=False):
    """A step on all replicas that is not divided: function of a batch, as in `training_step`.

    Args:
        model: a compiled model.
        function: function of one batch, a tuple of tensors of one replica.
        jit_compile: bool, whether XLA compiles it. A step that communicates cannot be compiled.
    """
    run = tf.function(function, jit_compile=True, autograph=False) if jit_compile else function

    def of_replica(batch):
        run(_made(batch))

    return lambda batch: model.distribute_strategy.run(of_replica, args=(batch,))


def _made(batch):
    """The batch of a replica, which may be given as a function that makes it."""
    return batch() if callable(batch) else batch


def _summed(gradients):
    """The sums of gradients over all replicas, by one collective operation. None stays None."""
    found = [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]
    sums = iter(replicas.sum_over_replicas(found) if found else [])
    return [None if gradient is None else next(sums) for gradient in gradients]


def _loop(model, step):
    """Makes run(a_pass, steps): it runs up to `steps` next batches of a Pass on all replicas."""

    @tf.function(autograph=False)
    def loop(tensors, seed, order, first, last, size, batch_size, transform):
        def one_step(number):
            arguments = (tensors, seed, order, number, size, batch_size, transform)
            step(lambda: _with_shares(model, _part(*arguments), size))
            return (number + 1,)

        tf.while_loop(lambda number: number < last, one_step, (first,), parallel_iterations=1)

    def run(a_pass, steps):
        source, (first, last) = a_pass.feed, a_pass.take(steps)
        size, whole = source.batch_size, source.length // source.batch_size
        arguments = (source.tensors, a_pass.seed, a_pass.order)
        if first < whole:
            ends = tf.constant(first), tf.constant(min(last, whole))
            loop(*arguments, *ends, size, size, source.transform)
        if last > whole:
            ends = tf.constant(whole), tf.constant(last)
            loop(*arguments, *ends, source.partial_batch_size, size, source.transform)

    return run


def _loop_over_iterator(step):
    """Makes a function of a tf.distribute.DistributedIterator: it runs one step.

    Keras' own function averages the logs of each step over the workers. That is one collective
    operation for each log, along an axis that the logs do not have (keras-team/keras#20585).
    """

    @tf.function(autograph=False)
    def run(iterator):
        step(next(iterator))

    return run


def _part(tensors, seed, order, number, size, batch_size, transform):
    """The part of a batch that belongs to this replica: as `feed.batch`, but fewer examples.

    The parts are as equal as they can be. A part may be empty.
    """
    context = tf.distribute.get_replica_context()
    replica, count = context.replica_id_in_sync_group, context.num_replicas_in_sync
    part = replica * size // count, (replica + 1) * size // count
    batch = feed.batch(tensors, seed, order, number, size, batch_size, transform, part)
    length = None if size % count else size // count
    return tuple(tf.ensure_shape(tensor, (length, *tensor.shape[1:])) for tensor in batch)


def _with_shares(model, batch, size):
    """x, (x, y) or (x, y, weights) of a replica -> x, target, (n, 2) with weights and shares."""
    x, y, weights = (*batch, None, None)[:3]
    return replicas.add_shares(x, model.training_target(x, y), weights, size)
