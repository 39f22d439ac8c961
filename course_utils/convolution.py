"""The arithmetic of convolution: output sizes, receptive fields, counts, reference loops, the explicit matrix.

The reference loops are written to be read, not to be fast: they are what PyTorch's answers are compared with. They take
NumPy arrays or PyTorch tensors and return the same kind; gradients do not pass through them. "Convolution" means what
PyTorch means by it: cross-correlation, the kernel is not flipped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from course_utils.runtime import check_choice, check_int

# --- sizes ---------------------------------------------------------------------------------------------------------


def _check_geometry(kernel_size: int, stride: int, padding: int, dilation: int) -> None:
    check_int("kernel_size", kernel_size, 1)
    check_int("stride", stride, 1)
    check_int("padding", padding, 0)
    check_int("dilation", dilation, 1)


def output_size(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Number of positions that a kernel takes along one side of the input.

    Derived in notebooks/02_convolution_arithmetic.ipynb. Formula: Dumoulin and Visin 2016, relationship 6; with
    dilation, relationship 15.

    Args:
        input_size, kernel_size: in pixels, at least 1.
        stride: pixels from one window to the next, at least 1.
        padding: pixels added at both ends, at least 0.
        dilation: pixels from one kernel cell to the next, at least 1.

    Raises:
        ValueError: an argument is out of range, or the kernel does not fit into the padded input.
    """
    check_int("input_size", input_size, 1)
    _check_geometry(kernel_size, stride, padding, dilation)
    span = dilation * (kernel_size - 1) + 1
    padded = input_size + 2 * padding
    if span > padded:
        raise ValueError(
            f"kernel_size must fit into the padded input, got kernel_size {kernel_size} with dilation {dilation}, "
            f"which spans {span}, on {input_size} + 2 * {padding} = {padded} pixels; take a smaller kernel, a smaller "
            f"dilation, or padding {-(-(span - input_size) // 2)} or more"
        )
    return (padded - span) // stride + 1


