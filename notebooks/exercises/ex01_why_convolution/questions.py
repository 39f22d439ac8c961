"""Why convolution, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: a dense network ----------------------------------------------------------------------------------------------


def _draw_dense(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "side": int(rng.integers(8, 33)),
        "hidden": int(rng.integers(2, 13)) * 50,
        "classes": int(rng.integers(5, 21)),
    }


def _dense(given: dict[str, Any], channels: int = 3) -> tuple[int, int, int]:
    """Inputs, hidden units, classes."""
    return channels * given["side"] ** 2, given["hidden"], given["classes"]


def _trace_dense(given: dict[str, Any]) -> str:
    inputs, hidden, classes = _dense(given)
    first, second = inputs * hidden, hidden * classes
    return (
        f"- A colour picture of {given['side']}x{given['side']} is 3·{given['side']}·{given['side']} = {inputs} "
        f"numbers.\n"
        f"- Into the hidden layer: {inputs}·{hidden} = {first} weights and {hidden} biases.\n"
        f"- Out of it: {hidden}·{classes} = {second} weights and {classes} biases.\n"
        f"- Together **{first + hidden + second + classes}**."
    )


def _all_dense(inputs: int, hidden: int, classes: int) -> int:
    return inputs * hidden + hidden + hidden * classes + classes


Q1 = Numbers(
    draw=_draw_dense,
    ask=lambda given: (
        f"Colour pictures of {given['side']}x{given['side']} pixels, {given['hidden']} hidden units, "
        f"{given['classes']} classes."
    ),
    expected=lambda given: _all_dense(*_dense(given)),
    slips=(
        Slip(
            "biases forgotten",
            lambda given: _all_dense(*_dense(given)) - given["hidden"] - given["classes"],
            "the biases are missing: each hidden unit has one, and each class.",
        ),
        Slip(
            "grey pictures",
            lambda given: _all_dense(*_dense(given, 1)),
            "a colour picture has three numbers a pixel.",
        ),
        Slip(
            "first layer only",
            lambda given: _all_dense(*_dense(given)) - (given["hidden"] + 1) * given["classes"],
            "these are the weights into the hidden layer. The layer that leads to the classes is missing.",
        ),
        Slip(
            "side not squared",
            lambda given: _all_dense(3 * given["side"], given["hidden"], given["classes"]),
            "the number of pixels is the side times the side.",
        ),
        Slip(
            "layers multiplied",
            lambda given: _dense(given)[0] * given["hidden"] * given["classes"],
            "the layers come one after the other: their weights are added, not multiplied.",
        ),
    ),
    hints=(
        "How many numbers go into one hidden unit? It has a weight for each, and one bias.",
        "Count the two layers apart: inputs · hidden + hidden, and hidden · classes + classes.",
    ),
    trace=_trace_dense,
)

# --- q2: two assumptions ----------------------------------------------------------------------------------------------


def _draw_steps(rng: np.random.Generator) -> dict[str, Any]:
    return {"side": int(rng.integers(10, 41)), "window": int(rng.choice((3, 5, 7)))}


def _steps(given: dict[str, Any]) -> list[int]:
    pixels, places, window = given["side"] ** 2, (given["side"] - given["window"] + 1) ** 2, given["window"] ** 2
    return [pixels * places, window * places, window]


def _trace_steps(given: dict[str, Any]) -> str:
    n, w = given["side"], given["window"]
    dense, local, shared = _steps(given)
    return (
        f"- A window of {w} pixels has {n} - {w} + 1 = {n - w + 1} places a side, {(n - w + 1) ** 2} in all: so "
        f"many units.\n"
        f"- Dense: each unit reads all {n * n} pixels, {n * n}·{(n - w + 1) ** 2} = **{dense}** weights.\n"
        f"- Local: each unit reads the {w * w} pixels of its window, {w * w}·{(n - w + 1) ** 2} = **{local}**.\n"
        f"- Shared: all units have the same **{shared}**."
    )


Q2 = Numbers(
    draw=_draw_steps,
    ask=lambda given: (
        f"A grey picture of {given['side']}x{given['side']} pixels, a window of "
        f"{given['window']}x{given['window']}, one "
        "unit for each place where the window fits; no biases."
    ),
    expected=_steps,
    slips=(
        Slip(
            "a unit for every pixel",
            lambda given: [given["side"] ** 4, given["window"] ** 2 * given["side"] ** 2, given["window"] ** 2],
            "there is one unit for each place of the window, and it has fewer places than there are pixels.",
        ),
        Slip(
            "one place too few",
            lambda given: [
                given["side"] ** 2 * (given["side"] - given["window"]) ** 2,
                given["window"] ** 2 * (given["side"] - given["window"]) ** 2,
                given["window"] ** 2,
            ],
            "side - window counts moves. The window also has a place before it moves.",
        ),
        Slip(
            "one weight in all",
            lambda given: [*_steps(given)[:2], 1],
            "the first two numbers are right. The units share their whole window, all of its weights, not a "
            "single one.",
        ),
        Slip(
            "shared before local",
            lambda given: [_steps(given)[0], given["side"] ** 2, given["window"] ** 2],
            "the second number counts one unit that reads the whole picture. Local comes first: every unit its "
            "own window.",
        ),
        Slip(
            "order reversed",
            lambda given: _steps(given)[::-1],
            "the three numbers are right, in the other order: dense, local, shared.",
        ),
    ),
    hints=(
        "How many places has the window on one side of the picture? Square it: so many units there are.",
        "Dense: every unit reads every pixel. Local: every unit reads its window. Shared: one window for all.",
    ),
    trace=_trace_steps,
)

# --- q3: find it ------------------------------------------------------------------------------------------------------


def _find(signal: np.ndarray, kernel: np.ndarray) -> int:
    return int(np.correlate(signal, kernel, mode="valid").argmax())


def _find_cases(rng: np.random.Generator) -> list[list[np.ndarray]]:
    cases = [[np.array([0.0, 1, 2, 0]), np.array([1.0, 2])], [np.array([1.0, 0, 0, 0, 3]), np.array([0.0, 1])]]
    for _ in range(8):
        kernel = rng.normal(size=int(rng.integers(3, 7)))
        signal = 0.3 * rng.normal(size=40)
        start = int(rng.integers(0, 40 - len(kernel)))
        signal[start : start + len(kernel)] += kernel
        other = int(rng.integers(0, 40 - len(kernel)))
        signal[other : other + len(kernel)] -= 1.5 * kernel
        cases.append([np.round(signal, 3), np.round(kernel, 3)])
    return cases


Q3 = Function(
    name="find",
    cases=_find_cases,
    expected=_find,
    slips=(
        Slip(
            "kernel flipped",
            lambda signal, kernel: _find(signal, kernel[::-1]),
            "kernel flipped: `np.convolve` turns it round. Lay the kernel on the signal as it is.",
        ),
        Slip(
            "largest in size, whatever the sign",
            lambda signal, kernel: int(np.abs(np.correlate(signal, kernel, mode="valid")).argmax()),
            "a large negative answer means the opposite of the kernel. Take the largest answer, not the largest size.",
        ),
        Slip(
            "middle in place of start",
            lambda signal, kernel: int(np.correlate(signal, kernel, mode="valid").argmax()) + len(kernel) // 2,
            "that is the middle of the window; where it begins is asked for.",
        ),
        Slip(
            "the answer in place of its place",
            lambda signal, kernel: float(np.correlate(signal, kernel, mode="valid").max()),
            "this is how large the largest answer is. Where is it?",
        ),
        Slip(
            "largest sample",
            lambda signal, kernel: int(signal.argmax()),
            "this is where the signal itself is largest. The kernel has not been asked.",
        ),
        Slip(
            "counted from 1",
            lambda signal, kernel: _find(signal, kernel) + 1,
            "places are counted from 0.",
        ),
    ),
    hints=(
        "At each place: multiply kernel and signal where they lie on each other, and add. Which place answers most?",
        "There are len(signal) - len(kernel) + 1 places. Collect their answers in a list or an array.",
        "`np.argmax` gives the place of the largest. If you use `np.convolve`, remember what it does to the kernel.",
    ),
    remark="`np.correlate(signal, kernel, mode='valid')` gives all answers at once.",
)

# --- q4: round the corner ---------------------------------------------------------------------------------------------


def _circular(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    row = torch.from_numpy(np.ascontiguousarray(x))[None, None].double()
    padded = F.pad(row, (0, len(kernel) - 1), mode="circular")
    return F.conv1d(padded, torch.from_numpy(np.ascontiguousarray(kernel))[None, None].double())[0, 0].numpy()


def _circular_cases(rng: np.random.Generator) -> list[list[np.ndarray]]:
    shapes = ((3, 2), (4, 3), (6, 1), (7, 4), (12, 5), (9, 3))
    return [[rng.integers(-5, 6, n).astype(float), rng.integers(-3, 4, k).astype(float)] for n, k in shapes]


Q4 = Function(
    name="circle",
    cases=_circular_cases,
    expected=_circular,
    slips=(
        Slip(
            "zeros in place of the beginning",
            lambda x, kernel: np.correlate(np.pad(x, (0, len(kernel) - 1)), kernel, mode="valid"),
            "behind the end there are zeros in your sums. What leaves at the right comes in again at the left.",
        ),
        Slip(
            "only where it fits",
            lambda x, kernel: np.correlate(x, kernel, mode="valid"),
            "these are the places where the kernel fits. Round the corner every number of x has a place.",
        ),
        Slip(
            "kernel flipped",
            lambda x, kernel: _circular(x, kernel[::-1]),
            "kernel flipped: lay it down as it is written.",
        ),
        Slip(
            "window reaches back",
            lambda x, kernel: np.roll(_circular(x, kernel), len(kernel) - 1),
            "the window reaches back from its place. At place i it covers i, i + 1, i + 2 and so on.",
        ),
        Slip(
            "edge repeated",
            lambda x, kernel: np.correlate(np.pad(x, (0, len(kernel) - 1), mode="edge"), kernel, mode="valid"),
            "behind the end the last number is repeated. The beginning should follow there.",
        ),
    ),
    hints=(
        "Which numbers does the window cover at the last place? The first of them is x[-1]; the next one is x[0].",
        "Indices that go round: x[(i + a) % len(x)].",
        "Or append the first len(kernel) - 1 numbers of x to its end, and slide as usual.",
    ),
    remark="Because no place is special, moving x round the circle moves the answer round, exactly: equivariance.",
)

# --- q5: a network that does not mind where ---------------------------------------------------------------------------

_SIGNS = np.array(
    [
        [[1, 1, 1], [0, 1, 0], [0, 1, 0]],
        [[1, 0, 0], [1, 0, 0], [1, 1, 1]],
        [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
    ],
    dtype=np.float32,
)
_SIDE = 16


def _signs(rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (N, 1, 16, 16) with one sign anywhere, in noise, and which one it is (N,)."""
    labels = rng.integers(0, len(_SIGNS), count)
    images = 0.25 * rng.random((count, 1, _SIDE, _SIDE), dtype=np.float32)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(0, _SIDE - 2, 2)
        image[0, top : top + 3, left : left + 3] += 0.75 * _SIGNS[label]
    return torch.from_numpy(images), torch.from_numpy(labels)


