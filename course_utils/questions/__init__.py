"""The questions that notebooks ask, one module a topic: right answers, usual slips, hints.

Each module has a dictionary QUESTIONS from names as in "02.quiz_1" to `Question`. A question computes its answer when
it is asked; the answers are not written down here.
"""

from course_utils.questions import (
    annotation,
    architectures,
    arithmetic,
    attention,
    backwards,
    classifier,
    colorization,
    depth_as_time,
    fully_convolutional,
    localization,
    pose,
    proposals,
    residual,
    style,
    superresolution,
    transfer,
    transposed,
    unet,
    why_convolution,
    yolo,
)
from course_utils.questions.question import Question

__all__ = ["QUESTIONS", "Question"]

_TOPICS = (
    why_convolution,
    arithmetic,
    transposed,
    backwards,
    classifier,
    architectures,
    residual,
    depth_as_time,
    transfer,
    annotation,
    localization,
    proposals,
    yolo,
    fully_convolutional,
    unet,
    colorization,
    style,
    superresolution,
    pose,
    attention,
)

QUESTIONS: dict[str, Question] = {name: asked for topic in _TOPICS for name, asked in topic.QUESTIONS.items()}
if len(QUESTIONS) != sum(len(topic.QUESTIONS) for topic in _TOPICS):
    raise ImportError("two modules of course_utils.questions ask a question of the same name")
