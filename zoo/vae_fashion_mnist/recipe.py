"""vae_fashion_mnist: a gated dense VAE with a flow as its prior.

On Fashion-MNIST, binarised anew at each use.

Run by `keras-ae train vae_fashion_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, WARM_UP, BATCH = 150, 20, 256
folder = sys.argv[1] if len(sys.argv) > 1 else "vae_fashion_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("fashion_mnist")
train = keras_ae.datasets.binarize_dynamic(images[:58_000], batch_size=BATCH, seed=1)
validation = keras_ae.datasets.binarize(images[58_000:], seed=2)

vae = keras_ae.VAE(
    (28, 28, 1), latent_dim=40, widths=(300, 300), activation="glu", prior="flow", posterior="full"
)
steps = EPOCHS * len(train)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=2e-3, warmup_steps=500
)
vae.compile(keras.optimizers.AdamW(rate, weight_decay=0.05, use_ema=True, ema_momentum=0.999))
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
    keras_ae.evaluation.nll(vae, "fashion_mnist", n_samples=1000, verbose=1),
    keras_ae.evaluation.negative_elbo(vae, "fashion_mnist"),
]
metrics += keras_ae.evaluation.measure_samples(vae, "fashion_mnist")
vae.save_to_preset(folder, dataset="fashion_mnist", training=log, metrics=metrics)
backup.delete()
