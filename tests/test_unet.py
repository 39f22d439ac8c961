"""Networks of class maps: sizes and counts, twins of paper and library, losses by hand, edges, and the explorer."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F

from course_utils import convolution, metrics, weights, widgets
from course_utils.layers import count_parameters
from course_utils.models import segmentation as seg
from course_utils.models.yolo import Encoder


def pictures(height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


NETWORKS = {
    "SegNet": lambda: seg.SegNet(5, 8),
    "UNet": lambda: seg.UNet(5, 8),
    "UNet without skips": lambda: seg.UNet(5, 8, skips=False),
    "DilatedNet": lambda: seg.DilatedNet(5, 8),
}


# --- networks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_every_pixel_gets_an_answer_and_every_weight_a_gradient(name):
    net = NETWORKS[name]()
    logits = net(pictures())
    assert logits.shape == (2, 5, 32, 48)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_encoder_takes_the_stored_weights(name):
    net = {"SegNet": seg.SegNet, "DilatedNet": seg.DilatedNet}.get(name, seg.UNet)()
    weights.load(net.encoder, "toyland_encoder")


@pytest.mark.parametrize("name", NETWORKS)
def test_sides_that_do_not_fit_are_refused_with_the_remedy(name):
    with pytest.raises(ValueError, match=r"multiples of (4|16), got 34x48; pad them to (36|48)x48"):
        NETWORKS[name]()(pictures(34))


def test_stages_and_poolings_are_the_encoder():
    encoder = Encoder(8).eval()
    x = pictures()
    maps = []
    for stage in seg.stages(encoder):
        x = stage(F.max_pool2d(x, 2) if maps else x)
        maps.append(x)
    fine, coarse = encoder(pictures())
    assert torch.equal(maps[3], fine) and torch.equal(maps[4], coarse)
    assert [m.shape[1] for m in maps] == [4, 8, 16, 32, 64]


def test_counts():
    with torch.device("meta"):
        assert count_parameters(seg.PaperUNet()) == 31_030_658
    encoder = count_parameters(Encoder())
    channels = [16, 32, 64, 128, 256]
    up = sum(4 * b * a + a for a, b in itertools.pairwise(channels))
    merge = sum(9 * 2 * a * a + 2 * a for a in channels[:-1])
    assert count_parameters(seg.UNet()) == encoder + up + merge + 16 * 11 + 11
    assert count_parameters(seg.UNet()) - count_parameters(seg.UNet(skips=False)) == sum(
        9 * a * a for a in channels[:-1]
    )


@pytest.mark.parametrize(("level", "channels"), [(0, 4), (1, 8), (2, 16), (3, 32)])
def test_a_skip_that_is_cut_carries_nothing(level, channels):
    net = seg.UNet(5, 8).eval()
    x = pictures()
    assert not torch.equal(net(x), net(x, cut=(level,)))
    with torch.no_grad():
        net.merge[level][0].weight[:, :channels] = 0  # the left half of what is merged there, and nowhere else
    torch.testing.assert_close(net(x), net(x, cut=(level,)))


def test_segnet_puts_values_where_the_maxima_stood():
    """With decoding convolutions that hand their input on, what comes out is zero off the maxima."""
    net = seg.SegNet(5, 8).eval()
    seen = {}
    net.answer.register_forward_pre_hook(lambda module, inputs: seen.update(x=inputs[0]))
    x = pictures()
    net(x)
    first = seg.stages(net.encoder)[0](x)
    _, where = F.max_pool2d(first, 2, return_indices=True)
    stood = torch.zeros_like(first).flatten(2).scatter(2, where.flatten(2), 1.0).unflatten(2, first.shape[2:])
    assert (seen["x"] * (1 - stood)).abs().max() == 0
    assert (seen["x"] * stood).abs().max() > 0


def test_dilation_meets_the_pixels_that_pooling_left():
    """Every fourth place of the dilated map is what the same weights give behind strides in place of the poolings."""
    net = seg.DilatedNet(5, 8).eval()
    plain = Encoder(8).eval()
    plain.load_state_dict(net.encoder.state_dict())
    x = torch.rand(1, 16, 24, 24)
    with torch.no_grad():
        for name, step in (("fine", 2), ("coarse", 4)):
            dilated = getattr(net.encoder, name)[0 if name == "fine" else 1 :]
            pooled = getattr(plain, name)[0 if name == "fine" else 1 :]
            given = x if name == "fine" else x.repeat(1, 2, 1, 1)
            torch.testing.assert_close(dilated(given)[:, :, ::step, ::step], pooled(given[:, :, ::step, ::step]))


def test_the_context_module_starts_as_the_identity():
    net = seg.DilatedNet(5, 8)
    scores = torch.rand(1, 5, 20, 20)  # above 0, where the activation is the identity as well
    torch.testing.assert_close(net.context[:-1](scores), scores)
    layers = [(3, 1, d, d) for d in (1, 1, 2, 4, 8, 1)]
    assert convolution.receptive_field(layers).size == 35


# --- sizes without padding -----------------------------------------------------------------------------------------


def test_the_paper_walks_from_572_to_388():
    assert seg.valid_sizes(572) == ([568, 280, 136, 64, 28], [52, 100, 196, 388])


@pytest.mark.parametrize(("size", "depth"), [(188, 4), (204, 4), (92, 3), (44, 2), (52, 2), (20, 1), (22, 1)])
def test_sizes_of_a_real_pass(size, depth):
    net = seg.PaperUNet(3, 2, width=2, depth=depth)
    out = net(torch.rand(1, 3, size, size))
    assert out.shape[2:] == (seg.valid_sizes(size, depth).up[-1],) * 2


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_exactly_the_sizes_that_halve_evenly_fit(depth):
    for size in range(1, 400):
        sides, fits = [size - 4], True
        for _ in range(depth):
            fits &= sides[-1] % 2 == 0
            sides.append(sides[-1] // 2 - 4)
        for _ in range(depth):
            sides.append(2 * sides[-1] - 4)
        if fits and min(sides) >= 1:
            assert seg.valid_sizes(size, depth).up[-1] == sides[-1]
        else:
            with pytest.raises(ValueError, match="input_size must be 4 below a multiple"):
                seg.valid_sizes(size, depth)


@pytest.mark.parametrize(("size", "near"), [(570, "556, 572"), (573, "572, 588"), (100, "188")])
def test_a_size_that_does_not_fit_names_its_neighbours(size, near):
    with pytest.raises(ValueError, match=f"got {size}; sizes nearby that fit: {near}$"):
        seg.valid_sizes(size)
    with pytest.raises(ValueError, match=f"got {size}"):
        seg.PaperUNet(1, 2, width=2)(torch.zeros(1, 1, size, size))


# --- losses --------------------------------------------------------------------------------------------------------


def random_pixels(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 4, 6, 5, generator=generator, dtype=torch.float32)
    targets = torch.randint(4, (2, 6, 5), generator=generator)
    targets[0, 0] = 255
    return logits, targets


def test_focal_loss_without_focus_is_cross_entropy():
    logits, targets = random_pixels()
    torch.testing.assert_close(seg.focal_loss(logits, targets, 0.0), F.cross_entropy(logits, targets, ignore_index=255))


def test_focal_loss_by_hand():
    logits = torch.tensor([0.9, 0.1]).log().reshape(1, 2, 1, 1).repeat(1, 1, 1, 2)
    targets = torch.tensor([[[0, 1]]])
    by_hand = (0.1**2 * -np.log(0.9) + 0.9**2 * -np.log(0.1)) / 2
    assert seg.focal_loss(logits, targets).item() == pytest.approx(by_hand, rel=1e-5)


def test_dice_loss_by_hand():
    """Four pixels, class 1 true at one of them and predicted with certainty at two."""
    logits = torch.full((1, 2, 1, 4), -50.0)
    logits[0, 1, 0, :2] = 50
    logits[0, 0, 0, 2:] = 50
    targets = torch.tensor([[[1, 0, 0, 0]]])
    ground, thing = (2 * 2 + 1) / (2 + 3 + 1), (2 * 1 + 1) / (2 + 1 + 1)
    assert seg.dice_loss(logits, targets).item() == pytest.approx(1 - (ground + thing) / 2, abs=1e-6)


@pytest.mark.parametrize("loss", [seg.dice_loss, seg.focal_loss])
def test_void_pixels_count_for_nothing(loss):
    logits, targets = random_pixels()
    before = loss(logits, targets)
    changed = logits.clone()
    changed[0, :, 0] += torch.randn(4, 5)
    assert torch.equal(loss(changed, targets), before)
    with pytest.raises(ValueError, match=r"targets \(N, H, W\), got \(2, 4, 6, 5\) and \(2, 5, 6\)"):
        loss(logits, targets.mT)


# --- edges ---------------------------------------------------------------------------------------------------------


def published_boundary(mask: np.ndarray, distance: int) -> np.ndarray:
    """The paper's recipe: a frame of zeros, `distance` erosions by a 3x3 square, what has gone is the boundary."""
    padded = np.pad(mask, 1)
    eroded = scipy.ndimage.binary_erosion(padded, np.ones((3, 3)), iterations=distance, border_value=0)
    return mask & ~eroded[1:-1, 1:-1]


