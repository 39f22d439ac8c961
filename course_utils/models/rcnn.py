"""From R-CNN to Mask R-CNN on one small network: region proposals, features of regions, heads, and what each learns.

Boxes are x1 y1 x2 y2 in pixels, labels 0 to num_classes - 1; a head's class 0 is the background, its class k + 1 is
label k. Pictures are (N, 3, H, W) in 0..1, sides a multiple of 4. The truth of a picture is a dict with "boxes" (n, 4)
and "labels" (n,); n = 0 where there is no object. A region without area is of no use to learn from and is left out
wherever regions are chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import roi_align
from tqdm.auto import tqdm

from course_utils.boxes import clip, decode, encode, iou, nms
from course_utils.layers import Normalize
from course_utils.runtime import check_choice, check_int, has_fast_bfloat16

STRIDE = 4  # pixels of the picture from one place of the trunk's map to the next
SCALES, RATIOS = (12.0, 24.0, 48.0), (0.5, 1.0, 2.0)  # of the anchors: root of the area in pixels; height / width
DELTA_SCALE = (10.0, 10.0, 5.0, 5.0)  # the heads answer t times these, so that all answers are of one size
MAX_LOG_SIDE = math.log(1000 / 16)  # no side grows by more than this factor; torchvision's limit

Truth = Mapping[str, torch.Tensor]


# --- proposals by segmentation ---------------------------------------------------------------------------------------


class Region(NamedTuple):
    """A region of a segmentation: size in pixels, histograms (3 * bins,) that add up to 1, box xyxy in pixels."""

    size: float
    histogram: np.ndarray
    box: tuple[float, float, float, float]


def describe_regions(segments: np.ndarray, colors: np.ndarray, bins: int = 25) -> list[Region]:
    """Size, colours and box of each region of a segmentation.

    Derived in notebooks/11_region_proposals.ipynb.

    Args:
        segments: (H, W), integers from 0 to n - 1: which region a pixel belongs to.
        colors: (H, W, 3) in 0..1.
        bins: of the histogram of each colour channel.

    Returns:
        The n regions.
    """
    n, flat = int(segments.max()) + 1, segments.ravel()
    sizes = np.bincount(flat, minlength=n).astype(float)
    values = np.minimum((colors.reshape(-1, 3) * bins).astype(int), bins - 1)
    counts = [np.bincount(flat * bins + values[:, c], minlength=n * bins).reshape(n, bins) for c in range(3)]
    histograms = np.concatenate(counts, axis=1) / (3 * sizes[:, None])
    boxes = np.tile([np.inf, np.inf, 0, 0], (n, 1))
    rows, columns = np.divmod(np.arange(flat.size), segments.shape[1])
    for side, places in enumerate((columns, rows)):
        np.minimum.at(boxes[:, side], flat, places)
        np.maximum.at(boxes[:, side + 2], flat, places + 1)
    return [Region(*region) for region in zip(sizes.tolist(), histograms, map(tuple, boxes.tolist()), strict=True)]


def box_around(a: Region, b: Region) -> tuple[float, float, float, float]:
    """The smallest box that holds two regions. Derived in notebooks/11_region_proposals.ipynb."""
    (left, top, right, bottom), (x1, y1, x2, y2) = a.box, b.box
    return min(left, x1), min(top, y1), max(right, x2), max(bottom, y2)


def merge(a: Region, b: Region) -> Region:
    """The union of two regions. Derived in notebooks/11_region_proposals.ipynb."""
    size = a.size + b.size
    return Region(size, (a.size * a.histogram + b.size * b.histogram) / size, box_around(a, b))


def likeness(a: Region, b: Region, pixels: int) -> float:
    """How well two regions go together, 0 to 3: the sum of three numbers (Uijlings et al. 2013, section 3.2).

    What their colour histograms have in common, how small they are, how well they fill the box around both.
    Derived in notebooks/11_region_proposals.ipynb.

    Args:
        a, b: the regions.
        pixels: of the whole picture.
    """
    size, (left, top, right, bottom) = a.size + b.size, box_around(a, b)
    color = float(np.minimum(a.histogram, b.histogram).sum())
    return color + (1 - size / pixels) + (1 - ((right - left) * (bottom - top) - size) / pixels)


def group_regions(segments: np.ndarray, colors: np.ndarray, bins: int = 25) -> np.ndarray:
    """Merge the two neighbours with the greatest likeness, again and again; the boxes of all regions on the way.

    Derived in notebooks/11_region_proposals.ipynb.

    Args:
        segments, colors, bins: as for `describe_regions`.

    Returns:
        (2 n - 1, 4), xyxy: the n regions, then each merged one; the last is the whole picture.
    """
    regions = describe_regions(segments, colors, bins)
    pairs = [(segments[:, 1:], segments[:, :-1]), (segments[1:], segments[:-1])]
    touching = {tuple(sorted(p)) for a, b in pairs for p in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)}
    alike = {(a, b): likeness(regions[a], regions[b], segments.size) for a, b in sorted(touching) if a != b}
    while alike:
        a, b = max(alike, key=alike.get)
        new = len(regions)
        regions.append(merge(regions[a], regions[b]))
        neighbours = {k for pair in alike if a in pair or b in pair for k in pair} - {a, b}
        alike = {pair: value for pair, value in alike.items() if a not in pair and b not in pair}
        alike |= {(k, new): likeness(regions[k], regions[new], segments.size) for k in sorted(neighbours)}
    return np.array([region.box for region in regions])


def selective_search(
    image: Any,
    count: int = 2000,
    scales: Sequence[float] = (10, 20, 40, 80, 150, 250),
    spaces: Sequence[str] = ("hsv", "lab", "rgb"),
    min_size: int = 8,
    seed: int = 0,
) -> torch.Tensor:
    """Proposals by hierarchical grouping of segmentations (Uijlings et al. 2013), most promising first.

    Felzenszwalb and Huttenlocher's segmentation (2004) at each scale in each colour space, grouped by `group_regions`.
    A region's place in its hierarchy, from the whole picture down, times a random number in 0..1 orders the boxes.
    Derived in notebooks/11_region_proposals.ipynb.

    Args:
        image: (3, H, W) in 0..1.
        count: how many boxes at most.
        scales: of the segmentations; the larger, the larger the regions.
        spaces: colour spaces: 'hsv', 'lab' or 'rgb'.
        min_size: of a region of a segmentation, in pixels.
        seed: of the order.

    Returns:
        float32 (M, 4), xyxy in pixels, M <= count, no box twice.
    """
    from skimage.color import rgb2hsv, rgb2lab
    from skimage.segmentation import felzenszwalb

    picture = np.asarray(image, dtype=np.float64).transpose(1, 2, 0)
    convert = {"hsv": rgb2hsv, "lab": lambda p: rgb2lab(p) / [100, 255, 255] + [0, 0.5, 0.5], "rgb": lambda p: p}
    place = {}  # box to its best place in a hierarchy
    for space in spaces:
        check_choice("spaces", space, tuple(convert))
        colors = convert[space](picture)
        for scale in scales:
            segments = felzenszwalb(colors, scale=scale, sigma=0.5, min_size=min_size)
            for k, box in enumerate(group_regions(segments, colors)[::-1].tolist(), start=1):
                place[tuple(box)] = min(k, place.get(tuple(box), k))
    rank = np.array(list(place.values())) * np.random.default_rng(seed).random(len(place))
    boxes = torch.tensor(list(place), dtype=torch.float32)
    return boxes[torch.from_numpy(rank.argsort(kind="stable")[:count])]


# --- one network for all ---------------------------------------------------------------------------------------------


class Trunk(nn.Module):
    """The convolutions that all detectors here share: five 3x3 layers with batch norm, a map a quarter of the size.

    Dilation in the last two lets a place see 50 pixels. Derived in notebooks/11_region_proposals.ipynb.

    Args:
        channels: of the map.

    Shapes: (N, 3, H, W) in 0..1 to (N, channels, H / 4, W / 4).
    """

    def __init__(self, channels: int = 96):
        super().__init__()
        layers, width = [Normalize((0.5,) * 3, (0.25,) * 3)], 3
        for out_channels, dilation, pool in (
            (channels // 4, 1, True),
            (channels // 2, 1, True),
            (channels, 1, False),
            (channels, 2, False),
            (channels, 2, False),
        ):
            layers.append(nn.Conv2d(width, out_channels, 3, padding=dilation, dilation=dilation, bias=False))
            layers += [nn.MaxPool2d(2)] if pool else []
            layers += [nn.BatchNorm2d(out_channels), nn.ReLU()]
            width = out_channels
        self.layers = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


class RegionHead(nn.Module):
    """A region's features to a logit for each class and the background, and four deltas for each class.

    `embed` gives the numbers in between, (R, hidden). Derived in notebooks/11_region_proposals.ipynb.

    Shapes: (R, channels, 4, 4) to logits (R, num_classes + 1) and deltas (R, num_classes, 4).
    """

    def __init__(self, num_classes: int = 10, channels: int = 96, hidden: int = 128):
        super().__init__()
        self.hidden = nn.Linear(channels * 4 * 4, hidden)
        self.classify = nn.Linear(hidden, num_classes + 1)
        self.refine = nn.Linear(hidden, num_classes * 4)

    def embed(self, pooled: torch.Tensor) -> torch.Tensor:
        return F.relu(self.hidden(pooled.flatten(1)))

    def forward(self, pooled: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.embed(pooled)
        return self.classify(x), self.refine(x).unflatten(1, (-1, 4))


def roi_features(maps: torch.Tensor, boxes: Sequence[torch.Tensor], side: int = 4) -> torch.Tensor:
    """RoIAlign (He et al. 2017, section 3) on the trunk's map, one sample a cell.

    The paper finds one sample in the middle of a cell nearly as good as four; on a CPU it costs a quarter.

    Args:
        maps: (N, C, h, w), of the trunk.
        boxes: for each picture (R_n, 4), xyxy in pixels of the picture. A box without area gives what lies at its
            place; no box at all gives no row.
        side: of the features.

    Returns:
        (R, C, side, side), the pictures' boxes one after the other.
    """
    return roi_align(maps, [b.to(maps.dtype) for b in boxes], side, 1 / STRIDE, sampling_ratio=1, aligned=True)


# --- R-CNN and Fast R-CNN --------------------------------------------------------------------------------------------


def warp(image: torch.Tensor, boxes: torch.Tensor, side: int = 32, context: float = 0.125) -> torch.Tensor:
    """Cut boxes out of a picture, with a margin, and stretch each to a square (Girshick et al. 2014, section 2.1).

    Derived in notebooks/11_region_proposals.ipynb.

    Args:
        image: (3, H, W).
        boxes: (R, 4), xyxy in pixels. The part inside the picture is used, at least one pixel of it.
        side: of the squares in pixels.
        context: margin on each side, as a share of the box's own side.

    Returns:
        (R, 3, side, side).
    """
    height, width = image.shape[1:]
    margin = context * (boxes[:, 2:] - boxes[:, :2])
    corners = torch.cat([(boxes[:, :2] - margin).floor(), (boxes[:, 2:] + margin).ceil()], dim=1).long()
    crops = image.new_zeros(len(boxes), 3, side, side)
    for crop, (x1, y1, x2, y2) in zip(crops, corners.tolist(), strict=True):
        x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
        part = image[None, :, y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
        crop[:] = F.interpolate(part, (side, side), mode="bilinear", align_corners=False)[0]
    return crops


class RCNN(nn.Module):
    """R-CNN (Girshick et al. 2014): every region, cut out and warped, goes through trunk and head by itself.

    Its parts are those of `FastRCNN`. Derived in notebooks/11_region_proposals.ipynb.

    Shapes: crops (R, 3, 32, 32) to logits (R, num_classes + 1) and deltas (R, num_classes, 4).
    """

    def __init__(self, num_classes: int = 10, channels: int = 96):
        super().__init__()
        self.trunk, self.head = Trunk(channels), RegionHead(num_classes, channels)

    def pooled(self, crops: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(self.trunk(crops), 2)  # (R, C, 8, 8) -> (R, C, 4, 4)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.head(self.pooled(crops))


class FastRCNN(nn.Module):
    """Fast R-CNN (Girshick 2015): the trunk sees each picture once, a region is a window of its map.

    Derived in notebooks/11_region_proposals.ipynb.

    Shapes: images (N, 3, H, W) and for each picture boxes (R_n, 4) to logits (R, num_classes + 1) and deltas
    (R, num_classes, 4), R the sum of all R_n.
    """

    def __init__(self, num_classes: int = 10, channels: int = 96):
        super().__init__()
        self.trunk, self.head = Trunk(channels), RegionHead(num_classes, channels)

    def forward(self, images: torch.Tensor, boxes: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        return self.head(roi_features(self.trunk(images), boxes))


def sample_regions(
    boxes: torch.Tensor, truth: Truth, count: int = 64, share: float = 0.25, threshold: float = 0.5
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Choose regions of one picture to learn from, with what the head should answer (Girshick 2015, section 2.3).

    The true boxes join the proposals; a region with an IoU of `threshold` or more is an object of the class it overlaps
    most, the others are background. Drawn from torch's global generator. Derived in
    notebooks/11_region_proposals.ipynb.

    Args:
        boxes: (R, 4), proposals.
        truth: of the picture; without objects, all regions are background.
        count: how many regions at most.
        share: of objects among them, at most.
        threshold: least IoU of an object.

    Returns:
        regions (S, 4); classes int64 (S,), 0 for background, else label + 1; goals (S, 4), the deltas of the objects
        times DELTA_SCALE, 0 for background.
    """
    boxes, true_boxes = _with_area(torch.cat([boxes, truth["boxes"]])), truth["boxes"]
    overlap = iou(boxes, true_boxes) if len(true_boxes) else boxes.new_zeros(len(boxes), 1)
    best, index = overlap.max(dim=1)
    objects, others = (best >= threshold).nonzero()[:, 0], (best < threshold).nonzero()[:, 0]
    objects = _draw(objects, int(count * share))
    others = _draw(others, count - len(objects))
    chosen = torch.cat([objects, others])
    classes = torch.zeros(len(chosen), dtype=torch.int64)
    classes[: len(objects)] = truth["labels"][index[objects]] + 1
    goals = boxes.new_zeros(len(chosen), 4)
    goals[: len(objects)] = encode(true_boxes[index[objects]], boxes[objects]) * boxes.new_tensor(DELTA_SCALE)
    return boxes[chosen], classes, goals


