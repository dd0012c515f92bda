"""keras_ae's network "mixer" in PyTorch, with the weights of a model of keras_ae."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import task, torch_conv
from benchmarks.ours import SHAPE, vae_of
from benchmarks.torch_vae import training

ROWS, PATCH = 7, 4  # 7 x 7 patches of 4 x 4 pixels


def mixer(count, compiled=False):
    """Trains the twin of keras_ae's VAE of patches."""
    encoder, decoder = twins(vae_of("mixer"))
    return training(encoder, decoder, torch.from_numpy(task.floats(count))[..., 0], compiled)


def mixer_compiled(count):
    """Trains the same through torch.compile."""
    return mixer(count, compiled=True)


class Encoder(nn.Module):
    """(batch, 28, 28) -> (batch, 40)."""

    def __init__(self, features, units):
        super().__init__()
        self.features = nn.Linear(PATCH * PATCH, features)
        self.hidden = nn.Linear(ROWS * ROWS * features, units)
        self.code = nn.Linear(units, 2 * task.LATENT)

    def forward(self, x):
        x = x.unflatten(2, (ROWS, PATCH)).unflatten(1, (ROWS, PATCH))
        x = x.transpose(2, 3).flatten(3).flatten(1, 2)  # (batch, 7, 4, 7, 4) -> (batch, 49, 16)
        h = F.gelu(self.features(x)).flatten(1)
        return self.code(F.gelu(self.hidden(h)))


class Decoder(nn.Module):
    """(batch, 20) -> (batch, 28, 28)."""

    def __init__(self, features, units):
        super().__init__()
        patches = ROWS * ROWS
        self.hidden = nn.Linear(task.LATENT, units)
        self.features = nn.Linear(units, patches * features)
        self.norms = nn.ModuleList(nn.LayerNorm(features, eps=1e-3) for _ in range(2))
        self.move = nn.Sequential(
            nn.Linear(patches, features), nn.GELU(), nn.Linear(features, patches)
        )
        self.change = nn.Sequential(
            nn.Linear(features, 2 * features), nn.GELU(), nn.Linear(2 * features, features)
        )
        self.params = nn.Linear(features, PATCH * PATCH)

    def forward(self, z):
        h = F.gelu(self.features(F.gelu(self.hidden(z))))
        h = h.unflatten(1, (ROWS * ROWS, -1))  # (batch, 49 * f) -> (batch, 49, f)
        h = h + self.move(self.norms[0](h).transpose(1, 2)).transpose(1, 2)
        h = h + self.change(self.norms[1](h))
        h = self.params(h).unflatten(2, (PATCH, PATCH)).unflatten(1, (ROWS, ROWS))
        return h.transpose(2, 3).flatten(3).flatten(1, 2)  # (batch, 7, 7, 4, 4) -> (batch, 28, 28)

    def layers(self):
        """The layers with weights, in keras_ae's order."""
        first = [self.hidden, self.features, self.norms[0], self.move[0], self.move[2]]
        return [*first, self.norms[1], self.change[0], self.change[2], self.params]


def twins(vae):
    """(encoder, decoder) of a model in PyTorch, with its weights.

    Raises:
        AssertionError: the number of weights differs, or an output by more than 1e-4.
    """
    features, units = vae.encoder.weights[0].shape[1], vae.encoder.weights[2].shape[1]
    encoder, decoder = Encoder(features, units), Decoder(features, units)
    _copy(vae.encoder, [encoder.features, encoder.hidden, encoder.code])
    _copy(vae.decoder, decoder.layers())
    torch_conv.compare(encoder, vae.encoder, SHAPE[:2])
    torch_conv.compare(decoder, vae.decoder, (task.LATENT,))
    return encoder, decoder


def _copy(model, layers):
    arrays = [torch.from_numpy(weight.numpy()) for weight in model.weights]
    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    with torch.no_grad():
        for layer, (kernel, bias) in zip(layers, pairs, strict=True):
            # (in, out) -> (out, in); the scale of a LayerNorm stays
            layer.weight.copy_(kernel.T if kernel.ndim == 2 else kernel)
            layer.bias.copy_(bias)
