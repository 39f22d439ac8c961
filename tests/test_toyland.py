"""Toyland: consistent truth, the same pixels everywhere, a safe cache, and a difficulty that is held."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils.datasets import toyland
from course_utils.datasets.toyland_drawings import DRAW, Dice, Sketch
from course_utils.datasets.toyland_renderer import STEP, SUBSTEPS, fill

ROOT = Path(__file__).resolve().parents[1]

# The only values here that come from the code itself: they say whether this platform renders the same world as all
# others. After a change to the renderer print the new ones with `python tests/test_toyland.py`.
GOLDEN_SCENES = "a76abd4c9e0fe142"
GOLDEN_CROPS = "d5fd7b42ace02fae"


def digest_of_scenes() -> str:
    digest = hashlib.sha256()
    for seed in range(12):
        s = toyland.scene(seed, size=(96, 64, 131)[seed % 3])
        for array in (
            s.image,
            s.instance_map,
            s.boxes.astype("<f4"),
            s.labels.astype("<i8"),
            s.keypoints.astype("<f4"),
        ):
            digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def digest_of_crops() -> str:
    images, labels = toyland.crops(60, cache=False)
    return hashlib.sha256(images.astype("<f4").tobytes() + labels.astype("<i8").tobytes()).hexdigest()[:16]


@pytest.fixture(scope="module")
def world() -> list[toyland.Scene]:
    return toyland.scenes(400, seed=3, cache=False)


@pytest.fixture(scope="module")
def train() -> tuple[np.ndarray, np.ndarray]:
    return toyland.crops(4000, seed=3, cache=False)


@pytest.fixture(scope="module")
def test() -> tuple[np.ndarray, np.ndarray]:
    return toyland.crops(1000, seed=3, split="test", cache=False)


# --- the same pixels everywhere ------------------------------------------------------------------------------------


def test_pixels_are_the_same_on_every_platform():
    assert digest_of_scenes() == GOLDEN_SCENES
    assert digest_of_crops() == GOLDEN_CROPS


def test_renderer_needs_no_more_than_numpy():
    """In a fresh interpreter neither torch nor Pillow is imported."""
    code = (
        "import sys; from course_utils.datasets import toyland; toyland.scene(0);"
        "print([m for m in ('torch', 'PIL', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_dice_follow_the_raw_bits():
    """By hand: the top 32 bits of a draw, times n, over 2**32; draws are taken from the end of a pool of 128."""
    raw = np.random.PCG64(np.random.SeedSequence((5, 6))).random_raw(128)
    dice = Dice(5, 6)
    assert [dice.below(10) for _ in range(3)] == [int(r >> np.uint64(32)) * 10 // 2**32 for r in raw[:-4:-1]]
    draws = [Dice(1).between(3, 5)] + [Dice(k).between(3, 5) for k in range(200)]
    assert set(draws) == {3, 4, 5}


# --- filling polygons ----------------------------------------------------------------------------------------------


def covered(rings: list[list[tuple[int, int]]], side: int) -> np.ndarray:
    """The samples that `fill` covers; corners in samples."""
    corners = np.array([p for ring in rings for p in ring], dtype=np.int64) * SUBSTEPS
    lengths = np.array([len(ring) for ring in rings], dtype=np.int64)
    _, start, count = fill(corners[:, 0], corners[:, 1], lengths, np.zeros(len(rings), dtype=np.int64), side)
    canvas = np.zeros(side * side, dtype=np.int64)
    for first, n in zip(start, count, strict=True):
        canvas[first : first + n] += 1
    return canvas.reshape(side, side)


def test_fill_by_hand():
    square = covered([[(1, 1), (4, 1), (4, 3), (1, 3)]], 5)
    assert square.tolist() == [[0] * 5, [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0] * 5, [0] * 5]
    ring = covered([[(0, 0), (5, 0), (5, 5), (0, 5)], [(1, 1), (4, 1), (4, 4), (1, 4)]], 5)  # even-odd: a hole
    assert ring.sum() == 25 - 9 and ring[2].tolist() == [1, 0, 0, 0, 1]


@pytest.mark.parametrize("seed", range(20))
def test_fill_agrees_with_a_point_in_polygon_test(seed):
    """Oracle: matplotlib's `contains_points` on random triangles, reaching out of the canvas too."""
    from matplotlib.path import Path as Polygon

    rng = np.random.default_rng(seed)
    side = 24
    triangle = rng.integers(-8, side + 8, (3, 2))
    middle = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) + 0.5
    path = Polygon(triangle)
    inner = path.contains_points(middle, radius=-0.1) & path.contains_points(middle, radius=0.1)
    outer = path.contains_points(middle, radius=-0.1) | path.contains_points(middle, radius=0.1)
    got = covered([[tuple(p) for p in triangle.tolist()]], side).ravel() > 0
    assert not (inner & ~got).any() and not (got & ~outer).any()


