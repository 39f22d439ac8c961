"""The drawn patterns: deterministic, in range, each in a manner of its own at any size, refused by name."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from course_utils.datasets import patterns
from course_utils.features import gram_matrix


@pytest.mark.parametrize("name", patterns.NAMES)
def test_a_pattern_is_a_picture_and_the_same_for_the_same_seed(name):
    picture = patterns.render(name, 48, seed=3)
    assert picture.shape == (3, 48, 48) and picture.dtype == torch.float32 and picture.is_contiguous()
    assert 0 <= picture.min() and picture.max() <= 1 and picture.std() > 0.08
    assert torch.equal(picture, patterns.render(name, 48, seed=3))
    assert (picture - patterns.render(name, 48, seed=4)).abs().mean() > 0.03


def grams(picture: torch.Tensor) -> torch.Tensor:
    """Gram matrix of the colors and their differences to the right and downwards: a style without a network."""
    right, down = picture.diff(dim=2)[:, :-1], picture.diff(dim=1)[:, :, :-1]
    maps = torch.cat([picture[:, :-1, :-1], 3 * right.abs(), 3 * down.abs()])
    return gram_matrix(maps[None])[0]


def test_two_pictures_of_one_pattern_are_nearer_in_style_than_those_of_two():
    """Of the mean over seeds, as a single picture may be a dark one."""
    means = [torch.stack([grams(patterns.render(name, 64, seed)) for seed in range(3)]) for name in patterns.NAMES]
    within = torch.stack([(several - several.mean(dim=0)).norm(dim=(1, 2)).mean() for several in means])
    between = torch.cdist(*(2 * [torch.stack([several.mean(dim=0) for several in means]).flatten(1)]))
    between += 9 * torch.eye(len(means))
    assert (within < between.min(dim=1).values).all(), (within, between)


@pytest.mark.parametrize("name", ["tiles", "hatching", "waves"])
def test_a_larger_picture_shows_the_same_larger(name):
    """Pieces of glass, lines and bands lie where they lay, as another seed's do not."""
    small, other = (patterns.render(name, 48, seed) for seed in (1, 2))
    halved = torch.nn.functional.avg_pool2d(patterns.render(name, 96, seed=1), 2)
    assert (small - halved).abs().mean() < 0.3 * (small - other).abs().mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("clouds", 64), "name must be one of 'hatching', 'strokes', 'tiles', 'waves', got 'clouds'"),
        (("tiles", 8), "size must be an integer of at least 16, got 8"),
        (("tiles", 64.0), "size must be an integer of at least 16, got 64.0"),
        (("tiles", 64, -1), "seed must be an integer of at least 0, got -1"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        patterns.render(*arguments)


def test_importing_loads_no_torch():
    code = "import sys; from course_utils.datasets import patterns; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
