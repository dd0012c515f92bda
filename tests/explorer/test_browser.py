"""The served page in a real Chromium: the latent space, the list of models, an image."""

import time

import numpy as np
import pytest

from keras_ae.explorer import pictures
from keras_ae.utils import image_files
from tests.explorer import served

pytestmark = pytest.mark.browser


# The latent space


def test_a_slider_changes_the_picture_to_what_the_model_decodes(opened, scenes):
    opened.click("Middle")
    model = scenes("vae2d_mnist").model
    opened.shows("#decoded", model.decode([scenes("vae2d_mnist").start])[0])
    before = opened.pixels("#decoded")
    opened.drag(".q-slider", (0.5, 0.5), (0.7, 0.5), (0.9, 0.5))
    opened.wait(lambda: served.sliders(opened)[0] > 2, "the slider has moved")
    z = served.sliders(opened)
    opened.shows("#decoded", model.decode([z])[0])
    assert np.abs(opened.pixels("#decoded") - before).max() > 50
    np.testing.assert_allclose(opened.property("latent-pad", "position"), z)


def test_a_drag_on_the_pad_decodes_the_point_under_the_mouse(opened, scenes):
    shown = scenes("vae2d_mnist")
    opened.drag("latent-pad", (0.5, 0.5), (0.3, 0.6), (0.85, 0.25))
    low, high = shown.axes.low, shown.axes.high
    place = low + (high - low) * [0.85, 0.75]

    def followed():
        return bool(np.abs(np.subtract(served.sliders(opened), place)).max() < 0.05)

    opened.wait(followed, "the sliders have followed")
    position = opened.property("latent-pad", "position")
    opened.shows("#decoded", shown.model.decode([position])[0])


def test_the_manifold_is_ink_on_paper(opened, scenes):
    expected = scenes("vae2d_mnist").manifold()
    opened.wait(lambda: opened.find("latent-pad canvas"), "the pad is there")
    shown = opened.pixels("latent-pad canvas")
    assert np.median(shown) > 230 and np.median(expected) > 230  # most of it is paper
    assert shown.min() < 60


@pytest.mark.parametrize(
    "name", ["ae_mnist", "sparse_ae_mnist", "conv_vae_fashion_mnist", "vae_digits", "hvae_mnist"]
)
def test_every_family_is_explored(name, opened, scenes):
    shown = scenes(name)
    served.change(opened, name)
    opened.click("Middle")
    opened.shows("#decoded", shown.model.decode([shown.start])[0])
    opened.wait(lambda: len(served.sliders(opened)) == 8, "there is a slider for each axis")
    opened.drag(".q-slider", (0.5, 0.5), (0.8, 0.5))
    start = shown.axes.coordinates(shown.start)
    opened.wait(lambda: abs(served.sliders(opened)[0] - start[0]) > 0.01, "the slider has moved")
    time.sleep(0.5)
    z = shown.axes.moved(shown.start, served.sliders(opened)[:1])
    opened.shows("#decoded", shown.model.decode([z])[0])
    before = opened.pixels("#decoded")
    opened.click("Surprise me")
    served.differs(opened, before, 20)


# The list of models, and loading


def test_models_are_listed_by_job_with_a_line_and_a_card(opened, address):
    opened.find(".head .model")[0].click()
    opened.wait(lambda: opened.find(".models .entry"), "the list is there")
    items = opened.find(".models .job, .models .entry")
    texts = [item.text.split("\n") for item in items]
    clusters = texts.index(["Find clusters"])
    assert texts[clusters + 1][0] == "vade_mnist" and len(texts[clusters + 2]) == 1
    assert "VaDE · mnist · 40 latent dimensions" in texts[clusters + 1][1]
    link = opened.driver.find_element("css selector", ".models a[href*=vade_mnist]")
    opened.driver.get(link.get_attribute("href"))
    opened.wait(lambda: "97.02 ± 0.17 %" in opened.text(".explorer"), "the card is there")
    assert opened.pixels(".samples").shape > (100, 100)
    opened.driver.get(f"{address}/card?model=/etc/passwd")
    opened.wait(lambda: "Expected the name of a model" in opened.text(".explorer"), "it is refused")


def test_bones_shimmer_while_a_model_loads(opened):
    """Notes every look of the page from the click until the model is there."""
    opened.driver.execute_script(
        """window.seen = [];
        const main = document.querySelector(".explorer");
        const pad = document.querySelector("latent-pad");
        const picture = document.querySelector("#decoded");
        new MutationObserver(() => seen.push([
          main.ariaBusy, getComputedStyle(pad, "::after").content,
          getComputedStyle(pad, "::after").display, getComputedStyle(picture).visibility,
          getComputedStyle(picture.parentElement).animationName,
          document.querySelector(".cards").inert,
        ])).observe(main, {attributes: true, attributeFilter: ["aria-busy"]});"""
    )
    served.change(opened, "deep_ae_mnist")
    first, last = opened.driver.execute_script("return [seen[0], seen.at(-1)]")
    assert first == ["true", '"loading deep_ae_mnist"', "grid", "hidden", "shimmer", True]
    assert last[0] == "false" and last[2:] == ["none", "visible", "none", False]
    assert opened.text(".about").startswith("AE, trained on mnist")


def test_the_page_says_what_it_loads_before_a_script_has_run(address):
    from urllib.request import urlopen

    with urlopen(address) as answer:
        sent = answer.read().decode()
    assert "loading vae2d_mnist" in sent and "aria-busy" in sent


def test_a_tab_may_be_closed_while_a_model_loads(opened):
    """Then the server says nothing: the fixture `address` asks for that."""
    served.choose(opened, "conv_ae_mnist")
    opened.driver.get("about:blank")
    time.sleep(8)  # longer than the server waits for a tab to come back, and than the model takes


