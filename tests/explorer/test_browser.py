"""The served page in a real Chromium."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import numpy as np
import pytest

from keras_ae.explorer import page, pictures, scene
from keras_ae.utils import image_files
from tests.explorer.test_safety import png

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(data):
    """Where the command serves the page."""
    environment = {**os.environ, "KERAS_AE_DATA": str(data), "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTEST_CURRENT_TEST", None)  # by which NiceGUI would think itself under test
    command = [sys.executable, "-m", "keras_ae.cli", "explore", "--no-browser", "--port"]
    command.append(str(page._free(None)))
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    server = subprocess.Popen(command, env=environment, **pipes)
    line = server.stdout.readline()
    found = re.search(r"exploring vae2d_mnist at (http://127\.0\.0\.1:\d+)", line)
    assert found, line + server.stdout.read()
    yield found[1]
    server.send_signal(signal.SIGINT)
    rest = server.communicate(timeout=120)[0]
    downloads = [line for line in rest.splitlines() if line.startswith("Downloading data from")]
    assert server.returncode == 0 and len(downloads) == len(rest.splitlines()), rest


@pytest.fixture
def opened(chromium, address):
    """The browser at the page. In the end it must have asked no other host for anything."""
    chromium.view()
    chromium.driver.get("about:blank")
    chromium.requests(), chromium.errors()
    chromium.driver.get(address)
    loaded(chromium)
    yield chromium
    asked = chromium.requests()
    assert any(url.startswith("ws:") for url in asked)
    assert any(url.endswith("canvases.js") for url in asked)
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(address).netloc}
    assert chromium.errors() == []


@pytest.fixture(scope="module")
def scenes(data):
    """What the page must show, made anew: name -> Scene."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_AE_DATA", str(data))
        made = {}
        yield lambda name: made.get(name) or made.setdefault(name, scene.Scene(name))


def loaded(browser):
    browser.wait(lambda: browser.find(".explorer[aria-busy=false]"), "the model is there")
    browser.wait(lambda: browser.pixels("#decoded") is not None, "the first image is there")


def choose(browser, name):
    """Chooses a model in the list, and does not wait for it."""
    browser.find(".head .model")[0].click()

    def chosen():
        entries = browser.find(".models .entry")
        found = [entry for entry in entries if entry.text.split("\n")[0] == name]
        if found:
            script = "arguments[0].scrollIntoView({block: 'center'})"
            browser.driver.execute_script(script, found[0])
            found[0].click()
        return found

    browser.wait(chosen, f"{name} can be chosen")


def change(browser, name):
    """Chooses a model and waits until it is there."""
    choose(browser, name)
    browser.wait(lambda: name in browser.text(".head .model"), "the name is there")
    browser.wait(lambda: "trained on" in browser.text(".about"), f"{name} is loaded")
    loaded(browser)


def sliders(browser):
    found = browser.find(".q-slider [role=slider], .q-slider[role=slider]")
    return [float(slider.get_attribute("aria-valuenow")) for slider in found]


def upload(browser, path):
    browser.find("input[type=file]")[0].send_keys(str(path))


def told(browser, text):
    """Waits for a message."""

    def found():
        return [each for each in browser.find(".q-notification") if text in each.text]

    browser.wait(found, f"a message is there: {text}")


def differs(browser, before, by):
    """Waits until another image is decoded."""

    def found():
        now = browser.pixels("#decoded")
        return now is not None and bool(np.abs(now - before).max() > by)

    browser.wait(found, "another image is decoded")


# The latent space


def test_a_slider_changes_the_picture_to_what_the_model_decodes(opened, scenes):
    opened.click("Middle")
    model = scenes("vae2d_mnist").model
    opened.shows("#decoded", model.decode([scenes("vae2d_mnist").start])[0])
    before = opened.pixels("#decoded")
    opened.drag(".q-slider", (0.5, 0.5), (0.7, 0.5), (0.9, 0.5))
    opened.wait(lambda: sliders(opened)[0] > 2, "the slider has moved")
    z = sliders(opened)
    opened.shows("#decoded", model.decode([z])[0])
    assert np.abs(opened.pixels("#decoded") - before).max() > 50
    np.testing.assert_allclose(opened.property("latent-pad", "position"), z)


