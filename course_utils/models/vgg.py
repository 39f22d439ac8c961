"""A small network in VGG's manner (Simonyan and Zisserman 2015): 3x3 convolutions, max pooling, one dense layer.

It is the course's pretrained backbone (data/weights/backbone.json), first used in notebooks/08_transfer_learning.ipynb.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from course_utils.layers import Normalize
from course_utils.runtime import check_int

CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)  # of the training pictures, in 0..1
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


class SmallVGG(nn.Module):
    """A stem, stages of two 3x3 convolutions with batch norm and ReLU, the mean over all pixels, one dense layer.

    Every stage halves the resolution behind its first convolution, so that its second one, and the widening of the next
    stage, cost a quarter. Each layer of `features` has a name by which its output can be picked: `normalize`, `conv0`,
    `bn0`, `relu0`, then, in stage s, `conv{s}_1`, `pool{s}`, `bn{s}_1`, `relu{s}_1`, `conv{s}_2`, `bn{s}_2` and
    `relu{s}_2`.

    Args:
        num_classes: outputs.
        channels: of the stem, then of each stage.

    Shapes: (N, 3, H, W) in 0..1, sides of 2 to the number of stages or more, to logits (N, num_classes).
    """

    def __init__(self, num_classes: int = 10, channels: Sequence[int] = (64, 128, 256, 256)):
        super().__init__()
        check_int("num_classes", num_classes, 1)
        if len(channels) < 2:
            raise ValueError(f"channels must name the stem and at least one stage, got {tuple(channels)}")
        for width in channels:
            check_int("channels", width, 1)
        layers: OrderedDict[str, nn.Module] = OrderedDict(normalize=Normalize(CIFAR10_MEAN, CIFAR10_STD))

        def convolution(place: str, in_channels: int, out_channels: int, pool: str | None = None) -> None:
            layers[f"conv{place}"] = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
            if pool is not None:
                layers[pool] = nn.MaxPool2d(2)
            layers[f"bn{place}"] = nn.BatchNorm2d(out_channels)
            layers[f"relu{place}"] = nn.ReLU()

        convolution("0", 3, channels[0])
        for stage, (before, width) in enumerate(pairwise(channels), start=1):
            convolution(f"{stage}_1", before, width, pool=f"pool{stage}")
            convolution(f"{stage}_2", width, width)
        self.features = nn.Sequential(layers)
        self.head = nn.Linear(channels[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.features(images)  # (N, channels[-1], H / 2^stages, W / 2^stages)
        return self.head(x.mean(dim=(2, 3)))


def backbone(pretrained: bool = True) -> SmallVGG:
    """The course's backbone, in evaluation mode, with the weights trained on CIFAR-10 unless `pretrained` is False.

    Raises:
        FileNotFoundError: weights or card are missing; it names the file and both remedies.
        RuntimeError: the weights are damaged, or another network's.
    """
    model = SmallVGG()
    if pretrained:
        from course_utils import weights

        try:
            weights.load(model, "backbone")
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error}. Or train it anew, minutes on a GPU: make backbone TIER=gpu") from error
    return model.eval()
