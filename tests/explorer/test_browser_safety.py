"""The served page in a real Chromium: who may ask it, what may be sent, and two tabs."""

import contextlib
import socket
import time
from urllib.parse import urlsplit

import pytest

from keras_ae.utils import image_files
from tests.explorer import served
from tests.explorer.test_safety import png

pytestmark = pytest.mark.browser


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


def test_an_upload_that_is_too_large_is_refused(opened, tmp_path):
    (tmp_path / "wide.png").write_bytes(png(10_000, 6_000))
    served.upload(opened, tmp_path / "wide.png")
    served.told(opened, "Expected an image of at most 50 megapixels. Received: 'wide.png'")
    (tmp_path / "long.png").write_bytes(png(8, 8).ljust(10_000_001, b"\0"))
    served.upload(opened, tmp_path / "long.png")
    served.told(opened, "Expected one PNG or JPEG file of at most 10 MB.")


def test_nothing_is_loaded_from_elsewhere(opened):
    """A picture or a script that a stranger's text brings into the page. Asks the browser alone."""
    tried = opened.driver.execute_async_script(
        """const done = arguments[0], blocked = [];
        addEventListener("securitypolicyviolation", (event) => {
          blocked.push(event.effectiveDirective);
          if (blocked.length === 3) done(blocked.sort());
        });
        document.body.append(Object.assign(new Image(), {src: "http://127.0.0.1:9/a.png"}));
        const script = document.createElement("script");
        script.src = "http://127.0.0.1:9/a.js";
        document.body.append(script);
        fetch("http://127.0.0.1:9/a").catch(() => null);"""
    )
    assert tried == ["connect-src", "img-src", "script-src-elem"]
    opened.requests(), opened.errors()  # the browser notes what it blocked
    opened.driver.refresh()
    served.loaded(opened)


def test_two_tabs_never_mix(opened, scenes, tmp_path):
    x = scenes("vae2d_mnist").examples
    image_files.write(tmp_path, ["digit.png"], x[[17]])
    first = opened.driver.current_window_handle
    opened.driver.switch_to.new_window("tab")
    second = opened.driver.current_window_handle
    try:
        opened.driver.switch_to.window(first)
        address = opened.driver.current_url
        served.upload(opened, tmp_path / "digit.png")
        opened.shows("#image", x[17] / 255)
        opened.driver.switch_to.window(second)
        opened.driver.get(address)
        served.loaded(opened)
        opened.shows("#image", x[0] / 255)  # not what the other tab has
        served.change(opened, "vae_digits")
        opened.drag(".q-slider", (0.5, 0.5), (0.8, 0.5))
        time.sleep(1)
        opened.driver.switch_to.window(first)
        assert "vae2d_mnist" in opened.text(".head .model") and len(served.sliders(opened)) == 2
        opened.shows("#image", x[17] / 255)
        made = scenes("vae2d_mnist").model.reconstruct(x[[17]])[0]
        opened.shows("#decoded", made)
        opened.drag(".q-slider", (0.5, 0.5), (0.3, 0.5))
        time.sleep(1)
        opened.driver.switch_to.window(second)
        assert len(served.sliders(opened)) == 8 and opened.pixels("#decoded").shape == (8, 8)
    finally:
        with contextlib.suppress(Exception):
            opened.driver.switch_to.window(second)
            opened.driver.close()
        opened.driver.switch_to.window(first)
