import json
import pathlib
import re
import shutil

import numpy as np
import pytest
from eagerly import eagerly

import keras_ae
from keras_ae import distributions, evaluation, presets
from keras_ae.distributions import likelihoods, posteriors, priors
from keras_ae.presets import cards, citations, describing, gallery, published


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "mine"
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
    with eagerly():
        metric = keras_ae.evaluation.nll(vae, "digits", n_samples=20, n_images=50)
        vae.save_to_preset(folder, dataset="digits", metrics=[metric])
    return keras_ae.info(folder)


def test_the_card_has_what_one_looks_for(card):
    page = (card.folder / "README.md").read_text()
    assert page == cards.as_markdown("mine", card.metadata, card.picture.name)
    assert "objective(x) = -log p(x|z) + beta * KL" in page and "model.log_likelihood(x)" in page
    assert "| 50 test images of digits, pixels made 0 or 1 by seed 0, 20 samples per image" in page
    assert f"| nll | {cards.measured(card.metrics[0])} | lower is better |" in page
    assert "- Prior p(z): the standard normal distribution." in page
    assert "- Network: dense layers of 16 units; the decoder has them in reverse." in page
    for heading in ("Why this one", "Settings", "Measured", "Limits", "Licence", "Citation"):
        assert f"\n## {heading}\n" in page
    assert "@inproceedings{kingma2014,\n" in page
    for heading in ("## Measured", "## Limits", "## Licence"):
        assert heading in page
    assert "CC BY 4.0" in page and "![samples of mine](samples.png)" in page


def test_the_quick_value_is_that_of_the_model(card):
    quick = card.metrics[0]["quick"]
    assert (
        quick["protocol"]["n_images"] == 50 and quick["protocol"]["n_samples"] == 20
    )  # no more than the metric itself
    assert quick["value"] == pytest.approx(card.metrics[0]["value"])


def test_a_notebook_shows_the_card_and_its_picture(card):
    shown = card._repr_html_()
    assert (
        "<h3>mine</h3>" in shown
        and cards.measured(card.metrics[0]) in shown
        and "data:image/png;base64," in shown
    )
    hostile = cards.ModelCard(
        "<script>", card.folder, {**card.metadata, "summary": "<script>", "family": "<script>"}
    )
    assert "<script>" not in hostile._repr_html_()


def test_metadata_of_a_stranger_may_leave_things_out(card, tmp_path):
    shutil.copytree(card.folder, tmp_path / "bare")
    needed = {"family", "parameters", "sha256", "metrics"}
    content = {key: value for key, value in card.metadata.items() if key in needed}
    content["metrics"] = [
        {key: value for key, value in metric.items() if key != "quick"}
        for metric in content["metrics"]
    ]
    (tmp_path / "bare" / "metadata.json").write_text(json.dumps(content))
    bare = keras_ae.info(tmp_path / "bare")
    for shown in (
        str(bare),
        bare._repr_html_(),
        cards.as_markdown(bare.name, bare.metadata),
        gallery.page([bare]),
    ):
        assert cards.measured(card.metrics[0]) in shown
    with pytest.raises(ValueError, match="a quick value of nll.*Received: none"):
        keras_ae.verify(tmp_path / "bare", quick=True)


SNIPPETS = ("vae_digits", "ae_mnist", "vade_mnist", "sequence_ae_omniglot")


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_program_of_a_card_runs_as_it_stands(name, monkeypatch):
    """Digits are there; the other data sets have a small stand-in."""
    card = keras_ae.info(name)
    program = re.search(r"```python\n(.*?)```", (card.folder / "README.md").read_text(), re.DOTALL)
    if name != "vae_digits":
        x = np.random.default_rng(0).integers(0, 256, (12, *card.shape)).astype("uint8")
        x = x if len(card.shape) == 3 else x.astype("float32") / 255
        monkeypatch.setattr(keras_ae.datasets, "load", lambda name: ((x, None), (x, None)))
    found = {}
    exec(program[1], found)
    assert len(found["x"]) == 10 and type(found["model"]).__name__ == card.family


def test_a_program_without_a_data_set_runs_too(tmp_path):
    keras_ae.AE((8, 8, 1), 3, widths=(4,)).save_to_preset(tmp_path / "mine")
    page = (tmp_path / "mine" / "README.md").read_text()
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    found = {}
    exec(program.replace('load("mine")', f"load({str(tmp_path / 'mine')!r})"), found)
    assert found["x"].shape == (10, 8, 8, 1)


