"""Networks that enlarge pictures: SRCNN, VDSR and CARN. Derived in notebooks/17_super_resolution.ipynb.

All of them take the small picture and return the large one. Where the paper's network starts from the bicubic
enlargement, it is made inside. All subtract 0.5 first, which the papers of SRCNN and VDSR do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.datasets.superresolution import enlarge
from course_utils.runtime import check_choice, check_int


class SRCNN(nn.Module):
    """Three convolutions on the bicubic enlargement (Dong et al. 2014, 2016): 9-1-5 first, 9-5-5 for the figures.

    Derived in notebooks/17_super_resolution.ipynb. The paper's 8,032 and 57,184 weights, here with biases beside them.

    Args:
        kernels: sides of the three kernels, odd.
        residual: add the bicubic enlargement to what comes out. The paper does not; VDSR (Kim et al. 2016) does.
        scale: 2 or more.

    Shapes: luminance (N, 1, H, W) to (N, 1, scale H, scale W).
    """

    def __init__(self, kernels: Sequence[int] = (9, 5, 5), residual: bool = False, scale: int = 2):
        super().__init__()
        if len(kernels) != 3 or any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f"kernels must be three odd sides, got {tuple(kernels)}")
        self.residual, self.scale = residual, check_int("scale", scale, 2)
        first, second, third = kernels
        self.extract = nn.Conv2d(1, 64, first, padding="same")
        self.map = nn.Conv2d(64, 32, second, padding="same")
        self.rebuild = nn.Conv2d(32, 1, third, padding="same")
        if residual:
            nn.init.normal_(self.rebuild.weight, std=0.001)
            nn.init.zeros_(self.rebuild.bias)

    def forward(self, small: torch.Tensor) -> torch.Tensor:
        start = enlarge(small, self.scale)
        x = F.relu(self.extract(start - 0.5))  # (N, 64, 2H, 2W)
        x = F.relu(self.map(x))  # (N, 32, 2H, 2W)
        x = self.rebuild(x)
        return x + (start if self.residual else 0.5)


class VDSR(nn.Module):
    """Twenty 3x3 convolutions that predict what the bicubic enlargement lacks (Kim et al. 2016).

    Derived in notebooks/17_super_resolution.ipynb. 664,704 weights at depth 20 and width 64.

    Args:
        depth: convolutions, at least 2.
        width: channels between them.
        scale: 2 or more.

    Shapes: luminance (N, 1, H, W) to (N, 1, scale H, scale W).
    """

    def __init__(self, depth: int = 20, width: int = 64, scale: int = 2):
        super().__init__()
        check_int("depth", depth, 2)
        self.scale = check_int("scale", scale, 2)
        channels = [1, *[check_int("width", width, 1)] * (depth - 1), 1]
        convolutions = [nn.Conv2d(channels[i], channels[i + 1], 3, padding=1) for i in range(depth)]
        for layer in convolutions:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # He et al. 2015, as in the paper
            nn.init.zeros_(layer.bias)
        nn.init.normal_(convolutions[-1].weight, std=0.001)
        layers = [part for layer in convolutions for part in (layer, nn.ReLU())]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, small: torch.Tensor) -> torch.Tensor:
        start = enlarge(small, self.scale)
        return start + self.layers(start - 0.5)


class CARN(nn.Module):
    """Cascading residual network on the small picture, pixel shuffle at its end (Ahn, Kang and Sohn 2018).

    Derived in notebooks/17_super_resolution.ipynb. The paper's network has an enlargement for each of three scales,
    which share the rest: 1,591,939 parameters. With groups=4 and shared=True it is CARN-M.

    Args:
        channels: of the pictures: 3, or 1 for luminance.
        width: channels inside.
        groups: of the 3x3 convolutions; above 1 the residual blocks end in a 1x1 convolution that mixes the groups.
        shared: use one residual block three times in each cascade.
        residual: add the bicubic enlargement to what comes out. The paper does not.
        scales: which enlargements there are, of 2, 3 and 4.

    Shapes: (N, channels, H, W) to (N, channels, scale H, scale W), for the first scale if none is named.
    """

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        groups: int = 1,
        shared: bool = False,
        residual: bool = False,
        scales: Sequence[int] = (2, 3, 4),
    ):
        super().__init__()
        if not scales or any(scale not in (2, 3, 4) for scale in scales):
            raise ValueError(f"scales must be some of 2, 3 and 4, got {tuple(scales)}")
        if width % check_int("groups", groups, 1):
            raise ValueError(f"width must be a multiple of groups, {groups}, got {width}")
        self.scales, self.residual = tuple(scales), residual
        self.entry = nn.Conv2d(channels, width, 3, padding=1)
        self.cascades = nn.ModuleList(Cascade(width, groups, shared) for _ in range(3))
        self.mixes = nn.ModuleList(nn.Conv2d(width * n, width, 1) for n in (2, 3, 4))
        self.enlargements = nn.ModuleDict({str(scale): shuffle(width, scale, groups) for scale in scales})
        self.exit = nn.Conv2d(width, channels, 3, padding=1)
        if residual:
            nn.init.normal_(self.exit.weight, std=0.001)
            nn.init.zeros_(self.exit.bias)

    def forward(self, small: torch.Tensor, scale: int | None = None) -> torch.Tensor:
        scale = self.scales[0] if scale is None else check_choice("scale", scale, self.scales)
        x = cascade(self.entry(small - 0.5), self.cascades, self.mixes)  # (N, width, H, W)
        x = self.exit(self.enlargements[str(scale)](x))  # (N, channels, 2H, 2W)
        return x + (enlarge(small, scale) if self.residual else 0.5)


def cascade(x: torch.Tensor, blocks: Sequence[nn.Module], mixes: Sequence[nn.Module]) -> torch.Tensor:
    """Run blocks one after the other; a 1x1 convolution after each sees the results of all before it.

    Ahn, Kang and Sohn 2018, equation 3. Derived in notebooks/17_super_resolution.ipynb.

    Args:
        x: (N, C, H, W).
        blocks: from C channels to C.
        mixes: as many; the n-th one from C (n + 2) channels to C, n from 0.
    """
    seen = x
    for block, mix in zip(blocks, mixes, strict=True):
        seen = torch.cat([seen, block(x)], dim=1)
        x = F.relu(mix(seen))
    return x


class Cascade(nn.Module):
    """Three residual blocks in a cascade (Ahn, Kang and Sohn 2018). Derived in notebooks/17_super_resolution.ipynb.

    Shapes: (N, width, H, W) in and out.
    """

    def __init__(self, width: int, groups: int = 1, shared: bool = False):
        super().__init__()
        self.blocks = nn.ModuleList(ResidualUnit(width, groups) for _ in range(1 if shared else 3))
        self.mixes = nn.ModuleList(nn.Conv2d(width * n, width, 1) for n in (2, 3, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cascade(x, [*self.blocks] * (3 // len(self.blocks)), self.mixes)


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions and the input added back; in groups, a 1x1 convolution mixes them at the end.

    Without batch norm. Derived in notebooks/17_super_resolution.ipynb.

    Shapes: (N, width, H, W) in and out.
    """

    def __init__(self, width: int, groups: int = 1):
        super().__init__()
        layers = [nn.Conv2d(width, width, 3, padding=1, groups=groups), nn.ReLU()]
        layers.append(nn.Conv2d(width, width, 3, padding=1, groups=groups))
        if groups > 1:
            layers += [nn.ReLU(), nn.Conv2d(width, width, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.layers(x))


def shuffle(width: int, scale: int, groups: int = 1) -> nn.Sequential:
    """An enlargement: a convolution to scale^2 times the channels, then channels become pixels; twice for a scale of 4.

    Shi et al. 2016.
    """
    layers = []
    for step in (2, 2) if scale == 4 else (scale,):
        grown = nn.Conv2d(width, step**2 * width, 3, padding=1, groups=groups)
        layers += [grown, nn.ReLU(), nn.PixelShuffle(step)]
    return nn.Sequential(*layers)
