"""Annotated pictures from a learner's own copy, on tiny files that the tests write themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.datasets import annotated

LABELS = ("clear", "haze", "water")
TABLE = "image_name,tags\ntrain_0,clear water\ntrain_1,haze\ntrain_2,clear\n"
COLORS = ((200, 40, 40), (40, 200, 40), (40, 40, 200))


def write_pictures(folder: Path, names: list[str], size: tuple[int, int] = (32, 32)) -> None:
    folder.mkdir(parents=True)
    for name, color in zip(names, COLORS, strict=False):
        Image.new("RGB", size, color).save(folder / f"{name}.jpg", quality=95)


@pytest.fixture
def copy(tmp_path) -> Path:
    """A whole tiny copy: a table of three rows and three pictures of one colour each."""
    (tmp_path / "tags.csv").write_text(TABLE, encoding="utf-8")
    write_pictures(tmp_path / "jpg", ["train_0", "train_1", "train_2"])
    return tmp_path


def read(copy: Path, **options: object) -> annotated.AnnotatedSet:
    return annotated.read(copy / "tags.csv", copy / "jpg", LABELS, **{"size": 16, **options})


def test_a_whole_copy_is_read(copy):
    data = read(copy)
    assert data.images.shape == (3, 3, 16, 16) and data.images.dtype == torch.uint8
    assert data.targets.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]] and data.targets.dtype == torch.float32
    means = data.images.float().mean(dim=(2, 3))
    np.testing.assert_allclose(means, COLORS, atol=6)  # JPEG changes colours a little
    assert data.labels == LABELS


def test_limit_takes_the_first_rows_and_needs_only_their_pictures(copy):
    (copy / "jpg" / "train_2.jpg").unlink()
    assert read(copy, limit=2).targets.tolist() == [[1, 0, 1], [0, 1, 0]]


def test_a_picture_that_is_not_square_loses_its_ends_and_is_not_distorted(copy):
    wide = np.zeros((32, 64, 3), dtype=np.uint8)
    wide[:, 16:48] = 255  # the middle square
    Image.fromarray(wide).save(copy / "jpg" / "train_0.jpg", quality=95)
    assert read(copy).images[0].float().mean() > 240


def test_grey_pictures_and_a_table_with_a_byte_order_mark_are_read(copy):
    Image.new("L", (32, 32), 128).save(copy / "jpg" / "train_1.jpg")
    (copy / "tags.csv").write_text("\ufeff" + TABLE, encoding="utf-8")
    assert read(copy).images[1].float().mean() == pytest.approx(128, abs=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: (c / "tags.csv").unlink(), r"tags.csv is missing. Put the table of tags there"),
        (
            lambda c: (c / "tags.csv").write_text(""),
            r"tags.csv has no column 'image_name'; its first line holds: nothing",
        ),
        (lambda c: (c / "tags.csv").write_text("image_name;tags\n"), r"no column 'image_name'; .* image_name;tags"),
        (lambda c: (c / "tags.csv").write_text("image_name,label\na,b\n"), r"no column 'tags'; .* image_name, label"),
        (lambda c: (c / "tags.csv").write_text("image_name,tags\n"), "has no row below its first line"),
        (lambda c: (c / "tags.csv").write_bytes(b"PK\x03\x04\xff\xfe\x00"), "cannot be read as a table"),
        (
            lambda c: (c / "tags.csv").write_text(TABLE + "train_3,watr\n"),
            r"tags.csv, line 5 \(train_3\): unknown tag 'watr'; did you mean 'water'\? The known ones are: clear, haze",
        ),
        (lambda c: (c / "tags.csv").write_text(TABLE + "train_3, \n"), r"line 5 \(train_3\): .* at least one tag"),
        (lambda c: (c / "tags.csv").write_text(TABLE + "train_3\n"), r"line 5 \(train_3\): .* at least one tag"),
        (lambda c: (c / "tags.csv").write_text(TABLE + ",clear\n"), r"line 5 \(no image_name\): a name"),
        (lambda c: (c / "tags.csv").write_text(TABLE + "train_1,clear\n"), r"line 5 \(train_1\): .* in line 3 already"),
        (lambda c: (c / "jpg" / "train_1.jpg").unlink(), r"train_1.jpg is missing, but the table names it. Unpack all"),
        (lambda c: (c / "jpg").rename(c / "elsewhere"), r"jpg is missing. Unpack the pictures there; .* names 3"),
        (lambda c: (c / "jpg" / "train_2.jpg").write_bytes(b""), r"train_2.jpg \(0 bytes\) is damaged or cut short"),
        (lambda c: (c / "jpg" / "train_2.jpg").write_bytes(b"no picture"), r"train_2.jpg \(10 bytes\) is damaged"),
    ],
)
def test_a_bad_copy_is_refused_by_file_and_remedy(copy, change, message):
    change(copy)
    with pytest.raises(RuntimeError, match=message):
        read(copy)


def test_a_truncated_picture_is_refused(copy):
    path = copy / "jpg" / "train_1.jpg"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RuntimeError, match=r"train_1.jpg \([\d,]+ bytes\) is damaged or cut short .* copy it anew"):
        read(copy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be an integer of at least 1, got 0"),
        ({"limit": 0}, "limit must be an integer of at least 1, got 0"),
        ({"labels": ("a", "a")}, "labels must be different names"),
        ({"labels": ()}, "labels must be different names"),
    ],
)
def test_bad_arguments_are_refused_by_name(copy, options, message):
    with pytest.raises(ValueError, match=message):
        annotated.read(copy / "tags.csv", copy / "jpg", **{"labels": LABELS, **options})


# --- the satellite pictures ----------------------------------------------------------------------------------------


def test_planet_has_seventeen_labels():
    assert len(annotated.PLANET_LABELS) == len(set(annotated.PLANET_LABELS)) == 17


@pytest.mark.parametrize("table", ["train_v2.csv", "train_classes.csv"])
def test_planet_is_read_in_its_own_layout(tmp_path, monkeypatch, table):
    root = tmp_path / "planet"
    write_pictures(root / "train-jpg", ["train_0", "train_1"], (256, 256))
    (root / table).write_text("image_name,tags\ntrain_0,haze primary\ntrain_1,clear primary blow_down\n")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    data = annotated.planet(size=24)
    assert data.images.shape == (2, 3, 24, 24) and data.targets.sum(dim=1).tolist() == [2, 3]
    assert [data.labels[i] for i in data.targets[1].nonzero()[:, 0]] == ["clear", "primary", "blow_down"]
    assert annotated.planet(root, limit=1).name == "Planet, Amazon from space (first 1 rows)"


def test_planet_that_is_not_there_says_where_to_get_it(tmp_path):
    with pytest.raises(RuntimeError, match=r"train_v2.csv is missing \(found: no such folder\). .*kaggle.*COURSE_DATA"):
        annotated.planet(tmp_path / "planet")
    (tmp_path / "readme.txt").write_text("empty")
    with pytest.raises(RuntimeError, match=r"\(found: readme.txt\)"):
        annotated.planet(tmp_path)
