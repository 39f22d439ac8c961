"""Pictures with boxes as torchvision's detectors take them: Toyland's scenes, and data sets in Pascal VOC's layout.

Everywhere: images (N, 3, H, W) and a list of N targets {"boxes": float32 (K, 4) xyxy in pixels, "labels": int64 (K,)}.
A picture without objects has boxes (0, 4) and labels (0,).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.datasets import VOCDetection

from course_utils import runtime
from course_utils.datasets import toyland
from course_utils.datasets.voc import read as read_annotation

Targets = list[dict[str, torch.Tensor]]

BCCD_CLASSES = ("RBC", "WBC", "Platelets")  # red and white blood cells, platelets; spelled as in the files
VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
BCCD_PAGE = "https://github.com/Shenggan/BCCD_Dataset"
VOC_PAGE = "http://host.robots.ox.ac.uk/pascal/VOC"


def toyland_scenes(
    count: int, size: int = 96, seed: int = 0, split: str = "train", objects: tuple[int, int] = (1, 4)
) -> tuple[torch.Tensor, Targets]:
    """Toyland's scenes with their boxes; labels are indices into `toyland.CLASSES`.

    Args:
        count, size, seed, split, objects: as for `toyland.scenes`.

    Returns:
        images float32 (N, 3, size, size) in 0..1 and N targets.
    """
    made = toyland.scenes(count, size, seed, split=split, objects=objects)
    targets = [{"boxes": torch.tensor(s.boxes), "labels": torch.tensor(s.labels)} for s in made]
    return torch.from_numpy(toyland.batch(made)), targets


def _voc_target(path: Path, classes: Sequence[str], size: tuple[int, int], scale: tuple[float, float]) -> dict:
    """One annotation file as a target; `size` (H, W) is the photo's, `scale` (y, x) leads to the picture made."""
    found = read_annotation(path)
    boxes = found.boxes.clamp(min=0)  # in BCCD some boxes begin at pixel 0, as if counted from there
    for number, (name, corners, box) in enumerate(zip(found.labels, found.corners, boxes, strict=True), start=1):
        where = f"{path}, object {number}"
        if name not in classes:
            raise RuntimeError(f"{where}: unknown class {name!r}; the known ones are: {', '.join(classes)}.")
        if not (box[0] < box[2] <= size[1] and box[1] < box[3] <= size[0]):
            raise RuntimeError(f"{where}: box {corners.tolist()} reaches out of {size[1]}x{size[0]} pixels.")
    return {
        "boxes": boxes * torch.tensor([scale[1], scale[0], scale[1], scale[0]]),
        "labels": torch.tensor([classes.index(name) for name in found.labels], dtype=torch.int64),
        "ignore": found.difficult,
    }


def read_voc(
    root: Path | str,
    split: str,
    classes: Sequence[str],
    size: tuple[int, int],
    year: str = "2007",
    page: str = VOC_PAGE,
) -> tuple[torch.Tensor, Targets]:
    """Pictures and boxes from a folder in Pascal VOC's layout, every picture scaled to one size.

    Boxes go over to continuous coordinates: Pascal's pixel 1 starts at 0, and its last pixel is included, so that
    (xmin, ymin, xmax, ymax) becomes (xmin - 1, ymin - 1, xmax, ymax). Targets also hold "ignore", bool (K,): Pascal's
    difficult objects.

    Args:
        root: folder that holds VOCdevkit/VOC<year>.
        split: name of a list in ImageSets/Main, as 'train', 'val' or 'test'.
        classes: the names that occur; label i is classes[i].
        size: (height, width) in pixels; the ratio of the sides is not kept.
        year: of the layout, '2007' to '2012'.
        page: where to get the data, for the messages.

    Returns:
        images uint8 (N, 3, H, W) and N targets.

    Raises:
        ValueError: a size that is not two integers of at least 1.
        RuntimeError: a missing or damaged file, an unknown class, a box that is reversed or reaches out of its picture;
            it names the file and the remedy.
    """
    root, (height, width) = Path(root), size
    height, width = runtime.check_int("size[0]", height, 1), runtime.check_int("size[1]", width, 1)
    folder = root / "VOCdevkit" / f"VOC{year}"
    listed = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not listed.is_file():
        there = sorted(p.stem for p in listed.parent.glob("*.txt") if "_" not in p.stem)
        raise RuntimeError(
            f"{listed} is missing (lists found: {', '.join(there) or 'none'}). Get the data from {page}, so that "
            f"{folder} holds JPEGImages, Annotations and ImageSets, or set COURSE_DATA to the folder that has it; or "
            "stay at COURSE_TIER=quick, which needs no download."
        )
    data = VOCDetection(str(root), year=year, image_set=split)
    if not len(data):
        raise RuntimeError(f"{listed} names no picture. Copy the data anew from {page}.")
    images, targets = np.empty((len(data), height, width, 3), dtype=np.uint8), []
    for n, (picture, annotation) in enumerate(zip(map(Path, data.images), map(Path, data.annotations), strict=True)):
        for path in (picture, annotation):
            if not path.is_file() or not path.stat().st_size:
                raise RuntimeError(
                    f"{path}, which {listed} names, is missing or empty. Copy the data anew from {page}."
                )
        try:
            with Image.open(picture) as file:
                original = file.height, file.width
                images[n] = np.asarray(file.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
        except Exception as error:  # Pillow raises OSError, SyntaxError and others on damaged files
            raise RuntimeError(
                f"{picture} ({picture.stat().st_size:,} bytes) is damaged or cut short ({error}). Copy it anew."
            ) from error
        scale = height / original[0], width / original[1]
        targets.append(_voc_target(annotation, classes, original, scale))
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))), targets


def bccd(
    split: str, root: Path | str | None = None, size: tuple[int, int] | int | None = None
) -> tuple[torch.Tensor, Targets]:
    """BCCD: microscope photos of blood with boxes around red cells, white cells and platelets (`BCCD_CLASSES`).

    364 photos of 640x480 in three lists: 205 train, 87 val, 72 test. Never downloaded here.

    Args:
        split: 'train', 'val' or 'test'.
        root: folder that holds VOCdevkit/VOC2007; `bccd_voc` under `runtime.data_dir()` if None.
        size: (height, width) in pixels, or one number for both; as they are, (480, 640), if None.

    Returns, Raises:
        as for `read_voc`.
    """
    runtime.check_choice("split", split, ("train", "val", "test"))
    root = runtime.data_dir() / "bccd_voc" if root is None else Path(root)
    size = (480, 640) if size is None else (size, size) if isinstance(size, int) else tuple(size)
    return read_voc(root, split, BCCD_CLASSES, size, page=BCCD_PAGE)


def voc(
    split: str, root: Path | str | None = None, size: int = 448, year: str = "2007"
) -> tuple[torch.Tensor, Targets]:
    """Pascal VOC (Everingham et al. 2010), 20 classes (`VOC_CLASSES`), scaled to squares. Never downloaded here.

    Args:
        split: 'train', 'val', 'trainval' or, of 2007, 'test'.
        root: folder that holds VOCdevkit; `runtime.data_dir()` if None.
        size: height and width in pixels; 448 as in Redmon et al. 2016.
        year: '2007' or '2012'.

    Returns, Raises:
        as for `read_voc`.
    """
    runtime.check_choice("year", year, ("2007", "2012"))
    runtime.check_choice("split", split, ("train", "val", "trainval") + (("test",) if year == "2007" else ()))
    root = runtime.data_dir() if root is None else Path(root)
    return read_voc(root, split, VOC_CLASSES, (size, size), year)
