"""Scaling and recolouring: what torchvision's transforms do to the same image."""

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from ablate.training.data.scaling import Scaling, scaled, scaled_array, upright_size
from tests.pictures import picture


@pytest.mark.parametrize("size", [(31, 50), (50, 31), (20, 20), (7, 64), (100, 73)])
@pytest.mark.parametrize("resize", [16, 24, 33])
def test_a_number_is_the_shorter_side_and_then_the_middle_square(size: tuple[int, int], resize: int):
    image = picture(size)
    expected = v2.CenterCrop(resize)(v2.Resize(resize)(image))
    found = scaled(image, Scaling(resize=resize), 3)
    assert found.shape == (3, resize, resize)
    assert np.array_equal(found, np.asarray(expected).transpose(2, 0, 1))


def test_a_long_strip_shows_its_middle_without_becoming_huge():
    strip = np.zeros((1, 100_001), np.uint8)
    strip[0, 50_000] = 255
    found = scaled(Image.fromarray(strip), Scaling(resize=33), 1)
    assert found.shape == (1, 33, 33)
    assert found[0, :, 16].min() > 240
    assert np.array_equal(found, found[:, :, ::-1])  # the middle pixel is in the middle


def test_two_numbers_are_height_and_width_exactly():
    image = picture((31, 50))
    found = scaled(image, Scaling(resize=(20, 12)), 3)
    assert np.array_equal(found, np.asarray(v2.Resize((20, 12))(image)).transpose(2, 0, 1))


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    found = scaled(Image.fromarray(stripes), Scaling(resize=16), 1)
    assert np.abs(found[0].astype(int) - 127).max() < 16


def test_colour_becomes_grey_as_in_pillow_and_grey_becomes_colour_by_copying():
    image = picture((9, 9))
    grey = scaled(image, Scaling(), 1)
    assert np.array_equal(grey[0], np.asarray(image.convert("L")))
    colour = scaled(image.convert("L"), Scaling(), 3)
    for channel in colour:
        assert np.array_equal(channel, grey[0])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_bytes(mode: str, channels: int):
    found = scaled(picture((12, 10)).convert(mode), Scaling(resize=6), channels)
    assert found.shape == (channels, 6, 6)
    assert found.dtype == np.uint8


def test_sixteen_bits_become_eight_and_unbounded_pixels_are_refused():
    deep = Image.fromarray(np.array([[0, 256, 32768, 65535]], np.uint16))
    assert scaled(deep, Scaling(), 1).tolist() == [[[0, 1, 128, 255]]]
    with pytest.raises(ValueError, match="mode F have no fixed range"):
        scaled(Image.fromarray(np.ones((2, 2), np.float32)), Scaling(), 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(tmp_path, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture((6, 10)).save(tmp_path / "a.png", exif=exif)
    picture((6, 10)).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        found = scaled(image, Scaling(), 3)
        assert found.shape[1:] == upright_size(image) == ((6, 10) if orientation < 5 else (10, 6))
    if orientation == 3:
        with Image.open(tmp_path / "a.png") as image:
            turned = np.asarray(picture((6, 10)).rotate(180)).transpose(2, 0, 1)
            assert np.array_equal(scaled(image, Scaling(), 3), turned)


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_are_scaled_like_images(channels: int):
    image = picture((20, 14), "L" if channels == 1 else "RGB")
    pixels = np.asarray(image).reshape(20, 14, channels).transpose(2, 0, 1)
    found = scaled_array(pixels, Scaling(resize=8), channels)
    assert np.array_equal(found, scaled(image, Scaling(resize=8), channels))
