"""Figures: what is drawn, that it can be told apart in grey, and that it carries its words."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from course_utils import plots


@pytest.fixture
def ax():
    fig, axes = plt.subplots()
    yield axes
    plt.close(fig)


def test_show_puts_out_a_picture_with_words_and_closes_it(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    fig, _ = plt.subplots()
    plots.show(fig, alt='A "quoted" word,\n and an empty plot with two axes.')
    page = shown[0]["text/html"]
    assert page.startswith('<img src="data:image/png;base64,iVBOR')
    assert 'alt="A &quot;quoted&quot; word, and an empty plot with two axes."' in page
    assert shown[0]["text/plain"].startswith("[figure: A")
    assert not plt.fignum_exists(fig.number)


@pytest.mark.parametrize("alt", ["", "too short", None, 7])
def test_show_wants_a_sentence(alt):
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match="alt must describe the figure"):
        plots.show(fig, alt=alt)
    plt.close(fig)


def test_image_shows_color_gray_and_scaled(ax, caplog):
    plots.image(ax, torch.full((3, 4, 5), 2.0), "bright")
    assert not caplog.records, "matplotlib's complaint about values above 1 would land in the notebook"
    assert ax.images[0].get_array().shape == (4, 5, 3) and ax.images[0].get_array().max() == 1
    plots.image(ax, torch.zeros(1, 4, 5))
    assert ax.images[1].get_array().shape == (4, 5) and ax.images[1].get_clim() == (0, 1)
    plots.image(ax, np.array([[-3.0, 5.0]]))
    assert ax.images[2].get_clim() == (-3, 5)


@pytest.mark.parametrize("shape", [(2, 4, 5), (4,), (1, 3, 4, 5)])
def test_image_refuses_other_shapes(ax, shape):
    with pytest.raises(ValueError, match="picture must have shape"):
        plots.image(ax, np.zeros(shape))


def test_grid_writes_each_number_and_marks_cells(ax):
    marked = np.array([[True, False], [False, False]])
    plots.grid(ax, [[1, 2.5], [float("nan"), 1 / 3]], "title", highlighted=marked)
    assert [text.get_text() for text in ax.texts] == ["1", "2.5", "0.33"]
    assert [patch.get_linewidth() > 2 for patch in ax.patches] == [True, False, False, False]
    assert ax.get_title() == "title"


def test_grid_refuses_what_does_not_belong_together(ax):
    with pytest.raises(ValueError, match="values must have shape"):
        plots.grid(ax, [1, 2, 3])
    with pytest.raises(ValueError, match="highlighted must have the shape of values"):
        plots.grid(ax, [[1, 2]], highlighted=[[True]])


def test_lines_can_be_told_apart_in_grey_and_are_labelled(ax):
    series = {f"series {n}": [n, n + 1] for n in range(7)}
    plots.lines(ax, [0, 1], series, "x (pixels)", "y (share)")
    looks = {(line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 7 and len({line.get_color() for line in ax.lines}) == 7
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (pixels)", "y (share)")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(series)


def test_lines_refuses_what_does_not_belong_together(ax):
    with pytest.raises(ValueError, match="series must have as many values as x, 2, got 1 in 'a'"):
        plots.lines(ax, [0, 1], {"a": [1]}, "x", "y")
    with pytest.raises(ValueError, match="series must hold 1 to 7 series, got 0"):
        plots.lines(ax, [0, 1], {}, "x", "y")


def test_stack_draws_each_map_and_refuses_a_window_too_large(ax):
    plots.stack(ax, maps=3, left=0, side=5, label="three maps")
    assert len(ax.patches) == 3 and ax.texts[0].get_text() == "three maps"
    with pytest.raises(ValueError, match="stack needs"):
        plots.stack(ax, maps=1, left=0, side=5, window=6)


def test_boxes_lie_on_the_pixels_edges_and_leave_the_view_alone(ax):
    plots.image(ax, np.zeros((3, 8, 10)))
    view = ax.get_xlim(), ax.get_ylim()
    plots.boxes(ax, torch.tensor([[0.0, 0, 10, 8], [2, 3, 20, 5]]), ["all", "out"], linestyle="--")
    assert (ax.get_xlim(), ax.get_ylim()) == view == ((-0.5, 9.5), (7.5, -0.5))
    assert [patch.get_bbox().bounds for patch in ax.patches[::2]] == [(-0.5, -0.5, 10, 8), (1.5, 2.5, 18, 2)]
    assert [patch.get_linestyle() for patch in ax.patches] == ["-", "--"] * 2
    assert [text.get_text() for text in ax.texts] == ["all", "out"]


def test_boxes_may_be_none_or_nameless_but_not_half_named(ax):
    plots.boxes(ax, [])
    plots.boxes(ax, [[0, 0, 1, 1]])
    assert len(ax.patches) == 2 and not ax.texts
    with pytest.raises(ValueError, match="names must be as many as rows, 2, or none, got 1"):
        plots.boxes(ax, np.zeros((2, 4)), ["one"])


def _animation(monkeypatch, *args, **kwargs):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    plots.animate_paths(*args, **kwargs)
    page = shown[0]["text/html"]
    code = re.search(r"data:image/svg\+xml;base64,([^\"]+)", page).group(1)
    return page, ElementTree.fromstring(base64.b64decode(code))


SVG = "{http://www.w3.org/2000/svg}"
ALT = "Two points go from the left to the right."


def test_animation_moves_each_point_through_its_steps_within_the_picture(monkeypatch):
    paths = {"a < b": [(0, 0), (1, 1), (2, 0)], "c": [(0, 0), (1, -1), (2, 0)]}
    page, svg = _animation(monkeypatch, paths, [[(0, 0), (2, 0)]], alt=ALT, seconds=5)
    assert f'alt="{ALT}"' in page and len(page) < 5_000
    moves = list(svg.iter(f"{SVG}animateTransform"))
    places = [[tuple(map(float, at.split(","))) for at in move.get("values").split(";")] for move in moves]
    assert [len(steps) for steps in places] == [3, 3] and {move.get("dur") for move in moves} == {"5s"}
    (up, down) = places
    assert up[0] == down[0] and up[2] == down[2] and up[1][0] == down[1][0]
    assert up[1][1] < up[0][1] < down[1][1], "y grows upwards in the data and downwards in an SVG"
    assert up[0][1] - up[1][1] == down[1][1] - down[0][1], "all panels have one scale"
    width, height = float(svg.get("width")), float(svg.get("height"))
    assert all(0 <= x <= width and 0 <= y <= height for steps in places for x, y in steps)
    assert [text.text for text in svg.iter(f"{SVG}text")] == ["a < b", "c"]


@pytest.mark.parametrize(
    ("paths", "contours", "alt", "seconds", "message"),
    [
        ({}, [], ALT, 5, "paths must all have one shape"),
        ({"a": [(0, 0)]}, [], ALT, 5, "at least two steps"),
        ({"a": [(0, 0, 0), (1, 1, 1)]}, [], ALT, 5, r"got \[\(2, 3\)\]"),
        ({"a": [(0, 0), (1, 1)], "b": [(0, 0), (1, 1), (2, 2)]}, [], ALT, 5, "paths must all have one shape"),
        ({"a": [(0, 0), (1, 1)]}, [[1, 2, 3]], ALT, 5, "contours must be lines"),
        ({"a": [(0, 0), (1, 1)]}, [], "short", 5, "alt must describe"),
        ({"a": [(0, 0), (1, 1)]}, [], ALT, 0, "seconds must be above 0, got 0"),
    ],
)
def test_animation_refuses_what_it_cannot_draw(paths, contours, alt, seconds, message):
    with pytest.raises(ValueError, match=message):
        plots.animate_paths(paths, contours, alt=alt, seconds=seconds)
