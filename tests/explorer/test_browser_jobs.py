"""The served page in a real Chromium: labels, clusters and pen strokes, and how it looks."""

import re
import time

import numpy as np
import pytest

from tests.explorer import served

pytestmark = pytest.mark.browser


# Labels, clusters and pen strokes


def test_the_label_that_is_asked_for_is_decoded(opened, scenes):
    served.change(opened, "cvae_mnist")
    shown = scenes("cvae_mnist")
    z = np.asarray(shown.look(shown.examples[0]).code)
    buttons = opened.find(".choice")
    assert [button.text for button in buttons] == [*"0123456789"]
    label = int(z[:10].argmax())
    assert "marked" in buttons[label].get_attribute("class")
    other = (label + 4) % 10
    buttons[other].click()
    opened.shows("#decoded", shown.model.decode(shown.chosen(z, other)[None])[0])
    opened.wait(lambda: "marked" in buttons[other].get_attribute("class"), "the label is marked")
    assert opened.text("#choice").startswith(f"{label} (")
    opened.drag("latent-pad", (0.5, 0.5), (0.3, 0.6))
    time.sleep(0.5)
    moved = shown.axes.moved(shown.chosen(z, other), opened.property("latent-pad", "position"))
    opened.shows("#decoded", shown.model.decode(moved[None])[0])  # the label stays


def test_a_cluster_is_drawn_from_and_told(opened, scenes):
    served.change(opened, "vade_mnist")
    shown = scenes("vade_mnist")
    number, probability = shown.look(shown.examples[0]).choice
    assert opened.text("#choice") == f"{number} ({100 * probability:.0f} %)"
    assert opened.property("latent-pad", "view") == "clusters"
    other, drawn = (number + 1) % 10, []
    for _ in range(8):
        before = opened.pixels("#decoded")
        opened.find(".choice")[other].click()
        served.differs(opened, before, 20)
        drawn.append((255 - opened.pixels("#decoded"))[..., None] / 255)
    found = shown.model.clusters(np.stack(drawn)).numpy()
    assert (found == other).mean() > 0.5  # what a cluster draws lies in it again, mostly


def test_pen_strokes_are_shown_and_drawn_by_hand(opened, scenes):
    served.change(opened, "sequence_ae_omniglot")
    shown = scenes("sequence_ae_omniglot")
    look = shown.look(shown.examples[0])
    opened.shows_pixels("#image", shown.drawn(look.image).astype(int))
    opened.shows_pixels("#reconstruction", shown.drawn(look.reconstruction).astype(int))
    hidden = [each for each in opened.find("button") if each.text in ("Upload", "Invert")]
    assert not any(each.is_displayed() for each in hidden)
    opened.drag("sketch-pad", (0.2, 0.2), (0.2, 0.8))
    opened.drag("sketch-pad", (0.2, 0.8), (0.8, 0.8))

    def page():
        return opened.wait(lambda: opened.pixels("#image"), "the picture is loaded")

    def inked():
        """The upper and the right end of what is drawn, as shares of the page."""
        drawn = page()
        rows, columns = np.nonzero(drawn < 128)
        return rows.min() / len(drawn), columns.max() / len(drawn)

    ends = pytest.approx((0.24, 0.76), abs=0.06)  # the page has a margin
    opened.wait(lambda: inked() == ends, "both strokes are there")
    drawn = page()
    side = len(drawn)
    assert not (drawn[: side // 2, side // 2 :] < 128).any()  # nothing but an L
    ring, mark = (opened.property("latent-pad", name) for name in ("position", "mark"))
    np.testing.assert_allclose(ring, mark)


# How it looks


@pytest.mark.parametrize("name", ["vae_mnist", "vade_mnist", "cvae_mnist"])
def test_all_buttons_are_above_the_fold(name, opened):
    opened.view(1366, 768)
    served.change(opened, name)
    buttons = opened.find(".explorer .q-btn, .explorer .choice, .explorer .q-toggle")
    shown = [button for button in buttons if button.is_displayed()]
    ends = {each.text: each.rect["y"] + each.rect["height"] for each in shown}
    assert {"Surprise me", "Middle", "Upload", "Test image", "Clear", "Invert"} <= {
        text.split("\n")[-1] for text in ends
    }
    assert max(ends.values()) < 650  # a window of 768 pixels has bars of its own


@pytest.mark.parametrize("name", ["vae2d_mnist", "vade_mnist"])
def test_a_phone_scrolls_down_and_not_sideways(name, opened):
    if name != "vae2d_mnist":
        served.change(opened, name)
    opened.view(390, 844)
    script = "return [document.documentElement.scrollWidth, innerWidth]"
    opened.wait(lambda: opened.driver.execute_script(script) == [390, 390], "it fits the width")
    cards = [card.rect for card in opened.find(".card")]
    assert cards[0]["y"] + cards[0]["height"] <= cards[1]["y"]  # below each other
    pad = opened.find("latent-pad")[0].rect
    assert 300 < pad["width"] <= 390 and abs(pad["width"] - pad["height"]) < 1


def test_dark_mode_darkens_the_page_and_not_the_paper(opened):
    def brightness(selector, name):
        script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
        colour = opened.driver.execute_script(script, selector, name)
        return np.mean([float(value) for value in re.findall(r"[\d.]+", colour)[:3]])

    paper = opened.pixels("latent-pad canvas")
    for dark in (False, True):
        opened.view(1366, 768, dark)
        time.sleep(0.5)
        for ground, text in (("body", "body"), (".card", "h2"), (".card", ".q-btn--outline")):
            ink, under = brightness(text, "color"), brightness(ground, "backgroundColor")
            assert (ink - under if dark else under - ink) > 80, (text, dark)
        assert np.median(opened.pixels("latent-pad canvas")) == np.median(paper) > 230
