"""conv_vae_mnist: a convolutional VAE with a flow as its prior.

On MNIST, binarised anew at each use.

Run by `keras-ae train conv_vae_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, WARM_UP, BATCH = 120, 10, 128
folder = sys.argv[1] if len(sys.argv) > 1 else "conv_vae_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("mnist")
train = keras_ae.datasets.binarize_dynamic(images[:55_000], batch_size=BATCH, seed=1)
validation = keras_ae.datasets.binarize(images[55_000:], seed=2)

prior = keras_ae.distributions.RealNVP(40, flows=20, width=256)
vae = keras_ae.VAE(
    (28, 28, 1), 40, network="residual", widths=(32, 48), posterior="diagonal", prior=prior
)
steps = EPOCHS * len(train)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=1e-3, warmup_steps=500
)
vae.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999))
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
callbacks = [
    log,
    keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: vae.beta.assign(min(1, (epoch + 1) / WARM_UP))
    ),
    keras.callbacks.SwapEMAWeights(),  # validates the averaged weights, which are the final ones
    keras.callbacks.EarlyStopping(patience=20, start_from_epoch=WARM_UP),
    backup,
]
vae.fit(
    train,
    epochs=EPOCHS,
    validation_data=validation,
    validation_batch_size=1000,
    callbacks=callbacks,
)

vae.set_weights(
    [weight.astype("float16") for weight in vae.get_weights()]
)  # stored in half the space
metrics = [
    keras_ae.evaluation.nll(vae, "mnist", n_samples=1000, verbose=1, backup=f"{folder}.nll.npz"),
    keras_ae.evaluation.negative_elbo(vae, "mnist"),
]
metrics += keras_ae.evaluation.measure_samples(vae, "mnist")
vae.save_to_preset(folder, dataset="mnist", training=log, metrics=metrics)
backup.delete()
