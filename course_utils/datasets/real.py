"""Published data sets, read by torchvision's own loaders, with errors that say which file is wrong and what to do.

Nothing is downloaded at the quick tier. Where the files lie already (COURSE_DATA), nothing is downloaded at any tier.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, GTSRB

from course_utils import runtime

VERIFY_VARIABLE = "COURSE_VERIFY"


class ImageSet(NamedTuple):
    """Labelled pictures in memory, kept as bytes so that 50,000 of them stay at 154 MB.

    Attributes:
        images: uint8 (N, C, H, W), 0..255; `training.Batches` turns each batch into float32 in 0..1.
        labels: int64 (N,).
        classes: the class names; label i is classes[i].
        name: the data set in words, as a report quotes it.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    name: str


class _CIFAR10AnyChecksum(CIFAR10):
    """torchvision's loader without its md5 check; `_check_batch` has looked at the files before it runs."""

    train_list = [[name, None] for name, _ in CIFAR10.train_list]  # noqa: RUF012  torchvision's attribute
    test_list = [[name, None] for name, _ in CIFAR10.test_list]  # noqa: RUF012
    meta = {**CIFAR10.meta, "md5": None}  # noqa: RUF012


class _ArraysOnly(pickle.Unpickler):
    """Unpickles dictionaries, lists, strings, numbers and NumPy arrays; anything that could run code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "_codecs"):
            if name in ("ndarray", "dtype"):
                return getattr(np, name)
            if name == "_reconstruct":
                return np._core.multiarray._reconstruct
            if name == "encode":
                import codecs

                return codecs.encode
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR-10 file does")


def _remedy(path: Path) -> str:
    return f"Delete {path.parent} and run again with a network at COURSE_TIER=laptop, or copy the file anew."


def _check_batch(path: Path, md5: str, verify: bool) -> bool:
    """Raise a RuntimeError unless the file is a whole CIFAR-10 batch; True if it is the published file, bit for bit."""
    if not path.is_file():
        present = ", ".join(sorted(p.name for p in path.parent.iterdir())) or "nothing"
        raise RuntimeError(f"{path} is missing; the folder holds: {present}. {_remedy(path)}")
    content = path.read_bytes()
    if not content:
        raise RuntimeError(f"{path} is empty (0 bytes): an unfinished download or copy. {_remedy(path)}")
    if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
        return True
    if verify:
        raise RuntimeError(
            f"{path} ({len(content):,} bytes) is not the published file: its md5 is not {md5}. It is damaged, cut "
            f"short or another copy. {_remedy(path)} To use a re-encoded copy on purpose, set {VERIFY_VARIABLE}=no."
        )
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
        data, labels = np.asarray(batch["data"]), np.asarray(batch["labels"])
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise RuntimeError(f"{path} ({len(content):,} bytes) cannot be read: {error}. {_remedy(path)}") from error
    if data.dtype != np.uint8 or data.shape != (10_000, 3072) or labels.shape != (10_000,):
        found = f"data {data.dtype} {data.shape}, labels {labels.shape}"
        raise RuntimeError(f"{path} must hold 10,000 images of 3,072 bytes with labels, found {found}. {_remedy(path)}")
    if labels.min() < 0 or labels.max() > 9:
        raise RuntimeError(f"{path} must hold labels 0 to 9, found {labels.min()} to {labels.max()}. {_remedy(path)}")
    return False


def _download_cifar10(root: Path) -> None:
    if runtime.tier() == "quick":
        raise RuntimeError(
            f"CIFAR-10 is not in {root}, and the quick tier downloads nothing. Set COURSE_TIER=laptop to download it "
            "(170 MB), or COURSE_DATA to the folder that holds cifar-10-batches-py."
        )
    archive = root / CIFAR10.filename
    if archive.exists() and hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest() != CIFAR10.tgz_md5:
        raise RuntimeError(
            f"{archive} ({archive.stat().st_size:,} bytes) is an unfinished or damaged download. Delete it and "
            "run again."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        CIFAR10(str(root), download=True)
    except Exception as error:  # URLError offline, OSError on a full disk, RuntimeError from a checksum
        raise RuntimeError(
            f"CIFAR-10 could not be downloaded from {CIFAR10.url} to {root} ({type(error).__name__}: {error}). Check "
            f"the network and that {root} has 400 MB free, delete {archive} if it exists, and run again; or put the "
            "unpacked folder cifar-10-batches-py there yourself; or stay at COURSE_TIER=quick, which needs no download."
        ) from error


def cifar10(split: str, root: Path | str | None = None, verify: bool | None = None) -> ImageSet:
    """CIFAR-10's training or test pictures (Krizhevsky 2009), read from disk or, above the quick tier, downloaded once.

    Args:
        split: 'train' (50,000 pictures) or 'test' (10,000).
        root: folder that holds, or shall hold, `cifar-10-batches-py`; `runtime.data_dir()` if None.
        verify: hold the files to the published md5 sums; if None, yes, unless COURSE_VERIFY is 'no'. Without it a
            re-encoded copy is accepted after its structure was checked, and `name` says so.

    Returns:
        images uint8 (N, 3, 32, 32), labels int64 (N,), ten class names, and the data's name.

    Raises:
        ValueError: an unknown split.
        RuntimeError: a missing, damaged or half-finished file, or a failed download; it names the file and the remedy.
    """
    runtime.check_choice("split", split, ("train", "test"))
    root = runtime.data_dir() if root is None else Path(root)
    if verify is None:
        verify = runtime.check_choice(VERIFY_VARIABLE, os.environ.get(VERIFY_VARIABLE, "yes"), ("yes", "no")) == "yes"
    folder = root / CIFAR10.base_folder
    if not folder.is_dir():
        _download_cifar10(root)
    published = [_check_batch(folder / name, md5, verify) for name, md5 in CIFAR10.train_list + CIFAR10.test_list]
    meta = folder / CIFAR10.meta["filename"]
    if not meta.is_file() or not meta.stat().st_size:
        raise RuntimeError(f"{meta} is missing or empty. {_remedy(meta)}")
    data = _CIFAR10AnyChecksum(str(root), train=split == "train")
    images = torch.from_numpy(np.ascontiguousarray(data.data.transpose(0, 3, 1, 2)))  # (N, 3, 32, 32)
    name = "CIFAR-10" if all(published) else "CIFAR-10 (a copy that is not the published files, bit for bit)"
    return ImageSet(images, torch.tensor(data.targets, dtype=torch.int64), tuple(data.classes), name)


# --- German traffic signs ------------------------------------------------------------------------------------------

SIGN_SIZE = 32  # pixels; the pictures of GTSRB come in sizes from 15 to 250
GTSRB_COUNTS = {"train": 26_640, "test": 12_630}  # in the archives that torchvision downloads
GTSRB_CLASSES = (
    "limit 20",
    "limit 30",
    "limit 50",
    "limit 60",
    "limit 70",
    "limit 80",
    "end of limit 80",
    "limit 100",
    "limit 120",
    "no overtaking",
    "no overtaking by trucks",
    "right of way at the next crossing",
    "priority road",
    "give way",
    "stop",
    "no vehicles",
    "no trucks",
    "no entry",
    "danger",
    "bend to the left",
    "bend to the right",
    "double bend",
    "uneven road",
    "slippery road",
    "road narrows on the right",
    "road works",
    "traffic lights",
    "pedestrians",
    "children",
    "bicycles",
    "ice or snow",
    "wild animals",
    "end of all limits",
    "turn right",
    "turn left",
    "ahead only",
    "ahead or right",
    "ahead or left",
    "keep right",
    "keep left",
    "roundabout",
    "end of no overtaking",
    "end of no overtaking by trucks",
)


def _download_gtsrb(root: Path, split: str) -> None:
    if runtime.tier() == "quick":
        raise RuntimeError(
            f"GTSRB's {split} pictures are not in {root / 'gtsrb'}, and the quick tier downloads nothing. Set "
            "COURSE_TIER=laptop to download them (0.3 GB), or COURSE_DATA to the folder that holds gtsrb."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        GTSRB(str(root), split=split, download=True)
    except Exception as error:  # URLError offline, OSError on a full disk, RuntimeError from a checksum
        raise RuntimeError(
            f"GTSRB's {split} pictures could not be downloaded to {root / 'gtsrb'} ({type(error).__name__}: {error}). "
            f"Check the network and that {root} has 1 GB free, delete {root / 'gtsrb'}, and run again; or stay at "
            "COURSE_TIER=quick, which needs no download."
        ) from error


def _check_gtsrb(folder: Path, split: str) -> None:
    """Raise a RuntimeError unless the folder has GTSRB's layout: else torchvision would number the classes wrongly."""
    again = f"Delete {folder} and run again with a network at COURSE_TIER=laptop, or copy the folder anew."
    if split == "train":
        found = sorted(path.name for path in (folder / "GTSRB" / "Training").iterdir() if path.is_dir())
        missing = sorted({f"{label:05d}" for label in range(len(GTSRB_CLASSES))} - set(found))
        if missing or len(found) != len(GTSRB_CLASSES):
            problem = f"misses {', '.join(missing[:3])}" if missing else f"holds {len(found)}"
            raise RuntimeError(
                f"{folder / 'GTSRB' / 'Training'} must hold the {len(GTSRB_CLASSES)} folders 00000 to 00042, one a "
                f"class; it {problem}. {again}"
            )
        return
    table = folder / "GT-final_test.csv"
    if not table.is_file() or not table.stat().st_size:
        raise RuntimeError(f"{table}, which holds the test pictures' labels, is missing or empty. {again}")
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";", skipinitialspace=True))
    for number, row in enumerate(rows, start=2):
        name, label = row.get("Filename"), row.get("ClassId") or ""
        if not name or not label.isdecimal() or int(label) >= len(GTSRB_CLASSES):
            raise RuntimeError(
                f"{table}, line {number}, must give a Filename and a ClassId of 0 to 42, got {dict(row)}. {again}"
            )
        if not (folder / "GTSRB" / "Final_Test" / "Images" / name).is_file():
            raise RuntimeError(f"{table}, line {number}, names {name}, which is not there. {again}")
    if not rows:
        raise RuntimeError(f"{table} names no picture. {again}")


