"""classifier_mnist: the classifier that judges how drawn digits look, on grey MNIST.

Run by `keras-ae train classifier_mnist`.
"""

import pathlib
import sys

import keras

import keras_ae
from keras_ae.evaluation import classifiers

EPOCHS, BATCH = 7, 128
folder = sys.argv[1] if len(sys.argv) > 1 else "classifier_mnist"

keras.utils.set_random_seed(1)
(images, labels), (x_test, y_test) = keras_ae.datasets.load("mnist")
images, x_test = images / 255, x_test / 255
train, validation = (images[:55_000], labels[:55_000]), (images[55_000:], labels[55_000:])

model = classifiers.network()
logits = keras.Model(model.inputs, model.get_layer("logits").output)
moving = [
    keras.layers.RandomTranslation(2 / 28, 2 / 28, fill_mode="constant"),
    keras.layers.RandomRotation(10 / 360, fill_mode="constant"),
]
trained = keras.Sequential([keras.Input((28, 28, 1)), *moving, logits])
steps = EPOCHS * -(-len(train[0]) // BATCH)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=3e-3, warmup_steps=500
)
trained.compile(
    keras.optimizers.AdamW(rate, weight_decay=0.01, use_ema=True, ema_momentum=0.998),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
    jit_compile=False,  # XLA is slow on convolutions
)
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras.callbacks.BackupAndRestore(f"{folder}.backup"),
)
trained.fit(
    *train,
    epochs=EPOCHS,
    batch_size=BATCH,
    validation_data=validation,
    validation_batch_size=1000,
    callbacks=[log, backup, keras.callbacks.SwapEMAWeights()],
)

model.set_weights(
    [weight.astype("float16") for weight in model.get_weights()]
)  # stored in half the space
found = model.predict(x_test, batch_size=500, verbose=0).argmax(axis=1)
about = {
    "dataset": "mnist",
    "test_accuracy": 100 * float((found == y_test).mean()),
    "training": log.summary(),
}
classifiers.save(model, pathlib.Path(folder), about)
