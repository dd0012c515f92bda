"""pythae's VAE, its trainer and its likelihood, as its users run them."""

import contextlib
import logging
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback

from benchmarks import task, torch_vae

logging.disable(logging.INFO)


class Encoder(BaseEncoder):
    """The task's encoder."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        loc, log_var = self.network(x.flatten(1)).chunk(2, dim=1)
        return ModelOutput(embedding=loc, log_covariance=log_var)


class Decoder(BaseDecoder):
    """The task's decoder; pythae's likelihood wants probabilities."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, z):
        return ModelOutput(reconstruction=torch.sigmoid(self.network(z)))


class Losses(TrainingCallback):
    """Keeps what the trainer logs at the end of an epoch."""

    def on_log(self, training_config, logs, **kwargs):
        self.last = logs["train_epoch_loss"]


def dense(count):
    """Trains the dense VAE by BaseTrainer, without worker processes: they are slower here."""
    x = torch.from_numpy(task.floats(count)).flatten(1)
    data, model, losses = BaseDataset(x, torch.zeros(count)), _vae(), Losses()

    def train(passes):
        with tempfile.TemporaryDirectory() as folder:
            config = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=passes,
                per_device_train_batch_size=task.BATCH,
                learning_rate=task.LEARNING_RATE,
            )
            BaseTrainer(model, data, training_config=config, callbacks=[losses]).train()
        return losses.last

    return train


class EachEpoch(TrainingCallback):
    """Calls a function after each epoch, and ends the training when it returns True."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, training_config, **kwargs):
        if self.function():
            raise TimeoutError


def train_until(encoder, decoder, x, over):
    """Trains the dense VAE on float32 x (n, ...) until `over()`, called after each epoch, is True.

    The networks are trained in place.
    """
    x = torch.from_numpy(x).flatten(1)
    data, model = BaseDataset(x, torch.zeros(len(x))), _vae_of(encoder, decoder)
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(TimeoutError):
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=100_000,
            per_device_train_batch_size=task.BATCH,
            learning_rate=task.LEARNING_RATE,
        )
        BaseTrainer(model, data, training_config=config, callbacks=[EachEpoch(over)]).train()


def likelihood(count):
    """The importance-weighted bound of the untrained dense VAE, with the fastest batch size."""
    model, x = _vae().eval(), torch.from_numpy(task.binary(count)).flatten(1)

    def measure(passes):
        with torch.no_grad():
            return (
                -sum(
                    model.get_nll(x, n_samples=task.SAMPLES, batch_size=500) for _ in range(passes)
                )
                / passes
            )

    return measure


def _vae():
    torch.manual_seed(0)
    return _vae_of(*torch_vae.dense_network())


def _vae_of(encoder, decoder):
    config = VAEConfig(input_dim=(task.PIXELS,), latent_dim=task.LATENT, reconstruction_loss="bce")
    return VAE(config, encoder=Encoder(encoder), decoder=Decoder(decoder))
