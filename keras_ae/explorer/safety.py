"""What keeps the served page safe: who may ask, how much may be sent, what is decoded."""

import io
import warnings

LARGEST = 10_000_000  # bytes of an uploaded file
ENVELOPE = 100_000  # bytes that a form may add to its file
PIXELS = 50_000_000  # of an uploaded image
POLICY = (  # NiceGUI runs scripts of the page itself; nothing comes from elsewhere
    b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'"
)


class OnlyThisPage:
    """ASGI middleware that answers this page alone, and reads no more than a file may have.

    A browser names the site that a script belongs to in the header Origin. A request or a socket
    with another origin is refused, and so is a request whose body is too long or of unsaid length.
    Every answer tells the browser to load nothing from elsewhere, not even a picture that the card
    of a stranger's model names, and to show the page in no other one.

    Args:
        app: the ASGI application.
        origins: set of str, such as "http://127.0.0.1:8765".
    """

    def __init__(self, app, origins):
        self.app, self.origins = app, origins

    async def __call__(self, scope, receive, send):
        status = self.refusal(scope)
        if status is None:
            await self.app(scope, receive, self._with_policy(send))
        elif scope["type"] == "websocket":
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1008})  # the server answers 403
        else:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    @staticmethod
    def _with_policy(send):
        async def sending(message):
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"content-security-policy", POLICY)]
                message = {**message, "headers": headers}
            await send(message)

        return sending

    def refusal(self, scope):
        """The status by which a request is refused, or None."""
        if scope["type"] not in ("http", "websocket"):
            return None
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"origin", next(iter(self.origins))) not in self.origins:
            return 403
        if scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        length = headers.get(b"content-length", "")
        if not length.isdigit():
            return 411
        return 413 if int(length) > LARGEST + ENVELOPE else None


def check_image(data, name):
    """Looks at the head of an image file, and decodes nothing.

    Args:
        data: bytes.
        name: str, what errors call the file.

    Raises:
        ValueError: the file is no PNG or JPEG, or it is too large in bytes or in pixels.
    """
    from PIL import Image

    if len(data) > LARGEST:
        raise ValueError(
            f"Expected an image file of at most {LARGEST // 1_000_000} MB. "
            f"Received: {name!r}: {len(data) / 1e6:.1f} MB"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # refused below
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:  # more than twice Pillow's own limit
        raise _too_many_pixels(name, "far more") from error
    except (OSError, SyntaxError) as error:  # SyntaxError: a PNG file that is damaged
        raise ValueError(
            f"Expected an image file, PNG or JPEG. Received: {name!r}: no image that can be read"
        ) from error
    if width * height > PIXELS:
        raise _too_many_pixels(name, f"{width:,} x {height:,}")


def _too_many_pixels(name, received):
    most = f"{PIXELS // 1_000_000} megapixels"
    return ValueError(f"Expected an image of at most {most}. Received: {name!r}: {received}")
