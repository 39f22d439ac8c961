"""A picture that grows while it is computed, under a progress bar (notebook 16)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils.runtime import check_int
from course_utils.widgets import canvas

_SIDE = 420  # of the longer side, in units of the picture


def growing_svg(picture: Any, step: int, steps: int, words: str = "") -> str:
    """A picture in the making, with the step it has reached and a few words beside it.

    Args:
        picture: (3, H, W) in 0..1, on the CPU; values outside are cut off.
        step, steps: how many steps are done, 0 to `steps`, and how many there will be, at least 1.
        words: what else is to be said, such as the losses; a line break starts a new line.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a picture of another shape, a number out of its range.
    """
    check_int("steps", steps, 1)
    check_int("step", step, 0, steps)
    canvas.check_picture("picture", picture)
    height, width = (side * _SIDE / max(picture.shape[1:]) for side in picture.shape[1:])
    parts = [
        canvas.picture(picture, 20, 20, width, height, smooth=True),
        canvas.text(480, 60, f"step {step} of {steps}", 24),
    ]
    parts += [canvas.text(480, 100 + 34 * n, line, 20) for n, line in enumerate(words.splitlines())]
    said = f"A picture in the making at step {step} of {steps}. " + " ".join(words.split())
    return canvas.svg(said.strip(), parts, _SIDE + 40)


def show_growing(picture: Any, steps: int) -> Callable[[int, Any, str], None]:
    """Display a progress bar above a picture that grows, and give back the function that brings both up to date.

    Used in notebooks/16_style_transfer.ipynb. Arguments and errors as in `growing_svg`.

    Returns:
        `update(step, picture, words)`; a few times a second is often enough.
    """
    import ipywidgets
    from IPython.display import display

    shown = ipywidgets.HTML(growing_svg(picture, 0, steps), layout={"width": "100%", "max_width": f"{canvas.WIDTH}px"})
    bar = ipywidgets.IntProgress(value=0, min=0, max=steps, layout={"width": "420px"})
    display(canvas.explorer("growing-picture", ipywidgets.HBox([bar]), shown))

    def update(step: int, picture: Any, words: str = "") -> None:
        shown.value = growing_svg(picture, step, steps, words)
        bar.value = step

    return update