@pytest.mark.parametrize("distance", [1, 2, 5])
def test_boundary_iou_is_the_published_one(distance):
    rng = np.random.default_rng(distance)
    coarse, other = (rng.integers(0, 3, (3, 6, 7)) for _ in range(2))
    true, guess = (np.kron(maps, np.ones((1, 4, 4), dtype=int)) for maps in (coarse, np.where(other, coarse, 0)))
    found = metrics.boundary_iou(guess, true, 4, distance)
    for label in range(3):
        both = either = 0
        for a, b in zip(guess == label, true == label, strict=True):
            edges = published_boundary(a, distance), published_boundary(b, distance)
            both, either = both + (edges[0] & edges[1]).sum(), either + (edges[0] | edges[1]).sum()
        assert found[label] == pytest.approx(both / either)
    assert np.isnan(found[3])


def test_boundary_iou_by_hand():
    """A square of 6 pixels, answered one pixel too far right: its ring has 20 pixels, and the two share 10."""
    true, guess = torch.zeros(2, 1, 20, 20, dtype=torch.int64)
    true[0, 5:11, 5:11] = guess[0, 5:11, 6:12] = 1
    assert metrics.boundary_iou(guess, true, 2, 1)[1] == pytest.approx(10 / (20 + 20 - 10))


