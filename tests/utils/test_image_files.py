import os

import numpy as np
import pytest
from PIL import Image

from keras_ae.utils import image_files


@pytest.fixture
def folder(tmp_path):
    """White, grey, white with a transparent half, and a file that is no image."""
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("L", (8, 8), 255).save(folder / "b_white.png")
    Image.new("RGB", (16, 16), (100, 100, 100)).save(folder / "a_grey.JPG", quality=95)
    half = Image.new("RGBA", (8, 8), (255, 255, 255, 255))
    half.paste((255, 255, 255, 0), (0, 0, 4, 8))
    half.save(folder / "c_half.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_is_read_in_the_order_of_the_file_names(folder):
    x, names = image_files.read(folder, (8, 8, 1))
    assert names == ["a_grey.JPG", "b_white.png", "c_half.png"]
    assert x.shape == (3, 8, 8, 1) and x.dtype == np.uint8
    np.testing.assert_allclose(x[0], 100, atol=1)
    assert (x[1] == 255).all() and (x[2, :, :4] == 0).all() and (x[2, :, 4:] == 255).all()


def test_one_file_is_resized_and_keeps_its_proportions(folder, tmp_path):
    Image.new("L", (20, 10), 255).save(tmp_path / "wide.png")
    x, names = image_files.read(tmp_path / "wide.png", (8, 8, 1))
    assert names == ["wide.png"]
    assert (x[0, 2:6] == 255).all() and (x[0, :2] == 0).all() and (x[0, 6:] == 0).all()


def test_colours_and_16_bits(tmp_path):
    Image.new("RGB", (5, 5), (250, 10, 0)).save(tmp_path / "red.png")
    assert tuple(image_files.read(tmp_path / "red.png", (5, 5, 3))[0][0, 0, 0]) == (250, 10, 0)
    Image.fromarray(np.full((5, 5), 40_000, "uint16")).save(tmp_path / "deep.png")
    assert (image_files.read(tmp_path / "deep.png", (5, 5, 1))[0] == 156).all()


def test_a_photograph_is_turned_upright(tmp_path):
    image = Image.new("L", (8, 8), 0)
    image.paste(255, (0, 0, 8, 4))  # white above
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down
    image.save(tmp_path / "a.png", exif=exif)
    x, _ = image_files.read(tmp_path / "a.png", (8, 8, 1))
    assert (x[0, :4] == 0).all() and (x[0, 4:] == 255).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_written_images_are_read_back_equal(channels, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (2, 6, 5, channels)).astype("uint8")
    for images in (x, x / 255):
        paths = image_files.write(tmp_path / "out", ["a.png", "b.png"], images)
        assert sorted(os.listdir(tmp_path / "out")) == ["a.png", "b.png"]
        assert paths == [tmp_path / "out" / "a.png", tmp_path / "out" / "b.png"]
        np.testing.assert_array_equal(image_files.read(tmp_path / "out", (6, 5, channels))[0], x)


def test_values_outside_0_to_1_are_clipped(tmp_path):
    image_files.write(tmp_path, ["a.png"], np.array([[[[-0.5], [1.5]]]]))
    assert image_files.read(tmp_path / "a.png", (1, 2, 1))[0].ravel().tolist() == [0, 255]


def test_what_is_no_image_is_refused(folder, tmp_path):
    message = "Expected an image, or a folder of images. Received: '.*nowhere'"
    with pytest.raises(FileNotFoundError, match=message):
        image_files.read(tmp_path / "nowhere", (8, 8, 1))
    message = "Expected an image file, PNG or JPEG. Received: '.*notes.txt'"
    with pytest.raises(ValueError, match=message):
        image_files.read(folder / "notes.txt", (8, 8, 1))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="a folder that holds .png or .jpg files"):
        image_files.read(tmp_path / "empty", (8, 8, 1))
    with pytest.raises(ValueError, match=r"model of images.*Received: a model of shape \(5,\)"):
        image_files.read(folder, (5,))


@pytest.mark.parametrize("cut", [30, 60, 100])
def test_a_damaged_image_is_refused(cut, tmp_path):
    Image.effect_noise((32, 32), 50).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:cut])
    message = "Expected an image file, PNG or JPEG. Received: '.*a.png'"
    with pytest.raises(ValueError, match=message):
        image_files.read(tmp_path / "a.png", (8, 8, 1))
