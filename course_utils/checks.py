"""Self-checks for the notebooks' questions: `check("02.name", value)` prints "right", a hint, or what slip it was.

A question computes its answer when it is asked; the answers are not written down here. To add one, put a `Question`
into QUESTIONS under the notebook's number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils import convolution


@dataclass(frozen=True)
class Question:
    """One question: what is right, and what the usual slips look like.

    expected: computes the right answer: number, sequence or array of numbers, or word. None where `judge` decides.
    judge: takes the value and returns None if it is right, else the sentence to print.
    slips: (function that computes the wrong answer, what to tell its author) for each usual slip.
    hint: what to tell somebody whose answer is none of these.
    tolerance: largest absolute difference from a right number.
    """

    hint: str
    expected: Callable[[], Any] | None = None
    judge: Callable[[Any], str | None] | None = None
    slips: tuple[tuple[Callable[[], Any], str], ...] = ()
    tolerance: float = 1e-6


def _unanswered(value: Any) -> bool:
    if value is ... or value is None:
        return True
    return isinstance(value, list | tuple) and any(_unanswered(part) for part in value)


def _numbers(value: Any) -> np.ndarray | str | None:
    """The value as an array of floats, or as a word; None if it is neither."""
    if isinstance(value, str):
        return value.strip().lower()
    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _same(value: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(value, str) or isinstance(wanted, str):
        return isinstance(value, str) and isinstance(wanted, str) and value == wanted
    if value.size == wanted.size == 1:  # [4] is as good an answer as 4
        value, wanted = value.reshape(()), wanted.reshape(())
    return value.shape == wanted.shape and bool(np.all(np.abs(value - wanted) <= tolerance))


def answer(name: str, value: Any) -> str:
    """The verdict on one answer, as text: 'not answered yet', 'right', or 'not yet: ' and a reason.

    Args:
        name: the question, as in '02.quiz_1'.
        value: the answer; `...` or None, or a sequence that holds one of them, counts as not answered.

    Raises:
        ValueError: there is no question of that name.
    """
    if name not in QUESTIONS:
        chapter = str(name).split(".")[0]
        known = [key for key in QUESTIONS if key.startswith(f"{chapter}.")] or list(QUESTIONS)
        raise ValueError(f"name must be one of {', '.join(known)}, got {name!r}")
    question = QUESTIONS[name]
    if _unanswered(value):
        return "not answered yet"
    if question.judge is not None:
        complaint = question.judge(value)
        return (
            "right" if complaint is None else complaint if complaint == "not answered yet" else f"not yet: {complaint}"
        )
    given, wanted = _numbers(value), _numbers(question.expected())
    if given is None:
        return f"not yet: this is neither numbers nor a word, but a {type(value).__name__}. {question.hint}"
    if _same(given, wanted, question.tolerance):
        return "right"
    for wrong, message in question.slips:
        if _same(given, _numbers(wrong()), question.tolerance):
            return f"not yet: {message}"
    if not isinstance(wanted, str) and not isinstance(given, str) and given.shape != wanted.shape:
        return f"not yet: {wanted.size} numbers are asked for, these are {given.size}. {question.hint}"
    return f"not yet: {question.hint}"


def check(name: str, value: Any) -> None:
    """Print the verdict on one answer; see `answer` for arguments and errors."""
    print(answer(name, value))


# --- 02, convolution arithmetic ------------------------------------------------------------------------------------

_LAYERS = ((28, 5, 1, 0), (32, 3, 2, 1), (224, 7, 2, 3), (13, 3, 2, 0))  # input, kernel, stride, padding


def _sizes(formula: Callable[[int, int, int, int], float]) -> Callable[[], list[float]]:
    return lambda: [formula(*layer) for layer in _LAYERS]


def _quiz_2(channels: int, side: int, kernel: int, count: int) -> list[int]:
    return [channels, kernel, kernel, count, convolution.output_size(side, kernel)]


def _judge_stack(layers: Any) -> str | None:
    try:
        rows = [tuple(layer) for layer in layers]
        field = convolution.receptive_field(rows)
    except (TypeError, ValueError) as error:
        return f"this is not a stack of layers: {error}"
    if [len(row) for row in rows] != [4, 4, 4] or [(row[0], *row[2:]) for row in rows] != [(3, 1, 1)] * 3:
        return "only the strides may change: three layers of (3, stride, 1, 1)."
    if rows[0][1] == rows[1][1] == 1 and rows[2][1] > 1:
        return f"it still sees {field.size}: a stride spreads the layers after it, and after the last there is none."
    if field.size == 11:
        return None
    return f"this stack sees {field.size} pixels, 11 are asked for. Which layers does a stride in layer 1 reach?"


def _judge_depthwise(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    import torch

    generator = torch.Generator().manual_seed(2)
    image = torch.randint(-4, 5, (3, 6, 7), generator=generator).float()
    kernels = torch.randint(-3, 4, (3, 3, 2), generator=generator).float()
    wanted = convolution.cross_correlate(image, kernels[:, None], groups=3)
    try:
        given = function(image.clone(), kernels.clone())
    except Exception as error:
        return f"it stops with {type(error).__name__}: {error}"
    if _unanswered(given):
        return "not answered yet"
    shape = tuple(getattr(given, "shape", ()))
    if shape == wanted.shape[1:] or shape == (1, *wanted.shape[1:]):
        return "the channels have been added up. Here each keeps its own output map."
    if shape != wanted.shape:
        return f"for an image (3, 6, 7) and kernels (3, 3, 2) the shape must be {tuple(wanted.shape)}, this is {shape}."
    given = torch.as_tensor(given, dtype=torch.float32)
    if torch.allclose(given, wanted, atol=1e-4):
        return None
    flipped = convolution.cross_correlate(image, kernels.flip(1, 2)[:, None], groups=3)
    if torch.allclose(given, flipped, atol=1e-4):
        return "the kernels have been flipped. That is the true convolution; cross-correlation is asked for."
    shared = convolution.cross_correlate(image, kernels[:1].expand(3, -1, -1)[:, None], groups=3)
    if torch.allclose(given, shared, atol=1e-4):
        return "every channel has met the first kernel. Channel c belongs to kernel c."
    if torch.allclose(given, given[:1].expand_as(given)) and torch.allclose(given[0], wanted.sum(0), atol=1e-4):
        return "the channels have been added up. Here each keeps its own output map."
    return "the shape is right, the numbers are not. Compare one output number with a sum by hand."


# --- 03, transposed convolution ------------------------------------------------------------------------------------

_TRANSPOSED = (
    (7, 2, 2, 0, 0),
    (4, 3, 2, 1, 1),
    (14, 4, 2, 1, 0),
    (6, 5, 3, 2, 1),
)  # input, kernel, s, p, output padding


def _transposed_sizes(formula: Callable[[int, int, int, int, int], float]) -> Callable[[], list[float]]:
    return lambda: [formula(*layer) for layer in _TRANSPOSED]


def _judge_doubling(layer: Any) -> str | None:
    try:
        kernel_size, stride, padding, output_padding = layer
        sizes = [
            convolution.transposed_output_size(n, kernel_size, stride, padding, output_padding) for n in (4, 7, 10)
        ]
    except (TypeError, ValueError) as error:
        return f"this is not a layer (kernel_size, stride, padding, output_padding): {error}"
    if stride != 2:
        return f"the stride stays 2, here it is {stride}."
    if output_padding:
        return f"no output padding is asked for, here it is {output_padding}."
    if sizes != [8, 14, 20]:
        return f"this layer makes {sizes[0]}, {sizes[1]} and {sizes[2]} pixels out of 4, 7 and 10: that is no doubling."
    return None  # an odd kernel cannot double without output padding, so the overlaps are even


def _judge_bilinear(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    import torch
    import torch.nn.functional as F

    image = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(3))
    for factor in (2, 3, 4):
        wanted = F.interpolate(image[None], scale_factor=factor, mode="bilinear", align_corners=False)[0]
        try:
            given = function(image.clone(), factor)
        except Exception as error:
            return f"it stops with {type(error).__name__}: {error}"
        if _unanswered(given):
            return "not answered yet"
        shape = tuple(getattr(given, "shape", ()))
        if shape != tuple(wanted.shape):
            return (
                f"for an image (3, 4, 5) and factor {factor} the shape must be {tuple(wanted.shape)}, this is {shape}."
            )
        given = torch.as_tensor(given, dtype=torch.float32)
        difference = (given - wanted).abs().amax(dim=0)
        if difference.max() < 1e-4:
            continue
        edge = factor // 2
        if difference[edge:-edge, edge:-edge].max() < 1e-4:
            return f"equal inside, not in the outermost {edge} pixels at factor {factor}: what would lie beyond them?"
        if torch.allclose(given, F.interpolate(image[None], scale_factor=factor)[0], atol=1e-4):
            return "this copies the nearest pixel. The kernel must reach the neighbours too."
        return (
            f"the shape is right at factor {factor}, the numbers are not. Which part of the framed result is the image?"
        )
    return None


# --- 07, residual networks -----------------------------------------------------------------------------------------


def _judge_pre_activation(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    import torch
    import torch.nn.functional as F

    from course_utils.models.resnet import Block

    generator = torch.Generator().manual_seed(7)
    block = Block(4, 4).eval()
    for batch_norm in (block.bn1, block.bn2):  # else evaluation mode would leave batch norm without effect
        batch_norm.running_mean.uniform_(-0.5, 0.5, generator=generator)
        batch_norm.running_var.uniform_(0.5, 2, generator=generator)
    x = torch.randn(2, 4, 5, 5, generator=generator)
    with torch.no_grad():
        branch = block.conv2(F.relu(block.bn2(block.conv1(F.relu(block.bn1(x))))))
        try:
            given = function(block, x.clone())
        except Exception as error:
            return f"it stops with {type(error).__name__}: {error}"
        if _unanswered(given):
            return "not answered yet"
        if tuple(getattr(given, "shape", ())) != tuple(x.shape):
            return f"the shape must be the input's, {tuple(x.shape)}, this is {tuple(getattr(given, 'shape', ()))}."
        slips = (
            (branch, "this is the branch alone: the input has not been added."),
            (F.relu(x + branch), "a ReLU follows the addition. In this block nothing does."),
            (F.relu(x) + branch, "the shortcut must carry the input itself, before any ReLU."),
            (F.relu(block.bn1(x)) + branch, "the shortcut must start before bn1: it carries the input itself."),
            (block(x), "this is the block of the first paper. Batch norm and ReLU come before each convolution here."),
        )
    if torch.allclose(given, x + branch, atol=1e-5):
        return None
    for wrong, message in slips:
        if torch.allclose(given, wrong, atol=1e-5):
            return message
    return "the shape is right, the numbers are not. The order is bn1, ReLU, conv1, bn2, ReLU, conv2, then the sum."


# --- 04, backwards through a convolution ---------------------------------------------------------------------------

_X4 = np.array([[1, 0, 2], [4, 1, 0], [3, 5, 1]])
_G4 = np.array([[1, 0], [0, 2]])
_W4 = np.array([[1, 2], [3, 4]])


def _input_gradient(g: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Gradient of a convolution's input, one channel, stride 1, no padding: the kernel turned, g padded."""
    height, width = kernel.shape
    padded = np.pad(g, ((height - 1, height - 1), (width - 1, width - 1)))
    return convolution.cross_correlate(padded, kernel[::-1, ::-1])


