"""PyTorch's DistributedDataParallel over gloo, on the same cases as scaling.py: prints JSON.

    RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 python -m benchmarks.ddp dense 128

Each process holds its part of the images, and has one core and one thread. The buckets are those of
DDP's defaults. One process trains without DDP.
"""

import json
import os
import statistics
import sys
import time

import numpy as np
import torch
from torch import distributed, nn

from benchmarks import task, torch_vae


class Loss(nn.Module):
    """Encoder, decoder and loss in one module, since DDP wants one: (batch, ...) -> ()."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x):
        return torch_vae.loss_of(self.encoder, self.decoder, x)


def main(network="dense", batch="128", epochs="6", steps="50"):
    """Trains a VAE of 28 x 28 images; prints the microseconds an image, of all processes."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if world > 1:
        distributed.init_process_group("gloo")
    n, batch = int(batch) * int(steps), int(batch)
    x = np.random.default_rng(0).integers(0, 256, (n, 28, 28, 1)).astype("uint8")
    x = torch.from_numpy(x[rank::world]).float() / 255
    model = Loss(*_networks(network))
    x = x.flatten(1) if network == "dense" else x.permute(0, 3, 1, 2)
    if world > 1:
        model = nn.parallel.DistributedDataParallel(model)
    adam = torch.optim.Adam(model.parameters(), lr=task.LEARNING_RATE, fused=True)
    seconds = [_epoch(model, adam, x, batch // world) for _ in range(int(epochs))][1:]
    if rank == 0:
        microseconds = statistics.median(seconds) / n * 1e6
        print(json.dumps({"microseconds_an_image": microseconds, "world": world}))
    if world > 1:
        distributed.destroy_process_group()


def _networks(network):
    if network == "dense":
        return torch_vae.dense_network()
    from benchmarks import torch_conv
    from benchmarks.ours import vae_of

    return torch_conv.twins(vae_of(network))


def _epoch(model, adam, x, batch):
    """Trains on all of x once. Returns the seconds."""
    start = time.perf_counter()
    for rows in torch.randperm(len(x)).split(batch):
        adam.zero_grad(set_to_none=True)
        model(x[rows]).backward()
        adam.step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
