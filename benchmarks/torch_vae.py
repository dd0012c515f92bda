"""The VAEs in PyTorch, as a good user writes them: data in one tensor, no DataLoader."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import task


def dense(count, compiled=False):
    """Trains the dense VAE."""
    encoder, decoder = dense_network()
    return training(encoder, decoder, torch.from_numpy(task.floats(count)).flatten(1), compiled)


def dense_compiled(count):
    """Trains the dense VAE through torch.compile."""
    return dense(count, compiled=True)


def dense_network():
    """(encoder, decoder): (batch, 784) -> (batch, 40), (batch, 20) -> (batch, 784)."""
    return (
        _mlp(task.PIXELS, *task.WIDTHS, 2 * task.LATENT),
        _mlp(task.LATENT, *task.WIDTHS[::-1], task.PIXELS),
    )


def _mlp(*sizes):
    layers = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        nn.init.xavier_uniform_(
            layers[-2].weight
        )  # Keras' start, so that the losses can be compared
        nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])


def loss_of(encoder, decoder, x):
    """Minus the evidence lower bound, the mean over the batch: x (batch, ...) in [0, 1]."""
    loc, log_var = encoder(x).chunk(2, dim=1)
    z = loc + torch.exp(0.5 * log_var) * torch.randn_like(loc)
    reconstruction = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_var - loc.square() - log_var.exp())
    return (reconstruction + kl) / len(x)


def training(encoder, decoder, x, compiled=False):
    """A function of the number of passes. It trains on x and returns the loss of the last pass.

    x: (count, ...), in [0, 1].
    """
    one_pass = one_pass_of(encoder, decoder, compiled)

    def train(passes):
        for _ in range(passes):
            loss = one_pass(x)
        return loss.item()

    return train


def one_pass_of(encoder, decoder, compiled=False):
    """A function of x. It trains on all of x once and returns the mean loss, a tensor ()."""
    torch.manual_seed(0)
    # fused: one kernel for all weights; the fastest of PyTorch's three Adams here
    optimizer = torch.optim.Adam(
        [*encoder.parameters(), *decoder.parameters()], lr=task.LEARNING_RATE, fused=True
    )
    loss_function = torch.compile(loss_of) if compiled else loss_of

    def one_pass(x):
        total = torch.zeros(())
        for rows in torch.randperm(len(x)).split(task.BATCH):
            batch = x[rows]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_function(encoder, decoder, batch)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        return total / len(x)

    return one_pass