def test_every_drawing_stands_on_the_ground():
    """Feet near y = 0, some 60 to 150 design units tall or wide, at least three colours."""
    for name, draw in DRAW.items():
        for seed in range(20):
            sketch = Sketch()
            attributes = draw(sketch, Dice(9, seed))
            x, y = np.array(sketch.x) / 64, np.array(sketch.y) / 64
            assert 55 <= max(np.ptp(x), np.ptp(y)) <= 180, name
            assert y.max() < 14 or attributes["pose"] in ("flying", "jumping", "running", "walking"), name
            assert len(set(sketch.colors)) >= 3 and {"color", "pose"} <= set(attributes), name


# --- the truth -----------------------------------------------------------------------------------------------------


def test_shapes_and_types(world):
    for s in world[:50]:
        n = len(s.labels)
        assert 1 <= n <= 6 and len(s.attributes) == n
        assert s.image.shape == (96, 96, 3) and s.image.dtype == np.uint8
        assert s.boxes.shape == (n, 4) and s.boxes.dtype == np.float32
        assert s.labels.dtype == np.int64 and s.labels.min() >= 0 and s.labels.max() < len(toyland.CLASSES)
        assert s.masks.shape == (n, 96, 96) and s.masks.dtype == bool
        assert s.class_map.shape == (96, 96) and s.class_map.dtype == np.uint8
        assert s.keypoints.shape == (n, len(toyland.KEYPOINTS), 3) and s.keypoints.dtype == np.float32
        for array in (s.image, s.boxes, s.labels, s.masks, s.class_map, s.keypoints, s.instance_map):
            with pytest.raises(ValueError):
                array[...] = 0


def test_masks_are_disjoint_and_boxes_tight(world):
    for s in world:
        masks = s.masks
        assert masks.sum(axis=0).max() <= 1
        for mask, (x0, y0, x1, y1) in zip(masks, s.boxes, strict=True):
            rows, columns = np.nonzero(mask)
            assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0, y0, x1, y1)


def test_class_map_is_made_of_the_masks(world):
    for s in world:
        expected = (s.masks * (s.labels + 1)[:, None, None]).sum(axis=0)
        np.testing.assert_array_equal(s.class_map, expected)


def test_an_object_in_front_hides_what_is_behind():
    """Hidden fractions are 0 where objects may not overlap and nothing else lies about; then masks fill the shapes."""
    for seed in range(30):
        s = toyland.scene(seed, occlusion=False, clutter=False, objects=(1, 3))
        assert all(a["occluded"] == 0 and not a["truncated"] for a in s.attributes)
    hidden = [
        a["occluded"] for seed in range(60) for a in toyland.scene(seed, clutter=False, objects=(3, 6)).attributes
    ]
    assert max(hidden) > 0.3


def test_size_is_the_longer_side():
    for seed in range(60):
        s = toyland.scene(seed, objects=(1, 1), occlusion=False, clutter=False)
        x0, y0, x1, y1 = s.boxes[0]
        angle = np.deg2rad(abs(s.attributes[0]["rotation"]))
        size = s.attributes[0]["size"]
        assert size * np.cos(angle) * 0.8 - 2 <= max(x1 - x0, y1 - y0) <= size * (np.cos(angle) + np.sin(angle)) + 1


def test_surroundings_say_what_is_seen(world):
    """Ground, light and sky: the names are known, and the pixels agree with them."""
    grounds = {s.surroundings["ground"] for s in world}
    assert grounds == set(toyland.GROUNDS) and len(toyland.GROUNDS) == 8
    lights = {name: [s.image.mean() for s in world if s.surroundings["light"] == name] for name in ("dim", "bright")}
    assert np.mean(lights["dim"]) < np.mean(lights["bright"]) - 20
    for s in world:
        around = s.surroundings
        assert set(around) == {"ground", "light", "horizon", "sun", "clouds"}
        assert around["light"] in ("plain", "warm", "cool", "dim", "bright")
        if around["horizon"] == 0:
            assert around["sun"] == around["clouds"] == 0
        else:
            assert 0.12 * 96 - 1 <= around["horizon"] <= 0.46 * 96 and around["sun"] < 0.02
    skies = [s for s in world if s.surroundings["horizon"]]
    assert 0.5 < len(skies) / len(world) < 0.75
    assert 0.2 < np.mean([s.surroundings["sun"] > 0 for s in skies]) < 0.45