# An image


def test_a_test_image_is_there_from_the_start(opened, scenes):
    shown = scenes("vae2d_mnist")
    look = shown.look(shown.examples[0])
    opened.shows("#image", look.image)
    opened.shows("#reconstruction", look.reconstruction)
    opened.shows("#decoded", look.reconstruction)
    assert opened.pixels("sketch-pad canvas").min() < 60  # ink on the sheet
    np.testing.assert_allclose(opened.property("latent-pad", "mark"), look.code, atol=1e-4)


def test_an_uploaded_image_is_reconstructed_placed_and_measured(opened, scenes, tmp_path):
    shown = scenes("vae2d_mnist")
    x = shown.examples[11]
    image_files.write(tmp_path, ["digit.png"], x[None])
    served.upload(opened, tmp_path / "digit.png")
    opened.shows("#image", x / 255)
    opened.shows("#reconstruction", shown.model.reconstruct(x[None])[0])
    opened.wait(lambda: "nats" in opened.text("#likelihood"), "the log-likelihood is there")
    expected = float(shown.model.log_likelihood(x[None], n_samples=1000, seed=0)[0])
    found = float(opened.text("#likelihood").removesuffix(" nats"))
    assert found == pytest.approx(expected, abs=0.02)
    np.testing.assert_allclose(
        opened.property("latent-pad", "mark"), shown.model.encode(x[None])[0], atol=1e-4
    )
    opened.wait(lambda: " to " in opened.text("#typical"), "what is typical is there")
    low, high = shown.typical_log_likelihood
    assert opened.text("#typical") == f"{low:.0f} to {high:.0f} nats"
    assert "typical (20 mnist test images)" in opened.text("dl")


def test_a_bad_upload_is_told_in_a_sentence(opened, tmp_path):
    (tmp_path / "digit.png").write_bytes(b"no picture")
    served.upload(opened, tmp_path / "digit.png")
    served.told(opened, "Expected an image file, PNG or JPEG. Received: 'digit.png'")


def test_a_drawing_is_centred_and_reconstructed(opened, scenes):
    opened.click("Clear")
    opened.drag("sketch-pad", (0.1, 0.1), (0.1, 0.35))  # a short stroke in a corner
    opened.wait(lambda: opened.find("#image")[0].is_displayed(), "the drawing is taken")
    time.sleep(1)  # for the last stroke
    ink = 255 - opened.pixels("#image")
    rows, columns = np.nonzero(ink > 20)
    assert 18 <= np.ptp(rows) + 1 <= 22
    assert abs(rows.mean() - 13.5) < 1 and abs(columns.mean() - 13.5) < 1
    made = scenes("vae2d_mnist").model.reconstruct(ink[None, ..., None] / 255)[0]
    opened.shows("#reconstruction", made)


def test_an_inverted_image_is_the_negative(opened, scenes):
    x = scenes("vae2d_mnist").examples[0] / 255
    opened.shows("#image", x)
    opened.click("Invert")
    opened.shows("#image", 1 - x)


def test_a_denoising_model_shows_clean_noisy_and_denoised(opened, scenes):
    served.change(opened, "dae_mnist")
    shown = scenes("dae_mnist")
    opened.shows("#image", shown.examples[0] / 255)
    noisy = 255 - opened.pixels("#noisy")
    assert np.std(noisy - 1.0 * shown.examples[0][..., 0]) > 50
    made = shown.model.reconstruct(noisy[None, ..., None] / 255)[0]
    expected = pictures.of_image(np.asarray(made)).astype(int)
    difference = np.abs(opened.pixels("#reconstruction") - expected)
    assert difference.max() <= 4  # the noisy image came as bytes
    captions = [caption.text for caption in opened.find("figcaption")]
    assert captions == ["clean", "noisy", "denoised"]


def test_the_picture_follows_a_slider_at_once(opened):
    """From the key to the new picture, in milliseconds, by the browser's own clock."""
    opened.driver.execute_script(
        """window.times = []; let pressed = null;
        addEventListener("keydown", () => (pressed = performance.now()), true);
        const note = () => {
          if (pressed) times.push(performance.now() - pressed);
          pressed = null;
        };
        new MutationObserver(note).observe(
          document.querySelector("#decoded"), {attributes: true, attributeFilter: ["src"]});"""
    )
    slider = opened.find(".q-slider [tabindex='0'], .q-slider[tabindex='0']")[0]
    more = "return times.length > arguments[0]"
    for i in range(12):
        slider.send_keys("\ue014")  # to the right
        opened.wait(lambda i=i: opened.driver.execute_script(more, i), "the picture has changed")
    times = opened.driver.execute_script("return times")
    print("ms from key to picture:", [round(each) for each in times])
    assert np.median(times) < 200


def test_a_drawing_stays_and_a_test_image_goes_with_its_data(opened, scenes):
    x = scenes("vae2d_mnist").examples[0] / 255
    served.change(opened, "conv_ae_mnist")
    opened.shows("#image", x)
    opened.click("Test image")
    opened.click("Invert")
    served.change(opened, "ae_fashion_mnist")
    opened.shows("#image", scenes("ae_fashion_mnist").examples[0] / 255)
    opened.click("Clear")
    opened.drag("sketch-pad", (0.3, 0.3), (0.6, 0.3), (0.45, 0.8))
    time.sleep(1)  # for the last stroke
    drawn = opened.pixels("#image")
    served.change(opened, "conv_ae_mnist")
    np.testing.assert_array_equal(opened.pixels("#image"), drawn)
