import functools
import json
import sys
from argparse import Namespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_ae
from keras_ae import cli, plots
from keras_ae.cli import examples, measuring, parser, plotting
from keras_ae.utils import image_files


def saved(kind, folder, latent_dim=3):
    kind((8, 8, 1), latent_dim, widths=(16,)).save_to_preset(folder, dataset="digits")
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
    assert is_png(out) and capsys.readouterr().out.startswith(f"saved {out}: ")
    assert cli.main([command, vae, "--n", "4", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"saved": [str(out)]}


@pytest.mark.parametrize("kind", [kind for kind in plotting.KINDS if kind != "strokes"])
def test_plot_draws_every_kind(kind, vae, dae, short_walk, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    others = {"training_curves": "vae_mnist", "corruption_levels": dae}
    if kind == "layers":
        others[kind] = saved(keras_ae.HVAE, tmp_path / "hvae", (3, 2))
    name = others.get(kind, vae)
    n = [] if kind in ("training_curves", "latent_circle") else ["--n", "20"]
    assert cli.main(["plot", name, kind, *n, "--seed", "1"]) == 0
    out = tmp_path / f"{kind}.{'gif' if kind == 'latent_circle' else 'png'}"
    assert capsys.readouterr().out.startswith(f"saved {out.name}: {plotting.KINDS[kind].text}")
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
    assert capsys.readouterr().out.startswith(f"saved 3 files in {tmp_path / 'rec'}: ")
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
    *table, summary = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in table}
    binary = keras_ae.datasets.binarize(x[:50])
    elbo = keras_ae.evaluate(keras_ae.load(vae), binary, n_samples=5)["elbo"]
    assert float(rows["elbo"][0]) == pytest.approx(elbo, rel=1e-4)
    assert rows["elbo"][1] == "±" and " ".join(rows["elbo"][3:]).startswith("nats per example")
    assert rows["knn"][1:] == ["%", "higher", "is", "better"]
    assert len(rows["kl_per_dimension,"]) == 3 + len(["nats", "per", "example:"])
    assert summary.startswith("measured vae on 50 test examples of digits, made binary")


def test_every_number_of_evaluate_has_a_unit(vae, dae, eagerly):
    _, (x, y) = keras_ae.datasets.load("digits")
    found = set()
    for name in (vae, dae):
        found |= set(keras_ae.evaluate(keras_ae.load(name), x[:50], y[:50], n_samples=2))
    vade = keras_ae.VaDE((8, 8, 1), 3, widths=(16,), clusters=2)
    vade.start_clusters(x[:100])
    found |= set(keras_ae.evaluate(vade, x[:50], y[:50], n_samples=2))
    assert {name for name in found if not name.endswith(measuring.ERROR)} == set(measuring.MEANINGS)


def test_a_progress_bar_is_for_a_terminal(vae, monkeypatch):
    asked = []
    record = lambda *args, verbose, **rest: asked.append(verbose) or {}  # noqa: E731
    monkeypatch.setattr(keras_ae, "evaluate", record, raising=False)
    for terminal in (False, True):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        assert cli.main(["evaluate", vae, "--n", "20"]) == 0
    assert asked == [0, 1]


def test_evaluate_without_scikit_learn_leaves_out_what_needs_it(
    vae, pictures, eagerly, monkeypatch, capsys
):
    monkeypatch.setattr(measuring.importlib.util, "find_spec", lambda name: None)
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
        (["denoise", "{vae}"], "a model that denoises, a DAE. Received: vae, which is a VAE"),
        (["denoise", "{dae}", "--out", "{dae}/config.json/a"], "config.json is a file"),
        (["denoise", "{dae}", "--invert"], "Expected --invert with --images"),
        (["denoise", "{dae}", "--images", "a", "--dataset", "digits"], "Received: both"),
        (["denoise", "{dae}", "--images", "nowhere"], "which is not there"),
        (["denoise", "{dae}", "--out", "a.txt"], "Expected --out to end in .png"),
        (["sample", "{dae}"], "a model that can draw by itself, such as a VAE. Received: dae"),
        (["reconstruct", "{vae}", "--n", "0"], "Expected --n to be at least 1. Received: 0"),
        (["interpolate", "{vae}", "--n", "1"], "Expected --n to be at least 2"),
        (["interpolate", "{vae}", "--steps", "1"], "Expected --steps to be at least 2"),
        (["plot", "{vae}", "corruption_levels"], "which needs a model that denoises, a DAE"),
        (["plot", "{vae}", "training_curves"], "which needs the logs of a training"),
        (["plot", "{dae}", "samples"], "which needs a model with a prior, a VAE"),
        (["plot", "{vae}", "strokes"], "which needs a model of pen strokes"),
        (["plot", "cvae_mnist", "manifold"], "which needs codes that do not begin with a label"),
        (["plot", "conv_vae_mnist", "kl_per_dimension"], "which needs a prior that is one of"),
        (
            ["plot", "{vae}", "latent_circle", "--out", "a.png"],
            "Expected --out to end in .gif or .mp4",
        ),
        (["plot", "{vae}", "manifold", "--n", "1"], "Expected --n to be at least 2"),
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


def test_the_card_says_which_kinds_of_plot_suit_a_model(vae, capsys):
    """Of what a card says of it, what the plots themselves say once the model is loaded."""
    assert cli.main(["plot", vae]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    unsuited = {"strokes", "training_curves", "corruption_levels", "layers"}
    assert listed == [kind for kind in plotting.KINDS if kind not in unsuited]
    assert plotting.why_not("strokes", keras_ae.info("sequence_ae_omniglot")) is None
    images = {"samples", "reconstructions", "manifold", "latent_circle", "interpolations"}
    for kind in images:
        assert plotting.why_not(kind, keras_ae.info("sequence_ae_omniglot"))
    assert plotting.why_not("layers", keras_ae.info("hvae_mnist")) is None


def test_a_plane_of_many_dimensions_is_told(vae, tmp_path, capsys):
    out = str(tmp_path / "a.png")
    assert cli.main(["plot", vae, "manifold", "--n", "2", "--out", out]) == 0
    assert "vae has 3 latent dimensions; this is the plane of the first two" in (
        capsys.readouterr().err
    )


@pytest.fixture
def strokes(tmp_path, monkeypatch):
    """A preset of a model of pen strokes, and four drawings in the place of Omniglot."""
    x = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 6, 3)).astype("float32")
    monkeypatch.setattr(keras_ae.datasets, "load", lambda name: ((x, None), (x[:4], np.arange(4))))
    likelihood = keras_ae.distributions.Gaussian(0.1)
    model = keras_ae.SequenceAE((6, 3), 2, widths=(4,), likelihood=likelihood, mask_value=-1)
    model.save_to_preset(tmp_path / "strokes")
    return str(tmp_path / "strokes")


