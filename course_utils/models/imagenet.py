"""Features that were learned on ImageNet: torchvision's SqueezeNet 1.0 (Iandola et al. 2016) without its classifier.

1.2 million weights, 5 MB: small enough to be fetched and run on a laptop. First used in
notebooks/08_transfer_learning.ipynb.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import SqueezeNet1_0_Weights, squeezenet1_0

from course_utils import runtime
from course_utils.layers import Normalize

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of the training pictures, in 0..1, as torchvision rounds them
IMAGENET_STD = (0.229, 0.224, 0.225)
FILES = "squeezenet1_0*.pth"


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
    if path is None:
        found = [p for folder in (".", "weights") for p in sorted((runtime.data_dir() / folder).glob(FILES))]
        path = found[0] if found else None
    if path is None:
        return _download().eval()
    path = Path(path)
    model = squeezenet1_0()
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError as error:
        raise RuntimeError(f"{path} is missing. Give another path, or none to download the weights.") from error
    except Exception as error:  # a damaged zip or pickle can raise nearly anything
        size = path.stat().st_size if path.is_file() else 0
        raise RuntimeError(
            f"{path} ({size:,} bytes) does not hold the weights of SqueezeNet 1.0: {error}. Delete it and run again."
        ) from error
    return model.eval()


def _download() -> nn.Module:
    weights = SqueezeNet1_0_Weights.IMAGENET1K_V1
    if runtime.tier() == "quick":
        raise RuntimeError(
            f"no file {FILES} in {runtime.data_dir()}, and the quick tier downloads nothing. Set COURSE_TIER=laptop to "
            "download it (5 MB)."
        )
    try:
        return squeezenet1_0(weights=weights)
    except Exception as error:  # URLError offline, RuntimeError from a checksum
        raise RuntimeError(
            f"SqueezeNet's weights could not be downloaded from {weights.url} ({type(error).__name__}: {error}). Check "
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
