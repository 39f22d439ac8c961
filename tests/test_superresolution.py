"""Super-resolution: libraries agree on luminance, SSIM and counts; the papers' figures; values by hand; bad input."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr, ycbcr2rgb
from skimage.metrics import structural_similarity
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils import widgets
from course_utils.color import rgb_to_ycbcr, ycbcr_to_rgb
from course_utils.convolution import multiplication_count
from course_utils.datasets import photos
from course_utils.datasets import superresolution as sr
from course_utils.layers import count_multiply_adds, count_parameters
from course_utils.metrics import luminance_quality, psnr, ssim
from course_utils.models.superresolution import CARN, SRCNN, VDSR

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- luminance -------------------------------------------------------------------------------------------------------


def test_ycbcr_is_scikit_image_s_there_and_back():
    images = pictures(4, 3, 7, 9)
    expected = rgb2ycbcr(images.numpy(), channel_axis=1) / 255
    np.testing.assert_allclose(rgb_to_ycbcr(images), expected, atol=1e-12)
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(images)), images, atol=1e-12)
    back = ycbcr2rgb(255 * expected, channel_axis=1)
    np.testing.assert_allclose(ycbcr_to_rgb(torch.from_numpy(expected)), back.clip(0, 1), atol=1e-12)


def test_luminance_by_hand():
    """Black 16, white 235, pure green 16 + 128.553; gray without colour: Cb = Cr = 128."""
    colors = torch.tensor([[0.0, 0, 0], [1, 1, 1], [0, 1, 0]]).T.reshape(3, 1, 3)
    assert (255 * rgb_to_ycbcr(colors)[0, 0]).tolist() == pytest.approx([16, 235, 144.553], abs=1e-3)
    assert (255 * rgb_to_ycbcr(torch.full((3, 1, 1), 0.3))[1:]).flatten().tolist() == pytest.approx([128, 128])


# --- SSIM ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_ssim_is_scikit_image_s_picture_by_picture(data_range):
    images, targets = data_range * pictures(2, 3, 1, 20, 15)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": data_range}
    expected = [
        structural_similarity(a[0], b[0], **options) for a, b in zip(images.numpy(), targets.numpy(), strict=True)
    ]
    np.testing.assert_allclose(ssim(images, targets, data_range), expected, rtol=1e-12)


def test_ssim_by_hand():
    """Two flat pictures: only the means count, (2 a b + c) / (a^2 + b^2 + c) with c = 0.01^2. Equal pictures: 1."""
    a, b = torch.full((1, 1, 11, 11), 0.25), torch.full((1, 1, 11, 11), 0.75)
    assert ssim(a, b).item() == pytest.approx((0.375 + 1e-4) / (0.625 + 1e-4), abs=1e-6)
    assert ssim(pictures(1, 3, 12, 11), pictures(1, 3, 12, 11)).item() == pytest.approx(1)


def test_quality_leaves_the_border_out_and_colors_aside():
    targets = pictures(2, 3, 20, 24)
    spoilt = targets.clone()
    spoilt[..., :2, :] = 0
    spoilt[..., -2:] = 1
    assert luminance_quality(spoilt, targets, 2)[0].isinf().all()
    assert luminance_quality(spoilt, targets, 1)[0].isfinite().all()
    y, wanted = (rgb_to_ycbcr(x)[:, :1] for x in (targets.flip(3), targets))
    both = luminance_quality(targets.flip(3), targets, 3), luminance_quality(y, wanted, 3)
    torch.testing.assert_close(*both)
    torch.testing.assert_close(both[0][0], psnr(y[..., 3:-3, 3:-3], wanted[..., 3:-3, 3:-3]))


# --- down and up -----------------------------------------------------------------------------------------------------


def keys(t: np.ndarray) -> np.ndarray:
    """Keys's kernel with a = -0.5."""
    t = np.abs(t)
    return np.where(t <= 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0))


def test_an_edge_enlarged_by_hand():
    """At a scale of 2 the weights are 111, 29, -9 and -3 in 128ths: an edge of 128 overshoots by 9 on both sides."""
    edge = torch.tensor([0.0, 0, 0, 0, 128, 128, 128, 128], dtype=torch.float64)
    row = sr.enlarge(edge.expand(1, 1, 8, 8), 2)[0, 0, 8]
    assert row[4:12].tolist() == pytest.approx([0, -3, -9, 26, 102, 137, 131, 128])


