"""keras_ae's convolutional network in PyTorch, layer by layer, in the channels_last memory format.

The layers are read from the Keras models, so that the twin follows a change of the default network.
An unknown kind of layer is an error. The twin starts from the same weights, and its outputs are
compared before anything is timed.
"""

import itertools

import keras
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import task
from benchmarks.ours import SHAPE, vae_of
from benchmarks.torch_vae import training


def conv(count):
    """Trains the twin of keras_ae's default convolutional VAE."""
    encoder, decoder = twins(vae_of("conv"))
    x = torch.from_numpy(task.floats(count)).permute(
        0, 3, 1, 2
    )  # (count, h, w, 1) -> (count, 1, h, w), the same memory
    return training(encoder, decoder, x)


def twins(vae):
    """(encoder, decoder) of a model in PyTorch, with its weights.

    Raises:
        AssertionError: the number of weights differs, or an output by more than 1e-4.
    """
    pairs = []
    for model, shape in ((vae.encoder, SHAPE), (vae.decoder, (task.LATENT,))):
        twin = nn.Sequential(*_modules(_chain(model)))
        compare(twin, model, shape)
        pairs.append(twin)
    return pairs


def compare(twin, model, shape):
    """Raises an AssertionError where the twin of a Keras model is none.

    shape: of one input of the twin, (height, width, channels) for one that takes (channels, ...).
    """
    x = np.random.default_rng(0).random((8, *shape), dtype="float32")
    x_of_torch = torch.from_numpy(x)
    with torch.no_grad():
        y = twin(x_of_torch.permute(0, 3, 1, 2) if len(shape) == 3 else x_of_torch).numpy()
    y = y.transpose(0, 2, 3, 1) if y.ndim == 4 else y
    assert sum(p.numel() for p in twin.parameters()) == model.count_params(), (
        "the twin has another number of weights"
    )
    expected = model(x.reshape(8, *model.input_shape[1:])).numpy()
    assert np.abs(y.reshape(expected.shape) - expected).max() < 1e-4, "the twin gives other outputs"


def _chain(model):
    """The layers of a model without branches, in order."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    for before, after in itertools.pairwise(layers):
        assert after.input is before.output, (
            f"{after.name} does not follow {before.name}: "
            "a network with branches needs a twin of its own"
        )
    return layers


def _modules(layers):
    """A module per layer.

    BiasGelu becomes the bias of the layer before it and a GELU, as a user of PyTorch writes it.
    """
    for layer, after in itertools.zip_longest(layers, layers[1:]):
        if type(layer).__name__ == "BiasGelu":
            yield nn.GELU()
        else:
            yield _twin_of(layer, after if type(after).__name__ == "BiasGelu" else layer)


def _twin_of(layer, owner_of_bias):
    kind = type(layer).__name__
    if kind == "Dense":
        n_in, n_out = layer.kernel.shape
        return _with_weights(nn.Linear(n_in, n_out), layer, (1, 0), owner_of_bias)
    if kind in ("Conv2D", "Conv2DTranspose"):
        return _convolution(layer, kind, owner_of_bias)
    if kind in _WITHOUT_WEIGHTS:
        return _WITHOUT_WEIGHTS[kind](layer)
    raise NotImplementedError(f"no twin of the layer {kind} is known")


def _with_weights(module, layer, axes, owner_of_bias):
    """The module with the layer's weights (axes reordered), followed by its activation."""
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(layer.kernel.numpy().transpose(axes)))
        if module.bias is not None:
            module.bias.copy_(torch.from_numpy(owner_of_bias.bias.numpy()))
    if isinstance(module, nn.Conv2d):
        module = module.to(memory_format=torch.channels_last)
    activation = _ACTIVATIONS[keras.activations.serialize(layer.activation)]
    return nn.Sequential(module, activation()) if activation else module


def _convolution(layer, kind, owner_of_bias):
    size, stride = layer.kernel.shape[0], layer.strides[0]
    assert kind == "Conv2D" and layer.kernel.shape[0] == layer.kernel.shape[1], (
        "no twin of such a convolution is known"
    )
    n_in, n_out = layer.kernel.shape[2], layer.filters
    before, after = (
        (0, 0) if layer.padding == "valid" else _same_padding(layer.input.shape[1], size, stride)
    )
    module = nn.Conv2d(
        n_in, n_out, size, stride, padding=min(before, after), bias=owner_of_bias.bias is not None
    )
    module = _with_weights(
        module, layer, (3, 2, 0, 1), owner_of_bias
    )  # (h, w, in, out) -> (out, in, h, w)
    return (
        module
        if before == after
        else nn.Sequential(nn.ZeroPad2d((0, after - before, 0, after - before)), module)
    )


def _same_padding(length, size, stride):
    """Rows that "same" puts before and after: all that is needed, the odd one after."""
    total = max((-(-length // stride) - 1) * stride + size - length, 0)
    return total // 2, total - total // 2


class _Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function


def _flatten(layer):
    # Keras' order, and in channels_last memory a view
    return _Lambda(lambda x: x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x)


def _reshape(layer):
    shape = layer.target_shape
    return _Lambda(
        lambda x: (
            x.unflatten(1, shape).permute(0, 3, 1, 2)
            if len(shape) == 3
            else x.flatten(1).unflatten(1, shape)
        )
    )


def _depth_to_space(layer):
    def shuffle(x):
        x = (
            x.permute(0, 2, 3, 1).unflatten(3, (2, 2, -1)).transpose(2, 3)
        )  # (b, 4c, h, w) -> (b, h, 2, w, 2, c)
        return x.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)  # -> (b, c, 2h, 2w)

    return _Lambda(shuffle)


def _cropping(layer):
    (top, bottom), (left, right) = layer.cropping
    return _Lambda(lambda x: x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right])


def _gate(layer):
    return _Lambda(lambda x: F.glu(x, 1))


_ACTIVATIONS = {
    "linear": None,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "elu": nn.ELU,
}
_WITHOUT_WEIGHTS = {
    "Flatten": _flatten,
    "Reshape": _reshape,
    "DepthToSpace": _depth_to_space,
    "Cropping2D": _cropping,
    "GatedLinearUnit": _gate,
    "Activation": lambda layer: _ACTIVATIONS[keras.activations.serialize(layer.activation)](),
}
