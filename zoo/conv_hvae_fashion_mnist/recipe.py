"""conv_hvae_fashion_mnist: a convolutional hierarchy of a vector and three maps.

On Fashion-MNIST, binarised anew at each use; a flow is the prior of the vector.

Run by `keras-ae train conv_hvae_fashion_mnist`.
"""

import sys

import keras

import keras_ae

EPOCHS, BATCH = 70, 128
folder = sys.argv[1] if len(sys.argv) > 1 else "conv_hvae_fashion_mnist"

keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("fashion_mnist")
train = keras_ae.datasets.binarize_dynamic(images[:58_000], batch_size=BATCH, seed=1)
validation = keras_ae.datasets.binarize(images[58_000:], seed=2)

epoch = len(train)
free = keras_ae.schedules.WarmUp(15 * epoch, start=0.5, end=0.0)
vae = keras_ae.HVAE(
    (28, 28, 1),
    latent_dim=(40, (4, 4, 8), (7, 7, 4), (7, 7, 4)),
    prior=keras_ae.distributions.RealNVP(40, flows=12, width=256),
    posterior="full",
    beta=keras_ae.schedules.WarmUp(10 * epoch),
    objective=keras_ae.objectives.FreeBits(free),
)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, EPOCHS * epoch - 1000, warmup_target=1e-3, warmup_steps=1000
)
vae.compile(keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999, global_clipnorm=200.0))
log = keras_ae.TrainingLog(f"{folder}.log")
backup = keras_ae.BackupAndRestore(f"{folder}.backup", delete_checkpoint=False)
callbacks = [
    log,
    keras.callbacks.SwapEMAWeights(),  # validates the averaged weights, which are the final ones
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
    keras_ae.evaluation.nll(
        vae, "fashion_mnist", n_samples=500, verbose=1, backup=f"{folder}.nll.npz"
    ),
    keras_ae.evaluation.negative_elbo(vae, "fashion_mnist"),
]
metrics += keras_ae.evaluation.measure_samples(vae, "fashion_mnist")
vae.save_to_preset(folder, dataset="fashion_mnist", training=log, metrics=metrics)
backup.delete()
