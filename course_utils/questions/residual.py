"""Questions on residual networks (notebook 07)."""

from __future__ import annotations

from typing import Any

from course_utils.questions.question import Question, result_of


def _judge_pre_activation(function: Any) -> str | None:
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
        given, trouble = result_of(function, block, x.clone())
        if trouble:
            return trouble
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


QUESTIONS: dict[str, Question] = {
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
}
