import shutil

import numpy as np
import pytest
from PIL import Image

import keras_ae
from keras_ae import plots

from .conftest import PATTERNS


def test_latent_circle_is_a_gif_of_the_walk(vae, tmp_path, same_picture):
    figure = plots.latent_circle(vae, tmp_path / "circle.gif", frames=8, radius=1.0, fps=10)
    with Image.open(tmp_path / "circle.gif") as gif:
        assert gif.n_frames == 8 and gif.info["duration"] == 100 and gif.info["loop"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["circle.gif"]
    # The last frame is a quarter of pi before the circle closes.
    last = np.array([np.cos(-np.pi / 4), np.sin(-np.pi / 4)])
    np.testing.assert_allclose(np.ravel(figure.axes[0].lines[-1].get_data()), last, atol=1e-6)
    decoded = (0.5 + last @ PATTERNS).reshape(8, 8)
    np.testing.assert_allclose(figure.axes[1].get_images()[0].get_array(), decoded, atol=1e-5)
    same_picture(figure, "latent_circle")


def test_the_frames_show_the_decoded_images(vae, tmp_path):
    """The image is darker at the top in the second frame, and lighter in the last."""
    plots.latent_circle(vae, tmp_path / "circle.gif", frames=4)
    with Image.open(tmp_path / "circle.gif") as gif:
        top = []
        for i in range(4):
            gif.seek(i)
            top.append(np.asarray(gif.convert("L"))[60:120, 420:540].mean())
    assert top[1] < top[0] < top[3]  # the top is dark for z_2 > 0


def test_a_model_without_a_prior_walks_among_its_codes(ae, x, codes, tmp_path):
    with pytest.raises(ValueError, match="AE has no prior"):
        plots.latent_circle(ae, tmp_path / "circle.gif")
    figure = plots.latent_circle(ae, tmp_path / "circle.gif", frames=2, x=x, dims=(1, 0))
    assert figure.axes[0].get_xlabel() == "$z_{2}$"
    cross = figure.axes[0].lines[1]
    np.testing.assert_allclose(
        np.ravel(cross.get_data()), np.median(codes, axis=0)[::-1], atol=1e-4
    )


def test_mp4_needs_ffmpeg(vae, tmp_path):
    if shutil.which("ffmpeg"):
        plots.latent_circle(vae, tmp_path / "circle.mp4", frames=4)
        assert (tmp_path / "circle.mp4").read_bytes()[4:8] == b"ftyp"
    else:
        with pytest.raises(ValueError, match=r"Expected the program ffmpeg.*ends in .gif"):
            plots.latent_circle(vae, tmp_path / "circle.mp4", frames=4)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["circle.png", "circle"])
def test_other_files_are_refused(vae, name, tmp_path):
    with pytest.raises(ValueError, match="to end in .gif or .mp4. Received: '.*circle"):
        plots.latent_circle(vae, tmp_path / name)


def test_a_failure_leaves_no_file(vae, tmp_path, monkeypatch):
    calls = []

    def fail(*args, **options):
        calls.append(args)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="Expected a disk with free space"):
        plots.latent_circle(vae, tmp_path / "circle.gif", frames=2)
    assert calls and not list(tmp_path.iterdir())


def test_a_model_of_vectors_is_refused(tmp_path):
    with pytest.raises(ValueError, match="model of images"):
        plots.latent_circle(keras_ae.VAE((5,), 2, widths=()), tmp_path / "circle.gif")
