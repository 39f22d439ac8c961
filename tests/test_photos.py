"""The photographs that come with libraries: really there, in range, cut and scaled as promised, refused by name."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from course_utils.datasets import photos


def test_all_listed_photographs_are_installed_here():
    assert set(photos.names()) == set(photos.PHOTOS)
    assert list(photos.names()) == sorted(photos.names())
    assert {"astronaut", "camera", "chelsea", "coffee", "china", "flower"} <= set(photos.names())


@pytest.mark.parametrize("name", sorted(photos.PHOTOS))
def test_load_gives_channels_first_floats_in_0_to_1(name):
    image = photos.load(name, (40, 60))
    assert image.dtype == torch.float32 and image.is_contiguous()
    assert image.shape == (1 if photos.PHOTOS[name].shows.endswith("gray") else 3, 40, 60)
    assert 0 <= image.min() and image.max() <= 1
    assert image.std() > 0.02, "a photograph is not one flat colour"


def test_own_size_and_pixels_are_the_files():
    from skimage import data

    expected = torch.from_numpy(data.chelsea()).permute(2, 0, 1) / 255
    assert torch.equal(photos.load("chelsea"), expected)
    assert torch.equal(photos.load("camera")[0], torch.from_numpy(data.camera()) / 255)


def test_a_square_is_cut_from_the_centre_without_distortion():
    whole = photos.load("coffee")  # (3, 400, 600)
    assert torch.equal(photos.load("coffee", 400), whole[:, :, 100:500])
    assert torch.equal(photos.load("coffee", (300, 600)), whole[:, 50:350, :])


def test_every_photograph_has_a_credit_and_a_licence():
    for photo in photos.PHOTOS.values():
        assert photo.credit and photo.licence and photo.shows.endswith(("color", "gray"))
    assert photos.PHOTOS["china"].licence == "CC BY 2.0" and "danielbuechele" in photos.PHOTOS["china"].credit


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: photos.load("lena"), "name must be one of 'astronaut', .* got 'lena'"),
        (lambda: photos.load("camera", 0), "size must be an integer of at least 1, got 0"),
        (
            lambda: photos.load("camera", (10, 20, 3)),
            r"size must be an integer or \(height, width\), got \(10, 20, 3\)",
        ),
        (lambda: photos.load("camera", "big"), "size must be an integer of at least 1, got 'big'"),
        (lambda: photos.load("camera", 10.5), "size must be .* got 10.5"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_file_that_the_package_lacks_is_named(monkeypatch):
    gone = photos.PHOTOS["camera"]._replace(file="data/gone.png")
    monkeypatch.setitem(photos.PHOTOS, "camera", gone)
    assert "camera" not in photos.names()
    with pytest.raises(FileNotFoundError, match=r"data/gone\.png is missing from the installed package skimage"):
        photos.load("camera")
    monkeypatch.setitem(photos.PHOTOS, "camera", gone._replace(package="no_such_package"))
    assert "camera" not in photos.names()


def test_importing_and_listing_load_no_heavy_package():
    code = (
        "import sys; from course_utils.datasets import photos; photos.names(); "
        "print([m for m in ('torch', 'skimage', 'sklearn', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
