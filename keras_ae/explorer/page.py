"""The explorer as a local page, drawn by NiceGUI. The models run in this process.

Nothing leaves the machine, and no other site can ask the page for anything.
"""

import base64
import contextlib
import functools
import importlib.util
import pathlib
import socket
import threading

from keras_ae.explorer import catalogue, safety, scene

HOST, PORT = "127.0.0.1", 8765
WEB = pathlib.Path(__file__).parent / "web"
HEAD = (
    '<link rel="stylesheet" href="/explorer/style.css">'
    '<script src="/explorer/canvases.js"></script>'
)
OPTIONS = dict(
    title="keras_ae explorer",
    favicon="🧭",
    dark=None,  # as the browser is
    tailwind=False,
    show_welcome_message=False,
    reload=False,
)


def serve(name, port=None, show=True):
    """Serves the page until it is interrupted.

    Args:
        name: the model to begin with: a built-in one, a folder, or hf://user/repo.
        port: int; None for PORT, or for a free one where that is taken.
        show: whether to open a browser.

    Raises:
        ValueError, OSError: the model cannot be loaded or explored; the port is taken.
        ImportError: NiceGUI is not installed.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise ImportError(
            "Expected the package nicegui, which draws the page: "
            'pip install "keras-ae[explore]". Received: none'
        )
    port = _free(port)
    scenes = Scenes()
    scenes(name)
    from nicegui import app, ui
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    hosts = [HOST, "localhost"]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)  # no other name leads here
    app.add_middleware(safety.OnlyThisPage, origins={f"http://{host}:{port}" for host in hosts})
    app.add_static_files("/explorer", WEB, max_cache_age=0)
    _add_pages(name, scenes)
    print(f"exploring {name} at http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # how it is ended
        ui.run(host=HOST, port=port, show=show, **OPTIONS)


class Scenes:
    """The scenes of the models shown last: name -> Scene. One loads at a time."""

    def __init__(self):
        self.lock, self.made = threading.Lock(), functools.lru_cache(maxsize=4)(scene.Scene)

    def __call__(self, name):
        with self.lock:
            return self.made(name)


def _add_pages(name, scenes):
    from nicegui import ui

    from keras_ae.explorer import tab

    entries = catalogue.entries(name)
    cards = {entry.name: entry.card for entry in entries}

    @ui.page("/")
    async def explorer():
        ui.add_head_html(HEAD)
        shown = tab.Tab(scenes, entries)
        shown.wait(name)
        await ui.context.client.connected()
        await shown.switch(name)

    @ui.page("/card")
    def card(model: str = name):
        ui.add_head_html(HEAD)
        with ui.element("div").classes("explorer written"):
            if model in cards:
                _write_card(cards[model])
            else:
                ui.label(f"Expected the name of a model in the list. Received: {model!r}")


def _write_card(card):
    """The card of a model. It may be a stranger's: the browser takes out all but plain text."""
    from nicegui import ui

    from keras_ae.presets import cards

    if card.picture:
        picture = ui.element("img").classes("samples").props('alt="pictures of the model"')
        encoded = base64.b64encode(card.picture.read_bytes()).decode()
        picture.props["src"] = f"data:image/png;base64,{encoded}"
    ui.markdown(cards.as_markdown(card.name, card.metadata), sanitize=True)


def _free(port):
    """The port, or for None a free one. Raises OSError if this user cannot have it."""
    with socket.socket() as probe:
        # The server does the same: a port that was just left is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, PORT if port is None else port))
        except (OSError, OverflowError) as error:
            if port is not None:
                raise OSError(
                    f"Expected a port that is free on this machine, as {PORT}. "
                    f"Received: --port {port}: {error}"
                ) from error
            probe.bind((HOST, 0))
        return probe.getsockname()[1]