def test_the_sun_is_where_the_pixels_are_pale_yellow():
    """Under plain light the sun's own color (255, 238, 170) covers the share that the truth names, and nothing else."""
    found = 0
    for seed in range(120):
        s = toyland.scene(seed, classes=["frog"], objects=(1, 1), object_sizes=(8, 8), clutter=False)
        if s.surroundings["light"] != "plain" or s.surroundings["ground"] != "meadow":
            continue
        near = (np.abs(s.image.astype(int) - (255, 238, 170)).max(axis=2) < 24).mean()
        assert near == pytest.approx(s.surroundings["sun"], abs=0.004), seed
        found += s.surroundings["sun"] > 0.004
    assert found >= 2


def test_keypoints_lie_on_the_person(world):
    visible = hidden = 0
    names = toyland.KEYPOINTS
    for s in world:
        for k, label in enumerate(s.labels):
            points = s.keypoints[k]
            if toyland.CLASSES[label] != "person":
                assert not points.any()
                continue
            assert set(points[:, 2]) <= {1, 2}
            for x, y, seen in points:
                inside = 0 <= x < 96 and 0 <= y < 96
                assert (seen == 2) == (inside and bool(s.masks[k, int(y), int(x)]))
            visible += (points[:, 2] == 2).sum()
            hidden += (points[:, 2] == 1).sum()
            turned = abs(s.attributes[k]["rotation"])
            assert points[names.index("head"), 1] < points[names.index("neck"), 1]
            # Facing the viewer, the person's left is on the picture's right, mirrored or not.
            if turned < 8:
                assert points[names.index("left_shoulder"), 0] > points[names.index("right_shoulder"), 0]
    assert visible > 10 * 14 and hidden > 10