def test_a_card_has_the_picture_of_its_training(tmp_path):
    ae = keras_ae.AE((8, 8, 1), 3, widths=(4,))
    log = keras_ae.TrainingLog(tmp_path / "log")
    ae.compile()
    ae.fit(np.zeros((8, 8, 8, 1)), epochs=2, verbose=0, callbacks=[log])
    ae.save_to_preset(tmp_path / "mine", training=log)
    saved = keras_ae.info(tmp_path / "mine")
    assert saved.curves.read_bytes().startswith(b"\x89PNG") and saved.picture is None
    assert "![the training of mine](training.png)" in (saved.folder / "README.md").read_text()
    ae.save_to_preset(tmp_path / "mine")
    saved = keras_ae.info(tmp_path / "mine")
    assert saved.curves is None and "training.png" not in (saved.folder / "README.md").read_text()


def test_writing_the_cards_again_draws_what_is_missing(tmp_path):
    shutil.copytree(keras_ae.info("vae_digits").folder, tmp_path / "vae_digits")
    for file in ("training.png", "README.md"):
        (tmp_path / "vae_digits" / file).unlink()
    presets.write_cards(tmp_path / "vae_digits")
    copy, original = keras_ae.info(tmp_path / "vae_digits"), keras_ae.info("vae_digits")
    assert copy.curves.is_file()
    assert (copy.folder / "README.md").read_text() == (original.folder / "README.md").read_text()


@pytest.mark.parametrize("name", keras_ae.list_models())
def test_each_built_in_card_says_why_and_cites(name):
    metadata = keras_ae.info(name).metadata
    assert metadata["why"].endswith(".") and citations.cited([metadata["family"]])
    assert ("starts from" in metadata["start"]) == (name == "vade_mnist")


def test_a_formula_is_what_the_model_was_trained_by():
    def of(name):
        return "\n".join(describing.formula(keras_ae.info(name).metadata))

    for name in ("ae_mnist", "deep_ae_mnist", "conv_ae_fashion_mnist"):
        assert of(name).startswith("loss(x) = mean over all values of (x - r)^2"), name
        assert "log p" not in of(name)
    lines = of("dae_mnist").splitlines()
    assert lines[0] == "x_noisy ~ M(x_noisy|x)" and lines[1].endswith("p(x|g(x_noisy))")
    assert "objective(x) = -log p(x|g(x_noisy))" in of("conv_dae_mnist")
    assert "N(z; loc_c, covariance_c)" in of("vade_mnist") and "diag" not in of("vade_mnist")


def test_every_class_and_part_has_words():
    parts = describing.POSTERIORS | describing.PRIORS | describing.LIKELIHOODS
    kinds = (posteriors.Posterior, priors.Prior, likelihoods.Likelihood)
    classes = {name for name, module in keras_ae._NAMES.items() if ".models." in module}
    assert classes <= set(citations.OF) and set(citations.OF.values()) == set(citations.PAPERS)
    named = [getattr(distributions, name) for name in distributions.__all__]
    public = {
        kind.__name__
        for kind in named
        if isinstance(kind, type) and issubclass(kind, kinds) and kind not in kinds
    }
    assert public - {"FlowPosterior"} <= set(parts), public - set(parts)
    assert set(cards.BETTER) == set(evaluation.METRICS) - {"perplexity", "activation_rate"}


@pytest.mark.parametrize("key", citations.PAPERS)
def test_an_entry_of_bibtex_is_whole(key):
    entry = citations.bibtex(key)
    assert entry.startswith("@") and entry.count("{") == entry.count("}")
    fields = dict(re.findall(r"  (\w+) = \{(.*)\},", entry))
    assert {"title", "author", "year"} <= set(fields) and re.fullmatch(r"\d{4}", fields["year"])
    assert fields["year"] in key and fields["author"].split(",")[0].lower().split()[-1] in key


def test_published_numbers_stand_beside_ours():
    metric = {"name": "nll", "protocol": {"dataset": "mnist", "split": "test", "binarize_seed": 0}}
    assert ("VAE, gated 300-300, z = 40", 84.45, published.EXEMPLAR) in published.beside(metric)
    for change in ({"dataset": "digits"}, {"split": "train"}, {"binarize_seed": None}):
        assert published.beside({**metric, "protocol": {**metric["protocol"], **change}}) == []
    assert "published: 84.45" in str(keras_ae.info("vae_mnist"))