def sizes_sharing_output(
    input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> range:
    """All input sizes with the output size of this one: `stride` of them, fewer where some would be below 1.

    Derived in notebooks/02_convolution_arithmetic.ipynb. Arguments and errors as in `output_size`.
    """
    positions = output_size(input_size, kernel_size, stride, padding, dilation)
    smallest = (positions - 1) * stride + dilation * (kernel_size - 1) + 1 - 2 * padding
    return range(max(smallest, 1), smallest + stride)


def transposed_output_size(
    input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Output size of a transposed convolution along one side; `output_padding` chooses among those that are possible.

    Derived in notebooks/03_transposed_convolution.ipynb. Formula: Dumoulin and Visin 2016, relationship 14, with
    dilation as in PyTorch.

    Args:
        input_size, kernel_size, stride, padding, dilation: as in `output_size`.
        output_padding: pixels added at the far end of the output, smaller than stride or than dilation.

    Raises:
        ValueError: an argument is out of range, or the padding cuts away the whole output.
    """
    check_int("input_size", input_size, 1)
    _check_geometry(kernel_size, stride, padding, dilation)
    check_int("output_padding", output_padding, 0, max(stride, dilation) - 1)
    size = (input_size - 1) * stride + dilation * (kernel_size - 1) + 1 + output_padding - 2 * padding
    if size < 1:
        raise ValueError(
            f"padding must leave at least one output pixel, got padding {padding}, which leaves {size}; "
            f"take at most {(size + 2 * padding - 1) // 2}"
        )
    return size


# --- counts --------------------------------------------------------------------------------------------------------


def _sides(name: str, value: int | Sequence[int], dimensions: int | None = 2) -> tuple[int, ...]:
    """An int as a square, a sequence as it is; all entries at least 1."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        if dimensions is not None and len(value) != dimensions:
            raise ValueError(f"{name} must be an integer or {dimensions} integers, got {tuple(value)!r}")
        return tuple(check_int(name, side, 1) for side in value)
    return (check_int(name, value, 1),) * (2 if dimensions is None else dimensions)


def _check_channels(in_channels: int, out_channels: int, groups: int) -> None:
    check_int("in_channels", in_channels, 1)
    check_int("out_channels", out_channels, 1)
    check_int("groups", groups, 1)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name} must be a multiple of groups = {groups}, got {channels}")


def parameter_count(
    in_channels: int, out_channels: int, kernel_size: int | Sequence[int], bias: bool = True, groups: int = 1
) -> int:
    """Numbers that a convolutional layer learns: one kernel for each output channel, and its bias.

    Derived in notebooks/02_convolution_arithmetic.ipynb.

    Args:
        in_channels, out_channels: channels of the input and of the output; both multiples of `groups`.
        kernel_size: an int for a square 2-D kernel, or its sides, as in (3, 3, 3) for a 3-D kernel.
        bias: whether each output channel has a bias.
        groups: number of groups of channels that do not see each other.

    Raises:
        ValueError: an argument is out of range, or the channels cannot be divided into the groups.
    """
    _check_channels(in_channels, out_channels, groups)
    check_choice("bias", bias, (True, False))
    weights = out_channels * (in_channels // groups) * math.prod(_sides("kernel_size", kernel_size, None))
    return weights + (out_channels if bias else 0)


def multiplication_count(
    in_channels: int,
    out_channels: int,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int],
    groups: int = 1,
) -> int:
    """Multiplications of a convolutional layer on one image: every weight once for every output position.

    Derived in notebooks/02_convolution_arithmetic.ipynb. Products with padded zeros count, as they do in a library.

    Args:
        in_channels, out_channels, kernel_size, groups: as in `parameter_count`.
        output_size: an int for a square output, or its sides, as many as the kernel has.

    Raises:
        ValueError: an argument is out of range, or the channels cannot be divided into the groups.
    """
    kernel_sides = _sides("kernel_size", kernel_size, None)
    positions = math.prod(_sides("output_size", output_size, len(kernel_sides)))
    return parameter_count(in_channels, out_channels, kernel_sides, bias=False, groups=groups) * positions


# --- receptive fields ----------------------------------------------------------------------------------------------


class ReceptiveField(NamedTuple):
    """What one output pixel sees of the input, along one side, in input pixels.

    size: from the first pixel that it reads to the last. jump: from one output pixel's field to the next one's.
    start: first pixel that output pixel 0 reads; negative where that lies in the padding.
    """

    size: int
    jump: int
    start: int


def receptive_field(layers: Sequence[Sequence[int]]) -> ReceptiveField:
    """Receptive field of a stack of convolutions and poolings, first layer first.

    Derived in notebooks/02_convolution_arithmetic.ipynb. Formula: Araujo, Norris and Sim 2019.

    Args:
        layers: for each layer (kernel_size, stride, padding, dilation); what is left out at the end is 1, 0, 1.

    Raises:
        ValueError: a layer has no or more than four entries, or one that is out of range.
    """
    if not isinstance(layers, Sequence):
        raise ValueError(f"layers must be a list of (kernel_size, stride, padding, dilation), got {layers!r}")
    size, jump, start = 1, 1, 0
    for number, layer in enumerate(layers):
        if not isinstance(layer, Sequence) or not 1 <= len(layer) <= 4:
            raise ValueError(
                "layers must hold (kernel_size, stride, padding, dilation) for each layer, "
                f"got {layer!r} as layer {number}"
            )
        kernel_size, stride, padding, dilation = (*layer, *(1, 1, 0, 1)[len(layer) :])
        _check_geometry(kernel_size, stride, padding, dilation)
        size += dilation * (kernel_size - 1) * jump
        start -= padding * jump
        jump *= stride
    return ReceptiveField(size, jump, start)


# --- reference loops -----------------------------------------------------------------------------------------------


def _to_array(name: str, values: Any, dimensions: tuple[int, ...]) -> np.ndarray:
    array = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    if array.ndim not in dimensions or array.size == 0 or array.dtype.kind not in "iufb":
        wanted = " or ".join(map(str, dimensions))
        raise ValueError(
            f"{name} must hold numbers in {wanted} dimensions, got shape {tuple(array.shape)} of {array.dtype}"
        )
    return array


def _as_kind_of(model: Any, result: np.ndarray) -> Any:
    if not hasattr(model, "new_tensor"):
        return result
    import torch

    return torch.from_numpy(np.ascontiguousarray(result)).to(model.device)


def pad_replicate(image: Any, padding: int) -> Any:
    """Pad an image at all four sides by repeating its outermost pixels.

    Derived in notebooks/02_convolution_arithmetic.ipynb.

    Args:
        image: (..., H, W), NumPy or PyTorch, at least two dimensions.
        padding: pixels added at each side, at least 0.

    Returns:
        (..., H + 2 * padding, W + 2 * padding), of the same kind.
    """
    array = _to_array("image", image, (2, 3, 4))
    check_int("padding", padding, 0)
    height, width = array.shape[-2:]
    rows = np.arange(-padding, height + padding).clip(0, height - 1)
    columns = np.arange(-padding, width + padding).clip(0, width - 1)
    return _as_kind_of(image, array[..., rows[:, None], columns])


def cross_correlate(
    image: Any,
    kernel: Any,
    bias: Any = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Any:
    """Cross-correlation by loops, which libraries call convolution: at each position the products' sum, plus the bias.

    Derived in notebooks/02_convolution_arithmetic.ipynb.

    Args:
        image: (C_in, H, W), NumPy or PyTorch; or (H, W) together with a kernel of shape (kh, kw).
        kernel: (C_out, C_in // groups, kh, kw).
        bias: (C_out,), or None for no bias; one number where the kernel is (kh, kw).
        stride, padding, dilation: as in `output_size`, the same for both sides; padding is by zeros.
        groups: number of groups of channels that do not see each other.

    Returns:
        (C_out, H_out, W_out), or (H_out, W_out) for a two-dimensional image; the kind of `image`.

    Raises:
        ValueError: shapes that do not belong together, or what `output_size` refuses.
    """
    pixels = _to_array("image", image, (2, 3))
    weights = _to_array("kernel", kernel, (2, 4))
    flat = pixels.ndim == 2
    if flat != (weights.ndim == 2):
        raise ValueError(
            f"kernel must be (kh, kw) for an image (H, W), and (C_out, C_in, kh, kw) for an image (C_in, H, W), got "
            f"shape {weights.shape} for an image of shape {pixels.shape}"
        )
    if flat:
        pixels, weights = pixels[None], weights[None, None]
    out_channels, depth, kernel_height, kernel_width = weights.shape
    _check_channels(len(pixels), out_channels, groups)
    if depth * groups != len(pixels):
        raise ValueError(
            f"kernel must have in_channels / groups = {len(pixels)} / {groups} channels, "
            f"got {depth} (shape {weights.shape})"
        )
    offsets = np.zeros(out_channels) if bias is None else np.atleast_1d(_to_array("bias", bias, (0, 1)))
    if offsets.shape != (out_channels,):
        raise ValueError(f"bias must be one number for each of {out_channels} output channels, got {offsets.shape}")
    height = output_size(pixels.shape[1], kernel_height, stride, padding, dilation)
    width = output_size(pixels.shape[2], kernel_width, stride, padding, dilation)

    padded = np.pad(pixels, ((0, 0), (padding, padding), (padding, padding)))
    span_height, span_width = dilation * (kernel_height - 1) + 1, dilation * (kernel_width - 1) + 1
    out = np.zeros((out_channels, height, width), dtype=np.result_type(pixels, weights, np.float32))
    for o in range(out_channels):
        first = o // (out_channels // groups) * depth
        for i in range(height):
            for j in range(width):
                top, left = i * stride, j * stride
                window = padded[
                    first : first + depth,
                    top : top + span_height : dilation,
                    left : left + span_width : dilation,
                ]  # (C_in // groups, kh, kw)
                out[o, i, j] = (window * weights[o]).sum() + offsets[o]
    return _as_kind_of(image, out[0] if flat else out)


def pool(image: Any, kernel_size: int, stride: int | None = None, padding: int = 0, mode: str = "max") -> Any:
    """Pooling by loops: the largest value, or the average, of each window, channel by channel.

    Derived in notebooks/02_convolution_arithmetic.ipynb. As in PyTorch, padding is by minus infinity for the maximum
    and by zeros, which count, for the average.

    Args:
        image: (C, H, W) or (H, W), NumPy or PyTorch.
        kernel_size: side of the window.
        stride: pixels from one window to the next; None for windows side by side, stride = kernel_size.
        padding: pixels added at each side, at most half of kernel_size.
        mode: 'max' or 'average'.

    Returns:
        (C, H_out, W_out) or (H_out, W_out), of the same kind.

    Raises:
        ValueError: an argument is out of range, or the window does not fit.
    """
    pixels = _to_array("image", image, (2, 3))
    check_int("kernel_size", kernel_size, 1)
    check_int("padding", padding, 0, kernel_size // 2)
    check_choice("mode", mode, ("max", "average"))
    stride = kernel_size if stride is None else stride
    height = output_size(pixels.shape[-2], kernel_size, stride, padding)
    width = output_size(pixels.shape[-1], kernel_size, stride, padding)

    margins = [(0, 0)] * (pixels.ndim - 2) + [(padding, padding)] * 2
    filler = -np.inf if mode == "max" else 0
    padded = np.pad(pixels.astype(np.result_type(pixels, np.float32)), margins, constant_values=filler)
    out = np.zeros((*pixels.shape[:-2], height, width), dtype=padded.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[..., i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            out[..., i, j] = window.max(axis=(-2, -1)) if mode == "max" else window.mean(axis=(-2, -1))
    return _as_kind_of(image, out)


# --- a convolution as a matrix -------------------------------------------------------------------------------------


def convolution_matrix(
    kernel: Any,
    input_size: int | Sequence[int],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Any:
    """The matrix W for which W @ image.reshape(-1) is the convolution: a row an output pixel, a column an input pixel.

    Derived in notebooks/03_transposed_convolution.ipynb. Its transpose is the transposed convolution with the same
    numbers: W.T @ z.reshape(-1) is `conv_transpose2d` of z with this kernel.

    Args:
        kernel: (C_out, C_in // groups, kh, kw), or (kh, kw) for one channel; NumPy or PyTorch.
        input_size: (H, W), or an int for a square input.
        stride, padding, dilation: as in `output_size`; padding is by zeros, which need no column.
        groups: number of groups of channels that do not see each other.

    Returns:
        (C_out * H_out * W_out, C_in * H * W), of the kernel's kind and type. It grows with the fourth power of the
        image's side: meant for images of a few hundred pixels.

    Raises:
        ValueError: what `output_size` refuses, or channels that cannot be divided into the groups.
    """
    weights = _to_array("kernel", kernel, (2, 4))
    weights = weights[None, None] if weights.ndim == 2 else weights
    out_channels, depth, kernel_height, kernel_width = weights.shape
    check_int("groups", groups, 1)
    _check_channels(depth * groups, out_channels, groups)
    in_height, in_width = _sides("input_size", input_size)
    height = output_size(in_height, kernel_height, stride, padding, dilation)
    width = output_size(in_width, kernel_width, stride, padding, dilation)

    matrix = np.zeros((out_channels, height, width, depth * groups, in_height, in_width), dtype=weights.dtype)
    for o in range(out_channels):
        first = o // (out_channels // groups) * depth
        for i, j in np.ndindex(height, width):
            for a, b in np.ndindex(kernel_height, kernel_width):
                row, column = i * stride - padding + a * dilation, j * stride - padding + b * dilation
                if 0 <= row < in_height and 0 <= column < in_width:
                    matrix[o, i, j, first : first + depth, row, column] = weights[o, :, a, b]
    return _as_kind_of(kernel, matrix.reshape(out_channels * height * width, -1))


# --- upsampling ----------------------------------------------------------------------------------------------------


def bilinear_kernel(factor: int) -> np.ndarray:
    """The kernel with which a transposed convolution of stride `factor` and padding factor // 2 enlarges bilinearly.

    Derived in notebooks/03_transposed_convolution.ipynb. Away from the borders it gives what
    `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)` gives; used to start the learned upsampling
    of Long, Shelhamer and Darrell 2015.

    Args:
        factor: how many times larger, at least 1.

    Returns:
        (2 * factor, 2 * factor), one row and column less where factor is odd; float64, its sum is factor squared.

    Raises:
        ValueError: factor is not an integer of at least 1.
    """
    check_int("factor", factor, 1)
    side = 2 * factor - factor % 2
    ramp = 1 - np.abs(np.arange(side) - (side - 1) / 2) / factor
    return ramp[:, None] * ramp
