"""classifiers: small networks that judge how drawn digits and clothes look.

Run by `keras-ae train classifiers`.

It trains on moved images first, then for two more epochs on batches in which a part is spoiled:
noisy, blurred, faded, or two images in one. The more an image is spoiled, the flatter is its label,
so that the classifier is not sure of what is no digit. With Fashion-MNIST it does both three times.
"""

import pathlib
import shutil
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_ae
from keras_ae.evaluation import classifiers

BATCH, CLEAN, NOISY, MIXED, FADED = 128, 72, 24, 16, 16
EPOCHS, MORE, ROUNDS = {"mnist": 7, "fashion_mnist": 16}, 2, {"mnist": 1, "fashion_mnist": 3}
MOVES = {
    "mnist": keras.layers.RandomRotation(10 / 360, fill_mode="constant"),
    "fashion_mnist": keras.layers.RandomFlip("horizontal"),
}
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "classifiers")


def spoiled(x, y):
    """A batch of images (n, 28, 28, 1) and one-hot labels (n, 10), some of them spoiled."""
    clean, noisy, mixed, faded = tf.split(x, [CLEAN, NOISY, MIXED, FADED])
    labels = tf.split(y, [CLEAN, NOISY, MIXED, FADED])
    scale = tf.random.uniform((NOISY, 1, 1, 1), 0.0, 0.8)
    noisy = tf.clip_by_value(noisy + scale * tf.random.normal(noisy.shape), 0.0, 1.0)
    labels[1] = flatter(labels[1], (scale - 0.15) / 0.45)
    share = tf.random.uniform((MIXED, 1, 1, 1))
    mixed = share * mixed + (1 - share) * clean[:MIXED]
    labels[2] = share[..., 0, 0] * labels[2] + (1 - share[..., 0, 0]) * labels[0][:MIXED]
    contrast = tf.random.uniform((FADED, 1, 1, 1))
    width = tf.random.uniform((), 0.3, 3.0)
    faded = contrast**0.5 * blurred(faded, width)
    flat = tf.maximum((0.5 - contrast**0.5) / 0.4, (width - 0.8) / 1.2)
    labels[3] = flatter(labels[3], flat)
    return tf.concat([clean, noisy, mixed, faded], 0), tf.concat(labels, 0)


def flatter(labels, by):
    """Labels from one-hot, by = 0 and below, to uniform, by = 1 and above: (n, 10)."""
    by = tf.clip_by_value(by[..., 0, 0], 0.0, 1.0)  # (n, 1, 1, 1) -> (n, 1)
    return (1 - by) * labels + by / 10


def blurred(images, width):
    """Images under a Gaussian of this standard deviation, in pixels."""
    kernel = tf.nn.softmax(-(tf.range(-6.0, 7.0) ** 2) / (2 * width**2))
    images = tf.nn.conv2d(images, tf.reshape(kernel, (13, 1, 1, 1)), 1, "SAME")
    return tf.nn.conv2d(images, tf.reshape(kernel, (1, 13, 1, 1)), 1, "SAME")


def moved(name):
    """Layers that shift images, and rotate or flip them, at random."""
    shift = keras.layers.RandomTranslation(2 / 28, 2 / 28, fill_mode="constant")
    return keras.Sequential([keras.Input(classifiers.SHAPE), shift, MOVES[name]])


def fit(model, data, validation, phase, epochs, rate, momentum):
    """Trains a model that gives logits, or goes on with it. Returns the log's summary."""
    steps = epochs * 430
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 6, warmup_target=rate, warmup_steps=steps // 6
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01, use_ema=True, ema_momentum=momentum),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA is slow on convolutions
    )
    log = keras_ae.TrainingLog(f"{folder}.{phase}.log")
    backup = keras.callbacks.BackupAndRestore(f"{folder}.{phase}.backup", delete_checkpoint=False)
    model.fit(
        data,
        epochs=epochs,
        shuffle=False,  # the data set shuffles
        validation_data=validation,
        validation_batch_size=1000,
        callbacks=[log, backup, keras.callbacks.SwapEMAWeights()],
    )
    return log.summary()


def train(name):
    """Trains the classifier of a data set, or goes on with it, and saves it."""
    keras.utils.set_random_seed(1)
    (images, classes), (x_test, y_test) = keras_ae.datasets.load(name)
    images, labels = images / np.float32(255), np.eye(10, dtype="float32")[classes]
    validation = images[55_000:], labels[55_000:]
    plain = tf.data.Dataset.from_tensor_slices((images[:55_000], labels[:55_000]))
    plain = plain.shuffle(55_000).batch(BATCH, drop_remainder=True)
    moves = moved(name)
    harder = plain.map(lambda x, y: spoiled(moves(x, training=True), y)).prefetch(2)

    model = classifiers.network()
    logits = keras.Model(model.inputs, model.get_layer("logits").output)
    first = keras.Sequential([keras.Input(classifiers.SHAPE), *moved(name).layers, logits])
    training = []
    for i in range(1, ROUNDS[name] + 1):
        training += [
            fit(first, plain, validation, f"{name}.{i}", EPOCHS[name], rate=3e-3, momentum=0.998),
            fit(logits, harder, validation, f"{name}.{i}.more", MORE, rate=1e-3, momentum=0.99),
        ]
    model.set_weights([weight.astype("float16") for weight in model.get_weights()])
    found = model.predict(x_test / 255, batch_size=500, verbose=0).argmax(axis=1)
    about = {"test_accuracy": 100 * float(np.mean(found == y_test)), "training": training}
    classifiers.save(model, folder, name, about)
    for backup in folder.parent.glob(f"{folder.name}.{name}.*.backup"):
        shutil.rmtree(backup)


for name in EPOCHS:
    train(name)
