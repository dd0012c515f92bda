import functools
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_ae
from keras_ae import cli, plots
from keras_ae.cli import pictures as commands
from keras_ae.utils import image_files


def saved(kind, folder):
    kind((8, 8, 1), 3, widths=(16,)).save_to_preset(folder, dataset="digits")
    return str(folder)


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    return tmp_path_factory.mktemp("presets")


@pytest.fixture(scope="module")
def vae(presets):
    return saved(keras_ae.VAE, presets / "vae")


@pytest.fixture(scope="module")
def dae(presets):
    return saved(keras_ae.DAE, presets / "dae")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of three images, 16 x 16."""
    folder = tmp_path_factory.mktemp("pictures")
    images = np.random.default_rng(0).random((3, 16, 16, 1))
    image_files.write(folder, ["a.png", "b.png", "c.jpg"], images)
    return folder


@pytest.fixture
def short_walk(monkeypatch):
    """Three frames, not 60, of a moving picture."""
    walk = functools.partial(plots.latent_circle, frames=3)
    monkeypatch.setattr(plots, "latent_circle", walk)


@pytest.fixture
def eagerly():
    """Lets TensorFlow run its functions as they are written, which is faster for a single call."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["sample", "reconstruct", "interpolate"])
def test_pictures_of_a_vae(command, vae, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert cli.main([command, vae, "--n", "4", "--out", str(out)]) == 0
    assert is_png(out) and capsys.readouterr().out == f"saved {out}\n"
    assert cli.main([command, vae, "--n", "4", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"saved": [str(out)]}


@pytest.mark.parametrize("kind", commands.KINDS)
def test_plot_draws_every_kind(kind, vae, dae, short_walk, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "vae_mnist" if kind == "training_curves" else dae if kind == "corruption_levels" else vae
    n = [] if kind in ("training_curves", "latent_circle") else ["--n", "20"]
    assert cli.main(["plot", name, kind, *n, "--seed", "1"]) == 0
    out = tmp_path / f"{kind}.{'gif' if kind == 'latent_circle' else 'png'}"
    assert capsys.readouterr().out == f"saved {out.name}\n"
    assert out.read_bytes()[:4] in (b"\x89PNG", b"GIF8") and out.stat().st_size > 2000


def test_plot_of_a_model_without_a_prior_takes_codes(short_walk, tmp_path):
    ae = saved(keras_ae.AE, tmp_path / "ae")
    for kind, name in (("manifold", "a.png"), ("latent_circle", "a.gif")):
        assert cli.main(["plot", ae, kind, "--n", "3", "--out", str(tmp_path / name)]) == 0
        assert (tmp_path / name).is_file()


def test_denoise_adds_noise_to_test_images_but_not_to_ones_own(dae, pictures, tmp_path):
    model = keras_ae.load(dae)
    assert cli.main(["denoise", dae, "--n", "3", "--out", str(tmp_path / "digits")]) == 0
    _, (x, _) = keras_ae.datasets.load("digits")
    restored, names = image_files.read(tmp_path / "digits", (8, 8, 1))
    assert names == ["00000.png", "00001.png", "00002.png"]
    np.testing.assert_allclose(
        restored / 255, model.reconstruct(model.corrupt(x[:3], seed=0)), atol=0.003
    )
    assert (
        cli.main(["denoise", dae, "--images", str(pictures), "--out", str(tmp_path / "own")]) == 0
    )
    restored, names = image_files.read(tmp_path / "own", (8, 8, 1))
    assert names == ["a.png", "b.png", "c.jpg"]
    expected = np.asarray(model.reconstruct(image_files.read(pictures, (8, 8, 1))[0]))
    np.testing.assert_allclose(restored[:2] / 255, expected[:2], atol=0.003)
    np.testing.assert_allclose(restored[2] / 255, expected[2], atol=0.1)  # JPEG


def test_images_go_in_and_a_picture_or_a_folder_comes_out(dae, vae, pictures, tmp_path, capsys):
    for command, name in (("denoise", dae), ("reconstruct", vae)):
        out = tmp_path / f"{command}.png"
        assert cli.main([command, name, "--images", str(pictures), "--out", str(out)]) == 0
        assert is_png(out)
    with Image.open(tmp_path / "reconstruct.png") as picture:
        assert picture.width > picture.height  # three columns, two rows
    capsys.readouterr()
    assert (
        cli.main(["reconstruct", vae, "--images", str(pictures), "--out", str(tmp_path / "rec")])
        == 0
    )
    assert capsys.readouterr().out == f"saved 3 images in {tmp_path / 'rec'}\n"
    model = keras_ae.load(vae)
    expected = model.reconstruct(image_files.read(pictures / "b.png", (8, 8, 1))[0])
    np.testing.assert_allclose(
        image_files.read(tmp_path / "rec" / "b.png", (8, 8, 1))[0] / 255, expected, atol=0.003
    )
    assert (
        cli.main(
            ["interpolate", vae, "--images", str(pictures), "--out", str(tmp_path / "walk.png")]
        )
        == 0
    )


def test_evaluate_prints_what_evaluate_finds(vae, eagerly, capsys):
    assert cli.main(["evaluate", vae, "--n", "50", "--samples", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    train, (x, y) = keras_ae.datasets.load("digits")
    expected = keras_ae.evaluate(keras_ae.load(vae), x[:50], y[:50], train=train, n_samples=5)
    assert found == {"model": vae, "examples": 50, **expected}
    assert cli.main(["evaluate", vae, "--n", "50", "--samples", "5", "--binarize"]) == 0
    lines = dict(
        line.split(maxsplit=1)
        for line in capsys.readouterr().out.splitlines()
        if line[:1].isalpha()
    )
    binary = keras_ae.datasets.binarize(x[:50])
    assert float(lines["elbo"]) == pytest.approx(
        keras_ae.evaluate(keras_ae.load(vae), binary, n_samples=5)["elbo"], rel=1e-4
    )
    assert "knn" in lines and len(lines["kl_per_dimension"].split()) == 3


def test_evaluate_without_scikit_learn_leaves_out_what_needs_it(
    vae, pictures, eagerly, monkeypatch, capsys
):
    monkeypatch.setattr(commands.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["evaluate", vae, "--n", "20", "--samples", "2", "--json"]) == 0
    printed = capsys.readouterr()
    assert (
        "elbo" in json.loads(printed.out)
        and "knn" not in json.loads(printed.out)
        and "scikit-learn" in printed.err
    )
    assert cli.main(["evaluate", vae, "--images", str(pictures), "--samples", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["examples"] == 3


@pytest.mark.parametrize(
    "command, message",
    [
        (["denoise", "{vae}"], "a model that denoises, a DAE. Received"),
        (["denoise", "{dae}", "--images", "nowhere"], "which is not there"),
        (["denoise", "{dae}", "--out", "a.txt"], "Expected --out to end in .png"),
        (["sample", "{dae}"], "a model that can be sampled, a VAE"),
        (["reconstruct", "{vae}", "--n", "0"], "Expected --n to be at least 1. Received: 0"),
        (["interpolate", "{vae}", "--n", "1"], "at least two images"),
        (["interpolate", "{vae}", "--steps", "1"], "`steps` to be an integer of at least 2"),
        (["plot", "{vae}", "corruption_levels"], "with `corrupt`, a DAE. Received: VAE"),
        (["plot", "{vae}", "training_curves"], "logs of at least one epoch"),
        (
            ["plot", "{vae}", "latent_circle", "--out", "a.png"],
            "Expected --out to end in .gif or .mp4",
        ),
        (["plot", "{vae}", "manifold", "--n", "1"], "`n` to be an integer of at least 2"),
        (["evaluate", "{vae}", "--dataset", "cifar"], "Received: 'cifar'"),
        pytest.param(  # a set that takes seconds to read
            ["evaluate", "{vae}", "--dataset", "mnist_5k"],
            "Received: shape=(1000, 28, 28, 1)",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_mistake_gives_one_line_and_no_traceback(
    command, message, vae, dae, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main([part.format(vae=vae, dae=dae) for part in command]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: ") and error.count("\n") == 1
    assert not list(tmp_path.iterdir())  # nothing was written


def test_a_preset_without_a_data_set_asks_for_one(tmp_path, capsys):
    keras_ae.AE((8, 8, 1), 3, widths=()).save_to_preset(tmp_path / "mine")
    assert cli.main(["reconstruct", str(tmp_path / "mine"), "--out", str(tmp_path / "a.png")]) == 2
    assert "Expected --dataset or --images" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["sample", "reconstruct", "denoise", "interpolate", "plot", "evaluate", "export", "explore"],
)
def test_every_command_has_help_with_an_example(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([name, "--help"])
    assert f"example: keras-ae {name} " in capsys.readouterr().out
