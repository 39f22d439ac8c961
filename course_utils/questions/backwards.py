"""Questions on gradients and optimizers (notebook 04)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils import convolution
from course_utils.questions.question import Question, numbers, result_of, same

_X4 = np.array([[1, 0, 2], [4, 1, 0], [3, 5, 1]])
_G4 = np.array([[1, 0], [0, 2]])
_W4 = np.array([[1, 2], [3, 4]])


def _input_gradient(g: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Gradient of a convolution's input, one channel, stride 1, no padding: the kernel turned, g padded."""
    height, width = kernel.shape
    padded = np.pad(g, ((height - 1, height - 1), (width - 1, width - 1)))
    return convolution.cross_correlate(padded, kernel[::-1, ::-1])


def _judge_depthwise_backward(function: Any) -> str | None:
    rng = np.random.default_rng(4)
    image = rng.integers(-4, 5, (3, 6, 7)).astype(float)
    kernels = rng.integers(-3, 4, (3, 3, 2)).astype(float)
    g = rng.integers(-2, 3, (3, 4, 6)).astype(float)
    channels = list(zip(g, image, kernels, strict=True))
    grad_image = np.stack([_input_gradient(one, kernel) for one, _, kernel in channels])
    grad_kernels = np.stack([convolution.cross_correlate(picture, one) for one, picture, _ in channels])
    given, trouble = result_of(function, g.copy(), image.copy(), kernels.copy())
    if trouble:
        return trouble
    if not isinstance(given, list | tuple) or len(given) != 2:
        return "two gradients are asked for, as a tuple: of the image, then of the kernels."
    parts = [numbers(part) for part in given]
    wanted = (grad_image, grad_kernels)
    if any(not isinstance(part, np.ndarray) for part in parts):
        return "both gradients must be arrays of numbers."
    shapes = [part.shape for part in parts]
    if shapes == [grad_kernels.shape, grad_image.shape]:
        return "the order is exchanged: first the gradient of the image, then that of the kernels."
    for part, right, name in zip(parts, wanted, ("image", "kernels"), strict=True):
        if part.shape != right.shape:
            return f"the gradient of the {name} must have its shape, {right.shape}, this is {part.shape}."
    if same(parts[0], grad_image, 1e-6) and same(parts[1], grad_kernels, 1e-6):
        return None
    unturned = np.stack([_input_gradient(one, kernel[::-1, ::-1]) for one, _, kernel in channels])
    if same(parts[0], unturned, 1e-6):
        return "the kernels have not been turned. On the way back to the image the last weight comes first."
    if same(parts[1], grad_kernels[:, ::-1, ::-1], 1e-6):
        return "the gradient of the kernels is upside down: there, nothing is turned."
    if same(parts[0], np.broadcast_to(grad_image.sum(0), grad_image.shape), 1e-6):
        return "the channels have been added up. Here each keeps its own gradient."
    name = "kernels" if same(parts[0], grad_image, 1e-6) else "image"
    return f"the shapes are right, the numbers of the {name} are not. Compare one channel with sums by hand."


QUESTIONS: dict[str, Question] = {
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