def _judge_depthwise_backward(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    rng = np.random.default_rng(4)
    image = rng.integers(-4, 5, (3, 6, 7)).astype(float)
    kernels = rng.integers(-3, 4, (3, 3, 2)).astype(float)
    g = rng.integers(-2, 3, (3, 4, 6)).astype(float)
    channels = list(zip(g, image, kernels, strict=True))
    grad_image = np.stack([_input_gradient(one, kernel) for one, _, kernel in channels])
    grad_kernels = np.stack([convolution.cross_correlate(picture, one) for one, picture, _ in channels])
    try:
        given = function(g.copy(), image.copy(), kernels.copy())
    except Exception as error:
        return f"it stops with {type(error).__name__}: {error}"
    if _unanswered(given):
        return "not answered yet"
    if not isinstance(given, list | tuple) or len(given) != 2:
        return "two gradients are asked for, as a tuple: of the image, then of the kernels."
    parts = [_numbers(part) for part in given]
    wanted = (grad_image, grad_kernels)
    if any(not isinstance(part, np.ndarray) for part in parts):
        return "both gradients must be arrays of numbers."
    shapes = [part.shape for part in parts]
    if shapes == [grad_kernels.shape, grad_image.shape]:
        return "the order is exchanged: first the gradient of the image, then that of the kernels."
    for part, right, name in zip(parts, wanted, ("image", "kernels"), strict=True):
        if part.shape != right.shape:
            return f"the gradient of the {name} must have its shape, {right.shape}, this is {part.shape}."
    if _same(parts[0], grad_image, 1e-6) and _same(parts[1], grad_kernels, 1e-6):
        return None
    unturned = np.stack([_input_gradient(one, kernel[::-1, ::-1]) for one, _, kernel in channels])
    if _same(parts[0], unturned, 1e-6):
        return "the kernels have not been turned. On the way back to the image the last weight comes first."
    if _same(parts[1], grad_kernels[:, ::-1, ::-1], 1e-6):
        return "the gradient of the kernels is upside down: there, nothing is turned."
    if _same(parts[0], np.broadcast_to(grad_image.sum(0), grad_image.shape), 1e-6):
        return "the channels have been added up. Here each keeps its own gradient."
    name = "kernels" if _same(parts[0], grad_image, 1e-6) else "image"
    return f"the shapes are right, the numbers of the {name} are not. Compare one channel with sums by hand."


QUESTIONS: dict[str, Question] = {
    "00.first_number": Question(
        expected=lambda: 1 * 1 + 2 * 0 + 4 * 0 + 5 * -1,
        slips=((lambda: 1 + 2 + 4 + 5, "that adds the four pixels; multiply each by the kernel's number first."),),
        hint="multiply the numbers that lie on top of each other, then add the four products.",
    ),
    "02.quiz_1": Question(
        expected=lambda: [1, convolution.output_size(10, 5), convolution.output_size(10, 5)],
        hint="Answer as (channels, height, width). How many places does a window of 5 have on 10 pixels?",
        slips=(
            (lambda: [3, 6, 6], "one kernel reaches through all three channels and adds them up: one output map."),
            (lambda: [1, 5, 5], "10 - 5 is how far the window can move; it also has a place before it moves."),
            (lambda: [3, 5, 5], "one kernel gives one output map; and 10 - 5 moves mean one place more than that."),
            (lambda: [1, 10, 10], "without padding the window cannot be centred on the outermost pixels."),
        ),
    ),
    "02.quiz_1_padding": Question(
        expected=lambda: next(p for p in range(10) if convolution.output_size(10, 5, padding=p) == 10),
        hint="Each unit of padding adds two pixels to a side. How many were lost?",
        slips=(
            (lambda: 4, "4 pixels were lost in all, and padding comes at both ends."),
            (lambda: 1, "this keeps the size for a 3x3 kernel; 5x5 loses more."),
        ),
    ),
    "02.quiz_2": Question(
        expected=lambda: _quiz_2(3, 12, 4, 5),
        hint="Answer as (kernel channels, kernel height, kernel width, number of kernels, output side).",
        slips=(
            (
                lambda: [1, *_quiz_2(3, 12, 4, 5)[1:]],
                "a kernel is as deep as its input: it reads all three maps at once.",
            ),
            (
                lambda: [3, 4, 4, 15, 9],
                "each kernel reads all input maps and makes one output map: count the output maps.",
            ),
            (lambda: [3, 4, 4, 5, 8], "12 - 4 is how far the window can move; it also has a place before it moves."),
            (lambda: [3, 4, 4, 5, 12], "that would need padding, and there is none."),
        ),
    ),
    "02.predict_sizes": Question(
        expected=_sizes(lambda n, f, s, p: convolution.output_size(n, f, s, p)),
        hint="Four numbers, one a row: floor((input + 2 * padding - kernel) / stride) + 1.",
        slips=(
            (
                _sizes(lambda n, f, s, p: -((f - n - 2 * p) // s) + 1),
                "a window that only half fits is left out: round down.",
            ),
            (_sizes(lambda n, f, s, p: (n + 2 * p - f) // s), "the place before the first move is missing: + 1."),
            (_sizes(lambda n, f, s, p: (n + p - f) // s + 1), "padding comes at both ends: 2 * padding."),
            (_sizes(lambda n, f, s, p: (n - f) // s + 1), "the padding has been left out."),
            (_sizes(lambda n, f, s, p: (n + 2 * p - f) / s + 1), "no half windows: round down."),
        ),
    ),
    "02.change_strides": Question(judge=_judge_stack, hint=""),
    "02.build_depthwise": Question(judge=_judge_depthwise, hint=""),
    "03.predict_sizes": Question(
        expected=_transposed_sizes(lambda n, k, s, p, extra: convolution.transposed_output_size(n, k, s, p, extra)),
        hint="Four numbers, one a row: (input - 1) * stride + kernel - 2 * padding + output padding.",
        slips=(
            (
                _transposed_sizes(lambda n, k, s, p, extra: convolution.output_size(n, k, s, p)),
                "that is the convolution's formula; its transpose enlarges.",
            ),
            (
                _transposed_sizes(lambda n, k, s, p, extra: n * s + k - 2 * p + extra),
                "between n stamps lie n - 1 steps.",
            ),
            (
                _transposed_sizes(lambda n, k, s, p, extra: (n - 1) * s + k + 2 * p + extra),
                "here padding cuts pixels away, it does not add them.",
            ),
            (_transposed_sizes(lambda n, k, s, p, extra: (n - 1) * s + k - p + extra), "padding cuts at both ends."),
            (_transposed_sizes(lambda n, k, s, p, extra: (n - 1) * s + k - 2 * p), "the output padding is missing."),
            (_transposed_sizes(lambda n, k, s, p, extra: n * s), "only some layers multiply the size by the stride."),
        ),
    ),
    "03.change_grid": Question(judge=_judge_doubling, hint=""),
    "03.build_bilinear": Question(judge=_judge_bilinear, hint=""),
    "07.predict_110": Question(
        expected=lambda: [(110 - 2) // 6, 3 * ((110 - 2) // 6)],
        hint="6n + 2 layers; one addition a block, n blocks in each of three stages.",
        slips=(
            (lambda: [(110 - 2) // 6, (110 - 2) // 6], "that counts the additions of one stage; there are three."),
            (lambda: [(110 - 2) // 6, 110 - 2], "an addition comes once a block, and a block has two convolutions."),
            (lambda: [110 / 6, 110 / 2], "take the stem and the dense layer off before you divide."),
        ),
    ),
    "07.change_factor": Question(
        expected=lambda: 0.5 ** (1 / 15),
        hint="The factor is multiplied with itself once a block: 15 times in all.",
        tolerance=6e-4,
        slips=(
            (lambda: 0.5, "that is the factor of the experiment: over 15 blocks it leaves 0.00003."),
            (lambda: 0.5 / 15, "the factors multiply, they do not add."),
            (lambda: 1 - 0.5 / 15, "close, but the factors multiply: 15 equal losses do not add up to one half."),
            (lambda: 0.5 ** (1 / 30), "there is one shortcut a block, not one a convolution."),
        ),
    ),
    "07.build_pre_activation": Question(judge=_judge_pre_activation, hint=""),
    "04.predict_kernel": Question(
        expected=lambda: convolution.cross_correlate(_X4, _G4).ravel(),
        hint="Four numbers. For each weight: which pixel does it meet under each entry of g? Multiply, and add.",
        slips=(
            (
                lambda: convolution.cross_correlate(_X4, _G4[::-1, ::-1]).ravel(),
                "g has been turned. For the kernel's gradient nothing is turned.",
            ),
            (
                lambda: convolution.cross_correlate(_X4, _W4).ravel(),
                "this is the layer's output, x with the kernel. Its gradient is x with g.",
            ),
            (lambda: _X4[:2, :2].ravel(), "this counts the first output only. The last entry of g, 2, counts as well."),
        ),
    ),
    "04.predict_middle": Question(
        expected=lambda: _input_gradient(_G4, _W4)[1, 1],
        hint="One number. All four windows read the middle pixel; which weight does it meet in each of them?",
        slips=(
            (
                lambda: _input_gradient(_G4, _W4[::-1, ::-1])[1, 1],
                "the first window has this pixel in its lower right corner, where it meets the last weight.",
            ),
            (lambda: _W4.sum(), "the weights are right, but each counts as often as its entry of g says."),
            (lambda: _W4[1, 1], "this is what the first output sends. The last one sends something, too."),
        ),
    ),
    "04.change_rate": Question(
        expected=lambda: 2 / 25,
        hint="A path comes to rest while each factor lies between -1 and 1. Which direction breaks that first?",
        tolerance=1e-4,
        slips=(
            (lambda: 2.0, "that is the border of the flat direction. The steep one breaks much earlier."),
            (
                lambda: 1 / 25,
                "there the steep direction arrives in one step. It may overshoot, up to a border.",
            ),
            (
                lambda: 2 / 26,
                "that is the fastest rate: both factors have one size. The border lies a little above.",
            ),
            (lambda: 0.07, "that is the rate of the notebook, and its path comes to rest."),
        ),
    ),
    "04.build_depthwise_backward": Question(judge=_judge_depthwise_backward, hint=""),
}
