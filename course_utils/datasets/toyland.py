"""Toyland: a picture-book world, rendered on the spot, with complete truth for every task of the course.

Ten classes stand anywhere, at any size, partly hidden, on textured ground. `scene` and `scenes` give whole pictures
with boxes, masks, keypoints and attributes; `crops` gives small pictures of one object each, for classification. The
same arguments give the same pixels on every platform (`toyland_renderer` and `toyland_drawings` say how).

Needs NumPy and the standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from course_utils.datasets import toyland_drawings, toyland_renderer
from course_utils.datasets.toyland_drawings import UNIT, Dice
from course_utils.datasets.toyland_renderer import CLASSES, MIN_OBJECT_SIZE, STEP, Layout, Picture, render
from course_utils.runtime import cache_dir, check_choice, check_int

KEYPOINTS = (
    "head",
    "neck",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
SKELETON = (
    (0, 1),
    (1, 2),
    (1, 3),
    (2, 4),
    (3, 5),
    (4, 6),
    (5, 7),
    (1, 8),
    (1, 9),
    (8, 10),
    (9, 11),
    (10, 12),
    (11, 13),
)
SPLITS = ("train", "validation", "test")
GROUNDS = toyland_renderer.GROUNDS


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture with its truth; arrays are read-only. N objects, K keypoints, far objects first.

    Attributes:
        image: uint8 (H, W, 3).
        boxes: float32 (N, 4), xyxy in pixels, tight around what is visible; right and bottom edges are exclusive.
        labels: int64 (N,), indices into `CLASSES`.
        instance_map: uint8 (H, W): 0 background, k + 1 for a pixel of object k.
        keypoints: float32 (N, K, 3): x and y in pixels, and visibility: 0 not a person (x = y = 0), 1 hidden by
            another object or outside the picture, 2 visible. Names in `KEYPOINTS`; left is the person's own left.
        attributes: one dict an object: color, pose, size (pixels, the longer side before rotation), flipped, rotation
            (degrees), occluded (fraction of its pixels that something in front hides), truncated (reaches out of the
            picture).
        surroundings: one dict a picture: ground (a name in `GROUNDS`), light (plain, warm, cool, dim or bright),
            horizon (first row of ground; 0 where no sky is seen), sun and clouds (the shares of the picture, 0..1, in
            which they are seen).
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    instance_map: np.ndarray
    keypoints: np.ndarray
    attributes: tuple[dict, ...]
    surroundings: dict

    @property
    def masks(self) -> np.ndarray:
        """Visible pixels of each object, bool (N, H, W); no pixel belongs to two objects."""
        masks = self.instance_map == np.arange(1, len(self.labels) + 1, dtype=np.uint8)[:, None, None]
        masks.flags.writeable = False
        return masks

    @property
    def class_map(self) -> np.ndarray:
        """Class of each pixel, uint8 (H, W): 0 background (ground, sky, plants, stones), else 1 + label."""
        lookup = np.zeros(256, dtype=np.uint8)
        lookup[1 : len(self.labels) + 1] = self.labels + 1
        found = lookup[self.instance_map]
        found.flags.writeable = False
        return found


def _layout(
    size: int,
    classes: Sequence[str] | None,
    objects: tuple[int, int],
    object_sizes: tuple[int, int] | None,
    occlusion: bool,
    clutter: bool,
    close: bool = False,
) -> Layout:
    size = check_int("size", size, 16, 512)
    names = CLASSES if classes is None else classes
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"classes must be a sequence of names from CLASSES, got {names!r}")
    names = tuple(names)
    if not names:
        raise ValueError("classes must name at least one class of CLASSES, got none")
    for name in names:
        check_choice("classes", name, CLASSES)
    if object_sizes is None:
        object_sizes = (max(MIN_OBJECT_SIZE, size * 5 // 16), size) if close else (MIN_OBJECT_SIZE, size * 88 // 100)
        object_sizes = (object_sizes[0], max(object_sizes))
    low, high = _pair("objects", objects, 1, 12)
    small, big = _pair("object_sizes", object_sizes, MIN_OBJECT_SIZE, size)
    numbers = tuple(sorted({CLASSES.index(name) for name in names}))
    return Layout(size, numbers, (low, high), (small, big), bool(occlusion), bool(clutter), close)


def _pair(name: str, value: object, minimum: int, maximum: int) -> tuple[int, int]:
    try:
        low, high = value
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair (fewest, most), got {value!r}") from None
    low = check_int(f"{name}[0]", low, minimum, maximum)
    return low, check_int(f"{name}[1]", high, low, maximum)


def _keypoints(picture: Picture) -> np.ndarray:
    found = np.zeros((len(picture.things), len(KEYPOINTS), 3), dtype=np.float32)
    size = picture.instance_map.shape[0]
    for k, o in enumerate(picture.things):
        for j, (x, y) in enumerate(o.attributes.get("joints", ())):
            x, y = x * UNIT, y * UNIT
            px = (x * o.matrix[0] + y * o.matrix[1] >> 24) + o.offset[0]
            py = (x * o.matrix[2] + y * o.matrix[3] >> 24) + o.offset[1]
            column, row = px // STEP, py // STEP
            inside = 0 <= column < size and 0 <= row < size
            seen = inside and picture.instance_map[row, column] == k + 1
            name = KEYPOINTS[j]
            if o.attributes["flipped"]:  # a mirrored person's left hand is a right hand
                swap = {"left": "right", "right": "left"}
                side, _, joint = name.partition("_")
                j = KEYPOINTS.index(f"{swap[side]}_{joint}") if joint else j
            found[k, j] = px / STEP, py / STEP, 2 if seen else 1
    return found


def _truth(picture: Picture) -> Scene:
    n = len(picture.things)
    boxes = np.zeros((n, 4), dtype=np.float32)
    attributes = []
    for k, o in enumerate(picture.things):
        mask = picture.instance_map == k + 1
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes[k] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        kept = {key: value for key, value in o.attributes.items() if key != "joints"}
        edge = picture.instance_map.shape[0] * STEP
        kept["occluded"] = picture.hidden[k] / 100
        kept["truncated"] = bool(min(o.box[:2]) < 0 or max(o.box[2:]) > edge)
        attributes.append(kept)
    labels = np.array([o.label for o in picture.things], dtype=np.int64)
    arrays = (picture.image, boxes, labels, np.ascontiguousarray(picture.instance_map), _keypoints(picture))
    for array in arrays:
        array.flags.writeable = False
    return Scene(*arrays, tuple(attributes), dict(picture.surroundings))


_SINGLE, _MANY, _CROPS = 1, 2, 3  # separate streams of random numbers


def scene(
    seed: int,
    size: int = 96,
    *,
    classes: Sequence[str] | None = None,
    objects: tuple[int, int] = (1, 6),
    object_sizes: tuple[int, int] | None = None,
    occlusion: bool = True,
    clutter: bool = True,
) -> Scene:
    """Render one scene: the same arguments give the same pixels everywhere.

    Args:
        seed: any integer from 0.
        size: height and width in pixels, 16 to 512.
        classes: names from `CLASSES` that may occur; all of them if None.
        objects: fewest and most objects.
        object_sizes: least and greatest longer side of an object in pixels; 8 up to most of the picture if None.
        occlusion: whether objects may hide one another and reach out of the picture.
        clutter: whether stones, flowers and leaves lie about.

    Raises:
        ValueError: for an argument out of its range, or a layout that leaves no room.
    """
    seed = check_int("seed", seed, 0)
    return _truth(render((_SINGLE, seed), _layout(size, classes, objects, object_sizes, occlusion, clutter)))


def scenes(
    count: int,
    size: int = 96,
    seed: int = 0,
    *,
    split: str = "train",
    classes: Sequence[str] | None = None,
    objects: tuple[int, int] = (1, 6),
    object_sizes: tuple[int, int] | None = None,
    occlusion: bool = True,
    clutter: bool = True,
    cache: bool = True,
) -> list[Scene]:
    """Render `count` scenes, or read them from the cache; scene i does not depend on `count`.

    Args:
        count: how many.
        seed: the world; each split of it is a stream of its own.
        split: 'train', 'validation' or 'test'.
        cache: whether to keep them on disk under `runtime.cache_dir()`.
        size, classes, objects, object_sizes, occlusion, clutter: as for `scene`.
    """
    count = check_int("count", count, 1)
    seed = check_int("seed", seed, 0)
    stream = SPLITS.index(check_choice("split", split, SPLITS))
    layout = _layout(size, classes, objects, object_sizes, occlusion, clutter)

    def make() -> dict[str, np.ndarray]:
        made = [_truth(render((_MANY, seed, stream, i), layout)) for i in range(count)]
        return {
            "images": np.stack([s.image for s in made]),
            "instance_maps": np.stack([s.instance_map for s in made]),
            "counts": np.array([len(s.labels) for s in made], dtype=np.int64),
            "boxes": np.concatenate([s.boxes for s in made]),
            "labels": np.concatenate([s.labels for s in made]),
            "keypoints": np.concatenate([s.keypoints for s in made]),
            "attributes": np.frombuffer(json.dumps([s.attributes for s in made]).encode(), dtype=np.uint8),
            "surroundings": np.frombuffer(json.dumps([s.surroundings for s in made]).encode(), dtype=np.uint8),
        }

    stored = _cached("scenes", (count, seed, stream, layout), make, cache)
    attributes = json.loads(stored["attributes"].tobytes())
    surroundings = json.loads(stored["surroundings"].tobytes())
    ends = np.cumsum(stored["counts"])
    for array in stored.values():
        array.flags.writeable = False
    return [
        Scene(
            stored["images"][i],
            stored["boxes"][end - n : end],
            stored["labels"][end - n : end],
            stored["instance_maps"][i],
            stored["keypoints"][end - n : end],
            tuple(attributes[i]),
            surroundings[i],
        )
        for i, (n, end) in enumerate(zip(stored["counts"].tolist(), ends.tolist(), strict=True))
    ]


def crops(
    count: int,
    size: int = 32,
    seed: int = 0,
    *,
    split: str = "train",
    classes: Sequence[str] | None = None,
    object_sizes: tuple[int, int] | None = None,
    clutter: bool = True,
    cache: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Small pictures of one object each, for classification; every class comes equally often.

    The object stands anywhere, at any size from five sixteenths of the picture up, sometimes half out of it or behind a
    bush. Picture i does not depend on `count`.

    Args:
        count: how many.
        size: height and width in pixels.
        seed, split, classes, object_sizes, clutter, cache: as for `scenes`.

    Returns:
        images, float32 (N, 3, H, W) in 0..1, and labels, int64 (N,), indices into `CLASSES`.
    """
    count = check_int("count", count, 1)
    seed = check_int("seed", seed, 0)
    stream = SPLITS.index(check_choice("split", split, SPLITS))
    layout = _layout(size, classes, (1, 1), object_sizes, True, clutter, close=True)

    def make() -> dict[str, np.ndarray]:
        images = np.empty((count, size, size, 3), dtype=np.uint8)
        labels = np.empty(count, dtype=np.int64)
        n = len(layout.classes)
        for i in range(count):
            if i % n == 0:  # every block of n pictures holds each class once, in an order of its own
                d = Dice(_CROPS, seed, stream, i // n, 0, 0)
                order = list(layout.classes)
                for k in range(n - 1, 0, -1):
                    j = d.below(k + 1)
                    order[k], order[j] = order[j], order[k]
            labels[i] = order[i % n]
            images[i] = render((_CROPS, seed, stream, i, 1), layout, order[i % n]).image
        return {"images": images, "labels": labels}

    stored = _cached("crops", (count, seed, stream, layout), make, cache)
    return _to_float(stored["images"]), stored["labels"]


def _to_float(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255)


def batch(scenes: Iterable[Scene]) -> np.ndarray:
    """The scenes' images as one array, float32 (N, 3, H, W) in 0..1."""
    images = [s.image for s in scenes]
    if not images:
        raise ValueError("scenes must hold at least one Scene, got an empty sequence")
    if len({image.shape for image in images}) > 1:
        raise ValueError(f"scenes must share one size, got {sorted({image.shape for image in images})}")
    return _to_float(np.stack(images))


# --- the cache -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _source_digest() -> str:
    """A hash of the three modules that decide about the pixels."""
    digest = hashlib.sha256()
    for file in (__file__, toyland_renderer.__file__, toyland_drawings.__file__):
        digest.update(Path(file).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _cached(kind: str, key: tuple, make: Callable[[], dict[str, np.ndarray]], cache: bool) -> dict[str, np.ndarray]:
    """What `make` returns, from the disk where it lies there already.

    The file's name holds a hash of the renderer's source and of all arguments. It is written beside its place and
    moved there in one step, so that two kernels may do so at once; a damaged file is rendered again; where the folder
    cannot be written, a warning is all that happens.
    """
    if not cache:
        return make()
    digest = hashlib.sha256(f"{_source_digest()} {key!r}".encode()).hexdigest()[:20]
    path = cache_dir() / f"toyland-{kind}-{digest}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}  # reading checks each array's CRC
    except (FileNotFoundError, NotADirectoryError):
        pass
    except Exception as error:  # whatever a damaged file makes the readers of zip and npy stumble over
        warnings.warn(f"{path} is damaged or unreadable ({error}); its pictures are rendered again", stacklevel=3)
    arrays = make()
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob("toyland-*.part"):  # by a kernel that was killed while it wrote
            if time.time() - left.stat().st_mtime > 3600:
                left.unlink(missing_ok=True)
        handle, part = tempfile.mkstemp(prefix=path.stem, suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        os.replace(part, path)
        part = None
    except OSError as error:
        warnings.warn(
            f"Toyland's pictures could not be kept in {path.parent} ({error}); going on without", stacklevel=3
        )
    finally:
        if part is not None:
            Path(part).unlink(missing_ok=True)
    return arrays
