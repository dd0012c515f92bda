"""conv_dae_mnist: a convolutional denoising autoencoder, for Gaussian noise of scale 0.5.

Run by `keras-ae train conv_dae_mnist`.
"""

import sys

import keras

import keras_ae

ROUNDS = (
    (18, 2e-3),
    (6, 1e-3),
)  # epochs and the highest rate; the second round starts where the first has ended
BATCH = 128
folder = sys.argv[1] if len(sys.argv) > 1 else "conv_dae_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("mnist")
train, validation = images[:55_000], images[55_000:]

model = keras_ae.DAE((28, 28, 1), latent_dim=96, network="conv", widths=(64, 128))
log, backups, done = keras_ae.TrainingLog(f"{folder}.log"), [], 0
for epochs, highest in ROUNDS:
    steps = epochs * -(-len(train) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - 500, warmup_target=highest, warmup_steps=500
    )
    model.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.99), metrics=["mse"])
    backups.append(
        keras_ae.BackupAndRestore(f"{folder}.backup{len(backups)}", delete_checkpoint=False)
    )
    # The averaged weights are validated, which are the final ones.
    callbacks = [
        log,
        keras.callbacks.SwapEMAWeights(),
        keras.callbacks.EarlyStopping(patience=10),
        backups[-1],
    ]
    data = {"validation_data": validation, "validation_batch_size": 1000, "batch_size": BATCH}
    model.fit(train, initial_epoch=done, epochs=done + epochs, callbacks=callbacks, **data)
    done += epochs

model.set_weights(
    [weight.astype("float16") for weight in model.get_weights()]
)  # stored in half the space
metrics = [keras_ae.evaluation.psnr(model, "mnist")]
model.save_to_preset(folder, dataset="mnist", training=log, metrics=metrics)
for backup in backups:
    backup.delete()
