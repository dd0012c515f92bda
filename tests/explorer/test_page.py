"""The served page: what can be told without a browser, and all the rest in a real one."""

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

from keras_ae import cli
from keras_ae.explorer import page, scene
from keras_ae.utils import image_files

NO_SERVER = "the page was served"


class Unserved:
    """In the place of NiceGUI, whose import takes seconds."""

    __spec__ = "there"
    app = property(lambda self: pytest.fail(NO_SERVER))


@pytest.fixture
def unserved(monkeypatch):
    """Lets no server start."""
    monkeypatch.setitem(sys.modules, "nicegui", Unserved())


def test_a_taken_port_is_named(capsys, unserved):
    with socket.socket() as other:
        other.bind((page.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.main(["explore", "vae_digits", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"Received: --port {port}" in error and error.count("\n") == 1
    assert page._free(port) == port  # now that it is left


def test_without_a_port_asked_for_a_free_one_is_taken(monkeypatch):
    with socket.socket() as other:
        other.bind((page.HOST, 0))
        other.listen()
        monkeypatch.setattr(page, "PORT", other.getsockname()[1])
        assert page._free(None) not in (0, page.PORT)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["vae2d_minst"], "Did you mean 'vae2d_mnist'"),
        (["vae_digits", "--port", "99999"], "Received: --port 99999"),
    ],
)
def test_a_mistake_gives_one_line_and_no_traceback(arguments, message, capsys, unserved):
    assert cli.main(["explore", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("keras-ae: ") and error.count("\n") == 1


def test_without_nicegui_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["explore", "vae_digits"]) == 2
    assert 'pip install "keras-ae[explore]"' in capsys.readouterr().err


# In a browser


@pytest.fixture(scope="module")
def address(data, chromium):
    """Where the command serves the page."""
    environment = {**os.environ, "KERAS_AE_DATA": str(data), "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTEST_CURRENT_TEST", None)  # by which NiceGUI would think itself under test
    command = [
        sys.executable,
        "-m",
        "keras_ae.cli",
        "explore",
        "--no-browser",
        "--port",
        str(page._free(None)),
    ]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    line = server.stdout.readline()
    found = re.search(r"exploring vae2d_mnist at (http://127\.0\.0\.1:\d+)", line)
    assert found, line + server.stdout.read()
    yield found[1]
    server.send_signal(signal.SIGINT)
    rest = server.communicate(timeout=120)[0]
    assert server.returncode == 0 and "Traceback" not in rest and rest == "", rest


@pytest.fixture
def opened(chromium, address):
    """The browser at the page, which at the end must have asked no other host for anything."""
    chromium.driver.get("about:blank")
    chromium.requests(), chromium.errors()
    chromium.driver.get(address)
    chromium.wait(lambda: chromium.pixels("#decoded") is not None, "the first image is there")
    yield chromium
    asked = chromium.requests()
    assert any(url.startswith("ws:") for url in asked) and any(
        url.endswith("canvases.js") for url in asked
    )
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(address).netloc}
    assert chromium.errors() == []


@pytest.fixture(scope="module")
def scenes(data):
    """What the page must show, made anew: name -> Scene."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_AE_DATA", str(data))
        made = {}
        yield lambda name: made.get(name) or made.setdefault(name, scene.Scene(name))


def sliders(browser):
    return [
        float(slider.get_attribute("aria-valuenow"))
        for slider in browser.find(".q-slider [role=slider], .q-slider[role=slider]")
    ]


def shows(browser, selector, expected):
    """Waits until a picture is the expected float image, within a step of its bytes."""
    expected = scene.as_pixels(np.asarray(expected))[..., 0].astype(int)

    def same():
        found = browser.pixels(selector)
        return (
            found is not None
            and found.shape == expected.shape
            and np.abs(found - expected).max() <= 1
        )

    browser.wait(same, f"{selector} is the picture that the model gives")


def text(browser, selector):
    return browser.driver.execute_script(
        "return document.querySelector(arguments[0]).textContent", selector
    )


def choose(browser, name):
    browser.find(".head .q-select")[0].click()

    def chosen():
        options = [item for item in browser.find(".q-menu .q-item") if item.text == name]
        if options:
            options[0].click()
        return options

    browser.wait(chosen, f"{name} can be chosen")


@pytest.mark.browser
def test_a_slider_changes_the_picture_to_what_the_model_decodes(opened, scenes):
    model, before = scenes("vae2d_mnist").model, opened.pixels("#decoded")
    shows(opened, "#decoded", model.decode([scenes("vae2d_mnist").start])[0])
    opened.drag(".q-slider", (0.5, 0.5), (0.7, 0.5), (0.9, 0.5))
    opened.wait(lambda: sliders(opened)[0] > 2, "the slider has moved")
    z = sliders(opened)
    shows(opened, "#decoded", model.decode([z])[0])
    assert np.abs(opened.pixels("#decoded") - before).max() > 50
    np.testing.assert_allclose(
        opened.driver.execute_script("return document.querySelector('latent-pad').position"), z
    )


@pytest.mark.browser
def test_a_drag_on_the_pad_decodes_the_point_under_the_mouse(opened, scenes):
    shown = scenes("vae2d_mnist")
    opened.drag("latent-pad", (0.5, 0.5), (0.3, 0.6), (0.85, 0.25))
    low, high = shown.axes.low, shown.axes.high
    place = low + (high - low) * [0.85, 0.75]
    opened.wait(
        lambda: np.abs(np.subtract(sliders(opened), place)).max() < 0.05,
        "the sliders have followed",
    )
    position = opened.driver.execute_script("return document.querySelector('latent-pad').position")
    shows(opened, "#decoded", shown.model.decode([position])[0])


@pytest.mark.browser
def test_an_uploaded_image_is_reconstructed_placed_and_measured(opened, scenes, tmp_path):
    shown = scenes("vae2d_mnist")
    x = shown.examples[11]
    image_files.write(tmp_path, ["digit.png"], x[None])
    opened.find("input[type=file]")[0].send_keys(str(tmp_path / "digit.png"))
    shows(opened, "#reconstruction", shown.model.reconstruct(x[None])[0])
    shows(opened, "#image", x / 255)
    opened.wait(lambda: "nats" in text(opened, "#likelihood"), "the log-likelihood is there")
    expected = float(shown.model.log_likelihood(x[None], n_samples=1000, seed=0)[0])
    assert float(text(opened, "#likelihood").removesuffix(" nats")) == pytest.approx(
        expected, abs=0.02
    )
    assert "(1,000 samples)" in text(opened, "dl")
    mark = opened.driver.execute_script("return document.querySelector('latent-pad').mark")
    np.testing.assert_allclose(mark, shown.model.encode(x[None])[0], atol=1e-4)
    opened.wait(lambda: " to " in text(opened, "#usual"), "what is usual is there")


@pytest.mark.browser
def test_a_bad_upload_is_told_in_a_sentence(opened, tmp_path):
    (tmp_path / "digit.png").write_bytes(b"no picture")
    opened.find("input[type=file]")[0].send_keys(str(tmp_path / "digit.png"))
    expected = "Expected an image file, PNG or JPEG. Received: 'digit.png'"
    opened.wait(
        lambda: [told for told in opened.find(".q-notification") if expected in told.text],
        "a message is there",
    )


@pytest.mark.browser
def test_a_drawing_is_centred_and_reconstructed(opened, scenes):
    opened.drag("sketch-pad", (0.1, 0.1), (0.1, 0.35))  # a short stroke in a corner
    seen = opened.wait(lambda: opened.pixels("#image"), "the drawing is taken")
    time.sleep(1)  # for the last stroke
    seen = opened.pixels("#image")
    rows, columns = np.nonzero(seen > 20)
    assert (
        18 <= np.ptp(rows) + 1 <= 22
        and abs(rows.mean() - 13.5) < 1
        and abs(columns.mean() - 13.5) < 1
    )
    shows(
        opened,
        "#reconstruction",
        scenes("vae2d_mnist").model.reconstruct(seen[None, ..., None] / 255)[0],
    )


@pytest.mark.browser
def test_a_denoising_model_shows_clean_noisy_and_denoised(opened, scenes, tmp_path):
    x = scenes("vae2d_mnist").examples[5]
    image_files.write(tmp_path, ["digit.png"], x[None])
    choose(opened, "dae_mnist")
    opened.wait(lambda: "DAE" in text(opened, ".about"), "the model is another")
    opened.find("input[type=file]")[0].send_keys(str(tmp_path / "digit.png"))
    noisy = opened.wait(lambda: opened.pixels("#noisy"), "the noisy image is there")
    shows(opened, "#image", x / 255)
    assert np.std(noisy - 1.0 * x[..., 0]) > 50
    model = scenes("dae_mnist").model
    expected = scene.as_pixels(model.reconstruct(noisy[None, ..., None] / 255)[0].numpy())[
        ..., 0
    ].astype(int)
    assert (
        np.abs(opened.pixels("#reconstruction") - expected).max() <= 4
    )  # the noisy image came as bytes
    assert [caption.text for caption in opened.find("figcaption")] == ["clean", "noisy", "denoised"]


@pytest.mark.browser
@pytest.mark.parametrize(
    "name", ["ae_mnist", "sparse_ae_mnist", "conv_vae_fashion_mnist", "vae_digits"]
)
def test_every_family_is_explored(name, opened, scenes):
    shown = scenes(name)
    choose(opened, name)
    shows(opened, "#decoded", shown.model.decode([shown.start])[0])
    opened.wait(lambda: len(sliders(opened)) == 8, "there is a slider for each axis")
    opened.drag(".q-slider", (0.5, 0.5), (0.8, 0.5))
    start = shown.axes.coordinates(shown.start)
    opened.wait(lambda: abs(sliders(opened)[0] - start[0]) > 0.01, "the slider has moved")
    time.sleep(0.5)
    shows(
        opened,
        "#decoded",
        shown.model.decode([shown.axes.moved(shown.start, sliders(opened)[:1])])[0],
    )


@pytest.mark.browser
def test_a_tab_may_be_closed_while_a_model_loads(opened):
    """Whereupon the server says nothing: the fixture `address` asks for that."""
    choose(opened, "deep_ae_mnist")
    opened.driver.get("about:blank")
    time.sleep(8)  # longer than the server waits for a tab to come back, and than the model takes


@pytest.mark.browser
def test_the_picture_follows_a_slider_at_once(opened):
    """From the key to the new picture, in milliseconds, by the browser's own clock."""
    opened.driver.execute_script(
        """window.times = []; let pressed = null;
        addEventListener("keydown", () => (pressed = performance.now()), true);
        new MutationObserver(() => { if (pressed) times.push(performance.now() - pressed); pressed = null; })
            .observe(document.querySelector("#decoded"), {attributes: true, attributeFilter: ["src"]});"""
    )
    slider = opened.find(".q-slider [tabindex='0'], .q-slider[tabindex='0']")[0]
    for i in range(12):
        slider.send_keys("\ue014")  # to the right
        opened.wait(
            lambda i=i: opened.driver.execute_script("return times.length") > i,
            "the picture has changed",
        )
    times = opened.driver.execute_script("return times")
    print("ms from key to picture:", [round(each) for each in times])
    assert np.median(times) < 200
