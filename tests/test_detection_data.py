"""Pictures with boxes: Toyland's, and data sets in Pascal VOC's layout, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import runtime
from course_utils.datasets import detection, toyland

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def find(folder: str) -> Path:
    """A data set in COURSE_DATA or beside the project, or the test is skipped."""
    for root in (runtime.data_dir(), SHARED):
        if (root / folder).is_dir():
            return root / folder
    pytest.skip(f"no {folder} in COURSE_DATA or {SHARED}")


def test_toyland_scenes_are_what_toyland_draws():
    images, targets = detection.toyland_scenes(6, size=64, seed=3, split="validation")
    scenes = toyland.scenes(6, 64, 3, split="validation", objects=(1, 4))
    assert images.shape == (6, 3, 64, 64) and images.dtype == torch.float32 and 0 <= images.min() < images.max() <= 1
    for target, scene in zip(targets, scenes, strict=True):
        assert target["boxes"].dtype == torch.float32 and target["labels"].dtype == torch.int64
        np.testing.assert_array_equal(target["boxes"], scene.boxes)
        np.testing.assert_array_equal(target["labels"], scene.labels)
        assert 1 <= len(target["labels"]) <= 4
    with pytest.raises(ValueError, match="split must be one of"):
        detection.toyland_scenes(1, split="val")


BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"


def thing(name: str, *box: float, difficult: int = 0) -> str:
    return f"<object><name>{name}</name><difficult>{difficult}</difficult>{BOX.format(*box)}</object>"


def annotation(things: str) -> str:
    size = "<size><width>40</width><height>20</height><depth>3</depth></size>"
    return f"<annotation><filename>a.jpg</filename>{size}{things}</annotation>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of 40x20 in VOC's layout; the second one shows nothing."""
    base = tmp_path / "VOCdevkit" / "VOC2007"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (base / name).mkdir(parents=True)
    for name, things in (("a", thing("RBC", 1, 1, 40, 20) + thing("WBC", 11, 6, 20, 10, difficult=1)), ("b", "")):
        Image.new("RGB", (40, 20), "red").save(base / "JPEGImages" / f"{name}.jpg")
        (base / "Annotations" / f"{name}.xml").write_text(annotation(things))
    (base / "ImageSets" / "Main" / "train.txt").write_text("a\nb\n")
    return tmp_path


def test_pascal_boxes_become_continuous_and_follow_the_scale(folder):
    images, targets = detection.bccd("train", folder, size=(20, 40))
    assert images.shape == (2, 3, 20, 40) and images.dtype == torch.uint8
    assert targets[0]["boxes"].tolist() == [[0, 0, 40, 20], [10, 5, 20, 10]]
    assert targets[0]["labels"].tolist() == [0, 1] and targets[0]["ignore"].tolist() == [False, True]
    assert [tuple(targets[1][key].shape) for key in ("boxes", "labels", "ignore")] == [(0, 4), (0,), (0,)]
    images, targets = detection.bccd("train", folder, size=80)
    assert images.shape == (2, 3, 80, 80) and targets[0]["boxes"].tolist() == [[0, 0, 80, 80], [20, 20, 40, 40]]


def annotate(text: str):
    return lambda base: (base / "Annotations" / "a.xml").write_text(text)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda base: (base / "ImageSets/Main/train.txt").unlink(), r"train.txt is missing \(lists found: none\)"),
        (lambda base: (base / "ImageSets/Main/train.txt").write_text(""), "train.txt names no picture"),
        (lambda base: (base / "JPEGImages/b.jpg").unlink(), "b.jpg, which .*train.txt names, is missing"),
        (lambda base: (base / "Annotations/b.xml").write_text(""), "b.xml, which .* is missing or empty"),
        (lambda base: (base / "JPEGImages/a.jpg").write_bytes(b"none"), r"a.jpg \(4 bytes\) is damaged"),
        (annotate("<annotation>"), "a.xml, line 1: this is no XML"),
        (annotate(annotation(thing("Cat", 1, 1, 2, 2))), "object 1: unknown class 'Cat'; the known"),
        (annotate(annotation(thing("RBC", 1, 1, 41, 2))), "object 1: .* reaches out of 40x20"),
        (annotate(annotation(thing("RBC", 9, 1, 2, 2))), "a.xml, line 1: xmax and ymax must not be below"),
        (annotate(annotation(thing("RBC", "x", 1, 2, 2))), "<xmin> must hold a number, got 'x'"),
        (annotate(annotation("<object><name>RBC</name></object>")), "one <bndbox> is expected"),
    ],
)
def test_damaged_files_are_refused_by_name(folder, damage, message):
    damage(folder / "VOCdevkit" / "VOC2007")
    with pytest.raises(RuntimeError, match=message):
        detection.bccd("train", folder, size=(20, 40))


def test_bad_arguments_are_refused_by_name(folder):
    for call, message in (
        (lambda: detection.bccd("trainval", folder), "split must be one of 'train', 'val', 'test'"),
        (lambda: detection.bccd("train", folder, size=(0, 4)), r"size\[0\] must be an integer of at least 1"),
        (lambda: detection.voc("test", folder, year="2012"), "split must be one of"),
        (lambda: detection.voc("train", folder, year="2011"), "year must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_bccd_as_it_is():
    root, counts = find("bccd_voc"), {}
    for split in ("train", "val", "test"):
        images, targets = detection.bccd(split, root, size=32)
        counts[split] = len(images)
        boxes = torch.cat([target["boxes"] for target in targets])
        assert (boxes[:, 2:] > boxes[:, :2]).all() and boxes.min() >= 0 and boxes.max() <= 32
        assert torch.cat([target["labels"] for target in targets]).unique().tolist() == [0, 1, 2]
    assert counts == {"train": 205, "val": 87, "test": 72}


def test_pascal_voc_as_it_is():
    images, targets = detection.voc("trainval", find("voc2012_3img"), size=64, year="2012")
    assert images.shape == (3, 3, 64, 64) and all(len(target["boxes"]) for target in targets)
