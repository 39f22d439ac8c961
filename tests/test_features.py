"""HoG: scikit-image as oracle (to single precision, in which it adds up), values by hand, what must not change it.

Features taken by hooks, and their Gram matrix: a network in pieces as oracle, numbers by hand, invariants.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import hog as skimage_hog
from torch import nn

from course_utils.datasets import toyland
from course_utils.features import gram_matrix, hog, take


def by_skimage(image: torch.Tensor, cell_size: int, orientations: int, block_size: int) -> np.ndarray:
    cell, block = (cell_size, cell_size), (block_size, block_size)
    return skimage_hog(image.numpy(), orientations, cell, block, channel_axis=0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
    st.integers(0, 11),
    st.integers(0, 11),
    st.integers(2, 8),
    st.integers(2, 12),
    st.integers(1, 3),
)
def test_equal_to_skimage(seed, channels, more_rows, more_columns, cell_size, orientations, block_size):
    generator = torch.Generator().manual_seed(seed)
    sides = (cell_size * block_size + more_rows, cell_size * block_size + more_columns)
    images = torch.rand(2, channels, *sides, generator=generator, dtype=torch.float64)
    ours = hog(images, cell_size, orientations, block_size)
    for row, image in zip(ours, images, strict=True):
        np.testing.assert_allclose(row, by_skimage(image, cell_size, orientations, block_size), rtol=0, atol=1e-6)


def test_equal_to_skimage_on_toyland():
    images = torch.from_numpy(toyland.crops(20, size=32, seed=5, cache=False)[0]).double()
    for cell_size in (4, 8):
        ours = hog(images, cell_size)
        for row, image in zip(ours, images, strict=True):
            np.testing.assert_allclose(row, by_skimage(image, cell_size, 9, 2), rtol=0, atol=1e-6)


def test_one_edge_by_hand():
    """A step from 0 to 1 between columns 3 and 4: two columns of length 1, direction 0, in a single cell.

    The histogram is (16 / 64, 0, ...), the mean over 64 pixels; at length 1 it is (1, 0, ...); cut off at 0.2 and
    brought to length 1 again it is (1, 0, ...). Turned by a quarter, all of it lies in bin 4, from 80 to 100 degrees.
    """
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    for image, bin_number in ((step, 0), (1 - step, 0), (step.mT, 4), (1 - step.mT, 4)):
        wanted = torch.zeros(1, 9)
        wanted[0, bin_number] = 1
        torch.testing.assert_close(hog(image, block_size=1), wanted)


def test_directions_by_hand():
    """Ramps whose gradient points to 30, 70 and 110 degrees, rows counted downwards: bins 1, 3 and 5 of nine."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    for degrees, bin_number in ((30, 1), (70, 3), (110, 5), (210, 1)):
        angle = torch.tensor(degrees * torch.pi / 180)
        ramp = rows * torch.sin(angle) + columns * torch.cos(angle)
        assert hog(ramp[None, None] / 64, cell_size=32, block_size=1).argmax() == bin_number


def test_the_channel_with_the_strongest_difference_decides():
    weak, strong = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    weak[..., 4:], strong[:, :, 4:] = 0.1, 0.9
    for channels in ([weak, strong], [strong, weak]):
        both = hog(torch.cat(channels, dim=1), block_size=1)
        assert both.argmax() == 4  # the strong edge lies across; at the crossing too it wins


def test_brightness_and_contrast_change_nothing():
    images = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(hog(0.5 * images + 0.3, 4), hog(images, 4), rtol=0, atol=1e-6)


def test_flat_pictures_give_zeros():
    assert not hog(torch.full((2, 3, 16, 16), 0.7)).any()


def test_a_shift_by_whole_cells_shifts_the_blocks():
    image = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shifted = torch.roll(image, (8, 16), dims=(2, 3))
    before, after = hog(image).reshape(5, 5, 36), hog(shifted).reshape(5, 5, 36)
    torch.testing.assert_close(after[2:4, 3:4], before[1:3, 1:2])  # away from the border, where differences are cut


@pytest.mark.parametrize(
    ("shape", "cell_size", "orientations", "block_size", "features"),
    [
        ((2, 3, 32, 32), 8, 9, 2, 3 * 3 * 4 * 9),
        ((2, 3, 32, 32), 4, 9, 2, 7 * 7 * 4 * 9),
        ((1, 1, 24, 37), 4, 8, 1, 6 * 9 * 8),
        ((1, 3, 128, 64), 8, 9, 2, 3780),  # Dalal and Triggs' window for people
    ],
)
def test_how_many_features(shape, cell_size, orientations, block_size, features):
    described = hog(torch.rand(shape), cell_size, orientations, block_size)
    assert described.shape == (shape[0], features) and described.dtype == torch.float32
    assert 0 <= described.min() and described.max() <= 1


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (torch.rand(3, 32, 32), {}, r"images must be a float tensor of the shape \(N, C, H, W\), got torch.float32"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), {}, "images must be a float tensor .* got torch.uint8"),
        (np.zeros((1, 3, 32, 32)), {}, "images must be a float tensor .* got ndarray"),
        (torch.rand(1, 3, 15, 32), {}, r"at least 16 pixels a side .* got \(15, 32\)"),
        (torch.rand(1, 3, 32, 32), {"cell_size": 0}, "cell_size must be an integer of at least 1, got 0"),
        (torch.rand(1, 3, 32, 32), {"orientations": 0}, "orientations must be an integer of at least 1, got 0"),
        (torch.rand(1, 3, 32, 32), {"block_size": 2.0}, "block_size must be an integer of at least 1, got 2.0"),
    ],
)
def test_bad_input_is_refused_by_name(images, options, message):
    with pytest.raises(ValueError, match=message):
        hog(images, **options)


