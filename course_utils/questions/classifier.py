"""Questions on training a classifier (notebook 05)."""

from __future__ import annotations

import math
from typing import Any

from course_utils.questions.question import Question, unanswered


def _entropy(*probabilities: float) -> float:
    """In nats."""
    return -sum(p * math.log(p) for p in probabilities)


def _judge_cutout(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    import torch

    side, count = 3, 200
    before = 0.25 + 0.5 * torch.rand(count, 3, 8, 9, generator=torch.Generator().manual_seed(5))  # no zero among them
    images = before.clone()
    state = torch.get_rng_state()
    try:
        given = function(images, side)
    except Exception as error:
        return f"it stops with {type(error).__name__}: {error}"
    finally:
        torch.set_rng_state(state)  # the notebook's own random numbers go on as if nobody had asked
    if unanswered(given):
        return "not answered yet"
    if tuple(getattr(given, "shape", ())) != tuple(before.shape):
        return f"the shape must stay {tuple(before.shape)}, this is {tuple(getattr(given, 'shape', ()))}."
    given = torch.as_tensor(given)
    if not torch.equal(images, before):
        return "the pictures that came in have been changed as well. Work on a copy: images.clone()."
    gone = given == 0
    if torch.any((given != before) & ~gone):
        return "pixels outside the square have changed, or the square is filled with something other than 0."
    if torch.any(gone != gone[:, :1]):
        return "the square must be cut out of all three channels at the same place."
    counts = gone[:, 0].sum(dim=(1, 2))
    if counts.max() == 0:
        return "nothing has been cut out."
    if counts.min() < side * side:
        return f"some squares are smaller than {side} by {side}: keep the whole square inside the picture."
    if counts.max() > side * side:
        return f"{counts.max().item()} pixels of one picture are gone; a square of side {side} has {side * side}."
    rows, columns = gone[:, 0].any(dim=2), gone[:, 0].any(dim=1)  # (N, H), (N, W)
    if torch.any(rows.sum(dim=1) != side) or torch.any(columns.sum(dim=1) != side):
        return "as many pixels are gone as should be, but they do not form a square."
    top, left = rows.int().argmax(dim=1), columns.int().argmax(dim=1)
    if len(set(zip(top.tolist(), left.tolist(), strict=True))) == 1:
        return "the square is at the same place in every picture. Draw a place for each of them."
    if set(top.tolist()) != set(range(6)) or set(left.tolist()) != set(range(7)):
        return "some places are never drawn. The top row goes from 0 to H - side, the left column from 0 to W - side."
    return None


QUESTIONS: dict[str, Question] = {
    "05.predict_loss": Question(
        expected=lambda: [(1 + 3) / 2, (1 + 3) / 2 * math.log(2)],
        hint="Two numbers. Take the surprise of each half, then the mean; a bit is 0.693 nats.",
        tolerance=6e-3,
        slips=(
            (
                lambda: [-math.log2((1 / 2 + 1 / 8) / 2), -math.log((1 / 2 + 1 / 8) / 2)],
                "that is the surprise of the mean probability. The loss is the mean of the surprises.",
            ),
            (lambda: [(1 + 3) / 2 * math.log(2), (1 + 3) / 2], "these are the right numbers, in the other order."),
            (lambda: [(1 + 3) / 2, (1 + 3) / 2 / math.log(2)], "a bit is less than a nat: multiply by 0.693."),
            (lambda: [1 + 3, (1 + 3) * math.log(2)], "that is the sum of the two halves. The loss is a mean."),
        ),
    ),
    "05.change_smoothing": Question(
        expected=lambda: _entropy(0.91, *[0.01] * 9),
        hint="The loss is smallest where the network gives the targets themselves. What is left there is the targets' "
        "own entropy, over all ten of them.",
        tolerance=2e-3,
        slips=(
            (lambda: 0.0, "without smoothing it could come down to 0. Now the targets themselves are not certain."),
            (lambda: -math.log(0.91), "that is the term of the right class, without its weight and the other nine."),
            (lambda: -0.91 * math.log(0.91), "the nine other classes have a share, too: 0.01 each."),
            (
                lambda: _entropy(0.9, *[0.1 / 9] * 9),
                "PyTorch spreads the 0.1 over all ten classes, the right one included: 0.91 and nine times 0.01.",
            ),
            (lambda: _entropy(0.91, *[0.01] * 9) / math.log(2), "that is in bits; the loss is in nats."),
        ),
    ),
    "05.build_cutout": Question(judge=_judge_cutout, hint=""),
}