def test_boundary_iou_of_the_truth_is_one_and_ignores_void():
    maps = torch.randint(3, (2, 9, 9), generator=torch.Generator().manual_seed(0))
    assert metrics.boundary_iou(maps, maps, 3).tolist() == [1, 1, 1]
    true = maps.clone()
    true[:, :4] = 255
    guess = maps.clone()
    guess[:, :4] = 1
    assert metrics.boundary_iou(guess, true, 3).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        (torch.zeros(1, 4, 5), r"both have the shape \(N, H, W\), got \(1, 4, 5\) and \(1, 4, 4\)"),
        (torch.full((1, 4, 4), 3), "predictions must hold classes from 0 to 2, got 3"),
        (torch.full((1, 4, 4), 255), "predictions must hold classes from 0 to 2, got 255"),
    ],
)
def test_boundary_iou_refuses_what_does_not_fit(guess, message):
    with pytest.raises(ValueError, match=message):
        metrics.boundary_iou(guess, torch.zeros(1, 4, 4, dtype=torch.int64), 3)


# --- the explorer --------------------------------------------------------------------------------------------------


def said(svg: str) -> str:
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    return root.get("aria-label")


def boxes(svg: str, kind: str) -> int:
    return sum(kind in (element.get("class") or "").split() for element in ET.fromstring(svg).iter())


def test_explorer_shows_the_paper():
    svg = widgets.unet_svg()
    assert "down: 568, 280, 136, 64, 28" in said(svg) and "Output 388 by 388: a frame of 92 pixels" in said(svg)
    assert "level 0: 568 down, 388 up, 88 cut off" in said(svg)
    assert boxes(svg, "down") == 5 and boxes(svg, "up") == 4 and boxes(svg, "skip") == 4 and boxes(svg, "broken") == 0


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_explorer_and_package_agree_about_every_size(depth):
    from course_utils.widgets import unet

    for size in range(16, 641):
        try:
            sizes = seg.valid_sizes(size, depth)
        except ValueError:
            assert not unet.fits(size, depth)
        else:
            assert unet.fits(size, depth) and unet.walk(size, depth) == (sizes.down, sizes.up)
        assert unet.fits(size, depth, "one pixel") == (size % 2**depth == 0)


def test_explorer_says_what_would_fit():
    assert "does not fit; take 556 or 572" in said(widgets.unet_svg(570))
    assert "does not fit; take 560 or 576" in said(widgets.unet_svg(572, padding="one pixel"))
    assert boxes(widgets.unet_svg(570), "broken") > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 15}, "input_size must be an integer from 16 to 640, got 15"),
        ({"depth": 5}, "depth must be an integer from 1 to 4, got 5"),
        ({"padding": "two"}, "padding must be one of 'none', 'one pixel', got 'two'"),
    ],
)
def test_explorer_refuses_what_is_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.unet_svg(**arguments)


def test_explorer_follows_its_controls():
    explorer = widgets.explore_unet()
    controls, picture = explorer.children
    controls.children[0].value = 444
    controls.children[2].value = "one pixel"
    assert picture.value == widgets.unet_svg(444, 4, "one pixel")
