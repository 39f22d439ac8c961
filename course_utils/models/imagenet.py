"""Features that were learned on ImageNet, from torchvision's weights, without the classifiers.

SqueezeNet 1.0 (Iandola et al. 2016): 1.2 million weights, 5 MB, small enough to be fetched and run on a laptop. VGG-19
(Simonyan and Zisserman 2015): 20 million in its convolutions, the network of Gatys's style transfer. First used in
notebooks/08_transfer_learning.ipynb and notebooks/16_style_transfer.ipynb.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import SqueezeNet1_0_Weights, VGG19_Weights, squeezenet1_0

from course_utils import runtime
from course_utils.layers import Normalize

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of the training pictures, in 0..1, as torchvision rounds them
IMAGENET_STD = (0.229, 0.224, 0.225)
FILES = "squeezenet1_0*.pth"
VGG_FILES = "vgg19-*.pth"
_VGG_STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels, convolutions
_SQUEEZENET_LAYERS = ("conv1", "relu1", "pool1", "fire2", "fire3", "fire4", "pool4")
_SQUEEZENET_LAYERS += ("fire5", "fire6", "fire7", "fire8", "pool8", "fire9")


def squeezenet(path: Path | str | None = None) -> nn.Module:
    """torchvision's SqueezeNet 1.0 with its ImageNet weights, in evaluation mode.

    Args:
        path: a file with its state; if None, a file squeezenet1_0*.pth in `runtime.data_dir()` or in its folder
            weights, and where there is none, torchvision's own weights, which are downloaded once (not at the quick
            tier).

    Shapes: (N, 3, H, W), normalised with ImageNet's mean and standard deviation, to logits (N, 1000).

    Raises:
        RuntimeError: the file is missing, damaged or another network's, or the download failed; it says what to do.
    """
    path = _stored(FILES) if path is None else Path(path)
    if path is None:
        weights = SqueezeNet1_0_Weights.IMAGENET1K_V1
        return _download(lambda: squeezenet1_0(weights=weights), "SqueezeNet", weights.url, FILES, "5 MB").eval()
    model = squeezenet1_0()
    _read(path, "SqueezeNet 1.0", model.load_state_dict)
    return model.eval()


def squeezenet_layers(path: Path | str | None = None) -> nn.Sequential:
    """SqueezeNet's convolutional part, each layer under its name in the paper, behind ImageNet's normalisation.

    Names: normalize, conv1, relu1, pool1, fire2 to fire4, pool4, fire5 to fire8, pool8, fire9.

    Args:
        path: as for `squeezenet`; errors as there.

    Shapes: (N, 3, H, W) in 0..1, sides of 21 or more, to (N, 512, about H / 16, about W / 16).
    """
    layers = OrderedDict(normalize=Normalize(IMAGENET_MEAN, IMAGENET_STD))
    layers.update(zip(_SQUEEZENET_LAYERS, squeezenet(path).features, strict=True))
    return nn.Sequential(layers).eval()


def vgg19_layers(path: Path | str | None = None) -> nn.Sequential:
    """The convolutional part of VGG-19, each layer under its name in the paper, behind ImageNet's normalisation.

    Names: normalize, then conv1_1, relu1_1, conv1_2, relu1_2, pool1, and so on to conv5_4, relu5_4, pool5.

    Args:
        path: a file with torchvision's state of VGG-19, of which the convolutions are taken; if None, a file
            vgg19-*.pth in `runtime.data_dir()` or in its folder weights, and where there is none, torchvision's own,
            downloaded once (548 MB; not at the quick tier).

    Shapes: (N, 3, H, W) in 0..1, sides of 32 or more, to (N, 512, H / 32, W / 32).

    Raises:
        RuntimeError: the file is missing, damaged or another network's, or the download failed; it says what to do.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width = 3
    for stage, (channels, count) in enumerate(_VGG_STAGES, start=1):
        for number in range(1, count + 1):
            layers[f"conv{stage}_{number}"] = nn.Conv2d(width, channels, 3, padding=1)
            layers[f"relu{stage}_{number}"] = nn.ReLU()
            width = channels
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    net, names = nn.Sequential(layers), list(layers)

    def fill(state: dict[str, torch.Tensor]) -> None:
        parts = [(key.split("."), value) for key, value in state.items() if key.startswith("features.")]
        net.load_state_dict({f"{names[int(place)]}.{kind}": value for (_, place, kind), value in parts})

    path = _stored(VGG_FILES) if path is None else Path(path)
    if path is None:
        weights = VGG19_Weights.IMAGENET1K_V1
        fill(_download(lambda: weights.get_state_dict(check_hash=True), "VGG-19", weights.url, VGG_FILES, "548 MB"))
    else:
        _read(path, "VGG-19", fill)
    return nn.Sequential(OrderedDict(normalize=Normalize(IMAGENET_MEAN, IMAGENET_STD)) | layers).eval()


def _stored(files: str) -> Path | None:
    """The first file of that pattern in the data folder, or in its folder weights."""
    found = [path for folder in (".", "weights") for path in sorted((runtime.data_dir() / folder).glob(files))]
    return found[0] if found else None


def _read(path: Path, network: str, fill: Callable[[Any], Any]) -> None:
    """Hand a file's state to `fill`, which refuses what does not fit."""
    try:
        fill(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError as error:
        raise RuntimeError(f"{path} is missing. Give another path, or none to download the weights.") from error
    except Exception as error:  # a damaged zip or pickle can raise nearly anything
        size = path.stat().st_size if path.is_file() else 0
        raise RuntimeError(
            f"{path} ({size:,} bytes) does not hold the weights of {network}: {error}. Delete it and run again."
        ) from error


def _download(fetch: Callable[[], Any], network: str, url: str, files: str, size: str) -> Any:
    """What `fetch` downloads; not at the quick tier."""
    if runtime.tier() == "quick":
        raise RuntimeError(
            f"no file {files} in {runtime.data_dir()}, and the quick tier downloads nothing. Set COURSE_TIER=laptop to "
            f"download it ({size})."
        )
    try:
        return fetch()
    except Exception as error:  # URLError offline, RuntimeError from a checksum
        raise RuntimeError(
            f"{network}'s weights could not be downloaded from {url} ({type(error).__name__}: {error}). Check "
            f"the network, or put the file into {runtime.data_dir()}."
        ) from error


class ImageNetFeatures(nn.Module):
    """SqueezeNet's last maps: a picture is scaled up, normalised as ImageNet's were, and sent through all its layers.

    The mean over all places gives 512 numbers a picture.

    Args:
        size: side in pixels to which pictures are scaled, at least 32; the network learned on 224.
        path: as for `squeezenet`.

    Shapes: (N, 3, H, W) in 0..1 to (N, 512, size / 16, size / 16), a little less at the border.
    """

    def __init__(self, size: int = 128, path: Path | str | None = None):
        super().__init__()
        self.size = runtime.check_int("size", size, 32)
        self.normalize = Normalize(IMAGENET_MEAN, IMAGENET_STD)
        self.features = squeezenet(path).features
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        large = F.interpolate(images, (self.size, self.size), mode="bilinear", align_corners=False)
        return self.features(self.normalize(large))
