"""Who may ask the served page, and what it decodes."""

import asyncio
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from keras_ae.explorer import safety

OWN = "http://127.0.0.1:8765"


def answer(kind="http", method="GET", **headers):
    """What the middleware sends: the status, "passed" to the page, or the code of a socket."""
    sent, said = [], [{"type": f"{kind}.connect" if kind == "websocket" else "http.request"}]

    async def page(scope, receive, send):
        sent.append({"type": "passed"})

    async def receive():
        return said.pop(0)

    async def send(message):
        sent.append(message)

    names = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    scope = {"type": kind, "headers": [*names.items()], "method": method}
    asyncio.run(safety.OnlyThisPage(page, {OWN, "http://localhost:8765"})(scope, receive, send))
    first = sent[0]
    return first.get("status") or first.get("code") or first["type"]


@pytest.mark.parametrize("kind, refused", [("http", 403), ("websocket", 1008)])
def test_another_origin_is_refused(kind, refused):
    for origin in (OWN, "http://localhost:8765"):
        assert answer(kind, origin=origin) == "passed"
    assert answer(kind) == "passed"  # a browser always names one to a socket
    for origin in (
        "http://evil.example",
        "http://127.0.0.1:8766",
        "https://127.0.0.1:8765",
        "null",
    ):
        assert answer(kind, origin=origin) == refused


def test_a_body_that_is_too_long_is_refused_before_it_is_read():
    most = safety.LARGEST + safety.ENVELOPE
    assert answer(method="POST", origin=OWN, content_length=str(most)) == "passed"
    assert answer(method="POST", origin=OWN, content_length=str(most + 1)) == 413
    for length in ({}, {"content_length": "-1"}, {"content_length": "many"}):
        assert answer(method="POST", origin=OWN, **length) == 411


def png(width, height):
    """A PNG file that claims a size and holds no pixels."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", b""), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def undecoded(monkeypatch):
    """Lets no image be decoded."""
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("it was decoded"))


@pytest.mark.parametrize(
    "width, height, received", [(10_000, 5_001, "10,000 x 5,001"), (60_000, 60_000, "far more")]
)
def test_an_image_with_too_many_pixels_is_refused_undecoded(width, height, received, undecoded):
    with pytest.raises(ValueError, match=f"at most 50 megapixels.*'scan.png': {received}"):
        safety.check_image(png(width, height), "scan.png")
    safety.check_image(png(10_000, 5_000), "scan.png")


def test_a_file_with_too_many_bytes_is_refused_undecoded(undecoded):
    safety.check_image(png(8, 8).ljust(10_000_000, b"\0"), "scan.png")
    with pytest.raises(ValueError, match=r"at most 10 MB.*'scan.png': 10.1 MB"):
        safety.check_image(png(8, 8).ljust(10_100_000, b"\0"), "scan.png")


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", None])
def test_other_files_are_refused(kind, undecoded):
    buffer = io.BytesIO(b"no picture")
    if kind:
        Image.fromarray(np.zeros((8, 8), "uint8")).save(buffer, kind)
    with pytest.raises(ValueError, match="PNG or JPEG. Received: 'scan': no image"):
        safety.check_image(buffer.getvalue(), "scan")
