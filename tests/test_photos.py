"""Photographs that come with libraries, and a file of your own: in range, cut and scaled, or refused by name."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

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


# --- your own files ---------------------------------------------------------------------------------------------------


def _saved(folder, array, name="picture.png", **options):
    Image.fromarray(array).save(folder / name, **options)
    return folder / name


def _png_of_size(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (31, 17)])
def test_a_color_file_of_odd_size_comes_back_as_it_was(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = photos.read_picture(_saved(tmp_path, pixels))
    assert image.dtype == torch.float32 and image.is_contiguous()
    assert torch.equal(image, torch.from_numpy(pixels).permute(2, 0, 1) / 255)
    assert torch.equal(photos.read_picture(str(tmp_path / "picture.png")), image)


def test_one_channel_is_repeated_and_16_bits_are_scaled(tmp_path):
    deep = np.array([[0, 65535, 257 * 51]], dtype=np.uint16)
    for path in (_saved(tmp_path, deep), _saved(tmp_path, deep, "deep.tif")):
        image = photos.read_picture(path)
        assert image.shape == (3, 1, 3)
        torch.testing.assert_close(image, torch.tensor([0, 1, 0.2]).expand(3, 1, 3))
    flat = photos.read_picture(_saved(tmp_path, np.array([[0, 255, 51]], dtype=np.uint8), "flat.png"))
    torch.testing.assert_close(flat, image)
    assert photos.read_picture(_saved(tmp_path, np.eye(2, dtype=bool), "bits.png"))[0].tolist() == [[1, 0], [0, 1]]


def test_what_is_transparent_lies_on_white(tmp_path):
    pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], dtype=np.uint8)
    expected = torch.tensor([[[1, 1, 0.8]], [[0, 1, 0.8]], [[0, 1, 0.8]]])
    torch.testing.assert_close(photos.read_picture(_saved(tmp_path, pixels)), expected)
    gray = photos.read_picture(_saved(tmp_path, np.array([[[0, 0], [0, 255]]], dtype=np.uint8), "gray.png"))
    assert gray[:, 0].tolist() == [[1, 0]] * 3
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 255, 255, 0, 0])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "palette.png", transparency=0)
    assert photos.read_picture(tmp_path / "palette.png")[:, 0].tolist() == [[1, 1], [1, 0], [1, 0]]


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held turned by a quarter
    path = _saved(tmp_path, np.zeros((8, 24, 3), dtype=np.uint8), "turned.jpg", exif=exif)
    assert photos.read_picture(path).shape == (3, 24, 8)
    Image.new("CMYK", (5, 4)).save(tmp_path / "print.jpg")
    assert photos.read_picture(tmp_path / "print.jpg").shape == (3, 4, 5)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "tif"])
def test_a_file_that_is_cut_short_is_refused_by_name(tmp_path, kind):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    path = _saved(tmp_path, pixels, f"cut.{kind}")
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:20], b""):
        path.write_bytes(part)
        with pytest.raises(ValueError, match=rf"path must name a whole picture .*cut\.{kind}"):
            photos.read_picture(path)


@pytest.mark.parametrize("content", [b"a letter to a friend", _png_of_size(0, 5), _png_of_size(5, 0)])
def test_no_picture_and_no_area_are_refused_by_name(tmp_path, content):
    (tmp_path / "other.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"path must name a whole picture of at least 1 pixel, got .*other\.png"):
        photos.read_picture(tmp_path / "other.png")


def test_numbers_of_unknown_range_a_folder_and_nothing_are_refused_by_name(tmp_path):
    path = _saved(tmp_path, np.ones((2, 3), dtype=np.float32), "floats.tif")
    with pytest.raises(ValueError, match=r"floats\.tif: numbers of type 'F' have no known range"):
        photos.read_picture(path)
    for missing in (tmp_path, tmp_path / "gone.png"):
        with pytest.raises(FileNotFoundError, match=r"path must name a picture file, got .*: there is no such file"):
            photos.read_picture(missing)