@pytest.mark.parametrize(("rows", "columns", "scale"), [(8, 12, 2), (9, 15, 3), (16, 8, 4)])
def test_bicubic_is_keys_kernel_stretched_where_it_shrinks(rows, columns, scale):
    image = pictures(rows, columns).numpy()

    def matrix(inputs: int, outputs: int) -> np.ndarray:
        step = inputs / outputs
        centers = (np.arange(outputs) + 0.5) * step - 0.5
        weights = keys((np.arange(inputs) - centers[:, None]) / max(step, 1))
        return weights / weights.sum(1, keepdims=True)

    small = matrix(rows, rows // scale) @ image @ matrix(columns, columns // scale).T
    np.testing.assert_allclose(sr.shrink(torch.from_numpy(image)[None, None], scale)[0, 0], small, atol=1e-12)
    large = matrix(rows, rows * scale) @ image @ matrix(columns, columns * scale).T
    np.testing.assert_allclose(sr.enlarge(torch.from_numpy(image)[None, None], scale)[0, 0], large, atol=1e-12)


def test_a_chequerboard_vanishes_when_it_is_halved():
    """Its halves are those of plain gray, away from the border: what is lost there no enlargement brings back."""
    board = 0.5 + 0.1 * (1 - 2.0 * ((torch.arange(24)[:, None] + torch.arange(24)) % 2))
    small = sr.shrink(board.double()[None, None], 2)[0, 0, 2:-2, 2:-2]
    np.testing.assert_allclose(small, 0.5, atol=1e-12)


def test_sides_are_cut_to_multiples():
    assert sr.to_multiple(pictures(3, 7, 9), 2).shape == (3, 6, 8)
    assert sr.to_multiple(pictures(3, 7, 9), 4).shape == (3, 4, 8)


# --- counts ----------------------------------------------------------------------------------------------------------

HD = (360, 640)  # half of 1280x720


@pytest.mark.parametrize(
    ("make", "weights", "billions"),
    [
        (lambda: SRCNN((9, 1, 5)), 8_032, 7.40),
        (lambda: SRCNN((9, 5, 5)), 57_184, 52.7),
        (lambda: VDSR(), 664_704, 612.6),
        (lambda: CARN(), 1_588_608, 222.8),
        (lambda: CARN(groups=4, shared=True), 412_032, 91.2),
    ],
)
def test_counts_are_the_papers(make, weights, billions):
    net = make().to("meta")
    given = torch.empty(1, 3 if isinstance(net, CARN) else 1, *HD, device="meta")
    assert sum(p.numel() for p in net.parameters() if p.ndim == 4) == weights
    assert count_multiply_adds(net, given) / 1e9 == pytest.approx(billions, abs=0.05)
    assert net(given).shape == (1, given.shape[1], 720, 1280)


def test_parameters_with_biases():
    assert count_parameters(CARN()) == 1_591_939
    assert count_parameters(VDSR()) == 664_704 + 19 * 64 + 1


def test_multiply_adds_are_pytorch_s_own_count():
    net = nn.Sequential(
        *(nn.Conv2d(4, 6, 3, 2, 1, groups=2), nn.ConvTranspose2d(6, 3, 4, 2, 1), nn.Flatten(), nn.Linear(3 * 64, 5))
    )
    given = torch.zeros(2, 4, 8, 8)
    with FlopCounterMode(display=False) as counter:
        net(given)
    assert 2 * count_multiply_adds(net, given) == counter.get_total_flops()
    single = nn.Conv2d(4, 6, 3, padding=1, groups=2)
    assert count_multiply_adds(single, given[:1]) == multiplication_count(4, 6, 3, 8, groups=2)
    assert not single._forward_hooks


# --- networks --------------------------------------------------------------------------------------------------------

NETWORKS = {
    "SRCNN": lambda: SRCNN((9, 1, 5)),
    "SRCNN, residual": lambda: SRCNN((9, 1, 5), residual=True),
    "VDSR": lambda: VDSR(depth=5, width=8),
    "CARN": lambda: CARN(channels=1, width=8),
    "CARN, residual": lambda: CARN(channels=1, width=8, residual=True, scales=(2,)),
    "CARN in groups": lambda: CARN(channels=1, width=8, groups=4, shared=True),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_pictures_of_any_size_are_doubled_and_every_weight_used_learns(name):
    net = NETWORKS[name]()
    out = net(pictures(2, 1, 7, 10).float())
    assert out.shape == (2, 1, 14, 20)
    out.square().sum().backward()
    idle = [n for n, p in net.named_parameters() if p.grad is None]
    assert all(n.startswith(("enlargements.3", "enlargements.4")) for n in idle)


@pytest.mark.parametrize("name", ["SRCNN, residual", "VDSR", "CARN, residual"])
def test_residual_networks_start_from_bicubic(name):
    torch.manual_seed(0)
    small = pictures(1, 1, 12, 12).float()
    far = (NETWORKS[name]()(small) - sr.enlarge(small, 2)).abs().max().item()
    assert 0 < far < 0.05


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_carn_has_an_enlargement_for_each_scale(scale):
    assert CARN(width=8)(torch.zeros(1, 3, 5, 6), scale).shape == (1, 3, 5 * scale, 6 * scale)


# --- pictures --------------------------------------------------------------------------------------------------------


def test_photographs_are_split_by_name():
    groups = (sr.TRAINING, sr.VALIDATION, sr.TEST)
    names = [name for group in groups for name in group]
    assert len(names) == len(set(names)) and set(names) <= set(photos.PHOTOS)


def test_photographs_come_at_several_sizes():
    whole, half = sr.photographs(["coins"], (1.0, 0.5))
    assert whole.shape == (1, 1, 303, 384) and half.shape == (1, 1, 152, 192)
    assert torch.equal(whole[0], photos.load("coins")) and 0 <= half.min() and half.max() <= 1


def test_windows_lie_on_each_other_and_are_drawn_once():
    picture = pictures(1, 1, 41, 60).float()
    small, large = sr.windows([picture], 2, 10, 5, 100)
    assert small.shape == (3 * 5, 1, 10, 10) and large.shape == (3 * 5, 1, 20, 20)
    whole = sr.shrink(picture[..., :40, :], 2)
    places = {(y, x) for y in range(0, 11, 5) for x in range(0, 21, 5)}
    for one, other in zip(small, large, strict=True):
        ((y, x),) = [(y, x) for y, x in places if torch.equal(one, whole[0, :, y : y + 10, x : x + 10])]
        assert torch.equal(other, picture[0, :, 2 * y : 2 * y + 20, 2 * x : 2 * x + 20])
        places.remove((y, x))
    assert torch.equal(sr.windows([picture], 2, 10, 5, 4)[0], small[:4])


def test_flat_windows_are_left_out():
    picture = torch.full((1, 1, 40, 40), 0.5)
    with pytest.raises(ValueError, match="pictures must hold windows of 20 pixels that bicubic gets wrong, found none"):
        sr.windows([picture], 2, 10, 10, 9)
    picture[..., :16, :16] = pictures(1, 1, 16, 16)  # a halved pixel sees four pixels beyond its own
    assert len(sr.windows([picture], 2, 10, 10, 9)[0]) == 1


def test_a_benchmark_is_read_and_gray_stays_gray(tmp_path):
    (tmp_path / "Set5").mkdir()
    color, gray = (255 * pictures(6, 5, 3)).byte().numpy(), (255 * pictures(4, 7)).byte().numpy()
    Image.fromarray(color).save(tmp_path / "Set5" / "b.png")
    Image.fromarray(gray).save(tmp_path / "Set5" / "a.png")
    found = sr.benchmark("Set5", tmp_path)
    assert list(found) == ["a", "b"] and found["a"].shape == (1, 4, 7) and found["b"].shape == (3, 6, 5)
    assert np.array_equal((255 * found["b"]).round().byte().permute(1, 2, 0), color)
    (tmp_path / "Set5" / "a.png").write_bytes((tmp_path / "Set5" / "a.png").read_bytes()[:60])
    with pytest.raises(RuntimeError, match=r"a.png.* Copy .*a.png anew"):
        sr.benchmark("Set5", tmp_path)


def bicubic_quality(name: str) -> tuple[float, float]:
    root = Path(os.environ.get("COURSE_DATA") or SHARED) / "sr"
    if not (root / name).is_dir():
        pytest.skip(f"{name} lies neither in COURSE_DATA/sr nor in ../shared/data/sr")
    found = []
    for picture in sr.benchmark(name, root).values():
        large = sr.luminance(sr.to_multiple(picture.double(), 2)[None])
        found.append(luminance_quality(sr.eight_bits(sr.enlarge(sr.shrink(large, 2), 2)), large, 2))
    return tuple(float(torch.cat(values).mean()) for values in zip(*found, strict=True))


def test_bicubic_on_set5_is_the_papers():
    """33.66 dB and 0.9299: Dong et al. 2016 and everybody since."""
    decibels, similarity = bicubic_quality("Set5")
    assert decibels == pytest.approx(33.66, abs=0.005) and similarity == pytest.approx(0.9299, abs=5e-5)


# --- the explorer ----------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def pixels(svg: str) -> np.ndarray:
    import base64
    import io

    (image,) = ET.fromstring(svg).iter(f"{SVG}image")
    return np.array(Image.open(io.BytesIO(base64.b64decode(image.get("href").split(",")[1]))))


def test_the_curtain_shows_one_picture_on_each_side():
    black, white = torch.zeros(3, 4, 10), torch.ones(3, 4, 10)
    for border, columns in ((0, 0), (30, 3), (100, 10)):
        shown = pixels(widgets.curtain_svg(black, white, border))
        assert (shown[:, :columns] == 0).all() and (shown[:, columns:] == 255).all()
    svg = widgets.curtain_svg(black, white, 30, ("bicubic", "SRCNN"))
    lines = [e for e in ET.fromstring(svg).iter(f"{SVG}line") if e.get("class") == "border"]
    assert {e.get("x1") for e in lines} == {"300.0"}
    assert "bicubic left of a line at 30 % of the width, SRCNN right" in ET.fromstring(svg).get("aria-label")


def test_the_curtain_follows_its_slider(monkeypatch):
    import IPython.display

    black, white = torch.zeros(3, 4, 100), torch.ones(3, 4, 100)
    explorer = widgets.explore_curtain(black, white)
    row, picture = explorer.children
    (slider,) = row.children
    assert "curtain-explorer" in explorer._dom_classes and (slider.min, slider.max, slider.value) == (0, 100, 50)
    seen = set()
    for slider.value in range(101):
        seen.add(picture.value)
    assert len(seen) == 101
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    widgets.show_curtain(black, white)
    assert "at 50 % of the width" in shown[0]["text/plain"]


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rgb_to_ycbcr(pictures(1, 4, 4)), r"images must have the shape \(..., 3, H, W\).* got \(1, 4, 4\)"),
        (lambda: ycbcr_to_rgb(torch.zeros(3, 4, 4, dtype=torch.uint8)), "ycbcr must be floats, got torch.uint8"),
        (lambda: ssim(pictures(1, 1, 10, 20), pictures(1, 1, 10, 20)), r"sides of 11 or more, got \(1, 1, 10, 20\)"),
        (lambda: ssim(pictures(1, 1, 11, 11), pictures(1, 1, 11, 12)), "images and targets must have one shape"),
        (lambda: ssim(pictures(1, 1, 11, 11), pictures(1, 1, 11, 11), 0), "data_range must be above 0, got 0"),
        (lambda: luminance_quality(pictures(1, 2, 20, 20), pictures(1, 2, 20, 20), 2), r"or \(N, 1, H, W\), got"),
        (
            lambda: luminance_quality(pictures(1, 1, 20, 20), pictures(1, 1, 20, 20), 5),
            "border must be an integer from 0",
        ),
        (lambda: sr.shrink(pictures(1, 1, 6, 7), 2), "multiples of 2, got 6x7: cut them with to_multiple"),
        (lambda: sr.shrink(pictures(1, 1, 6, 6), 1), "scale must be an integer of at least 2, got 1"),
        (lambda: sr.enlarge(pictures(1, 1, 6, 6), 1.5), "scale must be an integer of at least 2, got 1.5"),
        (lambda: sr.to_multiple(pictures(1, 6), 2), r"sides of at least 2, the scale, got \(1, 6\)"),
        (lambda: sr.benchmark("Urban100"), "name must be one of 'Set5', 'Set14', got 'Urban100'"),
        (lambda: SRCNN((9, 2, 5)), r"kernels must be three odd sides, got \(9, 2, 5\)"),
        (lambda: VDSR(depth=1), "depth must be an integer of at least 2, got 1"),
        (lambda: CARN(scales=(2, 8)), r"scales must be some of 2, 3 and 4, got \(2, 8\)"),
        (lambda: CARN(width=10, groups=4), "width must be a multiple of groups, 4, got 10"),
        (lambda: CARN(width=4, scales=(2,))(torch.zeros(1, 3, 4, 4), 3), "scale must be one of 2, got 3"),
        (
            lambda: widgets.curtain_svg(torch.zeros(1, 4, 4), torch.zeros(3, 4, 4)),
            r"left must have the shape \(3, H, W\)",
        ),
        (lambda: widgets.curtain_svg(torch.zeros(3, 4, 4), torch.zeros(3, 4, 5)), "right must have the shape of left"),
        (lambda: widgets.explore_curtain(torch.zeros(3, 4, 4), torch.zeros(3, 4, 4), 101), "border must be .* got 101"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_missing_benchmark_names_its_folder_and_the_remedy(tmp_path):
    with pytest.raises(RuntimeError, match=r"Set14 holds no PNG file. Set14 is not downloaded here.* COURSE_DATA"):
        sr.benchmark("Set14", tmp_path)
