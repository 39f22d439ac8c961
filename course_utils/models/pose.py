"""Human pose: joints as heat maps, the stacked hourglass, and whose joint is whose.

Keypoints are (N, P, K, 3): N pictures, up to P people, K joints; x and y in pixels (edges counted from 0, so that the
middle of the first pixel is at 0.5), and visibility, 0 where there is no such joint or no such person. A network gives
maps at a `stride`: the middle of cell (row i, column j) is the pixel place ((j + 0.5) * stride, (i + 0.5) * stride).
Limbs are pairs of joints (start, end), root first: a joint is the end of at most one limb, and of that limb before it
is the start of another.

Derived in notebooks/18_pose_estimation.ipynb.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.models.yolo import Encoder
from course_utils.runtime import check_int

Limbs = Sequence[tuple[int, int]]


def _check_keypoints(keypoints: torch.Tensor) -> None:
    if keypoints.ndim != 4 or keypoints.shape[3] != 3:
        raise ValueError(f"keypoints must have the shape (N, P, K, 3), got {tuple(keypoints.shape)}")


def _check_grid(size: int, stride: int) -> None:
    check_int("stride", stride, 1)
    check_int("size", size, 3 * stride)
    if size % stride:
        raise ValueError(f"size must be a multiple of stride, {stride}, got {size}")


def _check_limbs(limbs: Limbs, joints: int) -> None:
    ends: set[int] = set()
    starts: set[int] = set()
    for a, b in limbs:
        if not (0 <= a < joints and 0 <= b < joints) or a == b:
            raise ValueError(f"limbs must be pairs of different joints from 0 to {joints - 1}, got {(a, b)}")
        if b in ends or b in starts:
            raise ValueError(
                f"limbs must form a tree, root first: joint {b} of {(a, b)} is the start or the end of an earlier limb"
            )
        starts.add(a)
        ends.add(b)


# --- a joint as a heat map -----------------------------------------------------------------------------------------


def present(keypoints: torch.Tensor, size: int) -> torch.Tensor:
    """Which joints exist and lie in the picture, hidden ones included: (..., 3) to bool (...).

    Derived in notebooks/18_pose_estimation.ipynb.
    """
    x, y, visibility = keypoints.unbind(dim=-1)
    return (visibility > 0) & (0 <= x) & (x < size) & (0 <= y) & (y < size)


def heat_maps(keypoints: torch.Tensor, size: int, stride: int = 4, sigma: float = 1.0) -> torch.Tensor:
    """One map a joint: a Gaussian bump of height 1 at each person's joint; where bumps overlap, the higher one counts.

    The maximum, not the sum, keeps two near joints two peaks (Cao et al. 2017, equation 7). Derived in
    notebooks/18_pose_estimation.ipynb.

    Args:
        keypoints: (N, P, K, 3).
        size: side of the pictures in pixels, a multiple of stride.
        stride: pixels a cell.
        sigma: of the Gaussian, in cells, at least 0.5: narrower ones fall between the cells.

    Returns:
        (N, K, size / stride, size / stride), 0..1.

    Raises:
        ValueError: a shape, size or sigma that does not fit.
    """
    _check_keypoints(keypoints)
    _check_grid(size, stride)
    if not sigma >= 0.5:
        raise ValueError(f"sigma must be at least 0.5 cells, got {sigma!r}")
    steps = torch.arange(size // stride, device=keypoints.device)
    there = present(keypoints, size)[..., None]
    away = keypoints[..., :2, None] / stride - 0.5 - steps  # (N, P, K, 2, W): cells from the joint, across and down
    across, down = torch.exp(-(away**2) / (2 * sigma**2)).unbind(dim=3)  # a Gaussian of two variables is a product
    return (down[..., :, None] * (across * there)[..., None, :]).amax(dim=1)


def subpixel(maps: torch.Tensor, columns: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Where between the cells a peak lies: the vertex of the parabola through the logarithms of three cells.

    The logarithm of a Gaussian is a parabola, so the vertex is exact for a Gaussian; for other peaks it is held within
    half a cell of the highest one. At a border the three nearest cells are taken. Derived in
    notebooks/18_pose_estimation.ipynb.

    Args:
        maps: (M, H, W), one map for each peak, sides of at least 3.
        columns, rows: int64 (M,), the highest cell of each peak.

    Returns:
        (M, 2): column and row, in cells.
    """
    if maps.ndim != 3 or min(maps.shape[1:]) < 3:
        raise ValueError(f"maps must have the shape (M, H, W) with sides of at least 3, got {tuple(maps.shape)}")
    which = torch.arange(len(maps), device=maps.device)
    logs = maps.float().clamp(min=1e-8).log()
    column, row = columns.clamp(1, maps.shape[2] - 2), rows.clamp(1, maps.shape[1] - 2)

    def vertex(before: torch.Tensor, at: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        return (after - before) / (2 * (2 * at - before - after).clamp(min=1e-6))

    x = column + vertex(*(logs[which, rows, column + step] for step in (-1, 0, 1)))
    y = row + vertex(*(logs[which, row + step, columns] for step in (-1, 0, 1)))
    highest = torch.stack([columns, rows], dim=1)
    return torch.stack([x, y], dim=1).clamp(highest - 0.5, highest + 0.5)


def decode(maps: torch.Tensor, stride: int = 4) -> torch.Tensor:
    """Read one joint out of each map: the inverse of `heat_maps` for one person. (N, K, H, W) to (N, K, 3).

    Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        maps: (N, K, H, W).
        stride: pixels a cell.

    Returns:
        (N, K, 3): x and y in pixels, and the height of the peak.
    """
    height, at = maps.flatten(2).max(dim=2)  # (N, K)
    rows, columns = at.flatten() // maps.shape[3], at.flatten() % maps.shape[3]
    places = (subpixel(maps.flatten(0, 1), columns, rows) + 0.5) * stride
    return torch.cat([places.unflatten(0, height.shape), height[..., None].float()], dim=2)


def flip_back(outputs: torch.Tensor, swap: Sequence[int], limbs: Limbs = ()) -> torch.Tensor:
    """Turn the answer for mirrored pictures into one for the pictures themselves: left and right change places.

    Mirrored, a left hand is a right hand, and an arrow to the left points to the right. Derived in
    notebooks/18_pose_estimation.ipynb.

    Args:
        outputs: (N, K + 2 L, H, W): K maps, then L fields of x and y.
        swap: K numbers: which joint each one becomes in the mirror.
        limbs: the L limbs; none for heat maps alone.
    """
    joints = len(swap)
    if outputs.shape[1] != joints + 2 * len(limbs):
        raise ValueError(f"outputs must have {joints} + 2 * {len(limbs)} channels, got {outputs.shape[1]}")
    turned = outputs.flip(3)
    maps = turned[:, list(swap)]
    if not limbs:
        return maps
    order = [list(limbs).index((swap[a], swap[b])) for a, b in limbs]
    field = turned[:, joints:].unflatten(1, (len(limbs), 2))[:, order]  # (N, L, 2, H, W)
    field = field * torch.tensor([-1.0, 1.0], device=field.device).reshape(2, 1, 1)
    return torch.cat([maps, field.flatten(1, 2)], dim=1)


# --- the hourglass -------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """x + F(x), F a bottleneck with batch norm and ReLU before each convolution (He et al. 2016b; Newell et al. 2016).

    Derived in notebooks/18_pose_estimation.ipynb. Shapes: (N, channels, H, W) in and out.

    Args:
        channels: an even number.
    """

    def __init__(self, channels: int):
        super().__init__()
        half = check_int("channels", channels, 2) // 2

        def convolution(before: int, after: int, kernel_size: int) -> list[nn.Module]:
            conv = nn.Conv2d(before, after, kernel_size, padding=kernel_size // 2, bias=False)
            return [nn.BatchNorm2d(before), nn.ReLU(inplace=True), conv]

        self.branch = nn.Sequential(
            *convolution(channels, half, 1), *convolution(half, half, 3), *convolution(half, channels, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


class Hourglass(nn.Module):
    """Down `depth` times by max pooling, up again by repeating pixels, and at every size a skip that is added.

    Newell, Yang, Deng 2016, figure 3. Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        channels: an even number, the same everywhere.
        depth: how often the side is halved.

    Shapes: (N, channels, H, W) in and out; H and W are multiples of 2 to the depth.
    """

    def __init__(self, channels: int, depth: int):
        super().__init__()
        check_int("depth", depth, 1)
        self.skip, self.down, self.up = (Residual(channels) for _ in range(3))
        self.inner = Hourglass(channels, depth - 1) if depth > 1 else Residual(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.skip(x) + F.interpolate(low, scale_factor=2.0, mode="nearest")


class StackedHourglass(nn.Module):
    """Hourglasses one after the other; each gives a whole answer, which the next one sees (Newell et al. 2016).

    Every answer gets a loss of its own: intermediate supervision. Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        outputs: channels of an answer.
        channels: of the maps, an even number.
        stacks: hourglasses.
        depth: of each.

    Shapes: (N, channels, H, W) to (N, stacks, outputs, H, W); H and W are multiples of 2 to the depth.
    """

    def __init__(self, outputs: int, channels: int = 64, stacks: int = 2, depth: int = 2):
        super().__init__()
        check_int("outputs", outputs, 1)
        check_int("stacks", stacks, 1)
        self.hourglasses = nn.ModuleList(Hourglass(channels, depth) for _ in range(stacks))
        self.lasts = nn.ModuleList(
            nn.Sequential(Residual(channels), nn.BatchNorm2d(channels), nn.ReLU()) for _ in range(stacks)
        )
        self.answers = nn.ModuleList(nn.Conv2d(channels, outputs, 1) for _ in range(stacks))
        self.returns = nn.ModuleList(nn.Conv2d(channels + outputs, channels, 1) for _ in range(stacks - 1))
        for answer in self.answers:  # start near 0: most cells of a map hold nothing
            nn.init.normal_(answer.weight, 0, 0.001)
            nn.init.zeros_(answer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        given = []
        for stack, hourglass in enumerate(self.hourglasses):
            features = self.lasts[stack](hourglass(x))
            given.append(self.answers[stack](features))
            if stack < len(self.returns):  # the answer goes back in, beside the features that led to it
                x = x + self.returns[stack](torch.cat([features, given[-1]], dim=1))
        return torch.stack(given, dim=1)


class PoseNet(nn.Module):
    """The first layers of 12's encoder, down to a quarter of the resolution, and stacked hourglasses behind them.

    Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        outputs: channels of an answer.
        stacks, depth: of the hourglasses.
        width: of the encoder; the hourglasses have twice as many channels.

    Shapes: (N, 3, H, W) in 0..1 to (N, stacks, outputs, H / 4, W / 4); H and W are multiples of 4 times 2 to the depth.
    """

    def __init__(self, outputs: int, stacks: int = 2, depth: int = 2, width: int = 32):
        super().__init__()
        self.stem = Encoder(width).early[:-1]  # without its last pooling
        self.stacked = StackedHourglass(outputs, 2 * width, stacks, depth)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.stacked(self.stem(images))


# --- several people ------------------------------------------------------------------------------------------------


def find_peaks(maps: torch.Tensor, threshold: float = 0.3, stride: int = 4) -> list[torch.Tensor]:
    """All peaks of each map: cells above the threshold that no neighbour exceeds, placed between the cells.

    Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        maps: (K, H, W), of one picture.
        threshold: a peak is higher.
        stride: pixels a cell.

    Returns:
        K tensors (M, 3), M from 0 up: x and y in pixels, and the height.
    """
    highest = F.max_pool2d(maps[None], 3, stride=1, padding=1)[0]
    joint, rows, columns = ((maps == highest) & (maps > threshold)).nonzero(as_tuple=True)
    places = (subpixel(maps[joint], columns, rows) + 0.5) * stride
    found = torch.cat([places, maps[joint, rows, columns][:, None]], dim=1)
    return [found[joint == k] for k in range(len(maps))]


def fields(keypoints: torch.Tensor, size: int, limbs: Limbs, stride: int = 4, width: float = 1.0) -> torch.Tensor:
    """Part affinity fields: on each limb the unit vector from its start to its end, elsewhere 0.

    A cell belongs to a limb if it lies within `width` of its axis and at most half a cell beyond its ends. Where limbs
    of several people meet, the mean of their vectors stands (Cao et al. 2017, equations 8 and 9; the half cell is
    ours). A limb with an end outside the picture is left out. Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        keypoints: (N, P, K, 3).
        size: side of the pictures in pixels, a multiple of stride.
        limbs: L pairs of joints.
        stride: pixels a cell.
        width: of half a limb, in cells.

    Returns:
        (N, 2 L, size / stride, size / stride): x and y of the first limb's field, of the second's, and so on.
    """
    _check_keypoints(keypoints)
    _check_grid(size, stride)
    _check_limbs(limbs, keypoints.shape[2])
    if not width > 0:
        raise ValueError(f"width must be above 0 cells, got {width!r}")
    starts, ends = (keypoints[:, :, [limb[k] for limb in limbs]] for k in (0, 1))  # (N, P, L, 3)
    there = present(starts, size) & present(ends, size)
    along = (ends - starts)[..., :2] / stride
    length = along.norm(dim=-1)
    unit = along / length[..., None].clamp(min=1e-6)
    steps = torch.arange(size // stride, device=keypoints.device)
    cells = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # (H, W, 2): column, row
    away = cells - (starts[..., :2] / stride - 0.5)[..., None, None, :]  # (N, P, L, H, W, 2)
    x, y = unit[..., None, None, :].unbind(dim=-1)
    forward, sideways = away[..., 0] * x + away[..., 1] * y, away[..., 1] * x - away[..., 0] * y
    on = (forward >= -0.5) & (forward <= length[..., None, None] + 0.5) & (sideways.abs() <= width)
    on = on & there[..., None, None]
    summed = torch.stack([(on * part).sum(dim=1) for part in (x, y)], dim=2)  # (N, L, 2, H, W)
    return (summed / on.sum(dim=1).clamp(min=1)[:, :, None]).flatten(1, 2)


def limb_scores(
    field: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor, stride: int = 4, samples: int = 10
) -> torch.Tensor:
    """How much the field agrees with each pair of joints: the mean of field times direction along the line.

    1 where the field points from start to end all the way, -1 where it points back. Cao et al. 2017, equations 10 and
    11, the integral as a mean over samples. Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        field: (2, H, W), one limb's.
        starts, ends: (A, 2 or more) and (B, 2 or more), x and y in pixels first.
        stride: pixels a cell.
        samples: places on the line, both ends among them.

    Returns:
        (A, B).
    """
    check_int("samples", samples, 2)
    along = ends[None, :, :2] - starts[:, None, :2]  # (A, B, 2)
    unit = along / along.norm(dim=2, keepdim=True).clamp(min=1e-6)
    share = torch.linspace(0, 1, samples, device=field.device).reshape(-1, 1, 1, 1)
    places = starts[:, None, :2] + share * along  # (samples, A, B, 2)
    sides = torch.tensor([field.shape[2], field.shape[1]], device=field.device) * stride
    grid = (2 * places / sides - 1).flatten(0, 1)[None]
    read = F.grid_sample(field[None], grid.to(field), padding_mode="border", align_corners=False)[0]
    read = read.unflatten(1, (samples, len(starts))).permute(1, 2, 3, 0)  # (samples, A, B, 2)
    return (read * unit).sum(dim=3).mean(dim=0)


def match_limbs(scores: torch.Tensor, threshold: float = 0.2) -> list[tuple[int, int]]:
    """Pairs of starts and ends, the best score first, each joint in one pair at most: greedy matching.

    Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        scores: (A, B).
        threshold: a pair's score is higher.
    """
    scores, pairs = scores.clone(), []
    while scores.numel() and scores.max() > threshold:
        pairs.append(divmod(int(scores.argmax()), scores.shape[1]))
        scores[pairs[-1][0]] = scores[:, pairs[-1][1]] = -math.inf
    return pairs


def find_people(
    outputs: torch.Tensor,
    limbs: Limbs,
    stride: int = 4,
    peak_threshold: float = 0.3,
    limb_threshold: float = 0.2,
    fewest: int = 4,
    agreement: Callable[..., torch.Tensor] = limb_scores,
) -> torch.Tensor:
    """Whole people from one picture's maps and fields: peaks, limbs matched kind by kind, limbs strung together.

    Cao et al. 2017, section 2.4, for limbs that form a tree. Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        outputs: (K + 2 L, H, W): maps, then fields.
        limbs: L pairs of joints, root first.
        stride: pixels a cell.
        peak_threshold, limb_threshold: a peak and a limb's score are higher.
        fewest: people with fewer joints are dropped.
        agreement: from a field, starts, ends and stride to scores, as `limb_scores`.

    Returns:
        (M, K, 3), M from 0 up: x and y in pixels, and the height of the peak, 0 where a joint was not found.
    """
    joints = len(outputs) - 2 * len(limbs)
    _check_limbs(limbs, joints)
    peaks = find_peaks(outputs[:joints], peak_threshold, stride)
    persons, owner = [], {}  # owner: (joint, number of its peak) to a person
    for limb, (a, b) in enumerate(limbs):
        field = outputs[joints + 2 * limb : joints + 2 * limb + 2]
        for i, j in match_limbs(agreement(field, peaks[a], peaks[b], stride), limb_threshold):
            if (a, i) not in owner:
                owner[a, i] = torch.zeros(joints, 3, device=outputs.device)
                owner[a, i][a] = peaks[a][i]
                persons.append(owner[a, i])
            owner[b, j] = owner[a, i]
            owner[b, j][b] = peaks[b][j]
    persons = [person for person in persons if (person[:, 2] > 0).sum() >= fewest]
    return torch.stack(persons) if persons else torch.zeros(0, joints, 3, device=outputs.device)
