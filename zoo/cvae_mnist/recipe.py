"""cvae_mnist: a convolutional VAE that draws the digit asked for, on grey MNIST.

Run by `keras-ae train cvae_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, WARM_UP, BATCH = 40, 5, 128
BETA = 2  # so that what is drawn is more often what was asked for, for about a nat of the bound
folder = sys.argv[1] if len(sys.argv) > 1 else "cvae_mnist"

keras.utils.set_random_seed(1)
(images, labels), _ = keras_ae.datasets.load("mnist")
train, validation = (images[:55_000], labels[:55_000]), (images[55_000:], labels[55_000:])

vae = keras_ae.ConditionalVAE((28, 28, 1), latent_dim=8, network="conv", widths=(16, 32), width=32)
steps = EPOCHS * -(-len(train[0]) // BATCH)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps - 500, warmup_target=2e-3, warmup_steps=500
)
vae.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999))
log, backup = (
    keras_ae.TrainingLog(f"{folder}.log"),
    keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False),
)
callbacks = [
    log,
    keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: vae.beta.assign(BETA * min(1, (epoch + 1) / WARM_UP))
    ),
    keras.callbacks.SwapEMAWeights(),  # validates the averaged weights, which are the final ones
    backup,
]
vae.fit(
    *train,
    epochs=EPOCHS,
    batch_size=BATCH,
    validation_data=validation,
    validation_batch_size=1000,
    callbacks=callbacks,
)

vae.set_weights(
    [weight.astype("float16") for weight in vae.get_weights()]
)  # stored in half the space
metrics = [
    keras_ae.evaluation.accuracy(vae, "mnist"),
    keras_ae.evaluation.negative_elbo(vae, "mnist", binarize_seed=None, n_samples=100),
]
metrics += keras_ae.evaluation.measure_samples(vae, "mnist")
vae.save_to_preset(folder, dataset="mnist", training=log, metrics=metrics)
backup.delete()