# --- taking features ------------------------------------------------------------------------------------------------


def small_net() -> nn.Sequential:
    """A convolution, a ReLU that works in place, another convolution inside a block."""
    torch.manual_seed(0)
    inner = nn.Sequential()
    inner.add_module("second", nn.Conv2d(4, 2, 3))
    net = nn.Sequential()
    for name, layer in (("first", nn.Conv2d(3, 4, 3)), ("relu", nn.ReLU(inplace=True)), ("block", inner)):
        net.add_module(name, layer)
    return net


def test_taken_features_are_those_of_the_network_in_pieces():
    net, images = small_net(), torch.rand(2, 3, 8, 9)
    caught = take(net, images, ["block.second", "first", "relu"])
    assert list(caught) == ["block.second", "first", "relu"]
    first = net[0](images)
    torch.testing.assert_close(caught["first"], first)  # with its negative numbers, though the ReLU works in place
    torch.testing.assert_close(caught["relu"], first.clamp(min=0))
    torch.testing.assert_close(caught["block.second"], net(images))
    assert (caught["first"] < 0).any()


def test_a_loss_on_taken_features_has_a_gradient_in_the_picture():
    images = torch.rand(1, 3, 8, 8, requires_grad=True)
    net = small_net()
    take(net, images, ["first"])["first"].square().sum().backward()
    wanted = images.grad.clone()
    images.grad = None
    net[0](images).square().sum().backward()
    torch.testing.assert_close(wanted, images.grad)


def test_hooks_are_taken_off_again_also_after_an_error():
    net = small_net()
    take(net, torch.rand(1, 3, 8, 8), ["first", "relu"])
    with pytest.raises(RuntimeError):
        take(net, torch.rand(1, 5, 8, 8), ["relu"])  # five channels
    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize("layers", ["first", [], ["third"], ["first", ""], ["block.third"]])
def test_layers_that_are_not_there_are_refused_by_name(layers):
    with pytest.raises(ValueError, match=r"layers must be a list of names among first, relu, block, .* got"):
        take(small_net(), torch.rand(1, 3, 8, 8), layers)


def test_a_layer_that_did_not_run_is_refused():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Identity(), nn.Identity()

        def forward(self, x):
            return self.used(x)

    with pytest.raises(ValueError, match="layers must run when the network does, unused did not"):
        take(Lazy(), torch.rand(1, 3, 4, 4), ["used", "unused"])


# --- Gram matrices --------------------------------------------------------------------------------------------------


def test_gram_matrix_by_hand():
    """A 2 by 2 map of three channels: 1 0 2 1, 0 1 1 2 and 2 0 0 1. Products added up over four places, over four."""
    maps = torch.tensor([[1.0, 0, 2, 1], [0, 1, 1, 2], [2, 0, 0, 1]]).reshape(1, 3, 2, 2)
    wanted = torch.tensor([[6.0, 4, 3], [4, 6, 2], [3, 2, 5]]) / 4
    torch.testing.assert_close(gram_matrix(maps), wanted[None])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 6), st.integers(1, 7), st.integers(1, 7))
def test_gram_matrix_is_einsum_s_and_blind_to_places(seed, n, channels, height, width):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(n, channels, height, width, generator=generator, dtype=torch.float64)
    gram = gram_matrix(maps)
    wanted = torch.einsum("nihw,njhw->nij", maps, maps) / (height * width)
    torch.testing.assert_close(gram, wanted)
    assert torch.equal(gram, gram.mT) or torch.allclose(gram, gram.mT)
    assert torch.linalg.eigvalsh(gram).min() > -1e-9
    order = torch.randperm(height * width, generator=generator)
    torch.testing.assert_close(gram_matrix(maps.flatten(2)[..., order].unflatten(2, (height, width))), gram)
    torch.testing.assert_close(gram_matrix(maps.repeat(1, 1, 2, 3)), gram)


@pytest.mark.parametrize(
    "maps", [torch.rand(3, 4, 5), torch.zeros(1, 2, 3, 3, dtype=torch.int64), torch.rand(1, 2, 0, 4), [[1.0]]]
)
def test_gram_matrix_refuses_by_name(maps):
    with pytest.raises(ValueError, match="maps must be a float tensor"):
        gram_matrix(maps)