@pytest.mark.parametrize(
    "command", [["reconstruct"], ["plot", "strokes"], ["sample", "--sampler", "mixture"]]
)
def test_sequences_are_drawn_as_strokes(command, strokes, tmp_path, monkeypatch):
    drawn, out = [], str(tmp_path / "a.png")
    draw = plots.strokes
    monkeypatch.setattr(plots, "strokes", lambda x, *rest: drawn.append(x.shape) or draw(x, *rest))
    name, *rest = command
    options = ["--dataset", "omniglot_strokes", "--n", "3", "--out", out]
    assert cli.main([name, strokes, *rest, *options]) == 0
    assert drawn == [(3 if name == "sample" else 6, 6, 3)] and is_png(tmp_path / "a.png")


def test_a_sampler_draws_for_a_model_that_cannot(dae, tmp_path, capsys):
    out = tmp_path / "a.png"
    command = ["sample", dae, "--sampler", "mixture", "--n", "9", "--out", str(out)]
    assert cli.main(command) == 0
    printed = capsys.readouterr()
    assert is_png(out) and "drawn by dae from a mixture fitted to the codes of 1,437" in printed.out
    assert "fitting a mixture" in printed.err


def test_dark_on_light_is_told_and_inverted(vae, pictures, tmp_path, capsys):
    """Light and dark exchanged twice are the picture; bars beside a narrow one stay black."""
    paper, ink = tmp_path / "paper", tmp_path / "ink"
    light, dark = np.full((2, 16, 8, 1), 255, "uint8"), np.zeros((2, 16, 8, 1), "uint8")
    light[:, 4:12, 3:5], dark[:, 4:12, 3:5] = 0, 255
    image_files.write(paper, ["a.png", "b.png"], light)
    image_files.write(ink, ["a.png", "b.png"], dark)

    def run(images, out, *options):
        command = ["reconstruct", vae, "--images", str(images), "--out", str(tmp_path / out)]
        assert cli.main([*command, *options]) == 0
        return capsys.readouterr().err, image_files.read(tmp_path / out, (8, 8, 1))[0]

    told, _ = run(paper, "plain")
    assert "2 of 2 images look inverted" in told and "use --invert" in told
    told, expected = run(ink, "right")
    assert told == ""
    told, inverted = run(paper, "inverted", "--invert")
    assert told == ""
    np.testing.assert_array_equal(inverted, expected)
    told, _ = run(ink, "wrong", "--invert")
    assert "leave out --invert" in told


@pytest.mark.parametrize("name", ["reconstruct", "denoise", "interpolate", "plot", "evaluate"])
def test_every_command_that_reads_pictures_inverts_them(name):
    kind = ["samples"] if name == "plot" else []
    options = parser._parser().parse_args([name, "vae_mnist", *kind, "--images", "a", "--invert"])
    assert options.invert


def test_what_is_transparent_is_paper(vae, tmp_path, capsys):
    """Black ink on nothing: lost on black, and white once it is inverted."""
    ink = np.zeros((8, 8, 4), "uint8")
    ink[2:6, 3:5, 3] = 255
    Image.fromarray(ink).save(tmp_path / "ink.png")
    options = Namespace(n=None, images=tmp_path / "ink.png", dataset=None, invert=False)
    assert examples.source(options, keras_ae.info(vae)).files.x.max() == 0
    assert "it looks inverted" in capsys.readouterr().err
    options.invert = True
    x = examples.source(options, keras_ae.info(vae)).files.x
    assert x[0, 4, 3, 0] == 255 and x[0, 0, 0, 0] == 0 and capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "name",
    ["sample", "reconstruct", "denoise", "interpolate", "plot", "evaluate", "export", "explore"],
)
def test_every_command_has_help_with_an_example(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([name, "--help"])
    assert f"example: keras-ae {name} " in capsys.readouterr().out