def test_published_numbers_stand_under_their_own_metric():
    lines = str(keras_ae.info("deep_ae_mnist")).splitlines()
    sse, mse = (next(i for i, line in enumerate(lines) if name in line) for name in ("sse", "mse"))
    assert "published: 8.01 logistic PCA" in "\n".join(lines[sse:mse])
    assert "for comparison: 0.01683 PCA" in "\n".join(lines[mse:])
    page = (keras_ae.info("deep_ae_mnist").folder / "README.md").read_text()
    assert page.index("### Published: sse") < page.index("### For comparison: mse")
    assert "### Published: mse" not in page and "### For comparison: sse" not in page


@pytest.mark.parametrize(
    "value, error, shown",
    [
        (83.657, 0.2174, "83.66 ± 0.22 nats"),
        (0.0034512, 0.0000123, "0.003451 ± 0.000012 nats"),
        (12.3456, 4.0, "12.35 ± 4.00 nats"),
        (1.5, None, "1.5000 nats"),
        (687.12345, None, "687.12 nats"),
        (0, None, "0.0000 nats"),
    ],
)
def test_two_digits_of_the_error_count(value, error, shown):
    assert cards.measured({"value": value, "standard_error": error, "unit": "nats"}) == shown


def test_a_card_says_what_samples_were_compared_with():
    told = {"dataset": "mnist", "n_drawn": 3000, "seed": 0}
    shown = cards.protocol({"name": "recognisable", "protocol": told})
    assert shown == "3,000 samples and the classifier of mnist, seed 0"
    shown = cards.protocol({"name": "recall", "protocol": {**told, "n_images": 2000}})
    assert shown == "3,000 samples and 2,000 training images of mnist, seed 0"


def test_a_model_that_cannot_be_sampled_shows_reconstructions(tmp_path):
    keras_ae.DAE((8, 8, 1), 3, widths=(16,)).save_to_preset(tmp_path / "dae", dataset="digits")
    keras_ae.AE((8, 8, 1), 3, widths=(16,)).save_to_preset(tmp_path / "ae")
    assert keras_ae.info(tmp_path / "dae").picture.name == "reconstructions.png"
    assert (
        keras_ae.info(tmp_path / "ae").picture is None
    )  # nothing is known of what it reconstructs
    page = (tmp_path / "dae" / "README.md").read_text()
    assert "model.reconstruct(model.corrupt(x))" in page and '"scale": 0.5' in page


