"""Residual networks, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: what a block costs -------------------------------------------------------------------------------------------


def _draw_block(rng: np.random.Generator) -> dict[str, Any]:
    return {"channels": 8 * int(rng.integers(4, 41)), "reduced": 4 * int(rng.integers(2, 8))}


def _blocks(given: dict[str, Any]) -> tuple[int, int, int]:
    """Weights of the plain block, of the bottleneck's two 1x1 layers together, of its 3x3 layer."""
    c, r = given["channels"], given["reduced"]
    return 2 * 9 * c * c, 2 * c * r, 9 * r * r


def _trace_block(given: dict[str, Any]) -> str:
    c, r = given["channels"], given["reduced"]
    plain, narrow, middle = _blocks(given)
    return (
        f"- Two 3x3 layers from {c} to {c} channels: 2·9·{c}·{c} = **{plain}** weights.\n"
        f"- Bottleneck: 1x1 from {c} to {r} is {c * r}; 3x3 from {r} to {r} is 9·{r}·{r} = {middle}; 1x1 back "
        f"is {c * r}. "
        f"Together **{narrow + middle}**."
    )


Q1 = Numbers(
    draw=_draw_block,
    ask=lambda given: (
        f"{given['channels']} channels go into the block and come out of it; the bottleneck reduces them to "
        f"{given['reduced']} in between."
    ),
    expected=lambda given: [_blocks(given)[0], _blocks(given)[1] + _blocks(given)[2]],
    slips=(
        Slip(
            "one 3x3 layer in the plain block",
            lambda given: [_blocks(given)[0] // 2, _blocks(given)[1] + _blocks(given)[2]],
            "the second number is right. The plain block has two layers of 3x3.",
        ),
        Slip(
            "one 1x1 layer in the bottleneck",
            lambda given: [_blocks(given)[0], _blocks(given)[1] // 2 + _blocks(given)[2]],
            "the first number is right. The bottleneck has two layers of 1x1: one down, one back up.",
        ),
        Slip(
            "3x3 at full width",
            lambda given: [_blocks(given)[0], _blocks(given)[1] + 9 * given["channels"] ** 2],
            "the first number is right. The 3x3 layer of a bottleneck works on the reduced channels: that is "
            "its point.",
        ),
        Slip(
            "kernels without depth",
            lambda given: [18 * given["channels"], 2 * given["channels"] + 9 * given["reduced"]],
            "a kernel reaches through all channels of its input, and there is one for each output channel.",
        ),
        Slip(
            "biases counted",
            lambda given: [
                _blocks(given)[0] + 2 * given["channels"],
                _blocks(given)[1] + _blocks(given)[2] + given["channels"] + 2 * given["reduced"],
            ],
            "biases have been counted. These layers have none, as batch norm follows them.",
        ),
    ),
    hints=(
        "Weights of a layer: kernel height · kernel width · channels in · channels out. Add the layers.",
        "The bottleneck is 1x1 down, 3x3 on few channels, 1x1 up again.",
    ),
    trace=_trace_block,
)

# --- q2: routes -------------------------------------------------------------------------------------------------------


def _draw_routes(rng: np.random.Generator) -> dict[str, Any]:
    blocks = int(rng.integers(5, 11))
    return {"blocks": blocks, "branches": int(rng.integers(2, blocks - 1))}


def _routes(given: dict[str, Any]) -> list[float]:
    return [2 ** given["blocks"], math.comb(given["blocks"], given["branches"]), given["blocks"] / 2]


def _trace_routes(given: dict[str, Any]) -> str:
    n, k = given["blocks"], given["branches"]
    every, some, middle = _routes(given)
    return (
        f"- At each of {n} blocks a route takes the branch or the shortcut: 2 to the power of {n} = **{every}** "
        f"routes.\n"
        f"- Choose the {k} blocks at which it takes the branch: {n} over {k} = **{some}**.\n"
        f"- Half of the blocks on average, as each is taken in half of the routes: **{middle:g}**."
    )


Q2 = Numbers(
    draw=_draw_routes,
    ask=lambda given: (
        f"{given['blocks']} residual blocks in a row; routes through exactly {given['branches']} branches."
    ),
    expected=_routes,
    slips=(
        Slip(
            "two routes for each block",
            lambda given: [2 * given["blocks"], *_routes(given)[1:]],
            "the second and third are right. Each block doubles the number of routes; they are not added.",
        ),
        Slip(
            "order of the branches counted",
            lambda given: [_routes(given)[0], math.perm(given["blocks"], given["branches"]), _routes(given)[2]],
            "the first and third are right. It does not matter in which order the branches were chosen: they "
            "are passed in "
            "the network's order.",
        ),
        Slip(
            "that many or fewer",
            lambda given: [
                _routes(given)[0],
                sum(math.comb(given["blocks"], k) for k in range(given["branches"] + 1)),
                _routes(given)[2],
            ],
            "the first and third are right. The second counts routes through fewer branches, too.",
        ),
        Slip(
            "routes of the branches alone",
            lambda given: [_routes(given)[0], 2 ** given["branches"], _routes(given)[2]],
            "the first and third are right. For the second: in how many ways can these branches be chosen from "
            "all blocks?",
        ),
        Slip(
            "all branches",
            lambda given: [*_routes(given)[:2], given["blocks"]],
            "the first two are right. A single route passes all branches; on average it is half of them.",
        ),
    ),
    hints=(
        "With one block there are two routes. How many with two, and with three?",
        "The second number: choose so many blocks out of all. `math.comb` knows it.",
        "The third: each block's branch lies on half of the routes.",
    ),
    trace=_trace_routes,
)

# --- q3: a block on vectors -------------------------------------------------------------------------------------------


def _block(x: np.ndarray, w1: np.ndarray, w2: np.ndarray) -> np.ndarray:
    x, w1, w2 = (torch.from_numpy(np.ascontiguousarray(a)).double() for a in (x, w1, w2))
    return F.relu(x + F.linear(F.relu(F.linear(x, w1)), w2)).numpy()


def _block_cases(rng: np.random.Generator) -> list[list[np.ndarray]]:
    cases = [[np.array([1.0, -2.0]), np.array([[1.0, 0], [0, -1]]), np.array([[1.0, 2], [-1, 1]])]]
    for size, hidden in ((3, 2), (4, 4), (5, 3), (6, 8)):
        cases.append(
            [
                rng.integers(-4, 5, size).astype(float),
                rng.integers(-2, 3, (hidden, size)).astype(float),
                rng.integers(-2, 3, (size, hidden)).astype(float),
            ]
        )
    return cases


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


Q3 = Function(
    name="residual_block",
    cases=_block_cases,
    expected=_block,
    slips=(
        Slip(
            "shortcut missing",
            lambda x, w1, w2: _relu(w2 @ _relu(w1 @ x)),
            "the input is not added: that is a plain block.",
        ),
        Slip(
            "ReLU before the addition",
            lambda x, w1, w2: x + _relu(w2 @ _relu(w1 @ x)),
            "the last ReLU stands before the addition. In this block it comes after.",
        ),
        Slip(
            "no ReLU at the end",
            lambda x, w1, w2: x + w2 @ _relu(w1 @ x),
            "the ReLU after the addition is missing.",
        ),
        Slip(
            "no ReLU inside",
            lambda x, w1, w2: _relu(x + w2 @ (w1 @ x)),
            "the ReLU between the two layers is missing: without it they are one layer.",
        ),
        Slip(
            "ReLU on the shortcut",
            lambda x, w1, w2: _relu(_relu(x) + w2 @ _relu(w1 @ x)),
            "the shortcut goes through a ReLU. It carries x unchanged, with its negative numbers.",
        ),
        Slip(
            "branch taken off",
            lambda x, w1, w2: _relu(x - w2 @ _relu(w1 @ x)),
            "the branch has been taken off the input; it is added.",
        ),
    ),
    hints=(
        "Write the branch first: first layer, ReLU, second layer. It has x's size.",
        "Then add x, as it came in, and put one ReLU on the sum.",
    ),
    remark="With w2 = 0 it passes on what it gets, if that is not negative: learning nothing is easy for it.",
)

# --- q4: where shapes do not fit --------------------------------------------------------------------------------------


def _shortcut(x: np.ndarray, out_channels: int, stride: int) -> np.ndarray:
    picture = torch.from_numpy(np.ascontiguousarray(x))[:, ::stride, ::stride]
    return F.pad(picture, (0, 0, 0, 0, 0, out_channels - len(x))).numpy()


def _shortcut_cases(rng: np.random.Generator) -> list[list[Any]]:
    shapes = (((1, 2, 2), 2, 1), ((1, 3, 4), 2, 2), ((2, 4, 4), 4, 2), ((3, 5, 6), 3, 2), ((2, 6, 7), 5, 3))
    return [[rng.integers(1, 10, shape).astype(float), channels, stride] for shape, channels, stride in shapes]


def _repeated(x: np.ndarray, out_channels: int, stride: int) -> np.ndarray:
    return x[np.arange(out_channels) % len(x)][:, ::stride, ::stride]


Q4 = Function(
    name="shortcut",
    cases=_shortcut_cases,
    expected=_shortcut,
    slips=(
        Slip(
            "new channels in front",
            lambda x, out_channels, stride: np.roll(_shortcut(x, out_channels, stride), out_channels - len(x), axis=0),
            "the new channels stand in front. The old ones keep their numbers; zeros come after them.",
        ),
        Slip("channels repeated", _repeated, "the new channels repeat the old ones. They are zeros."),
        Slip(
            "stride ignored",
            lambda x, out_channels, stride: _shortcut(x, out_channels, 1),
            "the resolution stays as it was. Take every stride-th pixel.",
        ),
        Slip(
            "rows only",
            lambda x, out_channels, stride: np.pad(x[:, ::stride], ((0, out_channels - len(x)), (0, 0), (0, 0))),
            "only the rows are thinned out. Columns, too.",
        ),
        Slip(
            "channels not filled up",
            lambda x, out_channels, stride: x[:, ::stride, ::stride],
            "the channels are still as many as before; out_channels are asked for.",
        ),
        Slip(
            "largest of each window",
            lambda x, out_channels, stride: _pooled(x, out_channels, stride),
            "that is max pooling. Take single pixels, the first of every `stride`.",
        ),
    ),
    hints=(
        "Two things happen: fewer pixels, more channels. They do not get in each other's way.",
        "x[:, ::stride, ::stride] thins out rows and columns.",
        "Make zeros of the final shape, and write the thinned x into its first channels.",
    ),
    remark="It costs no weights. Elsewhere the shortcut is a 1x1 convolution with that stride.",
)


def _pooled(x: np.ndarray, out_channels: int, stride: int) -> np.ndarray:
    pooled = F.max_pool2d(torch.from_numpy(x)[None], stride, ceil_mode=True)[0].numpy()
    return np.pad(pooled, ((0, out_channels - len(x)), (0, 0), (0, 0)))


# --- q5: without some of its blocks -----------------------------------------------------------------------------------


def _chain(x: float, weights: list[float], dropped: list[int]) -> float:
    return float(x * np.prod([1 + w for n, w in enumerate(weights) if n not in dropped]))


def _chain_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[1.0, [0.5, 0.25], [0]], [2.0, [0.5, -0.5, 1.0], []]]
    for blocks in (3, 5, 8):
        dropped = sorted(rng.choice(blocks, 2, replace=False).tolist())
        cases.append([float(rng.integers(1, 5)), rng.uniform(0.1, 0.9, blocks).round(2).tolist(), dropped])
    return cases


Q5 = Function(
    name="chain",
    cases=_chain_cases,
    expected=_chain,
    slips=(
        Slip(
            "nothing dropped",
            lambda x, weights, dropped: _chain(x, weights, []),
            "all blocks are still there: `dropped` is not looked at.",
        ),
        Slip(
            "a dropped block stops the signal",
            lambda x, weights, dropped: 0.0 if dropped else _chain(x, weights, []),
            "a block without its branch still has its shortcut: the signal goes on.",
        ),
        Slip(
            "only the dropped ones kept",
            lambda x, weights, dropped: _chain(x, weights, [n for n in range(len(weights)) if n not in dropped]),
            "the other way round: these are the blocks that should be left out.",
        ),
        Slip(
            "plain blocks",
            lambda x, weights, dropped: float(x * np.prod([w for n, w in enumerate(weights) if n not in dropped])),
            "each block multiplies by its weight alone. A residual block adds its input: 1 + w.",
        ),
        Slip(
            "counted from 1",
            lambda x, weights, dropped: _chain(x, weights, [n - 1 for n in dropped]),
            "blocks are counted from 0.",
        ),
        Slip(
            "branches added up",
            lambda x, weights, dropped: float(x * (1 + sum(w for n, w in enumerate(weights) if n not in dropped))),
            "every branch sees the first input. It should see what the blocks before it have made.",
        ),
    ),
    hints=(
        "One block: y = x + w · x. What does the block do if its branch is taken out?",
        "Go through the blocks in order; skip those whose number is in dropped.",
    ),
    remark="In a plain chain one missing block would break everything; here the rest goes on (Veit et al., 2016).",
)

# --- q6: deep, and it learns ------------------------------------------------------------------------------------------


def _spirals(rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (N, 2) on two arms of a spiral, and on which arm (N,)."""
    labels = rng.integers(0, 2, count)
    out = np.sqrt(rng.random(count))
    angles = 2.5 * np.pi * out + np.pi * labels
    points = 2 * out[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1) + rng.normal(0, 0.05, (count, 2))
    return torch.from_numpy(points.astype(np.float32)), torch.from_numpy(labels)


def _spiral_cases(rng: np.random.Generator) -> list[list[torch.Tensor]]:
    return [[*_spirals(rng, 400), *_spirals(rng, 400)]]


class _Deep(nn.Module):
    def __init__(self, blocks: int = 15, residual: bool = True) -> None:
        super().__init__()
        self.first, self.last, self.residual = nn.Linear(2, 16), nn.Linear(16, 2), residual
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(2 * blocks))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.first(x))
        for one, two in zip(self.layers[::2], self.layers[1::2], strict=True):
            branch = two(F.relu(one(x)))
            x = F.relu(x + branch if self.residual else branch)
        return self.last(x)


def _trained(net: nn.Module, points: Any, labels: Any, new: Any, steps: int = 300) -> Any:
    """Scores (N, 2) of new points after so many steps of Adam on all points."""
    torch.manual_seed(0)
    for layer in net.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    optimizer = torch.optim.Adam(net.parameters(), 0.003)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(points), labels).backward()
        optimizer.step()
    with torch.no_grad():
        return net(new)


Q6 = Function(
    name="classify",
    cases=_spiral_cases,
    expected=lambda *given: _trained(_Deep(), *given).argmax(1),
    bar=0.95,
    seconds=20,
    slips=(
        Slip("constant: plain, and as deep", lambda *given: _trained(_Deep(residual=False), *given).argmax(1), ""),
        Slip("below: no blocks at all", lambda *given: _trained(_Deep(blocks=0), *given).argmax(1), ""),
        Slip("shifted: labels 1 and 2", lambda *given: _trained(_Deep(), *given).argmax(1) + 1, ""),
        Slip("scores", lambda *given: _trained(_Deep(), *given), ""),
        Slip("count: the training points' labels twice", lambda points, labels, new: torch.cat([labels, labels]), ""),
    ),
    hints=(
        "Your block of q3, with `nn.Linear(16, 16)` twice; fifteen of them between a first and a last layer.",
        "300 steps of Adam over all points at a rate of 0.003; 16 numbers wide is enough.",
        "In `forward`: x = F.relu(x + second(F.relu(first(x)))) for each block.",
    ),
    remark="Leave out the addition and train again: at this depth the same network gives every point the same label.",
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        ("the deeper network is worse on its training pictures, too, so it is not overfitting", 1),
        (
            "it could be as good: layers that pass on what they get; so it is a matter of learning, not of what "
            "it can express",
            1,
        ),
        (
            "what the addition changes: passing on is what a block does by itself, or: the gradient reaches the "
            "first layers",
            1,
        ),
    ),
    hints=(
        "Which curve would look fine if the deeper network overfitted?",
        "What would 24 more layers have to do to be at least as good as 8?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
