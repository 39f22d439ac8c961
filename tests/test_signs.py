"""Rendered traffic signs: the same pixels everywhere, balance, truth, and a difficulty that is held."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils.datasets import signs

ROOT = Path(__file__).resolve().parents[1]

# The only values here that come from the code itself: they say whether this platform renders the same signs as all
# others. After a change to the renderer print the new ones with `python tests/test_signs.py`.
GOLDEN_PICTURES = "d41f21e6a6ac1819"
GOLDEN_STREETS = "0f2f746851c29e66"


def digest_of_pictures() -> str:
    digest = hashlib.sha256()
    for size, split in ((32, "train"), (24, "validation"), (57, "test")):
        images, labels = signs.pictures(40, size, split=split)
        digest.update(images.astype("<f4").tobytes() + labels.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def digest_of_streets() -> str:
    digest = hashlib.sha256()
    for seed in range(8):
        street = signs.street(seed, (96, 64, 130)[seed % 3], count=seed % 4)
        digest.update(street.image.tobytes() + street.boxes.astype("<f4").tobytes())
        digest.update(street.labels.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="module")
def train() -> tuple[np.ndarray, np.ndarray]:
    return signs.pictures(3200, seed=3)


@pytest.fixture(scope="module")
def test() -> tuple[np.ndarray, np.ndarray]:
    return signs.pictures(800, seed=3, split="test")


# --- the same pixels everywhere ------------------------------------------------------------------------------------


def test_pixels_are_the_same_on_every_platform():
    assert digest_of_pictures() == GOLDEN_PICTURES
    assert digest_of_streets() == GOLDEN_STREETS


def test_renderer_needs_no_more_than_numpy():
    code = (
        "import sys; from course_utils.datasets import signs; signs.pictures(1); signs.street(0);"
        "print([m for m in ('torch', 'PIL', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_pictures_do_not_depend_on_their_number_and_splits_share_none():
    images, labels = signs.pictures(50, seed=1)
    more, more_labels = signs.pictures(70, seed=1)
    np.testing.assert_array_equal(images, more[:50])
    np.testing.assert_array_equal(labels, more_labels[:50])
    seen = {image.tobytes() for image in images}
    assert len(seen) == 50
    for other in ({"seed": 2}, {"seed": 1, "split": "validation"}, {"seed": 1, "split": "test"}):
        assert not seen & {image.tobytes() for image in signs.pictures(50, **other)[0]}


# --- shapes, balance, truth ----------------------------------------------------------------------------------------


def test_shapes_types_and_balance():
    images, labels = signs.pictures(48, 24)
    assert images.shape == (48, 3, 24, 24) and images.dtype == np.float32 and labels.dtype == np.int64
    assert 0 <= images.min() and images.max() <= 1
    assert len(signs.CLASSES) == 16 and np.bincount(labels).tolist() == [3] * 16
    assert labels[:16].tolist() != labels[16:32].tolist()
    few, few_labels = signs.pictures(9, classes=["stop", "ahead", "parking"])
    wanted = sorted(signs.CLASSES.index(name) for name in ("stop", "ahead", "parking"))
    assert sorted(set(few_labels.tolist())) == wanted and np.bincount(few_labels)[wanted].tolist() == [3, 3, 3]
    assert few.shape == (9, 3, 32, 32)


def test_every_board_fills_its_square_and_no_two_are_alike():
    """Each drawing lies within 50 design units of its centre, and reaches at least 43 to both sides and up or down."""
    from course_utils.datasets.toyland_drawings import UNIT, Dice, Sketch

    paint = signs._Paint((200, 0, 0), (0, 0, 200), (240, 200, 0), (250, 250, 250), (20, 20, 20))
    drawn = set()
    for name, draw in signs._BOARDS.items():
        sketch = Sketch()
        draw(sketch, paint, Dice(1))
        x, y = np.array(sketch.x) / UNIT, np.array(sketch.y) / UNIT
        assert max(abs(x).max(), abs(y).max()) <= 51, name
        assert min(-x.min(), x.max()) >= 41 and max(-y.min(), y.max()) >= 41, name
        drawn.add((tuple(sketch.x), tuple(sketch.y), tuple(sketch.colors)))
    assert len(drawn) == len(signs.CLASSES)


def test_turn_left_is_turn_right_in_the_mirror():
    boards = []
    for name in ("turn_left", "turn_right"):
        sketch = signs.Sketch()
        paint = signs._Paint((200, 0, 0), (0, 0, 200), (240, 200, 0), (250, 250, 250), (20, 20, 20))
        signs._BOARDS[name](sketch, paint, signs.Dice(0))
        boards.append((sketch.x, sketch.y))
    arrow = len(signs._TURN_RIGHT)
    assert boards[0][0][-arrow:] == [-x for x in boards[1][0][-arrow:]] and boards[0][1] == boards[1][1]


def test_weather_changes_what_it_says():
    """Night is darker, fog paler in its contrasts, than the same pictures in clear weather."""
    by_weather = {name: signs.pictures(64, weather=name)[0] for name in signs.WEATHERS}
    mean = {name: images.mean() for name, images in by_weather.items()}
    contrast = {name: images.std(axis=(1, 2, 3)).mean() for name, images in by_weather.items()}
    assert mean["night"] < 0.5 * mean["clear"]
    assert contrast["fog"] < 0.75 * contrast["clear"]
    bright = {name: (images.min(axis=1) > 0.85).mean() for name, images in by_weather.items()}
    assert bright["snow"] > bright["clear"] + 0.01
    plain = signs.pictures(64)[0]
    same = sum(any(np.array_equal(plain[i], images[i]) for images in by_weather.values()) for i in range(64))
    assert same == 64  # each picture of its own weather is that of one of the five


def test_streets_hold_their_signs():
    for seed in range(30):
        street = signs.street(seed, 96, count=1 + seed % 3)
        n = 1 + seed % 3
        assert street.image.shape == (96, 96, 3) and street.image.dtype == np.uint8
        assert street.boxes.shape == (n, 4) and street.labels.shape == (n,)
        width, height = (street.boxes[:, 2 + axis] - street.boxes[:, axis] for axis in (0, 1))
        assert (width > 8).all() and (height > 12).all() and (width < 36).all() and (height < 36).all()
        for i in range(n):
            for j in range(i):
                a, b = street.boxes[i], street.boxes[j]
                assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3], "two signs touch"
        for array in (street.image, street.boxes, street.labels):
            with pytest.raises(ValueError):
                array[...] = 0
    empty = signs.street(5, 32, count=0)
    assert empty.boxes.shape == (0, 4) and empty.labels.shape == (0,)


def test_a_sign_stands_where_its_box_says():
    """In clear weather a street with a sign and the box's inside differ more in color than what lies around."""
    for seed in range(6):
        street = signs.street(seed, 64, count=1, sign_sizes=(24, 28), weather="clear")
        x0, y0, x1, y1 = street.boxes[0].round().astype(int).clip(0, 64)
        inside = np.zeros((64, 64), dtype=bool)
        inside[y0:y1, x0:x1] = True
        spread = street.image.astype(float).max(axis=2) - street.image.astype(float).min(axis=2)
        assert spread[inside].mean() > 0 and inside.sum() > 200


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: signs.pictures(0), "count must be an integer of at least 1, got 0"),
        (lambda: signs.pictures(4, 15), "size must be an integer from 16 to 512, got 15"),
        (lambda: signs.pictures(4, 32.0), "size must be .* got 32.0"),
        (lambda: signs.pictures(4, seed=-1), "seed must be an integer of at least 0, got -1"),
        (lambda: signs.pictures(4, split="dev"), "split must be one of 'train', 'validation', 'test', got 'dev'"),
        (lambda: signs.pictures(4, classes="stop"), "classes must be a sequence of names .* got 'stop'"),
        (lambda: signs.pictures(4, classes=["stop", "go"]), "classes must be one of .*'stop'.* got 'go'"),
        (lambda: signs.pictures(4, classes=[]), "classes must name at least one"),
        (lambda: signs.pictures(4, weather="hail"), "weather must be one of 'clear', .* got 'hail'"),
        (lambda: signs.street(-1), "seed must be an integer of at least 0, got -1"),
        (lambda: signs.street(0, 600), "size must be an integer from 16 to 512, got 600"),
        (lambda: signs.street(0, count=9), "count must be an integer from 0 to 8, got 9"),
        (lambda: signs.street(0, sign_sizes=20), "sign_sizes must be a pair .* got 20"),
        (lambda: signs.street(0, sign_sizes=(30, 20)), r"sign_sizes\[1\] must be an integer from 30 to 96, got 20"),
        (lambda: signs.street(0, sign_sizes=(4, 20)), r"sign_sizes\[0\] must be an integer from 8 to 96, got 4"),
        (lambda: signs.street(0, 32, count=8, sign_sizes=(28, 30)), "count 8 leaves no room"),
        (lambda: signs.street(0, weather="hail"), "weather must be one of"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- the difficulty ------------------------------------------------------------------------------------------------


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) - 0.5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_linear_baseline_stays_low(train, test):
    """Chance is 1/16; every strength of regularisation stays under the ceiling."""
    from sklearn.linear_model import LogisticRegression

    scores = [
        LogisticRegression(C=c, max_iter=60).fit(flat(train[0]), train[1]).score(flat(test[0]), test[1])
        for c in (1e-3, 1e-2)
    ]
    assert 1 / 16 < max(scores) < 0.45


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_color_alone_does_not_tell_the_class(train, test):
    from sklearn.linear_model import LogisticRegression

    def histogram(images: np.ndarray) -> np.ndarray:
        codes = np.minimum((images * 4).astype(np.int64), 3)
        codes = (codes[:, 0] * 16 + codes[:, 1] * 4 + codes[:, 2]).reshape(len(images), -1)
        return np.stack([np.bincount(row, minlength=64) for row in codes]) / codes.shape[1]

    model = LogisticRegression(C=30, max_iter=100).fit(histogram(train[0]), train[1])
    assert model.score(histogram(test[0]), test[1]) < 0.3


if __name__ == "__main__":
    print(digest_of_pictures(), digest_of_streets())
