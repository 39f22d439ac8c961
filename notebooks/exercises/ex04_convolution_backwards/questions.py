"""Backwards through a convolution, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import softmax

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1, q2: the chain rule by hand -----------------------------------------------------------------------------------


def _draw_layer(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "image": rng.integers(0, 6, (3, 3)).tolist(),
        "kernel": rng.integers(-2, 4, (2, 2)).tolist(),
        "gradient": rng.integers(-1, 3, (2, 2)).tolist(),
    }


def _matrix(rows: Any) -> str:
    return "$\\begin{pmatrix}" + r" \\ ".join(" & ".join(map(str, row)) for row in rows) + "\\end{pmatrix}$"


def _ask_layer(given: dict[str, Any]) -> str:
    return (
        f"image {_matrix(given['image'])}, kernel {_matrix(given['kernel'])}, gradient of the loss with respect to the "
        f"output {_matrix(given['gradient'])}"
    )


def _slide(picture: Any, window: Any) -> np.ndarray:
    picture, window = np.array(picture), np.array(window)
    rows, columns = (a - b + 1 for a, b in zip(picture.shape, window.shape, strict=True))
    h, w = window.shape
    return np.array([[(picture[i : i + h, j : j + w] * window).sum() for j in range(columns)] for i in range(rows)])


def _to_kernel(given: dict[str, Any]) -> list[list[int]]:
    return _slide(given["image"], given["gradient"]).tolist()


def _trace_kernel(given: dict[str, Any]) -> str:
    image, gradient = np.array(given["image"]), np.array(given["gradient"])
    lines = []
    for a in range(2):
        for b in range(2):
            parts = [f"{gradient[i, j]}·{image[i + a, j + b]}" for i in range(2) for j in range(2)]
            total = (gradient * image[a : a + 2, b : b + 2]).sum()
            lines.append(f"- weight in row {a}, column {b}: {' + '.join(parts)} = **{total}**")
    return (
        "A weight is used once for each output number, with another pixel each time. It receives the sum of "
        "output gradient "
        "times that pixel: the gradient slides over the image.\n\n" + "\n".join(lines)
    )


Q1 = Numbers(
    draw=_draw_layer,
    ask=_ask_layer,
    expected=_to_kernel,
    slips=(
        Slip(
            "gradient turned",
            lambda given: _slide(given["image"], np.array(given["gradient"])[::-1, ::-1]).tolist(),
            "the gradient has been turned by 180 degrees. It slides over the image as it is.",
        ),
        Slip(
            "kernel in place of gradient",
            lambda given: _slide(given["image"], given["kernel"]).tolist(),
            "that is the layer forwards. What a weight receives does not hang on the weights.",
        ),
        Slip(
            "answer turned",
            lambda given: _slide(given["image"], given["gradient"])[::-1, ::-1].tolist(),
            "the four sums are right, but in the wrong places: the weight in row 0, column 0 meets the upper "
            "left pixels.",
        ),
        Slip(
            "pixels of one place only",
            lambda given: (np.array(given["gradient"]) * np.array(given["image"])[:2, :2]).tolist(),
            "these are single products. A weight is used at all four places: add what it receives at each.",
        ),
        Slip(
            "averaged",
            lambda given: (_slide(given["image"], given["gradient"]) / 4).tolist(),
            "what a weight receives at its places is added, not averaged.",
        ),
    ),
    hints=(
        "Write down the four outputs as sums. In which of them does the first weight stand, and beside which pixel?",
        "Weight (a, b) receives the sum over all outputs (i, j) of gradient (i, j) times pixel (i + a, j + b).",
    ),
    trace=_trace_kernel,
)


def _to_image(given: dict[str, Any], turned: bool = True) -> np.ndarray:
    kernel = np.array(given["kernel"])
    return _slide(np.pad(given["gradient"], 1), kernel[::-1, ::-1] if turned else kernel)


def _trace_image(given: dict[str, Any]) -> str:
    gradient, kernel = np.array(given["gradient"]), np.array(given["kernel"])
    stamps = "\n".join(
        f"- {gradient[i, j]} times the kernel, from row {i}, column {j} on: {(gradient[i, j] * kernel).tolist()}"
        for i in range(2)
        for j in range(2)
    )
    rows = "; ".join(", ".join(map(str, row)) for row in _to_image(given).tolist())
    return (
        "Each output was made from four pixels, with the four weights. So its gradient goes back to these four "
        "pixels, through "
        f"the same weights: a stamp of the kernel.\n\n{stamps}\n\nWhere stamps overlap, add: **{rows}**."
    )


Q2 = Numbers(
    draw=_draw_layer,
    ask=_ask_layer,
    expected=lambda given: _to_image(given).tolist(),
    slips=(
        Slip(
            "kernel not turned",
            lambda given: _to_image(given, turned=False).tolist(),
            "you have slid the kernel as it is over the padded gradient. To collect, it has to be turned by 180 "
            "degrees; or "
            "stamp it unturned.",
        ),
        Slip(
            "kernel transposed",
            lambda given: _to_image({**given, "kernel": np.array(given["kernel"]).T}).tolist(),
            "rows and columns of the kernel are swapped. Turning by 180 degrees is something else.",
        ),
        Slip(
            "padding forgotten",
            lambda given: _slide(given["gradient"], np.array(given["kernel"])[::-1, ::-1]).tolist(),
            "one number: nine pixels receive a gradient. Pad the gradient by one zero on each side.",
        ),
        Slip(
            "multiplied by the image",
            lambda given: (_to_image(given) * np.array(given["image"])).tolist(),
            "what a pixel receives does not hang on the pixels: the layer is linear in them.",
        ),
        Slip(
            "stamps overwritten",
            lambda given: _overwritten(given),
            "where two outputs share a pixel, what they send back is added.",
        ),
    ),
    hints=(
        "Which outputs does the middle pixel take part in, and with which weight in each?",
        "Each output gradient presses the kernel, that many times, onto the four pixels it was made from.",
        "Nine numbers come out. The corners receive one product each, the middle four.",
    ),
    trace=_trace_image,
)


def _overwritten(given: dict[str, Any]) -> list[list[int]]:
    canvas = np.zeros((3, 3), dtype=int)
    for i in range(2):
        for j in range(2):
            canvas[i : i + 2, j : j + 2] = given["gradient"][i][j] * np.array(given["kernel"])
    return canvas.tolist()


# --- q3: back through pooling -----------------------------------------------------------------------------------------


def _pool_back(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    picture = torch.from_numpy(np.ascontiguousarray(x))[None, None].double().requires_grad_()
    F.max_pool2d(picture, 2).backward(torch.from_numpy(np.ascontiguousarray(g))[None, None].double())
    return picture.grad[0, 0].numpy()


def _pool_cases(rng: np.random.Generator) -> list[list[np.ndarray]]:
    cases = []
    for rows, columns in ((1, 1), (1, 2), (2, 2), (2, 3), (4, 3)):
        x = rng.permutation(4 * rows * columns).reshape(2 * rows, 2 * columns).astype(float)
        cases.append([rng.integers(1, 9, (rows, columns)) * rng.choice((-1.0, 1.0), (rows, columns)), x])
    return cases


def _large(g: np.ndarray) -> np.ndarray:
    return g.repeat(2, axis=0).repeat(2, axis=1)


Q3 = Function(
    name="pool_backward",
    cases=_pool_cases,
    expected=_pool_back,
    slips=(
        Slip(
            "to the whole window",
            lambda g, x: _large(g),
            "all four pixels of a window receive the gradient. Only the largest made the output.",
        ),
        Slip(
            "shared among the window",
            lambda g, x: _large(g) / 4,
            "that is the way back through average pooling.",
        ),
        Slip(
            "to the smallest", lambda g, x: _pool_back(g, -x), "the gradient goes to the smallest pixel of each window."
        ),
        Slip(
            "multiplied by the pixel",
            lambda g, x: _pool_back(g, x) * x,
            "it has been multiplied by the pixel. The output is the pixel itself: its derivative is 1.",
        ),
        Slip(
            "ones in place of the gradient",
            lambda g, x: _pool_back(np.ones_like(g), x),
            "the places are right. What arrives there is g, not 1.",
        ),
        Slip(
            "to every pixel above 0",
            lambda g, x: _large(g) * (x > 0),
            "that is a ReLU. Here one pixel of each window receives the gradient, the largest.",
        ),
    ),
    hints=(
        "Which of the four pixels changes the output if you change it a little?",
        "Begin with zeros of x's shape. For each window find the place of the largest, and put g there.",
        "window = x[2*i : 2*i + 2, 2*j : 2*j + 2]; row, column = divmod(window.argmax(), 2).",
    ),
    remark="No two pixels of a window are equal here. Where they are, PyTorch gives all of it to the first.",
)

# --- q4: softmax and cross-entropy ------------------------------------------------------------------------------------


def _logit_gradient(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    scores = torch.from_numpy(np.ascontiguousarray(logits)).double().requires_grad_()
    F.cross_entropy(scores, torch.from_numpy(np.ascontiguousarray(targets))).backward()
    return scores.grad.numpy()


def _logit_cases(rng: np.random.Generator) -> list[list[np.ndarray]]:
    cases = [[np.zeros((1, 2)), np.array([0])], [np.array([[1.0, 2, 3]]), np.array([2])]]
    for n, classes, scale in ((2, 3, 1), (5, 4, 2), (3, 3, 2), (2, 5, 1000)):
        cases.append([scale * rng.normal(size=(n, classes)).round(2), rng.integers(0, classes, n)])
    return cases


def _one_hot(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.eye(logits.shape[1])[targets]


def _unsafe(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(logits)
        return (powers / powers.sum(axis=1, keepdims=True) - _one_hot(logits, targets)) / len(logits)


Q4 = Function(
    name="logit_gradient",
    cases=_logit_cases,
    expected=_logit_gradient,
    slips=(
        Slip(
            "softmax over the batch axis",
            lambda logits, targets: (softmax(logits, axis=0) - _one_hot(logits, targets)) / len(logits),
            "softmax over the batch axis: each picture's probabilities add up to 1, along its own row.",
        ),
        Slip(
            "not divided by the batch",
            lambda logits, targets: softmax(logits, axis=1) - _one_hot(logits, targets),
            "the loss is the mean over the pictures: divide by their number.",
        ),
        Slip(
            "the 1 of the true class forgotten",
            lambda logits, targets: softmax(logits, axis=1) / len(logits),
            "nothing has been taken off at the true class. Its gradient is p - 1, below 0.",
        ),
        Slip(
            "sign reversed",
            lambda logits, targets: (_one_hot(logits, targets) - softmax(logits, axis=1)) / len(logits),
            "the sign is reversed: the loss grows with the logits of wrong classes.",
        ),
        Slip(
            "exponential too large",
            _unsafe,
            "right for small logits; with logits in the hundreds exp overflows. Take off each row's largest "
            "logit first.",
        ),
        Slip(
            "divided by the classes, too",
            lambda logits, targets: (softmax(logits, axis=1) - _one_hot(logits, targets)) / logits.size,
            "it is divided by the number of all logits. The mean goes over the pictures only.",
        ),
    ),
    hints=(
        "For one picture: the gradient is its probabilities, with 1 taken off at the true class.",
        "np.exp(logits - logits.max(axis=1, keepdims=True)) is the same softmax, and never overflows.",
        "p[np.arange(N), targets] -= 1 takes off the ones; then divide by N.",
    ),
    remark="Every row adds up to 0: what the true class gains, the others lose.",
)

# --- q5: momentum -----------------------------------------------------------------------------------------------------


def _with_momentum(weight: np.ndarray, gradients: np.ndarray, lr: float, mu: float) -> np.ndarray:
    parameter = torch.nn.Parameter(torch.from_numpy(np.array(weight, dtype=float)))
    optimizer = torch.optim.SGD([parameter], lr=lr, momentum=mu)
    for gradient in gradients:
        parameter.grad = torch.from_numpy(np.array(gradient, dtype=float))
        optimizer.step()
    return parameter.detach().numpy()


def _momentum_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([1.0]), np.array([[1.0], [1.0]]), 0.1, 0.9]]
    for steps, size in ((1, 2), (3, 2), (5, 3), (8, 1)):
        cases.append([rng.normal(size=size).round(2), rng.normal(size=(steps, size)).round(2), 0.1, 0.5])
    return cases


def _steps(weight: np.ndarray, gradients: np.ndarray, lr: float, mu: float, rule: str) -> np.ndarray:
    weight, velocity = np.array(weight, dtype=float), np.zeros_like(weight, dtype=float)
    for gradient in gradients:
        before = velocity
        velocity = mu * velocity + (1 - mu if rule == "averaged" else 1) * gradient
        weight = weight - lr * {"nesterov": gradient + mu * velocity, "late": before}.get(rule, velocity)
    return weight


Q5 = Function(
    name="momentum",
    cases=_momentum_cases,
    expected=_with_momentum,
    slips=(
        Slip(
            "no memory",
            lambda weight, gradients, lr, mu: weight - lr * gradients.sum(axis=0),
            "that is plain descent: each step forgets the steps before it.",
        ),
        Slip(
            "gradient damped by 1 - mu",
            lambda weight, gradients, lr, mu: _steps(weight, gradients, lr, mu, "averaged"),
            "the gradient is weighted by 1 - mu. In PyTorch's momentum it comes in whole.",
        ),
        Slip(
            "Nesterov's step",
            lambda weight, gradients, lr, mu: _steps(weight, gradients, lr, mu, "nesterov"),
            "that is Nesterov's variant, which looks one step ahead.",
        ),
        Slip(
            "velocity one step late",
            lambda weight, gradients, lr, mu: _steps(weight, gradients, lr, mu, "late"),
            "the step is made with the old velocity. Renew it first, then step.",
        ),
        Slip(
            "uphill",
            lambda weight, gradients, lr, mu: 2 * weight - _with_momentum(weight, gradients, lr, mu),
            "the steps go uphill: they are taken off the weight.",
        ),
        Slip(
            "weight decays",
            lambda weight, gradients, lr, mu: _shrinking(weight, gradients, lr, mu),
            "mu has been applied to the weight. It belongs to the velocity.",
        ),
    ),
    hints=(
        "Keep a velocity beside the weight, 0 at first.",
        "velocity = mu * velocity + gradient; weight = weight - lr * velocity.",
    ),
    remark="With a constant gradient the velocity grows towards 1 / (1 - mu) times it: ten times at mu = 0.9.",
)


def _shrinking(weight: np.ndarray, gradients: np.ndarray, lr: float, mu: float) -> np.ndarray:
    for gradient in gradients:
        weight = mu * weight - lr * gradient
    return weight


# --- q6: a network in NumPy -------------------------------------------------------------------------------------------


def _rings(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) in a disc or in the ring round it, and which (N,)."""
    labels = rng.integers(0, 2, count)
    radius = np.where(labels == 0, 0.9 * np.sqrt(rng.random(count)), rng.uniform(1.3, 2.0, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), labels


def _ring_cases(rng: np.random.Generator) -> list[list[np.ndarray]]:
    return [[*_rings(rng, 300), *_rings(rng, 300)]]


def _trained(
    points: np.ndarray, labels: np.ndarray, new: np.ndarray, hidden: int = 16, steps: int = 500, bent: bool = True
) -> np.ndarray:
    """Scores (N, 2) of new points after full-batch descent on one hidden layer."""
    rng = np.random.default_rng(0)
    w1, b1 = rng.normal(size=(2, hidden)), np.zeros(hidden)
    w2, b2 = rng.normal(size=(hidden, 2)) / np.sqrt(hidden), np.zeros(2)

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h = x @ w1 + b1
        h = np.maximum(h, 0) if bent else h
        return h, h @ w2 + b2

    for _ in range(steps):
        h, scores = forward(points)
        g = (softmax(scores, axis=1) - np.eye(2)[labels]) / len(points)
        gh = g @ w2.T * ((h > 0) if bent else 1)
        w2 -= 0.5 * h.T @ g
        b2 -= 0.5 * g.sum(axis=0)
        w1 -= 0.5 * points.T @ gh
        b1 -= 0.5 * gh.sum(axis=0)
    return forward(new)[1]


Q6 = Function(
    name="classify",
    cases=_ring_cases,
    expected=lambda *given: _trained(*given).argmax(axis=1),
    bar=0.95,
    seconds=10,
    slips=(
        Slip("below: no bend between the layers", lambda *given: _trained(*given, bent=False).argmax(axis=1), ""),
        Slip("below: never trained", lambda *given: _trained(*given, steps=0).argmax(axis=1), ""),
        Slip("scores", lambda *given: _trained(*given), ""),
        Slip("constant", lambda points, labels, new: np.zeros(len(new)), ""),
        Slip("count: one label in all", lambda points, labels, new: _trained(points, labels, new).argmax(), ""),
    ),
    hints=(
        "One hidden layer with ReLU, 16 units; softmax and cross-entropy at the end. You have its gradient: q4.",
        "Backwards: g = logit_gradient(scores, labels); for w2: h.T @ g; on to the hidden layer: g @ w2.T, "
        "times (h > 0).",
        "500 steps over all points at a rate of 0.5; argmax over the two scores at the end.",
    ),
    remark="Without the ReLU the two layers are one straight line, and no line parts a disc from the ring round it.",
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        ("what the check compares: the derived gradient with differences of the loss at weights moved a little", 1),
        ("why the step must be neither large nor tiny: error of the difference formula, rounding", 1),
        (
            "one case in which it misleads: kinks, single precision, dropout drawn anew, a data set too small "
            "or too symmetric",
            1,
        ),
    ),
    hints=(
        "What does the check need, apart from the loss as a function?",
        "What happens to f(w + e) - f(w - e) in a computer when e becomes very small?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
