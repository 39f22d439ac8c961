"""PSNR and the AuC of colours: scikit-image and a sweep over thresholds agree, values by hand, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from course_utils.metrics import color_auc, psnr


@pytest.mark.parametrize("data_range", [1.0, 2.0, 255.0])
def test_psnr_is_scikit_image_s_picture_by_picture(data_range):
    rng = np.random.default_rng(0)
    images, targets = data_range * rng.random((2, 4, 3, 9, 7))
    expected = [peak_signal_noise_ratio(t, i, data_range=data_range) for i, t in zip(images, targets, strict=True)]
    given = psnr(torch.from_numpy(images), torch.from_numpy(targets), data_range)
    np.testing.assert_allclose(given, expected, rtol=1e-12)


def test_psnr_by_hand():
    """Off by a tenth everywhere: 10 log10(1 / 0.01) = 20 dB. Equal: infinity."""
    targets = torch.full((2, 3, 4, 4), 0.5, dtype=torch.float64)
    images = targets + torch.tensor([0.1, 0.0]).reshape(2, 1, 1, 1)
    twenty, endless = psnr(images, targets).tolist()
    assert twenty == pytest.approx(20, abs=1e-4) and endless == math.inf


def _swept(distances, weights, limit):
    """Trapezoids under the curve, at 15,001 thresholds."""
    thresholds = np.linspace(0, limit, 15_001)
    order = np.argsort(distances)
    shares = np.concatenate([[0], np.cumsum(weights[order])]) / weights.sum()
    curve = shares[np.searchsorted(distances[order], thresholds, side="right")]
    return np.trapezoid(curve, thresholds) / limit


@pytest.mark.parametrize("limit", [150.0, 40.0])
def test_auc_is_the_area_under_the_swept_curve(limit):
    generator = torch.Generator().manual_seed(0)
    ab, targets = 60 * torch.randn(2, 3, 2, 5, 4, generator=generator)
    weights = torch.rand(3, 5, 4, generator=generator)
    distances = (ab - targets).norm(dim=1).flatten().numpy()
    assert color_auc(ab, targets, limit=limit) == pytest.approx(_swept(distances, np.ones(60), limit), abs=1e-3)
    weighted = _swept(distances, weights.flatten().numpy(), limit)
    assert color_auc(ab, targets, weights, limit) == pytest.approx(weighted, abs=1e-3)


def test_auc_by_hand():
    """Distances 0, 75, 150 and 200 of 150: 1, 1/2, 0 and 0."""
    ab = torch.tensor([[0.0, 75, 90, 200], [0, 0, 120, 0]]).reshape(1, 2, 1, 4)
    assert color_auc(ab, torch.zeros_like(ab)) == pytest.approx(1.5 / 4)
    weights = torch.tensor([[[3.0, 1, 0, 0]]])
    assert color_auc(ab, torch.zeros_like(ab), weights) == pytest.approx(3.5 / 4)
    assert color_auc(ab, ab) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: psnr(z, z[:1]), r"images and targets must have one shape .* \(2, 2, 3, 3\) and \(1, 2, 3, 3\)"),
        (lambda z: psnr(z[:0], z[:0]), "at least one pixel"),
        (lambda z: psnr(z, z, 0), "data_range must be above 0, got 0"),
        (lambda z: color_auc(z, z[:, :1]), "ab and targets must have one shape"),
        (lambda z: color_auc(z, z, limit=0), "limit must be above 0, got 0"),
        (lambda z: color_auc(z, z, z[:, :1]), r"weights must have the shape \(2, 3, 3\), got \(2, 1, 3, 3\)"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(2, 2, 3, 3))
