"""A class for every pixel: sizes without padding, dilations, and weights for rare classes (notebook 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_utils.questions.question import Question, numbers, result_of

if TYPE_CHECKING:
    import torch


def _output(input_size: int) -> int:
    from course_utils.models.segmentation import valid_sizes

    return valid_sizes(input_size).up[-1]


def _covering(wanted: int) -> int:
    """The smallest input whose output covers so many pixels, without padding, four poolings."""
    return next(size for size in range(188, 2000, 16) if _output(size) >= wanted)


def _judge_dilations(value: Any) -> str | None:
    given = numbers(value)
    if given is None or isinstance(given, str) or given.shape != (3,) or (given != given.round()).any():
        return "three whole numbers are asked for, as in [1, 2, 4]."
    steps = [int(step) for step in given]
    if min(steps) < 1:
        return "a dilation is at least 1."
    seen = {0}
    for step in steps:
        seen = {place + k * step for place in seen for k in (-1, 0, 1)}
    field = 2 * sum(steps) + 1
    if len(seen) < field:
        return f"the field is {field} pixels wide, but only {len(seen)} of them are read: there are holes."
    if field < 27:
        return f"no holes, but the field is {field} wide. A wider one without holes is possible."
    return None


def _balance(maps: torch.Tensor, num_classes: int, void: bool = False, everywhere: bool = False) -> torch.Tensor:
    """Median share over share; slips: void pixels count, or the pixels of all pictures do. Absent classes: 0."""
    import torch

    shares = torch.zeros(num_classes)
    for label in range(num_classes):
        shows = (maps == label).flatten(1).any(dim=1)
        chosen = maps if everywhere else maps[shows]
        if shows.any():
            shares[label] = (maps == label).sum() / (chosen.numel() if void else (chosen != 255).sum())
    there = shares > 0
    return torch.where(there, shares[there].median() / shares.clamp(min=1e-9), 0.0)


def _judge_balance(function: Any) -> str | None:
    import torch

    generator = torch.Generator().manual_seed(0)
    for absent in ((), (1, 3)):
        maps = torch.randint(0, 5, (6, 8, 8), generator=generator)
        maps[:2][maps[:2] == 2] = 0  # a class that not all pictures show
        maps[3:][maps[3:] == 4] = 1
        for label in absent:
            maps[maps == label] = 0
        maps[:3, :5] = 255  # not all pictures have as much of it
        handed = maps.clone()
        value, trouble = result_of(function, handed, 5)
        if trouble:
            return trouble
        value = numbers(value)
        if value is None or isinstance(value, str) or value.shape != (5,):
            return "one weight for each class is asked for, (num_classes,)."
        if not torch.equal(handed, maps):
            return "the class maps that were handed in have been changed. Work on a copy: maps.clone()."
        value = torch.as_tensor(value, dtype=torch.float32)
        if torch.allclose(value, _balance(maps, 5), atol=1e-4):
            continue
        right, counts = _balance(maps, 5), torch.bincount(maps[maps != 255], minlength=5)
        slips = (
            (torch.where(right > 0, 1 / right, 0.0), "upside down: a rare class needs the large weight."),
            (
                _balance(maps, 5, everywhere=True),
                "divide by the known pixels of those pictures only that show the class.",
            ),
            (
                _balance(maps, 5, void=True),
                "void pixels are counted among a picture's pixels. Nobody knows what they show: leave them out.",
            ),
            (counts / counts.sum(), "these are the shares. The weight is the median share over the share."),
        )
        for wrong, message in slips:
            if torch.allclose(value, wrong, atol=1e-4):
                return message
        if absent:
            return "right where every class occurs. A class that never does gets 0, and stays out of the median."
        return (
            "the weights are not right. Share of each class in the pictures that show it; their median over the share."
        )
    return None


QUESTIONS: dict[str, Question] = {
    "14.predict_valid": Question(
        expected=lambda: [_output(268), _covering(256)],
        hint="Two numbers. Without padding 184 pixels are lost, and a size that fits is 4 below a multiple of 16.",
        slips=(
            (lambda: [_output(268), 256 + 184], "440 does not fit: it is not 4 below a multiple of 16."),
            (lambda: [_output(268), 256 + 172], "428 fits, but gives 244: less than 256."),
            (lambda: [268 - 184 // 2, _covering(256)], "184 pixels are lost in all, 92 at each edge."),
            (lambda: [_output(268), 256], "256 is the output that is asked for. How large must the input be?"),
        ),
    ),
    "14.change_dilations": Question(judge=_judge_dilations, hint=""),
    "14.build_balance": Question(judge=_judge_balance, hint=""),
}
