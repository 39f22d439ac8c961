"""Questions on transfer learning (notebook 08)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.questions.question import Question, numbers, unanswered

_CLASSES, _MIRRORED = 16, 2  # signs, and those that are each other's mirror image
_HEAD_RATE, _DECAY, _STAGES = 0.01, 2.6, 4  # stages between the head and the first convolution, that one counted


def _overall(accuracy_of_the_two: float) -> float:
    return (_CLASSES - _MIRRORED + _MIRRORED * accuracy_of_the_two) / _CLASSES


def _judge_head(function: Any) -> str | None:
    """Two clouds of features far apart, labelled 3 and 5; nearly every sensible head tells them apart."""
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    import torch

    generator = torch.Generator().manual_seed(8)
    train_labels = torch.tensor([3, 5]).repeat(20)
    labels = torch.where(torch.rand(60, generator=generator) < 0.3, 3, 5)
    middle = torch.tensor([2.0, 0, 0, 1, 0, 0])

    def features(which: torch.Tensor) -> torch.Tensor:
        side = torch.where(which == 3, -1.0, 1.0)[:, None]
        return torch.randn(len(which), 6, generator=generator) + 1.6 * side * middle + 4

    train_features, shown = features(train_labels), features(labels)
    state = torch.get_rng_state()
    try:
        given = function(train_features.clone(), train_labels.clone(), shown.clone())
        if unanswered(given):
            return "not answered yet"
        alone = function(train_features.clone(), train_labels.clone(), shown[labels == 5].clone())
    except Exception as error:
        return f"it stops with {type(error).__name__}: {error}"
    finally:
        torch.set_rng_state(state)  # the notebook's own random numbers go on as if nobody had asked
    found = numbers(given)
    if not isinstance(found, np.ndarray) or found.shape != (60,):
        shape = getattr(found, "shape", type(given).__name__)
        if shape == (60, 2):
            return "these are scores, two a picture. Give the label of the larger one: 3 or 5."
        if shape == (40,):
            return "these are as many answers as training pictures. Answer for the pictures that are new."
        return f"one label for each of the 60 new pictures is asked for, this is {shape}."
    if not set(found.tolist()) <= {3.0, 5.0}:
        odd = sorted(set(found.tolist()) - {3.0, 5.0})[0]
        return f"the labels must be those of the training pictures, here 3 and 5; yours has {odd:g}."
    right = float((found == labels.numpy()).mean())
    if right < 0.2:
        return "nearly every answer is wrong: the two labels are exchanged."
    if right < 0.95:
        return f"{right:.0%} of the answers are right, where the two are easily told apart (95 % would do)."
    if not np.array_equal(numbers(alone), found[labels.numpy() == 5]):
        return "asked about some of the pictures alone, it answers differently. Use nothing but the training features."
    return None


QUESTIONS: dict[str, Question] = {
    "08.predict_flips": Question(
        expected=lambda: [0.5, _overall(0.5)],
        hint="Two numbers from 0 to 1. In training each of the two arrows is shown half of the time as the other one. "
        "What is left to go by? The other fourteen signs are right.",
        tolerance=6e-4,
        slips=(
            (lambda: [0, _overall(0)], "the two arrows are not always confused: a coin is right half of the time."),
            (lambda: [1, 1], "a mirrored left arrow is labelled left and looks like a right one. It cannot tell."),
            (lambda: [0.5, _overall(0)], "half of the pictures of the two arrows are still right, by luck."),
            (lambda: [0.5, 0.75], "only two signs of sixteen are at 0.5, the other fourteen at 1."),
            (lambda: [_overall(0.5), 0.5], "these are the right numbers, in the other order."),
        ),
    ),
    "08.change_rates": Question(
        expected=lambda: _HEAD_RATE / _DECAY**_STAGES,
        hint="From the head down: stage 3, stage 2, stage 1, stem. At each of these the rate is divided once.",
        tolerance=2e-6,
        slips=(
            (lambda: _HEAD_RATE / _DECAY ** (_STAGES + 1), "divided once too often: the head keeps its rate."),
            (lambda: _HEAD_RATE / _DECAY ** (_STAGES - 1), "that is the rate of stage 1; the stem lies one below."),
            (lambda: _HEAD_RATE / (_DECAY * _STAGES), "divide at every stage anew: the factors multiply."),
            (lambda: _HEAD_RATE * _DECAY**_STAGES, "the rate falls on the way down, it does not rise."),
        ),
    ),
    "08.build_head": Question(judge=_judge_head, hint=""),
}