def test_weights_that_float16_holds_take_half_the_space(tmp_path):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(500,))
    vae.save_to_preset(tmp_path / "long")
    vae.set_weights([weight.astype("float16") for weight in vae.get_weights()])
    vae.save_to_preset(tmp_path / "short")
    assert keras_ae.info(tmp_path / "short").size < 0.7 * keras_ae.info(tmp_path / "long").size
    for name in ("long", "short"):
        loaded = keras_ae.load(tmp_path / name)
        assert all(weight.dtype == "float32" for weight in loaded.get_weights())
    for ours, theirs in zip(vae.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_gallery_links_every_card(card):
    page = gallery.page([card])
    assert "(mine/README.md)" in page and "mine/samples.png" in page
    assert cards.measured(card.metrics[0]) in page and "\n## Draw\n" in page and "3 numbers" in page


def made_up(name, metric, value, **protocol):
    protocol = {"dataset": "mnist", **protocol}
    measurement = {"name": metric, "value": value, "standard_error": None, "unit": "units"}
    metadata = {**cards.UNSAID, "family": "AE", "dataset": "mnist", "parameters": 1}
    metadata["metrics"] = [{**measurement, "protocol": protocol}]
    return cards.ModelCard(name, pathlib.Path("nowhere"), metadata)


def test_the_gallery_marks_the_best_of_what_compares():
    found = [
        made_up("good", "mse", 0.1),
        made_up("bad", "mse", 0.2),
        made_up("other_data", "mse", 0.01, dataset="digits"),
        made_up("noisy", "psnr", 10.0),
        made_up("clean", "psnr", 20.0),
        made_up("binary", "nll", 80.0, binarize_seed=0, seed=1),
        made_up("binary_too", "nll", 81.0, binarize_seed=0, seed=2),
        made_up("grey", "nll", 70.0, binarize_seed=None),
        made_up("strange", "beauty", 1.0),
    ]
    page = gallery.page(found)
    bold = re.findall(r"\w+ \*\*([\d.]+) units\*\*", page)
    assert bold == ["0.10000", "20.000", "80.000"]
    headings = re.findall("^## (.*)", page, re.MULTILINE)
    assert headings == ["Reconstruct", "Denoise", "Draw", "Other"]
    assert page.index("**good**") < page.index("**bad**")
    assert "mse: lower is better" in page and "psnr: higher is better" in page
    assert "70.000 units, grey pixels" in page


def test_a_code_of_symbols_has_its_size_in_the_gallery():
    assert describing.code(keras_ae.info("vqvae_mnist").metadata) == "98 symbols, each one of 1,024"
    assert describing.code(keras_ae.info("hvae_mnist").metadata) == "40 + 40 numbers"
    maps = {"model": {"latent_dim": [3, [4, 4, 2], [7, 7, 1]]}}
    assert describing.code(maps) == "3 + 4x4x2 + 7x7x1 numbers"
    assert cards.ModelCard("maps", None, maps).latent_dim == 3 + 32 + 49
    assert describing.code({"model": {}}) == ""


def test_a_card_says_what_one_cannot_guess(tmp_path):
    model = keras_ae.ConditionalVAE((8, 8, 1), 2, widths=(4,), width=4, classes=3, beta=2.0)
    model.save_to_preset(tmp_path / "mine")
    text = (tmp_path / "mine" / "README.md").read_text()
    assert "| classes | `3` |" in text and "| beta | `2.0` |" in text
    assert (
        "model.sample(10, labels=range(10))" not in text
        and "model.sample(3, labels=range(3))" in text
    )


def test_a_card_of_a_deep_hierarchy_says_how_its_layers_lie(tmp_path):
    maps, beta = (2, (2, 2, 1)), keras_ae.schedules.WarmUp(10)
    model = keras_ae.HVAE((8, 8, 1), maps, widths=(4, 4), posterior="full", beta=beta)
    model.save_to_preset(tmp_path / "mine")
    text = (tmp_path / "mine" / "README.md").read_text()
    assert "of 4 and 4 filters; from the top layer down, prior, posterior and decoder share" in text
    assert "- Prior p(z): for the top layer the standard normal distribution; for each map" in text
    assert "- Posterior q(z|x): for the top layer a Gaussian with a full covariance; for" in text
    assert "WarmUp" in text and "registered_name" not in text
    told = {"model": {"posterior": "TopDownPosterior(LabelledPosterior(FullGaussian))"}}
    words = dict(describing.parts(told))["Posterior q(z|x)"]
    assert "given the label (a Gaussian with a full covariance); for each map below" in words


def test_cards_of_symbols_and_clusters(tmp_path):
    vqvae = keras_ae.VQVAE((8, 8, 1), 8, widths=(16,), size=32, width=2)
    vqvae.save_to_preset(
        tmp_path / "symbols",
        dataset="digits",
        metrics=[keras_ae.evaluation.perplexity(vqvae, "digits")],
    )
    page = (tmp_path / "symbols" / "README.md").read_text()
    assert "model.symbols(x)" in page and "| size | `32` |" in page and "| width | `2` |" in page
    vade = keras_ae.VaDE((8, 8, 1), 3, widths=(16,), clusters=4, covariance="full")
    vade.start_clusters(keras_ae.datasets.load("digits")[0][0][:300])
    vade.save_to_preset(tmp_path / "clusters", dataset="digits")
    page = (tmp_path / "clusters" / "README.md").read_text()
    assert "model.sample(4, cluster=range(4))" in page and '| covariance | `"full"` |' in page
    assert vade.sample(4, cluster=range(4)).shape == (4, 8, 8, 1)


def test_the_card_of_strokes_shows_strokes(tmp_path, monkeypatch):
    x = np.random.default_rng(0).uniform(-0.9, 0.9, (20, 6, 3)).astype("float32")
    x[::2, 4:] = -1
    monkeypatch.setattr(keras_ae.datasets, "load", lambda name: ((x, None), (x, None)))
    likelihood = keras_ae.distributions.Gaussian(0.1)
    model = keras_ae.SequenceAE((6, 3), 2, widths=(4,), likelihood=likelihood, mask_value=-1)
    model.save_to_preset(
        tmp_path / "mine",
        dataset="omniglot_strokes",
        metrics=[keras_ae.evaluation.step_mse(model, "omniglot_strokes")],
    )
    card = keras_ae.info(tmp_path / "mine")
    page = (card.folder / "README.md").read_text()
    assert card.picture.name == "reconstructions.png" and "| mask_value | `-1.0` |" in page
    assert (
        "model.reconstruct(x)  # x: (batch, 6, 3), any float\n" in page
        and "Omniglot: B. Lake, MIT" in page
    )