def gtsrb(split: str, root: Path | str | None = None) -> ImageSet:
    """German traffic signs (Stallkamp et al. 2012), 43 classes, scaled to 32x32; read from disk or, above the quick
    tier, downloaded once.

    The training pictures of one class stand in the order of their file names: all frames of one real sign, filmed from
    a passing car, follow each other. Hold back the end of each class, never random frames, or you test on signs that
    you have trained on.

    Args:
        split: 'train' or 'test'.
        root: folder that holds, or shall hold, `gtsrb`; `runtime.data_dir()` if None.

    Returns:
        images uint8 (N, 3, 32, 32), labels int64 (N,), 43 class names, and the data's name, which says how many
        pictures there are where they are not all.

    Raises:
        ValueError: an unknown split.
        RuntimeError: a missing, damaged or half-finished file, or a failed download; it names the file and the remedy.
    """
    runtime.check_choice("split", split, ("train", "test"))
    root = runtime.data_dir() if root is None else Path(root)
    folder = root / "gtsrb"
    if not (folder / "GTSRB" / ("Training" if split == "train" else "Final_Test/Images")).is_dir():
        _download_gtsrb(root, split)
    _check_gtsrb(folder, split)
    data = GTSRB(str(root), split=split)
    images = np.empty((len(data), SIGN_SIZE, SIGN_SIZE, 3), dtype=np.uint8)
    labels = np.empty(len(data), dtype=np.int64)
    for i in range(len(data)):
        try:
            picture, labels[i] = data[i]
        except OSError as error:  # Pillow's errors are OSErrors: not a picture, or a truncated one
            path = Path(data._samples[i][0])
            raise RuntimeError(
                f"{path} ({path.stat().st_size:,} bytes) cannot be read: {error}. Delete {folder} and run again with "
                "a network at COURSE_TIER=laptop, or copy the file anew."
            ) from error
        images[i] = np.asarray(picture.resize((SIGN_SIZE, SIGN_SIZE), Image.Resampling.BILINEAR))
    count, published = len(data), GTSRB_COUNTS[split]
    name = "GTSRB" if count == published else f"GTSRB ({count:,} of {published:,} {split} pictures)"
    tensor = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))  # (N, 3, 32, 32)
    return ImageSet(tensor, torch.from_numpy(labels), GTSRB_CLASSES, name)