def test_people_move(world):
    """Arms point everywhere: the angle from shoulder to wrist falls into at least 6 of 8 sectors."""
    sectors = set()
    for s in world:
        for points in s.keypoints[s.labels == toyland.CLASSES.index("person")]:
            for side in ("left", "right"):
                a = points[toyland.KEYPOINTS.index(f"{side}_shoulder"), :2]
                b = points[toyland.KEYPOINTS.index(f"{side}_wrist"), :2]
                sectors.add(int(np.arctan2(b[1] - a[1], b[0] - a[0]) // (np.pi / 4)))
    assert len(sectors) >= 6


def test_layout_is_kept():
    for seed in range(25):
        s = toyland.scene(seed, 64, classes=["cat", "dog"], objects=(2, 3), object_sizes=(12, 20))
        assert {toyland.CLASSES[label] for label in s.labels} <= {"cat", "dog"}
        assert 2 <= len(s.labels) <= 3
        assert all(12 <= a["size"] <= 20 for a in s.attributes)


# --- streams -------------------------------------------------------------------------------------------------------


def test_streams_are_reproducible_and_disjoint():
    images, labels = toyland.crops(100, seed=1, cache=False)
    more, more_labels = toyland.crops(130, seed=1, cache=False)
    np.testing.assert_array_equal(images, more[:100])
    np.testing.assert_array_equal(labels, more_labels[:100])
    seen = {image.tobytes() for image in images}
    for other in ({"seed": 2}, {"seed": 1, "split": "test"}, {"seed": 1, "split": "validation"}):
        assert not seen & {image.tobytes() for image in toyland.crops(100, cache=False, **other)[0]}


def test_crops_are_balanced_and_batch_keeps_the_pixels():
    images, labels = toyland.crops(50, size=24, cache=False)
    assert images.shape == (50, 3, 24, 24) and images.dtype == np.float32 and labels.dtype == np.int64
    assert images.min() >= 0 and images.max() <= 1
    assert np.bincount(labels).tolist() == [5] * 10
    assert labels[:10].tolist() != labels[10:20].tolist()
    few, few_labels = toyland.crops(9, classes=["frog", "cat", "car"], cache=False)
    assert np.bincount(few_labels).tolist() == [3, 3, 3] and len(few) == 9
    scenes = toyland.scenes(3, size=48, cache=False)
    stacked = toyland.batch(scenes)
    assert stacked.shape == (3, 3, 48, 48) and stacked.dtype == np.float32
    np.testing.assert_array_equal(np.rint(stacked[1] * 255).transpose(1, 2, 0), scenes[1].image)


# --- the cache -----------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def same(a: list[toyland.Scene], b: list[toyland.Scene]) -> bool:
    return all(
        np.array_equal(getattr(p, name), getattr(q, name))
        for p, q in zip(a, b, strict=True)
        for name in ("image", "boxes", "labels", "instance_map", "keypoints", "attributes", "surroundings")
    )


def test_cache_gives_back_what_was_rendered(cache, monkeypatch):
    first = toyland.scenes(12, size=48)
    images, labels = toyland.crops(20)
    assert len(list(cache.glob("toyland-*.npz"))) == len(list(cache.iterdir())) == 2
    monkeypatch.setattr(toyland, "render", None)  # nothing may be rendered now
    assert same(first, toyland.scenes(12, size=48))
    again = toyland.crops(20)
    np.testing.assert_array_equal(images, again[0])
    np.testing.assert_array_equal(labels, again[1])
    with pytest.raises(ValueError):
        toyland.scenes(12, size=48)[0].image[...] = 0


def test_cache_key_follows_the_arguments_and_the_source(cache, monkeypatch):
    toyland.crops(10)
    for changed in ({"seed": 1}, {"size": 24}, {"split": "test"}, {"clutter": False}, {"classes": ["cat", "dog"]}):
        before = len(list(cache.iterdir()))
        toyland.crops(10, **changed)
        assert len(list(cache.iterdir())) == before + 1, changed
    before = len(list(cache.iterdir()))
    monkeypatch.setattr(toyland, "_source_digest", lambda: "another renderer")
    toyland.crops(10)
    assert len(list(cache.iterdir())) == before + 1


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "text"])
def test_damaged_cache_is_rendered_again(cache, damage):
    images, _ = toyland.crops(20)
    (path,) = cache.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(
        {"truncated": content[: len(content) // 2], "empty": b"", "text": b"not pictures", "flipped": content}[damage]
    )
    with pytest.warns(UserWarning, match="damaged"):
        again, _ = toyland.crops(20)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(images, toyland.crops(20)[0])  # mended, without a warning


def test_cache_that_cannot_be_written(tmp_path, monkeypatch):
    """A file stands where the folder should be: no permissions are needed to try it."""
    (tmp_path / "blocked").write_text("a file")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "blocked" / "cache"))
    with pytest.warns(UserWarning, match="going on without"):
        images, _ = toyland.crops(10)
    assert images.shape == (10, 3, 32, 32)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_full_disk_leaves_nothing_behind(tmp_path):
    code = (
        "import resource, signal, warnings; warnings.simplefilter('ignore');"
        "from course_utils.datasets import toyland;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "print(toyland.crops(40)[0].shape)"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COURSE_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 0 and done.stdout.strip() == "(40, 3, 32, 32)", done.stderr
    assert done.stderr == "" and list((tmp_path / "cache").iterdir()) == []


def test_two_kernels_at_once(cache):
    code = (
        "import hashlib; from course_utils.datasets import toyland;"
        "print(hashlib.sha256(toyland.crops(300)[0]).hexdigest())"
    )
    env = {**os.environ, "COURSE_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env
        )
        for _ in range(2)
    ]
    answers = {process.communicate(timeout=120)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0] and len(answers) == 1
    (path,) = cache.iterdir()
    assert path.suffix == ".npz"


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: toyland.scene(-1), "seed must be an integer of at least 0, got -1"),
        (lambda: toyland.scene(0, 8), "size must be an integer from 16 to 512, got 8"),
        (lambda: toyland.scene(0, 96.0), "size must be .* got 96.0"),
        (lambda: toyland.scene(0, classes=["cat", "cow"]), "classes must be one of .*'cat'.* got 'cow'"),
        (lambda: toyland.scene(0, classes="cat"), "classes must be a sequence of names .* got 'cat'"),
        (lambda: toyland.scene(0, classes=[]), "classes must name at least one"),
        (lambda: toyland.scene(0, objects=3), "objects must be a pair .* got 3"),
        (lambda: toyland.scene(0, objects=(3, 2)), r"objects\[1\] must be an integer from 3 to 12, got 2"),
        (lambda: toyland.scene(0, object_sizes=(4, 20)), r"object_sizes\[0\] must be an integer from 8 to 96, got 4"),
        (lambda: toyland.scene(0, 32, objects=(9, 9), object_sizes=(30, 32), occlusion=False), "leave no room for 9"),
        (lambda: toyland.scenes(0), "count must be an integer of at least 1, got 0"),
        (lambda: toyland.crops(10, split="dev"), "split must be one of 'train', 'validation', 'test', got 'dev'"),
        (lambda: toyland.batch([]), "scenes must hold at least one Scene"),
        (lambda: toyland.batch([toyland.scene(0, 32), toyland.scene(0, 48)]), "scenes must share one size"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- the difficulty ------------------------------------------------------------------------------------------------


def test_sizes_hiding_and_places(world):
    """What makes the world hard: small, hidden and scattered objects, and several of a class in one picture."""
    sizes = np.array([a["size"] for s in world for a in s.attributes])
    assert sizes.min() >= 8 and (sizes < 16).mean() > 0.12 and (sizes < 10).any()
    assert (sizes > 48).mean() > 0.08 and sizes.max() > 72
    hidden = np.array([a["occluded"] for s in world for a in s.attributes])
    assert 0.2 < (hidden > 0.05).mean() < 0.5 and (hidden > 0.3).mean() > 0.03
    assert np.mean([a["truncated"] for s in world for a in s.attributes]) > 0.1
    counts = np.bincount([len(s.labels) for s in world], minlength=7)
    assert counts[0] == 0 and (counts[1:] > 0.08 * len(world)).all()
    assert np.mean([len(set(s.labels.tolist())) < len(s.labels) for s in world]) > 0.4  # two cats
    centres = np.concatenate([(s.boxes[:, :2] + s.boxes[:, 2:]) / 2 for s in world])
    cells = np.histogramdd(centres, bins=(3, 3), range=((0, 96), (0, 96)))[0] / len(centres)
    assert cells.min() > 0.04 and cells.max() < 0.25
    classes = np.bincount(np.concatenate([s.labels for s in world]), minlength=10)
    assert classes.min() > 0.06 * classes.sum() and classes.max() < 0.15 * classes.sum()


def test_colors_per_class(world):
    """Cars, buses and birds are red or blue (and more); frogs are green; cats come in at least three coats."""
    colors = {name: set() for name in toyland.CLASSES}
    for s in world:
        for label, a in zip(s.labels, s.attributes, strict=True):
            colors[toyland.CLASSES[label]].add(a["color"])
    assert colors["frog"] == {"green"}
    for name in ("car", "bus", "bird"):
        assert {"red", "blue", "yellow"} <= colors[name]
    assert {"green", "orange", "red"} <= colors["tree"]
    assert len(colors["cat"]) >= 3 and len(colors["dog"]) >= 3 and len(colors["person"]) >= 6
    reds = {name for name, found in colors.items() if "red" in found}
    assert len(reds) >= 6  # a colour does not give the class away


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_color_alone_does_not_tell_the_class(train, test):
    from sklearn.linear_model import LogisticRegression

    def histogram(images: np.ndarray) -> np.ndarray:
        codes = np.minimum((images * 4).astype(np.int64), 3)
        codes = (codes[:, 0] * 16 + codes[:, 1] * 4 + codes[:, 2]).reshape(len(images), -1)
        return np.stack([np.bincount(row, minlength=64) for row in codes]) / codes.shape[1]

    for describe, ceiling in ((lambda images: images.mean(axis=(2, 3)), 0.20), (histogram, 0.45)):
        model = LogisticRegression(C=30, max_iter=100).fit(describe(train[0]), train[1])
        assert model.score(describe(test[0]), test[1]) < ceiling


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) - 0.5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_linear_baseline_stays_low(train, test):
    """Chance is 0.1; every strength of regularisation stays under the ceiling."""
    from sklearn.linear_model import LogisticRegression

    scores = [
        LogisticRegression(C=c, max_iter=50).fit(flat(train[0]), train[1]).score(flat(test[0]), test[1])
        for c in (1e-4, 1e-3)
    ]
    assert 0.1 < max(scores) < 0.35


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_dense_baseline_stays_low(train, test):
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((256, 128), alpha=1e-3, early_stopping=True, max_iter=15, random_state=0)
    model.fit(flat(train[0]), train[1])
    assert 0.1 < model.score(flat(test[0]), test[1]) < 0.40


def test_step_is_odd_multiple_of_the_substeps():
    """The middle sample is the pixel's centre only where there is an odd number of samples."""
    assert STEP % SUBSTEPS == 0 and (STEP // SUBSTEPS) % 2 == 1


if __name__ == "__main__":
    print(digest_of_scenes(), digest_of_crops())