def test_a_drag_on_the_pad_decodes_the_point_under_the_mouse(opened, scenes):
    shown = scenes("vae2d_mnist")
    opened.drag("latent-pad", (0.5, 0.5), (0.3, 0.6), (0.85, 0.25))
    low, high = shown.axes.low, shown.axes.high
    place = low + (high - low) * [0.85, 0.75]

    def followed():
        return bool(np.abs(np.subtract(sliders(opened), place)).max() < 0.05)

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
    change(opened, name)
    opened.click("Middle")
    opened.shows("#decoded", shown.model.decode([shown.start])[0])
    opened.wait(lambda: len(sliders(opened)) == 8, "there is a slider for each axis")
    opened.drag(".q-slider", (0.5, 0.5), (0.8, 0.5))
    start = shown.axes.coordinates(shown.start)
    opened.wait(lambda: abs(sliders(opened)[0] - start[0]) > 0.01, "the slider has moved")
    time.sleep(0.5)
    z = shown.axes.moved(shown.start, sliders(opened)[:1])
    opened.shows("#decoded", shown.model.decode([z])[0])
    before = opened.pixels("#decoded")
    opened.click("Surprise me")
    differs(opened, before, 20)


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
          document.querySelector(".about").textContent,
        ])).observe(main, {attributes: true, attributeFilter: ["aria-busy"]});"""
    )
    change(opened, "deep_ae_mnist")
    first, last = opened.driver.execute_script("return [seen[0], seen.at(-1)]")
    loading = ["true", '"loading deep_ae_mnist"', "grid", "hidden", "shimmer"]
    assert first[:5] == loading
    assert last[0] == "false" and last[2:5] == ["none", "visible", "none"]
    assert opened.text(".about").startswith("AE, trained on mnist")


def test_the_page_says_what_it_loads_before_a_script_has_run(address):
    from urllib.request import urlopen

    with urlopen(address) as answer:
        sent = answer.read().decode()
    assert "loading vae2d_mnist" in sent and "aria-busy" in sent


def test_a_tab_may_be_closed_while_a_model_loads(opened):
    """Then the server says nothing: the fixture `address` asks for that."""
    choose(opened, "conv_ae_mnist")
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
    upload(opened, tmp_path / "digit.png")
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
    upload(opened, tmp_path / "digit.png")
    told(opened, "Expected an image file, PNG or JPEG. Received: 'digit.png'")


def test_an_upload_that_is_too_large_is_refused(opened, tmp_path):
    (tmp_path / "wide.png").write_bytes(png(10_000, 6_000))
    upload(opened, tmp_path / "wide.png")
    told(opened, "Expected an image of at most 50 megapixels. Received: 'wide.png'")
    (tmp_path / "long.png").write_bytes(png(8, 8).ljust(10_000_001, b"\0"))
    upload(opened, tmp_path / "long.png")
    told(opened, "Expected one PNG or JPEG file of at most 10 MB.")


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
    change(opened, "dae_mnist")
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


# Labels, clusters and pen strokes


def test_the_label_that_is_asked_for_is_decoded(opened, scenes):
    change(opened, "cvae_mnist")
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
    change(opened, "vade_mnist")
    shown = scenes("vade_mnist")
    number, probability = shown.look(shown.examples[0]).choice
    assert opened.text("#choice") == f"{number} ({100 * probability:.0f} %)"
    assert opened.property("latent-pad", "view") == "clusters"
    other, drawn = (number + 1) % 10, []
    for _ in range(8):
        before = opened.pixels("#decoded")
        opened.find(".choice")[other].click()
        differs(opened, before, 20)
        drawn.append((255 - opened.pixels("#decoded"))[..., None] / 255)
    found = shown.model.clusters(np.stack(drawn)).numpy()
    assert (found == other).mean() > 0.5  # what a cluster draws lies in it again, mostly


def test_pen_strokes_are_shown_and_drawn_by_hand(opened, scenes):
    change(opened, "sequence_ae_omniglot")
    shown = scenes("sequence_ae_omniglot")
    look = shown.look(shown.examples[0])
    opened.shows_pixels("#image", shown.drawn(look.image).astype(int))
    opened.shows_pixels("#reconstruction", shown.drawn(look.reconstruction).astype(int))
    hidden = [each for each in opened.find("button") if each.text in ("Upload", "Invert")]
    assert not any(each.is_displayed() for each in hidden)
    opened.drag("sketch-pad", (0.2, 0.2), (0.2, 0.8))
    opened.drag("sketch-pad", (0.2, 0.8), (0.8, 0.8))
    time.sleep(1)  # for the last stroke
    page = opened.pixels("#image")
    rows, columns = np.nonzero(page < 128)
    side = page.shape[0]
    assert rows.min() / side == pytest.approx(0.24, abs=0.06)  # the page has a margin
    assert columns.max() / side == pytest.approx(0.76, abs=0.06)
    assert not (page[: side // 2, side // 2 :] < 128).any()  # nothing but an L
    ring, mark = (opened.property("latent-pad", name) for name in ("position", "mark"))
    np.testing.assert_allclose(ring, mark)


# How it looks


@pytest.mark.parametrize("name", ["vae_mnist", "vade_mnist", "cvae_mnist"])
def test_all_buttons_are_above_the_fold(name, opened):
    opened.view(1366, 768)
    change(opened, name)
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
        change(opened, name)
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


# Safety


def handshake(address, **headers):
    """The first line of the answer to somebody who opens the page's socket."""
    place = urlsplit(address)
    lines = [
        "GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return first_line(place, lines)


def first_line(place, lines):
    with socket.create_connection((place.hostname, place.port), timeout=30) as client:
        client.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return client.makefile("rb").readline().decode().strip()


def test_a_foreign_origin_is_refused_on_the_socket(address):
    host = urlsplit(address).netloc
    assert "101" in handshake(address, Host=host, Origin=address)
    assert "403" in handshake(address, Host=host, Origin="http://evil.example")
    assert "403" in handshake(address, Host=host, Origin="null")
    assert "101" not in handshake(address, Host="evil.example", Origin=address)


def test_a_foreign_origin_is_refused_on_the_page(address):
    place = urlsplit(address)
    request = ["GET / HTTP/1.1", f"Host: {place.netloc}", "Connection: close"]
    assert "200" in first_line(place, request)
    assert "403" in first_line(place, [*request, "Origin: http://evil.example"])
    assert "400" in first_line(place, [request[0], "Host: evil.example"])


def test_a_long_body_is_refused_before_it_is_sent(address):
    place = urlsplit(address)
    request = ["POST / HTTP/1.1", f"Host: {place.netloc}", f"Origin: {address}"]
    assert "413" in first_line(place, [*request, "Content-Length: 20000000"])
    assert "411" in first_line(place, [*request, "Transfer-Encoding: chunked"])


def test_two_tabs_never_mix(opened, scenes, tmp_path):
    x = scenes("vae2d_mnist").examples
    image_files.write(tmp_path, ["digit.png"], x[[17]])
    first = opened.driver.current_window_handle
    opened.driver.switch_to.new_window("tab")
    second = opened.driver.current_window_handle
    try:
        opened.driver.switch_to.window(first)
        address = opened.driver.current_url
        upload(opened, tmp_path / "digit.png")
        opened.shows("#image", x[17] / 255)
        opened.driver.switch_to.window(second)
        opened.driver.get(address)
        loaded(opened)
        opened.shows("#image", x[0] / 255)  # not what the other tab has
        change(opened, "vae_digits")
        opened.drag(".q-slider", (0.5, 0.5), (0.8, 0.5))
        time.sleep(1)
        opened.driver.switch_to.window(first)
        assert "vae2d_mnist" in opened.text(".head .model") and len(sliders(opened)) == 2
        opened.shows("#image", x[17] / 255)
        made = scenes("vae2d_mnist").model.reconstruct(x[[17]])[0]
        opened.shows("#decoded", made)
        opened.drag(".q-slider", (0.5, 0.5), (0.3, 0.5))
        time.sleep(1)
        opened.driver.switch_to.window(second)
        assert len(sliders(opened)) == 8 and opened.pixels("#decoded").shape == (8, 8)
    finally:
        with contextlib.suppress(Exception):
            opened.driver.switch_to.window(second)
            opened.driver.close()
        opened.driver.switch_to.window(first)


def test_a_drawing_stays_and_a_test_image_goes_with_its_data(opened, scenes):
    x = scenes("vae2d_mnist").examples[0] / 255
    change(opened, "conv_ae_mnist")
    opened.shows("#image", x)
    opened.click("Test image")
    opened.click("Invert")
    change(opened, "ae_fashion_mnist")
    opened.shows("#image", scenes("ae_fashion_mnist").examples[0] / 255)
    opened.click("Clear")
    opened.drag("sketch-pad", (0.3, 0.3), (0.6, 0.3), (0.45, 0.8))
    time.sleep(1)  # for the last stroke
    drawn = opened.pixels("#image")
    change(opened, "conv_ae_mnist")
    np.testing.assert_array_equal(opened.pixels("#image"), drawn)
