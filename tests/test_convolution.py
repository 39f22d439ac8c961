"""The arithmetic of convolution against PyTorch, over thousands of random shapes, and against sums by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils import convolution as conv

CASES = 3000


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny tensors: threads cost more than they give
    yield
    torch.set_num_threads(threads)


def _geometry(rng: random.Random) -> tuple[int, int, int, int]:
    """kernel_size, stride, padding, dilation."""
    return rng.randint(1, 5), rng.randint(1, 4), rng.randint(0, 3), rng.randint(1, 3)


# --- sizes ---------------------------------------------------------------------------------------------------------


def test_output_size_is_pytorchs_or_both_refuse():
    rng, refused = random.Random(0), 0
    for _ in range(CASES):
        n, (k, s, p, d) = rng.randint(1, 40), _geometry(rng)
        try:
            expected = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p, dilation=d).shape[-1]
        except RuntimeError:
            with pytest.raises(ValueError, match="kernel_size must fit"):
                conv.output_size(n, k, s, p, d)
            refused += 1
        else:
            assert conv.output_size(n, k, s, p, d) == expected, (n, k, s, p, d)
    assert refused > 20, "the cases must include kernels that do not fit"


def test_sizes_sharing_output_are_exactly_those():
    rng = random.Random(1)
    for _ in range(CASES):
        n, (k, s, p, d) = rng.randint(1, 20), _geometry(rng)
        if d * (k - 1) + 1 > n + 2 * p:
            continue
        fitting = [m for m in range(1, 40) if d * (k - 1) + 1 <= m + 2 * p]
        same = [m for m in fitting if conv.output_size(m, k, s, p, d) == conv.output_size(n, k, s, p, d)]
        assert list(conv.sizes_sharing_output(n, k, s, p, d)) == same, (n, k, s, p, d)


def test_transposed_output_size_is_pytorchs():
    rng = random.Random(2)
    for _ in range(CASES):
        n, (k, s, p, d) = rng.randint(1, 12), _geometry(rng)
        op = rng.randint(0, max(s, d) - 1)
        size = (n - 1) * s - 2 * p + d * (k - 1) + op + 1
        if size < 1:
            with pytest.raises(ValueError, match="padding must leave"):
                conv.transposed_output_size(n, k, s, p, op, d)
            continue
        out = F.conv_transpose1d(
            torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p, output_padding=op, dilation=d
        )
        assert conv.transposed_output_size(n, k, s, p, op, d) == out.shape[-1], (n, k, s, p, op, d)


def test_every_size_that_shares_an_output_is_reached_back_by_one_output_padding():
    for n, k, s, p in ((7, 3, 2, 1), (10, 5, 3, 0), (12, 4, 4, 2)):
        positions = conv.output_size(n, k, s, p)
        back = [conv.transposed_output_size(positions, k, s, p, extra) for extra in range(s)]
        assert back == list(conv.sizes_sharing_output(n, k, s, p))


# --- counts --------------------------------------------------------------------------------------------------------


def test_parameter_count_is_the_layers():
    rng = random.Random(3)
    for _ in range(200):
        groups, k, bias = rng.randint(1, 3), rng.randint(1, 5), rng.random() < 0.5
        c_in, c_out = groups * rng.randint(1, 5), groups * rng.randint(1, 5)
        layer = torch.nn.Conv2d(c_in, c_out, k, bias=bias, groups=groups)
        assert conv.parameter_count(c_in, c_out, k, bias, groups) == sum(p.numel() for p in layer.parameters())
    layer = torch.nn.Conv3d(2, 5, (3, 4, 1))
    assert conv.parameter_count(2, 5, (3, 4, 1)) == sum(p.numel() for p in layer.parameters())


def test_multiplication_count_by_hand():
    assert conv.multiplication_count(1, 1, 3, 2) == 4 * 9  # four windows of nine products
    assert conv.multiplication_count(3, 8, 1, 10) == 3 * 8 * 100
    assert conv.multiplication_count(4, 6, 3, (2, 5), groups=2) == 10 * 6 * 2 * 9
    assert conv.multiplication_count(1, 2, (3, 3, 3), (2, 4, 4)) == 2 * 27 * 32


# --- receptive fields ----------------------------------------------------------------------------------------------


def test_receptive_field_is_what_gradients_reach():
    rng, compared = random.Random(4), 0
    while compared < CASES:
        layers = [_geometry(rng) for _ in range(rng.randint(1, 4))]
        field = conv.receptive_field(layers)
        side = field.size + 3 * field.jump + 8
        x = torch.zeros(1, 1, side, dtype=torch.float64, requires_grad=True)
        y = x
        for k, s, p, d in layers:
            y = F.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64), stride=s, padding=p, dilation=d)
        inside = [
            i
            for i in range(y.shape[-1])
            if field.start + i * field.jump >= 0 and field.start + i * field.jump + field.size <= side
        ]
        if not inside:
            continue
        i = rng.choice(inside)
        (gradient,) = torch.autograd.grad(y[0, 0, i], x)
        reached = gradient[0, 0].nonzero().flatten()
        assert reached[0] == field.start + i * field.jump, (layers, i)
        assert reached[-1] - reached[0] + 1 == field.size, (layers, i)
        compared += 1


def test_receptive_field_fills_in_what_is_left_out():
    assert conv.receptive_field([]) == (1, 1, 0)
    assert conv.receptive_field([(3,), (2, 2), (3, 1, 1)]) == conv.receptive_field(
        [(3, 1, 0, 1), (2, 2, 0, 1), (3, 1, 1, 1)]
    )


# --- reference loops -----------------------------------------------------------------------------------------------


def _random_case(rng: random.Random, generator: torch.Generator):
    while True:
        k, s, p, d = _geometry(rng)
        kernel_height, kernel_width = k, rng.randint(1, 4)
        height, width = rng.randint(1, 8), rng.randint(1, 8)
        if d * (kernel_height - 1) + 1 <= height + 2 * p and d * (kernel_width - 1) + 1 <= width + 2 * p:
            break
    groups = rng.randint(1, 2)
    c_in, c_out = groups * rng.randint(1, 2), groups * rng.randint(1, 2)
    image = torch.randn(c_in, height, width, dtype=torch.float64, generator=generator)
    kernel = torch.randn(c_out, c_in // groups, kernel_height, kernel_width, dtype=torch.float64, generator=generator)
    return image, kernel, {"stride": s, "padding": p, "dilation": d, "groups": groups}


def test_cross_correlate_is_conv2d():
    rng, generator = random.Random(5), torch.Generator().manual_seed(5)
    for _ in range(300):
        image, kernel, geometry = _random_case(rng, generator)
        bias = torch.randn(len(kernel), dtype=torch.float64, generator=generator)
        expected = F.conv2d(image[None], kernel, bias, **geometry)[0]
        torch.testing.assert_close(conv.cross_correlate(image, kernel, bias, **geometry), expected, rtol=0, atol=1e-12)


def test_convolution_matrix_times_image_is_conv2d():
    rng, generator = random.Random(6), torch.Generator().manual_seed(6)
    for _ in range(CASES):
        image, kernel, geometry = _random_case(rng, generator)
        matrix = conv.convolution_matrix(kernel, image.shape[1:], **geometry)
        expected = F.conv2d(image[None], kernel, **geometry)[0]
        assert matrix.shape == (expected.numel(), image.numel())
        torch.testing.assert_close(matrix @ image.flatten(), expected.flatten(), rtol=0, atol=1e-12)


def _transposed_case(rng: random.Random, generator: torch.Generator):
    """An image, kernel and geometry, an output z of theirs, and the output padding that leads back to the image."""
    image, kernel, geometry = _random_case(rng, generator)
    z = torch.randn(F.conv2d(image[None], kernel, **geometry).shape, dtype=torch.float64, generator=generator)
    stride, padding, dilation = geometry["stride"], geometry["padding"], geometry["dilation"]
    spans = [dilation * (side - 1) + 1 for side in kernel.shape[2:]]
    rest = tuple((n + 2 * padding - span) % stride for n, span in zip(image.shape[1:], spans, strict=True))
    return image, kernel, geometry, z, rest


def test_transposed_matrix_is_conv_transpose2d():
    rng, generator, with_rest = random.Random(7), torch.Generator().manual_seed(7), 0
    for _ in range(CASES):
        image, kernel, geometry, z, rest = _transposed_case(rng, generator)
        matrix = conv.convolution_matrix(kernel, image.shape[1:], **geometry)
        expected = F.conv_transpose2d(z, kernel, output_padding=rest, **geometry)[0]
        assert expected.shape == image.shape
        torch.testing.assert_close(matrix.T @ z.flatten(), expected.flatten(), rtol=0, atol=1e-12)
        with_rest += any(rest)
    assert with_rest > CASES // 10, "the cases must include sizes that need output padding"


def test_convolution_and_its_transpose_are_adjoint():
    rng, generator = random.Random(10), torch.Generator().manual_seed(10)
    for _ in range(CASES):
        image, kernel, geometry, z, rest = _transposed_case(rng, generator)
        left = (F.conv2d(image[None], kernel, **geometry) * z).sum()
        right = (image * F.conv_transpose2d(z, kernel, output_padding=rest, **geometry)[0]).sum()
        matrix = conv.convolution_matrix(kernel, image.shape[1:], **geometry)
        middle = z.flatten() @ matrix @ image.flatten()
        for other in (right, middle):  # sums of some hundred products: the last digits may differ
            torch.testing.assert_close(left, other, rtol=1e-12, atol=1e-11)


def test_stamps_meet_evenly_where_the_stride_divides_the_kernel():
    for k, s in ((2, 2), (4, 2), (6, 3), (3, 2), (5, 2), (4, 3)):
        size = conv.transposed_output_size(9, k, s)
        counts = conv.convolution_matrix(np.ones((1, 1, k, 1)), (size, 1), stride=s).sum(axis=0)
        middle = counts[2 * k : 2 * k + 2 * s]
        assert (middle.min() == middle.max()) == (k % s == 0), (k, s)


# --- upsampling ----------------------------------------------------------------------------------------------------


def test_bilinear_kernel_by_hand():
    assert conv.bilinear_kernel(1).tolist() == [[1]]
    row = np.array([1, 3, 3, 1])
    np.testing.assert_array_equal(conv.bilinear_kernel(2), np.outer(row, row) / 16)
    row = np.array([1, 2, 3, 2, 1])
    np.testing.assert_allclose(conv.bilinear_kernel(3), np.outer(row, row) / 9, rtol=0, atol=1e-15)


def test_bilinear_kernel_enlarges_as_interpolate_does_inside():
    generator = torch.Generator().manual_seed(11)
    for factor in range(1, 8):
        kernel = torch.from_numpy(conv.bilinear_kernel(factor))[None, None]
        for a, b in np.ndindex(factor, factor):
            assert abs(kernel[0, 0, a::factor, b::factor].sum() - 1) < 1e-12, "each kind of pixel keeps the brightness"
        image = torch.rand(1, 1, 5, 7, dtype=torch.float64, generator=generator)
        ours = F.conv_transpose2d(image, kernel, stride=factor, padding=factor // 2)
        theirs = F.interpolate(image, scale_factor=factor, mode="bilinear", align_corners=False)
        assert ours.shape == theirs.shape
        edge = factor // 2
        inside = (..., slice(edge, 5 * factor - edge), slice(edge, 7 * factor - edge))
        torch.testing.assert_close(ours[inside], theirs[inside], rtol=0, atol=1e-12)
        assert factor == 1 or not torch.allclose(ours, theirs), "the borders differ"


def test_pool_is_pytorchs():
    rng, generator = random.Random(8), torch.Generator().manual_seed(8)
    for _ in range(300):
        k = rng.randint(1, 4)
        s, p = rng.choice([None, 1, 2, 3]), rng.randint(0, k // 2)
        image = torch.randn(2, rng.randint(4, 9), rng.randint(4, 9), dtype=torch.float64, generator=generator)
        torch.testing.assert_close(conv.pool(image, k, s, p), F.max_pool2d(image, k, s, p))
        torch.testing.assert_close(conv.pool(image, k, s, p, mode="average"), F.avg_pool2d(image, k, s, p))


def test_pad_replicate_is_pytorchs():
    image = torch.arange(24.0).reshape(2, 3, 4)
    for p in range(4):
        assert torch.equal(conv.pad_replicate(image, p), F.pad(image[None], (p,) * 4, mode="replicate")[0])


def test_loops_return_the_kind_they_were_given():
    image, kernel = np.arange(16).reshape(4, 4), np.ones((2, 2))
    for result in (
        conv.cross_correlate(image, kernel),
        conv.pool(image, 2, mode="average"),
        conv.pad_replicate(image, 1),
        conv.convolution_matrix(kernel, 4),
    ):
        assert isinstance(result, np.ndarray)
    tensor = torch.from_numpy(image)
    assert conv.pool(tensor, 2, mode="average").tolist() == [[2.5, 4.5], [10.5, 12.5]]  # not cut to whole numbers
    assert conv.pad_replicate(tensor, 1).dtype == tensor.dtype
    assert isinstance(conv.cross_correlate(tensor, torch.ones(2, 2)), torch.Tensor)


def test_translation_of_the_input_moves_the_output():
    generator = torch.Generator().manual_seed(9)
    image, kernel = torch.randn(1, 9, 9, generator=generator), torch.randn(1, 1, 3, 3, generator=generator)
    moved = torch.roll(image, 2, dims=2)
    out, out_moved = conv.cross_correlate(image, kernel), conv.cross_correlate(moved, kernel)
    torch.testing.assert_close(out_moved[..., 2:], out[..., :-2])


# --- bad input -----------------------------------------------------------------------------------------------------

IMAGE, KERNEL = np.ones((2, 4, 4)), np.ones((3, 2, 3, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv.output_size(4, 5), r"kernel_size must fit .* got kernel_size 5 .* padding 1 or more"),
        (lambda: conv.output_size(4, 3, dilation=3), "kernel_size must fit .* spans 7"),
        (lambda: conv.output_size(4, 3, stride=0), "stride must be an integer of at least 1, got 0"),
        (lambda: conv.output_size(4, 3, padding=-1), "padding must be .* got -1"),
        (lambda: conv.output_size(4, 3, dilation=0), "dilation must be .* got 0"),
        (lambda: conv.output_size(0, 1), "input_size must be .* got 0"),
        (lambda: conv.output_size(4, 2.0), "kernel_size must be .* got 2.0"),
        (lambda: conv.sizes_sharing_output(2, 3), "kernel_size must fit"),
        (lambda: conv.transposed_output_size(2, 3, 2, 0, 2), "output_padding must be an integer from 0 to 1, got 2"),
        (lambda: conv.transposed_output_size(1, 1, padding=2), "padding must leave .* got padding 2, .* at most 0"),
        (lambda: conv.bilinear_kernel(0), "factor must be an integer of at least 1, got 0"),
        (lambda: conv.bilinear_kernel(1.5), "factor must be an integer of at least 1, got 1.5"),
        (lambda: conv.parameter_count(3, 4, 3, groups=2), "in_channels must be a multiple of groups = 2, got 3"),
        (lambda: conv.parameter_count(4, 3, 3, groups=2), "out_channels must be a multiple of groups = 2, got 3"),
        (lambda: conv.parameter_count(4, 3, (3, 0)), "kernel_size must be .* got 0"),
        (lambda: conv.parameter_count(4, 3, 3, bias=2), "bias must be one of True, False, got 2"),
        (lambda: conv.multiplication_count(1, 1, 3, (2, 2, 2)), "output_size must be an integer or 2 integers"),
        (lambda: conv.receptive_field([(3, 1), ()]), r"layers must hold .* got \(\) as layer 1"),
        (lambda: conv.receptive_field([3]), "layers must hold .* got 3 as layer 0"),
        (lambda: conv.receptive_field(3), "layers must be a list of .* got 3"),
        (lambda: conv.receptive_field([(3, 0)]), "stride must be .* got 0"),
        (lambda: conv.cross_correlate(IMAGE[0], KERNEL), r"kernel must be \(kh, kw\) for an image"),
        (lambda: conv.cross_correlate(IMAGE, KERNEL[:, :1]), "kernel must have in_channels / groups = 2 / 1 channels"),
        (lambda: conv.cross_correlate(IMAGE, KERNEL, groups=2), "out_channels must be a multiple of groups = 2, got 3"),
        (lambda: conv.cross_correlate(IMAGE, KERNEL, bias=[1, 2]), "bias must be one number for each of 3"),
        (lambda: conv.cross_correlate(IMAGE, np.ones((3, 2, 5, 5))), "kernel_size must fit"),
        (lambda: conv.cross_correlate([], KERNEL), "image must hold numbers"),
        (lambda: conv.cross_correlate([["a"]], [[1]]), "image must hold numbers"),
        (lambda: conv.pool(IMAGE, 5), "kernel_size must fit"),
        (lambda: conv.pool(IMAGE, 2, mode="mean"), "mode must be one of 'max', 'average', got 'mean'"),
        (lambda: conv.pool(IMAGE, 2, padding=2), "padding must be an integer from 0 to 1, got 2"),
        (lambda: conv.pool(IMAGE, 2, stride=0), "stride must be .* got 0"),
        (lambda: conv.pad_replicate(IMAGE, -1), "padding must be .* got -1"),
        (lambda: conv.pad_replicate([1, 2], 1), "image must hold numbers in 2 or 3 or 4 dimensions"),
        (lambda: conv.convolution_matrix(KERNEL, (4, 4, 4)), "input_size must be an integer or 2 integers"),
        (lambda: conv.convolution_matrix(KERNEL, 2), "kernel_size must fit"),
        (lambda: conv.convolution_matrix(KERNEL, 4, groups=2), "out_channels must be a multiple of groups = 2, got 3"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
