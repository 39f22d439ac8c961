"""The explorer of 15: a car that is red or blue, and the one colour that a distribution is turned into."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from course_utils import widgets

SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> str:
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    return root.get("aria-label")


def chromas(svg: str) -> list[int]:
    """Of the mean, the annealed mean and the most likely bin."""
    found = [int(number) for number in re.findall(r"chroma (\d+)", words(svg))]
    assert len(found) == 3
    return found


def test_even_odds_make_the_mean_duller_than_either_paint():
    mean, annealed, mode = chromas(widgets.annealing_svg(red=0.55, temperature=0.38))
    assert mean < 45 < mode and mean < annealed


def test_at_temperature_1_the_annealed_mean_is_the_mean_and_when_cold_it_is_near_the_mode():
    mean, annealed, _ = chromas(widgets.annealing_svg(red=0.7, temperature=1.0))
    assert annealed == mean
    _, annealed, mode = chromas(widgets.annealing_svg(red=0.7, temperature=0.05))
    assert abs(annealed - mode) <= 5


def test_the_likelier_paint_gives_the_most_likely_bin():
    (red_a,) = re.findall(r"most likely bin: a (-?\d+)", words(widgets.annealing_svg(red=0.9)))
    (blue_b,) = re.findall(r"most likely bin: a -?\d+, b (-?\d+)", words(widgets.annealing_svg(red=0.1)))
    assert red_a == "60" and blue_b == "-60"


def test_the_picture_has_all_bins_and_three_answers():
    elements = list(ET.fromstring(widgets.annealing_svg()).iter())
    assert sum(e.tag == f"{SVG}rect" and e.get("width") == "18" for e in elements) == 313
    assert sum(e.get("class") == "answer" for e in elements) == 3
    assert {"square", "cross", "diamond"} <= {e.get("class") for e in elements}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"red": 0}, "red must be a number from 0.05 to 0.95, got 0"),
        ({"red": True}, "red must be a number from 0.05 to 0.95, got True"),
        ({"temperature": 0.01}, "temperature must be a number from 0.05 to 1, got 0.01"),
        ({"temperature": "hot"}, "temperature must be a number from 0.05 to 1, got 'hot'"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, message):
    for function in (widgets.annealing_svg, widgets.explore_annealing):
        with pytest.raises(ValueError, match=message):
            function(**arguments)


def test_the_picture_follows_its_sliders_and_offers_a_still_one():
    explorer = widgets.explore_annealing()
    controls, picture = explorer.children
    sliders = {slider.description: slider for slider in controls.children}
    assert "annealing-explorer" in explorer._dom_classes and picture.value == widgets.annealing_svg()
    sliders["probability of red"].value = 0.2
    sliders["temperature"].value = 0.9
    assert picture.value == widgets.annealing_svg(0.2, 0.9)
    assert "probability 0.2" in explorer._repr_mimebundle_()["text/html"]


def test_show_annealing_displays_picture_and_words(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    widgets.show_annealing(0.4)
    assert "<img" in shown[0]["text/html"] and "probability 0.4" in shown[0]["text/plain"]
