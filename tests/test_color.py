"""Lab, the bins of the ab plane, their prior and the way back to one colour: oracles, values by hand, invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage import color as oracle

from course_utils import color, runtime

SHARED = runtime.PROJECT_ROOT.parent / "shared" / "data" / "colorization"


@pytest.fixture(scope="module")
def bins():
    return color.in_gamut_bins()


def _pictures(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _one(*values):
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)


# --- sRGB and Lab -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 7, 5), (2, 3, 9, 4), (2, 2, 3, 3, 3)])
def test_both_ways_agree_with_scikit_image(shape):
    images = _pictures(*shape)
    images[..., 0, :, :] *= 0.05  # some values below the straight part of the curve
    lab = color.rgb_to_lab(images)
    expected = oracle.rgb2lab(images.movedim(-3, -1).numpy())
    np.testing.assert_allclose(lab.movedim(-3, -1), expected, atol=1e-9)
    back = oracle.lab2rgb(expected)
    np.testing.assert_allclose(color.lab_to_rgb(lab).movedim(-3, -1), back, atol=1e-9)
    torch.testing.assert_close(color.lab_to_rgb(lab), images, atol=1e-5, rtol=0)


def test_red_and_gray_by_hand():
    lightness, a, b = color.rgb_to_lab(_one(1, 0, 0)).flatten().tolist()
    assert lightness == pytest.approx(116 * 0.212671 ** (1 / 3) - 16, abs=1e-9)
    assert a == pytest.approx(500 * ((0.412453 / 0.95047) ** (1 / 3) - 0.212671 ** (1 / 3)), abs=1e-9)
    assert (round(lightness, 2), round(a, 2), round(b, 2)) == (53.24, 80.09, 67.2)
    grays = torch.linspace(0, 1, 11, dtype=torch.float64).expand(3, 1, 11)
    lab = color.rgb_to_lab(grays)
    assert lab[1:].abs().max() < 0.01 and (lab[0].diff() > 0).all()
    assert lab[0, 0, 0] == pytest.approx(0, abs=1e-6) and lab[0, 0, -1] == pytest.approx(100, abs=1e-6)


def test_a_color_that_no_screen_shows_is_cut_off():
    rgb = color.lab_to_rgb(_one(50, -110, 100))
    assert rgb.min() == 0 and rgb.max() <= 1
    assert torch.isfinite(color.lab_to_rgb(_one(5, 100, 110))).all()


def test_gradients_flow_both_ways():
    images = _pictures(3, 4, 4).requires_grad_()
    color.lab_to_rgb(color.rgb_to_lab(images)).sum().backward()
    torch.testing.assert_close(images.grad, torch.ones_like(images), atol=1e-3, rtol=0)


def test_chroma_is_the_distance_from_gray():
    assert color.chroma(_one(3, -4)).item() == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: color.rgb_to_lab(torch.rand(1, 4, 4)),
            r"images must have the shape \(..., 3, H, W\).*got \(1, 4, 4\)",
        ),
        (lambda: color.rgb_to_lab(torch.rand(4, 5, 5)), r"got \(4, 5, 5\); datasets.photos.read_picture makes three"),
        (lambda: color.rgb_to_lab(torch.rand(5, 5)), r"images must have the shape .* got \(5, 5\)"),
        (lambda: color.rgb_to_lab(torch.rand(3, 0, 5)), "with at least one pixel"),
        (lambda: color.rgb_to_lab(np.ones((3, 2, 2))), "images must have the shape .* got ndarray"),
        (lambda: color.rgb_to_lab(torch.ones(3, 2, 2, dtype=torch.uint8)), "images must be floats, got torch.uint8"),
        (lambda: color.rgb_to_lab(255 * torch.ones(3, 2, 2)), r"images must be in 0\.\.1, got 255 to 255: divide 8"),
        (lambda: color.rgb_to_lab(torch.full((3, 2, 2), torch.nan)), r"images must be in 0\.\.1, got nan"),
        (lambda: color.lab_to_rgb(torch.rand(2, 4, 4)), r"lab must have the shape \(..., 3, H, W\).* L, a and b"),
        (lambda: color.chroma(torch.rand(3, 4, 4)), r"ab must have the shape \(..., 2, H, W\)"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- bins ----------------------------------------------------------------------------------------------------------


def test_there_are_313_bins_on_the_grid(bins):
    assert bins.shape == (313, 2) and bins.dtype == torch.float32
    assert torch.equal(bins, (bins / 10).round() * 10)
    assert bins.tolist() == sorted(bins.tolist()) and len({tuple(row) for row in bins.tolist()}) == 313
    assert [0.0, 0.0] in bins.tolist()


@pytest.mark.skipif(not SHARED.is_dir(), reason="no published bins at shared/data/colorization")
def test_the_bins_are_those_of_the_paper(bins):
    published = np.load(SHARED / "pts_in_hull.npy", allow_pickle=False)
    assert bins.tolist() == published.tolist()


def test_every_color_lies_in_a_square_whose_corners_are_bins(bins):
    known = {tuple(row) for row in bins.tolist()}
    ab = color.rgb_to_lab(_pictures(3, 40, 40, seed=1))[1:].flatten(1).T
    for a, b in (ab / 10).floor().mul(10).tolist():
        assert {(a, b), (a + 10, b), (a, b + 10), (a + 10, b + 10)} <= known


@pytest.mark.parametrize("grid_size", [10, 25])
def test_a_bin_is_less_than_a_step_from_the_hull_and_what_is_no_bin_is_not(grid_size):
    """The distance to the hull, in a and in b, by a linear program over mixtures of many colours."""
    from scipy.optimize import linprog

    ab = color.rgb_to_lab(torch.cartesian_prod(*[torch.linspace(0, 1, 6).double()] * 3).T[:, :, None])[1:, :, 0].numpy()
    known = {tuple(row) for row in color.in_gamut_bins(grid_size).tolist()}
    points = [(-90, 50), (-100, 50), (40, 90), (50, 90), (100, 0), (100, 10), (0, -70), (0, -80)]
    points = points if grid_size == 10 else [(-100, 75), (-75, 25), (100, 0), (100, 25), (0, -75), (-25, -75)]
    count = ab.shape[1]
    for a, b in points:
        rows = np.concatenate([ab, -ab]), -np.ones((4, 1))  # |mixture - point| <= d in both coordinates
        bounds = np.array([a, b, -a, -b])
        best = linprog(
            [0] * count + [1], np.hstack(rows), bounds, [[1] * count + [0]], [1], bounds=[(0, None)] * (count + 1)
        )
        assert ((a, b) in known) == (best.fun < grid_size), (a, b, best.fun)


def test_a_finer_grid_has_more_bins():
    assert len(color.in_gamut_bins(20)) < 313 < len(color.in_gamut_bins(5))
    with pytest.raises(ValueError, match="grid_size must be an integer of at least 1, got 0"):
        color.in_gamut_bins(0)


# --- soft encoding -------------------------------------------------------------------------------------------------


def test_soft_encoding_by_hand(bins):
    """(12, 31): squared distances 5 to (10, 30), 65 to (20, 30), 85 to (10, 40), 125 to (10, 20)."""
    numbers, weights = color.soft_encode(torch.tensor([12.0, 31.0]).reshape(2, 1, 1), bins, neighbors=4)
    assert bins[numbers.flatten()].tolist() == [[10, 30], [20, 30], [10, 40], [10, 20]]
    powers = [math.exp(-d / 50) for d in (5, 65, 85, 125)]
    assert weights.flatten().tolist() == pytest.approx([p / sum(powers) for p in powers], abs=1e-6)


def test_soft_encoding_is_what_a_loop_over_all_bins_gives(bins):
    ab = 60 * torch.rand(2, 2, 3, 4, generator=torch.Generator().manual_seed(3)) - 30
    numbers, weights = color.soft_encode(ab, bins)
    assert numbers.shape == weights.shape == (2, 5, 3, 4) and numbers.dtype == torch.int64
    for n, y, x in np.ndindex(2, 3, 4):
        distances = ((bins - ab[n, :, y, x]) ** 2).sum(dim=1)
        nearest = distances.argsort()[:5]
        powers = torch.exp(-distances[nearest] / 50)
        assert numbers[n, :, y, x].tolist() == nearest.tolist()
        torch.testing.assert_close(weights[n, :, y, x], powers / powers.sum(), atol=1e-5, rtol=0)


def test_a_bin_s_own_color_gets_most_of_the_weight_and_its_mean(bins):
    inner = bins[(bins == 20).all(dim=1).nonzero()[0]]  # (20, 20), with neighbours on all four sides
    numbers, weights = color.soft_encode(inner.reshape(2, 1, 1), bins)
    assert weights[0].item() == pytest.approx(1 / (1 + 4 * math.exp(-2)), abs=1e-6)
    mean = (weights.flatten()[:, None] * bins[numbers.flatten()]).sum(dim=0)
    torch.testing.assert_close(mean, inner[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"neighbors": 0}, "neighbors must be an integer from 1 to 313, got 0"),
        ({"neighbors": 314}, "neighbors must be an integer from 1 to 313, got 314"),
        ({"sigma": 0}, "sigma must be above 0, got 0"),
        ({"ab": torch.zeros(3, 2, 2)}, r"ab must have the shape \(..., 2, H, W\)"),
    ],
)
def test_soft_encode_refuses_by_name(bins, arguments, message):
    with pytest.raises(ValueError, match=message):
        color.soft_encode(**{"ab": torch.zeros(2, 2, 2), "bins": bins, **arguments})


# --- prior and weights -----------------------------------------------------------------------------------------------


def test_prior_counts_shares(bins):
    ab = torch.zeros(1, 2, 2, 2)
    ab[0, :, 0, 0] = torch.tensor([50.0, 50.0])
    prior = color.bin_prior(*color.soft_encode(ab, bins, neighbors=1), len(bins))
    assert prior.sum().item() == pytest.approx(1) and sorted(prior.tolist())[-2:] == [0.25, 0.75]
    assert prior[(bins == 0).all(dim=1)].item() == 0.75


def test_smoothing_keeps_the_sum_and_reaches_the_neighbors(bins):
    middle = (bins == 20).all(dim=1)
    smooth = color.smooth_prior(middle.float(), bins)
    assert smooth.sum().item() == pytest.approx(1, abs=1e-5) and (smooth >= 0).all()
    ring = (
        1 + 4 * math.exp(-2) + 4 * math.exp(-4) + 4 * math.exp(-8) + 8 * math.exp(-10)
    )  # 0, 10, 10 sqrt 2, 20 ... away
    assert smooth[middle].item() == pytest.approx(1 / ring, abs=1e-4)
    wide = color.smooth_prior(middle.float(), bins, sigma=30)
    assert wide[middle] < smooth[middle] and wide.min() > smooth.min()


def test_rebalancing_by_hand():
    """0.9, 0.09, 0.01 mixed half and half with 1/3: 0.617, 0.212, 0.172; inverses over their mean 1.943."""
    weights = color.rebalancing_weights(torch.tensor([0.9, 0.09, 0.01], dtype=torch.float64))
    assert weights.tolist() == pytest.approx([0.8345, 2.4310, 2.9977], abs=1e-3)


@pytest.mark.parametrize("mix", [0.0, 0.25, 0.5, 1.0])
def test_rebalancing_is_1_on_average_and_rarer_counts_more(mix):
    prior = torch.tensor([0.5, 0.3, 0.15, 0.05])
    weights = color.rebalancing_weights(prior, mix)
    assert (prior * weights).sum().item() == pytest.approx(1)
    if mix == 1:
        assert weights.tolist() == pytest.approx([1] * 4)
    else:
        assert (weights.diff() > 0).all()
    if mix == 0:
        assert (prior * weights).tolist() == pytest.approx([0.25] * 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: color.rebalancing_weights(torch.ones(2) / 2, 1.5), "mix must be from 0 to 1, got 1.5"),
        (
            lambda: color.rebalancing_weights(torch.tensor([1.0, 0]), 0),
            "mix must be above 0 where a bin of the prior is 0",
        ),
        (lambda: color.smooth_prior(torch.ones(1), torch.zeros(1, 2), 0), "sigma must be above 0, got 0"),
    ],
)
def test_prior_and_weights_refuse_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- annealed mean ---------------------------------------------------------------------------------------------------


def test_annealed_mean_by_hand():
    """0.6 and 0.4 to the power 1 / 0.38: 0.2607 and 0.0897, or 0.744 and 0.256."""
    two = torch.tensor([[60.0, 40.0], [20.0, -60.0]])
    logits = torch.tensor([0.6, 0.4]).log().reshape(1, 2, 1, 1)
    assert color.annealed_mean(logits, two, 1.0).flatten().tolist() == pytest.approx([44, 0], abs=1e-4)
    share = 0.6 ** (1 / 0.38) / (0.6 ** (1 / 0.38) + 0.4 ** (1 / 0.38))
    expected = [20 + 40 * share, -60 + 100 * share]
    assert color.annealed_mean(logits, two).flatten().tolist() == pytest.approx(expected, abs=1e-4)
    assert share == pytest.approx(0.744, abs=5e-4)


def test_annealing_runs_from_the_mean_to_the_mode(bins):
    logits = torch.randn(2, 313, 3, 2, generator=torch.Generator().manual_seed(5))
    mean = torch.einsum("nqhw,qc->nchw", logits.softmax(dim=1), bins)
    mode = bins[logits.argmax(dim=1)].movedim(-1, 1)
    torch.testing.assert_close(color.annealed_mean(logits, bins, 1.0), mean)
    torch.testing.assert_close(color.annealed_mean(logits, bins, 1e-3), mode, atol=1e-3, rtol=0)
    shifted = color.annealed_mean(logits + 7, bins)  # logits count up to a constant
    torch.testing.assert_close(shifted, color.annealed_mean(logits, bins), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "temperature must be above 0, got 0"),
        ({"logits": torch.zeros(1, 5, 2, 2)}, r"logits must have the shape \(N, 313, H, W\), got \(1, 5, 2, 2\)"),
    ],
)
def test_annealed_mean_refuses_by_name(bins, arguments, message):
    with pytest.raises(ValueError, match=message):
        color.annealed_mean(**{"logits": torch.zeros(1, 313, 2, 2), "bins": bins, **arguments})