def _draw(indices: torch.Tensor, count: int) -> torch.Tensor:
    """At most `count` of the indices, drawn by lot from torch's global generator, in their order."""
    return indices[torch.randperm(len(indices))[:count].sort().values]


def _moved(boxes: torch.Tensor, deltas: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Boxes (R, 4) moved by deltas (R, 4), no side growing beyond MAX_LOG_SIDE, cut at the picture's border."""
    limited = torch.cat([deltas[:, :2], deltas[:, 2:].clamp(max=MAX_LOG_SIDE)], dim=1)
    return clip(decode(limited, boxes), size)


def _with_area(boxes: torch.Tensor) -> torch.Tensor:
    return boxes[((boxes[:, 2:] - boxes[:, :2]) > 0).all(dim=1)]


def region_loss(
    logits: torch.Tensor, deltas: torch.Tensor, classes: torch.Tensor, goals: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fast R-CNN's two losses (Girshick 2015, equation 1): cross-entropy, and smooth L1 of the right class's deltas.

    Derived in notebooks/11_region_proposals.ipynb.

    Args:
        logits, deltas: of the head.
        classes, goals: of `sample_regions`.

    Returns:
        Two scalars, both a mean over all regions; the second is silent for the background. 0 without regions.
    """
    if not len(classes):
        return logits.sum(), deltas.sum()
    objects = classes.nonzero()[:, 0]
    told = deltas[objects, classes[objects] - 1]
    wrong = F.smooth_l1_loss(told, goals[objects], reduction="sum") / len(classes)
    return F.cross_entropy(logits, classes), wrong


def detections(
    scores: torch.Tensor,
    deltas: torch.Tensor,
    regions: torch.Tensor,
    size: tuple[int, int],
    score_threshold: float = 0.05,
    iou_threshold: float = 0.4,
    limit: int = 100,
) -> dict[str, torch.Tensor]:
    """What a detector says about one picture: regions refined, weak ones dropped, doubles suppressed class by class.

    Derived in notebooks/11_region_proposals.ipynb.

    Args:
        scores: (R, num_classes), the background left out.
        deltas: (R, num_classes, 4), of the head.
        regions: (R, 4), xyxy in pixels.
        size: of the picture, height and width in pixels.
        score_threshold: a detection has a higher score.
        iou_threshold: of the suppression.
        limit: how many detections at most.

    Returns:
        {"boxes": (D, 4), "scores": (D,), "labels": int64 (D,)}, highest score first; boxes lie in the picture and have
        an area. D = 0 without regions.
    """
    row, label = (scores > score_threshold).nonzero(as_tuple=True)
    found = _moved(regions[row], deltas[row, label].float() / deltas.new_tensor(DELTA_SCALE), size)
    whole = ((found[:, 2:] - found[:, :2]) > 0).all(dim=1)
    found, row, label = found[whole], row[whole], label[whole]
    kept = nms(found, scores[row, label], iou_threshold, label)[:limit]
    return {"boxes": found[kept], "scores": scores[row, label][kept], "labels": label[kept]}


def ridge(features: torch.Tensor, goals: torch.Tensor, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Linear regression with a penalty on the squared weights, solved at one stroke (Girshick et al. 2014, equation 5).

    The bias is not penalised. Derived in notebooks/11_region_proposals.ipynb.

    Args:
        features: (n, F).
        goals: (n, T).
        strength: of the penalty, the paper's lambda; above 0.

    Returns:
        weight (T, F) and bias (T,); zeros where n = 0.
    """
    if not len(features):
        return features.new_zeros(goals.shape[1], features.shape[1]), features.new_zeros(goals.shape[1])
    middle, goal = features.mean(dim=0), goals.mean(dim=0)
    x, t = features - middle, goals - goal
    weight = torch.linalg.solve(x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype), x.T @ t).T
    return weight, goal - weight @ middle


def fit_refinement(
    head: RegionHead, hidden: torch.Tensor, classes: torch.Tensor, goals: torch.Tensor, strength: float = 100.0
) -> None:
    """Put a ridge regression from a region's hidden numbers to its deltas into the head, class by class.

    Written out in notebooks/11_region_proposals.ipynb.

    Args:
        head: changed in place.
        hidden: (n, F), of `RegionHead.embed`.
        classes, goals: of `sample_regions`.
        strength: of the penalty.
    """
    with torch.no_grad():
        for label in range(head.classify.out_features - 1):
            mine = classes == label + 1
            weight, bias = ridge(hidden[mine].double(), goals[mine].double(), strength)
            head.refine.weight[4 * label : 4 * label + 4] = weight.float()
            head.refine.bias[4 * label : 4 * label + 4] = bias.float()


def rcnn_losses(
    net: RCNN, images: torch.Tensor, boxes: Sequence[torch.Tensor], truths: Sequence[Truth], regions: int = 32
) -> dict[str, torch.Tensor]:
    """R-CNN's fine-tuning on a few pictures: the cross-entropy of warped regions; boxes are fitted later.

    Written out in notebooks/11_region_proposals.ipynb. Arguments as for `fast_losses`.
    """
    drawn = [sample_regions(b, t, regions) for b, t in zip(boxes, truths, strict=True)]
    crops = torch.cat([warp(image, chosen) for image, (chosen, _, _) in zip(images, drawn, strict=True)])
    logits, _ = net(crops.contiguous(memory_format=torch.channels_last))
    return {"class": F.cross_entropy(logits.float(), torch.cat([classes for _, classes, _ in drawn]))}


def fast_losses(
    net: FastRCNN, images: torch.Tensor, boxes: Sequence[torch.Tensor], truths: Sequence[Truth], regions: int = 32
) -> dict[str, torch.Tensor]:
    """Fast R-CNN's two losses on a few pictures.

    Written out in notebooks/11_region_proposals.ipynb.

    Args:
        net: the network.
        images: (N, 3, H, W).
        boxes: proposals, one (R_n, 4) a picture.
        truths: one a picture.
        regions: how many are drawn from a picture.

    Returns:
        {"class", "box"}: scalars.
    """
    drawn = [sample_regions(b, t, regions) for b, t in zip(boxes, truths, strict=True)]
    chosen, classes, goals = zip(*drawn, strict=True)
    logits, deltas = net(images.contiguous(memory_format=torch.channels_last), chosen)
    both = region_loss(logits.float(), deltas.float(), torch.cat(classes), torch.cat(goals))
    return dict(zip(("class", "box"), both, strict=True))


# --- Faster R-CNN ----------------------------------------------------------------------------------------------------


def anchor_boxes(
    size: tuple[int, int], scales: Sequence[float] = SCALES, ratios: Sequence[float] = RATIOS, stride: int = STRIDE
) -> torch.Tensor:
    """Boxes of every scale and ratio around the middle of every place of a map (Ren et al. 2015, section 3.1.1).

    Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Args:
        size: of the map, (h, w).
        scales: roots of the areas, in pixels.
        ratios: height / width.
        stride: pixels from place to place.

    Returns:
        float32 (h * w * A, 4), xyxy in pixels: row by row, at each place scale by scale, ratio by ratio. They may reach
        out of the picture.
    """
    half = torch.tensor([[s / math.sqrt(r), s * math.sqrt(r)] for s in scales for r in ratios]) / 2  # (A, 2)
    y, x = torch.meshgrid(*(stride * (torch.arange(n) + 0.5) for n in size), indexing="ij")
    centers = torch.stack([x, y], dim=2).reshape(-1, 1, 2)
    return torch.cat([centers - half, centers + half], dim=2).reshape(-1, 4)


def assign_anchors(
    anchors: torch.Tensor, boxes: torch.Tensor, high: float = 0.7, low: float = 0.3
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which anchors are told "object", which "nothing" (Ren et al. 2015, section 3.1.2), and which object.

    Object: an IoU of `high` or more with a true box, or the highest that a true box has with any anchor. Nothing: below
    `low` with all. The rest is not asked. Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Args:
        anchors: (A, 4).
        boxes: (n, 4), the true ones; without any, all anchors are nothing. One without area belongs to no anchor.

    Returns:
        told int64 (A,): 1 object, 0 nothing, -1 not asked; index int64 (A,): the true box it overlaps most.
    """
    if not len(boxes):
        return torch.zeros(len(anchors), dtype=torch.int64), torch.zeros(len(anchors), dtype=torch.int64)
    overlap = iou(anchors, boxes)  # (A, n)
    best, index = overlap.max(dim=1)
    told = torch.full((len(anchors),), -1)
    told[best < low] = 0
    told[best >= high] = 1
    top = overlap.max(dim=0).values
    anchor, box = ((overlap == top) & (top > 0)).nonzero(as_tuple=True)
    told[anchor], index[anchor] = 1, box
    return told, index


class RegionProposalNetwork(nn.Module):
    """At every place of the map, for every anchor: is it an object, and where does its box lie (Ren et al. 2015).

    Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Shapes: (N, channels, h, w) to objectness logits (N, h * w * A) and deltas (N, h * w * A, 4), in the order of
    `anchor_boxes`.
    """

    def __init__(self, channels: int = 96, anchors: int = 9):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.Conv2d(channels, anchors, 1)
        self.deltas = nn.Conv2d(channels, 4 * anchors, 1)

    def forward(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = F.relu(self.conv(maps))
        objectness, deltas = (layer(x).permute(0, 2, 3, 1) for layer in (self.objectness, self.deltas))
        return objectness.flatten(1), deltas.reshape(len(maps), -1, 4)


def rpn_loss(
    objectness: torch.Tensor, deltas: torch.Tensor, anchors: torch.Tensor, boxes: torch.Tensor, count: int = 64
) -> tuple[torch.Tensor, torch.Tensor]:
    """The proposal network's two losses on one picture (Ren et al. 2015, equation 1).

    `count` anchors are drawn from torch's global generator, at most half of them objects.
    Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Args:
        objectness: (A,), logits.
        deltas: (A, 4).
        anchors: (A, 4).
        boxes: (n, 4), the true ones.
        count: how many anchors at most.

    Returns:
        Binary cross-entropy, and smooth L1 of the objects' deltas; both a mean over the drawn anchors.
    """
    boxes = _with_area(boxes)
    told, index = assign_anchors(anchors, boxes)
    objects, nothing = ((told == value).nonzero()[:, 0] for value in (1, 0))
    objects = _draw(objects, count // 2)
    nothing = _draw(nothing, count - len(objects))
    drawn = torch.cat([objects, nothing])
    goals = encode(boxes[index[objects]], anchors[objects])
    wrong = F.smooth_l1_loss(deltas[objects], goals, reduction="sum", beta=1 / 9) / len(drawn)
    return F.binary_cross_entropy_with_logits(objectness[drawn], (told[drawn] == 1).to(objectness.dtype)), wrong


def propose(
    objectness: torch.Tensor,
    deltas: torch.Tensor,
    anchors: torch.Tensor,
    size: tuple[int, int],
    count: int = 2000,
    iou_threshold: float = 0.7,
    before: int = 4000,
) -> torch.Tensor:
    """The proposal network's boxes for one picture: moved, cut at the border, doubles suppressed, best first.

    Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Args:
        objectness, deltas, anchors: (A,), (A, 4), (A, 4).
        size: of the picture, height and width in pixels.
        count: how many boxes at most.
        iou_threshold: of the suppression.
        before: how many of the best take part in it.

    Returns:
        (M, 4), xyxy in pixels, M <= count, each of at least one pixel a side.
    """
    objectness, best = objectness.float().topk(min(before, len(objectness)))
    boxes = _moved(anchors[best], deltas[best].float(), size)
    large = ((boxes[:, 2:] - boxes[:, :2]) >= 1).all(dim=1)
    boxes, objectness = boxes[large], objectness[large]
    return boxes[nms(boxes, objectness, iou_threshold)[:count]]


class FasterRCNN(FastRCNN):
    """Faster R-CNN (Ren et al. 2015): a `FastRCNN` whose regions come from a network on the same map.

    Written out in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Shapes: `forward` is that of `FastRCNN`.
    """

    def __init__(self, num_classes: int = 10, channels: int = 96):
        super().__init__(num_classes, channels)
        self.rpn = RegionProposalNetwork(channels)


def faster_losses(
    net: FasterRCNN, images: torch.Tensor, truths: Sequence[Truth], anchors: int = 64, regions: int = 32
) -> dict[str, torch.Tensor]:
    """The four losses of Faster R-CNN on a few pictures, trained together (Ren et al. 2015, section 3.2).

    Proposals count as given: no gradient goes through their corners.
    Written out in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Args:
        net: the network.
        images: (N, 3, H, W).
        truths: one a picture.
        anchors, regions: how many of each are drawn from a picture.

    Returns:
        {"objectness", "anchor boxes", "class", "box"}: scalars, means over the pictures.
    """
    size = tuple(images.shape[2:])
    maps = net.trunk(images.contiguous(memory_format=torch.channels_last))
    objectness, deltas = (x.float() for x in net.rpn(maps))
    placed = anchor_boxes(tuple(maps.shape[2:]))
    first = [rpn_loss(o, d, placed, t["boxes"], anchors) for o, d, t in zip(objectness, deltas, truths, strict=True)]
    proposals = [
        propose(o, d, placed, size, 100, before=400) for o, d in zip(objectness.detach(), deltas.detach(), strict=True)
    ]
    drawn = [sample_regions(p, t, regions) for p, t in zip(proposals, truths, strict=True)]
    boxes, classes, goals = zip(*drawn, strict=True)
    logits, moves = net.head(roi_features(maps, boxes))
    second = region_loss(logits.float(), moves.float(), torch.cat(classes), torch.cat(goals))
    losses = [torch.stack(part).mean() for part in zip(*first, strict=True)] + list(second)
    return dict(zip(("objectness", "anchor boxes", "class", "box"), losses, strict=True))


# --- Mask R-CNN ------------------------------------------------------------------------------------------------------


class MaskHead(nn.Module):
    """One small mask a class for each region (He et al. 2017, section 3).

    Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Shapes: (R, channels, 8, 8) to logits (R, num_classes, 16, 16).
    """

    def __init__(self, num_classes: int = 10, channels: int = 96, width: int = 64):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 2, stride=2),
            nn.ReLU(),
            nn.Conv2d(width, num_classes, 1),
        )

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        return self.layers(pooled)


def mask_goals(masks: torch.Tensor, regions: torch.Tensor, side: int = 16) -> torch.Tensor:
    """What the mask head should answer: each region's true mask, cut out and brought to side x side.

    Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Args:
        masks: bool (R, H, W), the true mask of each region.
        regions: (R, 4), xyxy in pixels.

    Returns:
        float32 (R, side, side) of 0 and 1.
    """
    index = torch.arange(len(masks), dtype=torch.float32)[:, None]
    rois = torch.cat([index, regions], dim=1)
    return (roi_align(masks[:, None].float(), rois, side, sampling_ratio=2, aligned=True)[:, 0] >= 0.5).float()


def paste_masks(masks: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Stretch small masks to their boxes and lay them into the picture.

    Derived in notebooks/11b_faster_and_mask_rcnn.ipynb.

    Args:
        masks: (D, m, m), probabilities.
        boxes: (D, 4), xyxy in pixels; one without area stays empty.
        size: of the picture, height and width in pixels.

    Returns:
        bool (D, H, W): the probability, interpolated at the pixel's middle, is above 0.5.
    """
    if not len(boxes):
        return torch.zeros(0, *size, dtype=torch.bool)
    places = [torch.arange(n) + 0.5 for n in (size[1], size[0])]  # middles of the columns, of the rows
    x, y = (  # in the box's own terms: -1 at its first edge, 1 at its last
        2 * (at - boxes[:, side, None]) / (boxes[:, side + 2, None] - boxes[:, side, None]) - 1
        for side, at in enumerate(places)
    )
    shape = (len(boxes), *size)
    at = torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], dim=3)
    inside = (at.abs() < 1).all(dim=3)
    values = F.grid_sample(masks[:, None], at.nan_to_num(9), padding_mode="border", align_corners=False)[:, 0]
    return (values > 0.5) & inside