def _sign_cases(rng: np.random.Generator) -> list[list[torch.Tensor]]:
    train_images, train_labels = _signs(rng, 400)
    images, labels = _signs(rng, 200)
    return [[train_images, train_labels, images, labels]]


def _trained(
    net: nn.Module, train_images: torch.Tensor, train_labels: torch.Tensor, images: torch.Tensor, steps: int = 250
) -> torch.Tensor:
    """Scores (N, 4) of the pictures after so many steps of Adam."""
    torch.manual_seed(0)
    for layer in net.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(steps):
        chosen = torch.randint(len(train_images), (50,))
        optimizer.zero_grad()
        F.cross_entropy(net(train_images[chosen]), train_labels[chosen]).backward()
        optimizer.step()
    with torch.no_grad():
        return net(images)


def _conv_net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, 4))


def _dense_net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(_SIDE * _SIDE, 64), nn.ReLU(), nn.Linear(64, 4))


Q5 = Function(
    name="classify",
    cases=_sign_cases,
    expected=lambda *given: _trained(_conv_net(), *given).argmax(1),
    bar=0.9,
    seconds=20,
    slips=(
        Slip("below: a dense network", lambda *given: _trained(_dense_net(), *given).argmax(1), ""),
        Slip("constant: never trained", lambda *given: _trained(_conv_net(), *given, steps=0).argmax(1), ""),
        Slip("scores", lambda *given: _trained(_conv_net(), *given), ""),
        Slip("shifted: classes from 1", lambda *given: _trained(_conv_net(), *given).argmax(1) + 1, ""),
        Slip("constant: one class for all", lambda train_images, train_labels, images: torch.zeros(len(images)), ""),
        Slip(
            "count: labels of the training pictures",
            lambda train_images, train_labels, images: train_labels,
            "",
        ),
    ),
    hints=(
        "The signs stand anywhere. Which layer knows a sign everywhere once it knows it somewhere?",
        "16 kernels of 3x3, ReLU, the largest answer of each map (`nn.AdaptiveMaxPool2d(1)`), one dense layer "
        "to 4 scores.",
        "250 steps of Adam at a rate of 0.01 with batches of 50 do it; `argmax(1)` makes labels of scores.",
    ),
    remark="The largest answer of a map says whether a sign is there, and forgets where: invariance, by construction.",
)

# --- q6: in words -----------------------------------------------------------------------------------------------------

Q6 = Words(
    rubric=(
        ("names the assumption: what is to be found looks the same at every place (shared weights), and is small", 1),
        ("says what it buys: fewer weights, so fewer pictures needed, or new places for nothing", 1),
        ("a case in which it does not hold, with a reason: shuffled pixels, tables, passport photographs", 1),
    ),
    hints=(
        "Think of the signs: what did the convolution know before it saw a single picture?",
        "When would it be a pity to treat all places alike?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
