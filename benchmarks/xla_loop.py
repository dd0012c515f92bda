"""A bare TensorFlow training loop: one XLA-compiled step, and no trainer."""

import tensorflow as tf

from benchmarks import task


def dense(count):
    """Trains the dense VAE."""
    x = tf.constant(task.floats(count).reshape(count, task.PIXELS))
    weights = [tf.Variable(w) for w in task.dense_weights()]
    slots = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in weights]
    steps, total, epoch = tf.Variable(0.0), tf.Variable(0.0), tf.Variable(0)

    def mlp(h, layers):
        for i in range(0, len(layers), 2):
            h = h @ layers[i] + layers[i + 1]
            h = tf.nn.relu(h) if i + 2 < len(layers) else h
        return h

    @tf.function(jit_compile=True)
    def step(rows):
        batch = tf.gather(x, rows)
        seed = tf.stack([tf.cast(steps, tf.int32), 0])
        with tf.GradientTape() as tape:
            loc, log_var = tf.split(mlp(batch, weights[:6]), 2, axis=1)
            # Philox: under XLA on CPUs TensorFlow's default generator is many times slower
            noise = tf.random.stateless_normal(tf.shape(loc), seed, alg="philox")
            logits = mlp(loc + tf.exp(0.5 * log_var) * noise, weights[6:])
            reconstruction = tf.reduce_sum(tf.nn.softplus(logits) - batch * logits)
            kl = -0.5 * tf.reduce_sum(1 + log_var - loc**2 - tf.exp(log_var))
            loss = (reconstruction + kl) / len(batch)
        gradients = tape.gradient(loss, weights)
        steps.assign_add(1)
        total.assign_add(loss * len(batch))
        rate = task.LEARNING_RATE * tf.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        for w, g, (m, v) in zip(weights, gradients, slots, strict=True):  # Adam
            m.assign_add((g - m) * 0.1)
            v.assign_add((g**2 - v) * 0.001)
            w.assign_sub(rate * m / (tf.sqrt(v) + 1e-7))

    @tf.function
    def one_pass():
        total.assign(0.0)
        epoch.assign_add(1)
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=tf.stack([0, epoch]))
        full = count // task.BATCH
        for i in tf.range(full):
            step(tf.reshape(order[i * task.BATCH : (i + 1) * task.BATCH], (task.BATCH,)))
        if count % task.BATCH:
            step(order[full * task.BATCH :])

    def train(passes):
        for _ in range(passes):
            one_pass()
        return total.numpy() / count

    return train