# --- training --------------------------------------------------------------------------------------------------------


def train(
    net: nn.Module,
    losses: Callable[[torch.Tensor], Mapping[str, torch.Tensor]],
    count: int,
    steps: int,
    batch_size: int = 8,
    learning_rate: float = 0.003,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, list[float]]:
    """Train a detector with AdamW and one cycle of the learning rate, on pictures drawn by lot.

    Args:
        net: changed in place; left in evaluation mode.
        losses: from indices of pictures, int64 (B,), to named scalars; their sum is brought down.
        count: how many pictures there are.
        steps, batch_size: how often, with how many pictures.
        learning_rate: the peak.
        seed: of the drawing of pictures, and of what `losses` draws.
        progress: show a bar.

    Returns:
        Each loss at each step.

    Raises:
        FloatingPointError: a loss is not finite any more.
    """
    check_int("count", count, 1)
    check_int("steps", steps, 1)
    device = next(net.parameters()).device
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(net.parameters(), learning_rate, weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps, pct_start=0.2)
    history: dict[str, list[float]] = {}
    net.to(memory_format=torch.channels_last).train()
    with tqdm(total=steps, disable=not progress, unit="step") as bar:
        for step in range(1, steps + 1):
            with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device)):
                parts = losses(torch.randint(count, (batch_size,)))
            total = sum(parts.values())
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
            cycle.step()
            for name, value in parts.items():
                history.setdefault(name, []).append(value.item())
            if not math.isfinite(total.item()):
                raise FloatingPointError(f"the loss became {total.item()} at step {step}: lower the learning rate")
            bar.update()
    net.eval()
    return history
