"""CamVid's reader: splits by drives, and every malformed, missing or mis-sized file named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.datasets import camvid

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten pictures of 8x6 pixels of each training drive and two of the test drive."""
    rng = np.random.default_rng(0)
    for folder in ("train", "trainannot"):
        (tmp_path / folder).mkdir()
    for drive, count in (("0001TP", 2), ("0006R0", 10), ("0016E5", 10)):
        for n in range(count):
            name = f"{drive}_{n:05d}.png"
            Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).save(tmp_path / "train" / name)
            Image.fromarray(rng.integers(0, 12, (6, 8), dtype=np.uint8)).save(tmp_path / "trainannot" / name)
    return tmp_path


def test_splits_hold_back_a_drive_and_the_end_of_the_others(root):
    counts = {split: len(camvid.camvid(split, root)[0]) for split in camvid.SPLITS}
    assert counts == {"train": 16, "validation": 4, "train and validation": 20, "test": 2}
    both, parts = camvid.camvid("train and validation", root)[0], camvid.camvid("validation", root)[0]
    assert torch.equal(parts, torch.cat([both[8:10], both[18:20]]))


def test_pictures_and_maps_belong_together(root):
    images, maps = camvid.camvid("test", root)
    assert images.shape == (2, 3, 6, 8) and images.dtype == maps.dtype == torch.uint8
    assert np.array_equal(images[1].permute(1, 2, 0), Image.open(root / "train" / "0001TP_00001.png"))
    stored = np.asarray(Image.open(root / "trainannot" / "0001TP_00001.png"))
    assert np.array_equal(maps[1], np.where(stored == 11, 255, stored))
    assert (maps == 255).any() and maps[maps != 255].max() <= 10


def _write(path: Path, array: np.ndarray) -> None:
    Image.fromarray(array).save(path)


BAD = {
    "no folder": (lambda r: [p.unlink() for p in (r / "train").iterdir()], r"train holds no PNG file. Get CamVid from"),
    "map missing": (
        lambda r: (r / "trainannot" / "0001TP_00001.png").unlink(),
        r"trainannot/0001TP_00001.png, the class map of a picture that is there, is missing",
    ),
    "map alone": (
        lambda r: (r / "train" / "0001TP_00001.png").unlink(),
        r"trainannot/0001TP_00001.png is a class map without a picture",
    ),
    "map of another size": (
        lambda r: _write(r / "trainannot" / "0001TP_00000.png", np.zeros((6, 9), dtype=np.uint8)),
        r"trainannot/0001TP_00000.png is 9x6 pixels, its picture 8x6",
    ),
    "map in colours": (
        lambda r: _write(r / "trainannot" / "0001TP_00000.png", np.zeros((6, 8, 3), dtype=np.uint8)),
        r"0001TP_00000.png must hold one number a pixel .* got Pillow's mode 'RGB'",
    ),
    "map with 16 bits": (
        lambda r: _write(r / "trainannot" / "0001TP_00000.png", np.zeros((6, 8), dtype=np.uint16)),
        r"0001TP_00000.png must hold one number a pixel .* got Pillow's mode 'I;16'",
    ),
    "unknown class": (
        lambda r: _write(r / "trainannot" / "0001TP_00000.png", np.full((6, 8), 12, dtype=np.uint8)),
        r"0001TP_00000.png holds the class 12; known are 0 to 10 \(sky, .*\) and 11 for void",
    ),
    "map cut short": (
        lambda r: (r / "trainannot" / "0001TP_00000.png").write_bytes(
            (r / "trainannot" / "0001TP_00000.png").read_bytes()[:60]
        ),
        r"trainannot/0001TP_00000.png \(60 bytes\), a class map, is damaged or cut short",
    ),
    "picture empty": (
        lambda r: (r / "train" / "0001TP_00000.png").write_bytes(b""),
        r"train/0001TP_00000.png \(0 bytes\), a picture, is damaged or cut short",
    ),
    "picture of another size": (
        lambda r: _write(r / "train" / "0001TP_00001.png", np.zeros((6, 9, 3), dtype=np.uint8)),
        r"train/0001TP_00001.png is 9x6 pixels, the pictures before it are 8x6",
    ),
    "unknown drive": (
        lambda r: _write(r / "train" / "Seq05VD_0.png", np.zeros((6, 8, 3), dtype=np.uint8)),
        r"Seq05VD_0.png belongs to the drive 'Seq05VD'; known are 0006R0, 0016E5, 0001TP",
    ),
    "no test drive": (
        lambda r: [p.unlink() for folder in ("train", "trainannot") for p in (r / folder).glob("0001TP*")],
        r"train holds no picture for 'test'",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_named(root, what):
    spoil, message = BAD[what]
    spoil(root)
    with pytest.raises(RuntimeError, match=message):
        camvid.camvid("test", root)


def test_an_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match="split must be one of 'train', 'validation', 'train and validation', 'test'"):
        camvid.camvid("val", root)


def test_the_real_pictures():
    for folder in filter(None, (os.environ.get("COURSE_DATA"), SHARED)):
        if (Path(folder) / "camvid").is_dir():
            root = Path(folder) / "camvid"
            break
    else:
        pytest.skip(f"camvid is neither in COURSE_DATA nor in {SHARED}")
    counts = {split: len(camvid.camvid(split, root)[1]) for split in ("train", "validation", "test")}
    assert counts == {"train": 61, "validation": 15, "test": 16}
    images, maps = camvid.camvid("test", root)
    assert images.shape == (16, 3, 360, 480) and maps.shape == (16, 360, 480)
    shares = torch.bincount(maps[maps != 255].long(), minlength=11) / (maps != 255).sum()
    share = dict(zip(camvid.CLASSES, shares.tolist(), strict=True))
    assert share["road"] > 0.15 and 0 < share["pole"] < 0.03  # most of a street is road, and poles are thin
    middle = [maps[:, rows].float().eq(label).float().mean() for rows, label in ((slice(60), 0), (slice(300, None), 3))]
    assert min(middle) > 0.2  # sky above, road below
