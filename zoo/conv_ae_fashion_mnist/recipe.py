"""conv_ae_fashion_mnist: a convolutional autoencoder with a code of 64 numbers.

Run by `keras-ae train conv_ae_fashion_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, BATCH = 50, 128
folder = sys.argv[1] if len(sys.argv) > 1 else "conv_ae_fashion_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("fashion_mnist")
train, validation = images[:55_000], images[55_000:]

model = keras_ae.AE((28, 28, 1), latent_dim=64, network="conv")
steps = EPOCHS * -(-len(train) // BATCH)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=2e-3, warmup_steps=500
)
model.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999), loss="mse")
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
# The averaged weights are validated, which are the final ones.
callbacks = [
    log,
    keras.callbacks.SwapEMAWeights(),
    keras.callbacks.EarlyStopping(patience=10),
    backup,
]
model.fit(
    train,
    epochs=EPOCHS,
    batch_size=BATCH,
    validation_data=validation,
    validation_batch_size=1000,
    callbacks=callbacks,
)

model.set_weights(
    [weight.astype("float16") for weight in model.get_weights()]
)  # stored in half the space
metrics = [keras_ae.evaluation.mse(model, "fashion_mnist")]
model.save_to_preset(folder, dataset="fashion_mnist", training=log, metrics=metrics)
backup.delete()
