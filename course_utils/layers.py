"""Layers that more than one network uses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Normalize(nn.Module):
    """Subtract a mean and divide by a standard deviation per channel, as a network's first layer.

    Kept inside the network, so that pictures stay in 0..1 everywhere outside it and a stored network cannot be fed
    with somebody else's normalisation.

    Args:
        mean: one value a channel, in the units of the pictures (0..1).
        std: one value a channel, above 0.

    Shapes: (N, C, H, W) in and out.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        if len(mean) != len(std) or not len(mean):
            raise ValueError(f"mean and std must have one value a channel each, got {len(mean)} and {len(std)}")
        if min(std) <= 0:
            raise ValueError(f"std must be above 0 in every channel, got {list(std)}")
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, -1, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images - self.mean) / self.std


def count_parameters(module: nn.Module) -> int:
    """The number of trainable weights of a module, biases and batch norm's scales and shifts included."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@torch.no_grad()
def count_multiply_adds(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply-adds of all convolutions and dense layers in one pass: every weight once for every place it is used.

    Biases, activations and enlargements without weights are not counted, as in the papers on super-resolution. On the
    device "meta" nothing is computed, so that pictures may be large. Derived in notebooks/17_super_resolution.ipynb.

    Args:
        module: the network, on the device of its inputs.
        inputs: what it is given; a batch of N counts N times.
    """
    total = 0

    def look(layer: nn.Module, given: tuple[torch.Tensor, ...], result: torch.Tensor) -> None:
        nonlocal total
        places = given[0] if isinstance(layer, nn.ConvTranspose2d) else result
        total += places.numel() * layer.weight[0].numel()

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    hooks = [layer.register_forward_hook(look) for layer in layers]
    try:
        module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total
