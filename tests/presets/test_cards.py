import json
import shutil

import numpy as np
import pytest
from eagerly import eagerly

import keras_ae
from keras_ae.presets import cards, published


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
    assert "n_samples 20, n_images 50" in page and cards.measured(card.metrics[0]) in page
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
        cards.gallery([bare]),
    ):
        assert cards.measured(card.metrics[0]) in shown
    with pytest.raises(ValueError, match="a quick value of nll.*Received: none"):
        keras_ae.verify(tmp_path / "bare", quick=True)


def test_published_numbers_stand_beside_ours():
    metric = {"name": "nll", "protocol": {"dataset": "mnist", "split": "test", "binarize_seed": 0}}
    assert ("VAE, gated 300-300, z = 40", 84.45, published.EXEMPLAR) in published.beside(metric)
    for change in ({"dataset": "digits"}, {"split": "train"}, {"binarize_seed": None}):
        assert published.beside({**metric, "protocol": {**metric["protocol"], **change}}) == []
    assert "84.45" in str(keras_ae.info("vae_mnist"))


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
    page = cards.gallery([card])
    assert (
        "(mine/README.md)" in page
        and "mine/samples.png" in page
        and cards.measured(card.metrics[0]) in page
    )


def test_a_card_says_what_one_cannot_guess(tmp_path):
    model = keras_ae.ConditionalVAE((8, 8, 1), 2, widths=(4,), width=4, classes=3, beta=2.0)
    model.save_to_preset(tmp_path / "mine")
    text = (tmp_path / "mine" / "README.md").read_text()
    assert "| classes | `3` |" in text and "| beta | `2.0` |" in text
    assert (
        "model.sample(10, labels=range(10))" not in text
        and "model.sample(3, labels=range(3))" in text
    )


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
