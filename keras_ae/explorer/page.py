"""The explorer as a local page: NiceGUI draws it, the models run in this process. Nothing leaves the machine."""

import asyncio
import contextlib
import functools
import importlib.util
import pathlib
import random
import socket

import numpy as np

from keras_ae import presets
from keras_ae.explorer import scene
from keras_ae.plots import drawing
from keras_ae.utils import image_files

HOST, PORT = "127.0.0.1", 8765
WEB = pathlib.Path(__file__).parent / "web"
LARGEST = 20_000_000  # bytes of an uploaded file
PAUSE = 0.3  # seconds without a new stroke before a log-likelihood is computed


def serve(name, port=None, show=True):
    """Serves the page until it is interrupted.

    Args:
        name: the model to begin with: a built-in one, a folder, or hf://user/repo.
        port: int; None for PORT, or a free one if that is taken.
        show: whether to open a browser.

    Raises:
        ValueError, OSError: the model cannot be loaded or explored; the port is taken.
        ImportError: NiceGUI is not installed.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise ImportError(
            'Expected the package nicegui, which draws the page: pip install "keras-ae[explore]". Received: none'
        )
    port = _free(port)
    scenes = functools.lru_cache(maxsize=4)(scene.Scene)  # the models that the page has shown last
    scenes(name)
    from nicegui import app, ui
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]
    )  # no other site's name leads here
    app.add_static_files("/explorer", WEB, max_cache_age=0)

    @ui.page("/")
    async def page():
        ui.add_head_html(
            '<link rel="stylesheet" href="/explorer/style.css"><script src="/explorer/canvases.js"></script>'
        )
        shown = Page(scenes, name)
        await ui.context.client.connected()
        await shown.switch(name)

    print(f"exploring {name} at http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
    options = dict(
        title="keras_ae explorer",
        favicon="🧭",
        tailwind=False,
        show_welcome_message=False,
        reload=False,
    )
    with contextlib.suppress(KeyboardInterrupt):  # how it is ended
        ui.run(host=HOST, port=port, show=show, **options)


def _free(port):
    """The port, or a free one for None. Raises OSError if it is taken, or none that this user may have."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the server will: just left is free
        try:
            probe.bind((HOST, PORT if port is None else port))
        except (OSError, OverflowError) as error:
            if port is not None:
                raise OSError(
                    f"Expected a port that is free on this machine, as {PORT}. Received: --port {port}: {error}"
                ) from error
            probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Page:
    """What one browser tab shows: a scene, the code that is decoded, and the user's image.

    Args:
        scenes: name -> Scene.
        name: the model to begin with.
    """

    def __init__(self, scenes, name):
        self.scenes, self.scene, self.z, self.image, self.noise = scenes, None, None, None, 0
        self.sliders, self.syncing, self.looks = [], False, 0
        names = [
            n
            for n in presets.list_models()
            if drawing.are_images(presets.info(n).metadata["model"]["shape"])
        ]
        self._build([*names, *{name} - set(names)], name)

    # What is on the page

    def _build(self, names, name):
        from nicegui import ui

        ui.colors(primary=drawing.BLUE)
        with ui.element("main").classes("explorer"):
            with ui.element("div").classes("head"):
                ui.html("keras_ae explorer", tag="h1", sanitize=False)
                self.select = ui.select(
                    names,
                    value=name,
                    label="model",
                    on_change=lambda event: self.switch(event.value),
                )
                self.select.props("outlined dense options-dense").style("min-width: 240px")
                self.about = ui.label().classes("about")
                self.busy = ui.spinner(size="24px")
            with ui.element("div").classes("cards"):
                with self._card(1, "Latent space", "Every point is an image. Drag the ring."):
                    self.pad = ui.element("latent-pad").on(
                        "move", self._dragged, args=["detail"], throttle=0.03
                    )
                    with ui.element("div").classes("key"):
                        ui.label("what you see decoded").classes("dot")
                        self.diamond = ui.label("your image").classes("diamond")
                    with ui.element("div").classes("line"):
                        views = {"manifold": "decoded images", "codes": "codes of examples"}
                        self.view = ui.toggle(
                            views,
                            value="manifold",
                            on_change=lambda event: self._set(self.pad, view=event.value),
                        )
                        self.view.props("no-caps dense padding='2px 12px'")
                    self.plane = ui.label().classes("key")
                with self._card(2, "Decoded image", "What it decodes to. Move the sliders."):
                    self.decoded = (
                        ui.element("img")
                        .classes("pixels")
                        .props('id=decoded alt="the decoded image"')
                    )
                    self.axes = ui.element("div")
                    with ui.element("div").classes("line"):
                        ui.button("Surprise me", icon="casino", on_click=self._drawn).props(
                            "no-caps outline dense padding='4px 12px'"
                        )
                        ui.button("Middle", on_click=lambda: self.go(self.scene.start)).props(
                            "no-caps flat dense padding='4px 12px'"
                        )
                with self._card(3, "Your image", "Draw, upload, or take a test image."):
                    self.sketch = ui.element("sketch-pad").on(
                        "sketch", self._sketched, args=["detail"], throttle=0.05
                    )
                    with ui.element("div").classes("line").style("justify-content: center"):
                        self.upload = ui.upload(
                            on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True
                        )
                        self.upload.props(
                            f'accept=".png,.jpg,.jpeg" max-file-size={LARGEST}'
                        ).style("display: none")
                        pick = ui.button("Upload", icon="upload").props(
                            "no-caps outline dense padding='4px 12px'"
                        )
                        pick.on(
                            "click", js_handler=f"() => getElement({self.upload.id}).pickFiles()"
                        )
                        self.test = ui.button("Test image", on_click=self._tested).props(
                            "no-caps outline dense padding='4px 12px'"
                        )
                        ui.button("Clear", on_click=self._clear).props(
                            "no-caps flat dense padding='4px 12px'"
                        )
                    with ui.element("div").classes("line").style("justify-content: center"):
                        self.noisy = ui.switch("add noise", on_change=lambda: self._look())
                        ui.button("Invert", icon="invert_colors", on_click=self._inverted).props(
                            "no-caps flat dense padding='4px 12px'"
                        )
                    self.results = ui.element("div").classes("results")
                    with self.results:
                        self.pictures = [
                            self._figure(part) for part in ("image", "noisy", "reconstruction")
                        ]
                    self.numbers = ui.element("dl")
                    with self.numbers:
                        self.values = {
                            part: self._number(part)
                            for part in ("error", "place", "likelihood", "usual")
                        }
        self._clear_results()

    def _card(self, step, title, text):
        from nicegui import ui

        card = ui.element("section").classes("card")
        with card:
            ui.html(title, tag="h2", sanitize=False).props(f"data-step={step}")
            ui.html(text, tag="p", sanitize=False)
        return card

    def _figure(self, part):
        from nicegui import ui

        with ui.element("figure") as figure:
            picture = ui.element("img").classes("pixels").props(f'id={part} alt="{part}"')
            with ui.element("figcaption"):
                caption = ui.label()
        return figure, picture, caption

    def _number(self, part):
        from nicegui import ui

        with ui.element("dt"):
            name = ui.label()
        with ui.element("dd"):
            return name, ui.label().props(f"id={part}")

    # The model

    async def switch(self, name):
        """Shows another model, and what it makes of the user's image, if that fits; on an error the old one stays."""
        from nicegui import run, ui

        if self._left or (self.scene is not None and name == self.scene.name):
            return
        self.busy.visible = True
        self.select.disable()
        try:
            found, plane, failure = *await run.io_bound(self._loaded, name), None
        except (ValueError, OSError, ImportError) as error:
            failure = str(error)
        if self._left:
            return
        self.busy.visible = False
        self.select.enable()
        if failure:
            ui.notify(failure, type="negative", multi_line=True)
            if self.scene is not None:
                self.select.value = self.scene.name
            return
        shape = None if self.scene is None else self.scene.model.shape
        self.scene = found
        self.about.text, self.plane.text, self.view.value = found.about, found.plane, found.view
        self._set(self.pad, map=plane, view=self.view.value, mark=None)
        self._build_sliders()
        self.go(found.start)
        self.syncing, self.noisy.value = True, found.denoises
        self.syncing = False
        self._set(self.sketch, size=list(found.model.shape[:2]), fit=found.fit)
        if shape != found.model.shape:
            self._clear_results()
        else:
            self._look()

    def _loaded(self, name):
        found = self.scenes(name)
        return found, found.map()

    @property
    def _left(self):
        """Whether the tab has been closed, which may happen at any wait."""
        return self.select.is_deleted

    def _build_sliders(self):
        from nicegui import ui

        self.axes.clear()
        axes, self.sliders = self.scene.axes, []
        with self.axes:
            for i, (name, low, high) in enumerate(
                zip(axes.names, axes.low, axes.high, strict=True)
            ):
                with ui.element("div").classes("axis"):
                    ui.label(name)
                    value = ui.label().classes("value")
                slider = ui.slider(
                    min=low,
                    max=high,
                    step=(high - low) / 200,
                    on_change=lambda event, i=i: self._slid(i, event.value),
                )
                slider.props("dense")
                self.sliders.append((slider, value))

    # The point

    def go(self, z):
        """Decodes a code, and moves ring and sliders to it."""
        self.z = np.asarray(z)
        self.decoded.props["src"] = scene.as_url(self.scene.decode(self.z[None])[0])
        coordinates = self.scene.axes.coordinates(self.z)
        self._set(self.pad, position=coordinates[:2].tolist())
        self.syncing = True
        for (slider, value), coordinate in zip(self.sliders, coordinates.tolist(), strict=True):
            slider.value, value.text = coordinate, f"{coordinate:.2f}"
        self.syncing = False

    def _dragged(self, event):
        self.go(self.scene.axes.moved(self.z, event.args["detail"]))

    def _slid(self, i, value):
        if not self.syncing:
            coordinates = self.scene.axes.coordinates(self.z)
            coordinates[i] = value
            self.go(self.scene.axes.moved(self.z, coordinates))

    def _drawn(self):
        self.go(self.scene.draw(random.randrange(2**31)))

    # The image

    def _sketched(self, event):
        grey = np.array(event.args["detail"], "uint8").reshape(*self.scene.model.shape[:2], 1)
        self.image = np.repeat(grey, self.scene.model.shape[-1], axis=-1)
        self._look()

    async def _uploaded(self, event):
        from nicegui import ui

        data = await event.file.read()
        self.upload.reset()
        try:
            self._take(image_files.from_bytes(data, event.file.name, self.scene.model.shape))
        except ValueError as error:
            ui.notify(str(error), type="negative", multi_line=True)

    def _rejected(self):
        from nicegui import ui

        ui.notify(
            f"Expected one PNG or JPEG file of at most {LARGEST // 1_000_000} MB.", type="negative"
        )

    def _tested(self):
        self._take(self.scene.examples[random.randrange(len(self.scene.examples))])

    def _inverted(self):
        if self.image is not None:
            self._take((255 if self.image.dtype == np.uint8 else 1) - self.image)

    def _take(self, image):
        self.image, self.noise = image, self.noise + 1
        self.sketch.run_method(
            "show", scene.as_url(image / 255 if image.dtype == np.uint8 else image)
        )
        self._look()

    def _clear(self):
        self.sketch.run_method("clear")
        self._clear_results()

    def _clear_results(self):
        self.image = None
        self.results.visible = self.numbers.visible = self.diamond.visible = False
        self._set(self.pad, mark=None)

    def _look(self):
        """Shows what the model makes of the user's image."""
        if self.image is None or self.syncing:
            return
        look = self.scene.look(self.image, self.noise if self.noisy.value else None)
        made = "denoised" if self.scene.denoises else "reconstruction"
        parts = (look.image, look.noisy, look.reconstruction)
        for (figure, picture, caption), image, name in zip(
            self.pictures, parts, ("as the model gets it", "noisy", made), strict=True
        ):
            figure.visible = image is not None
            caption.text = "clean" if name.startswith("as") and look.noisy is not None else name
            if image is not None:
                picture.props["src"] = scene.as_url(image)
        place = self.scene.axes.coordinates(look.code)[:2]
        self._say("error", "mean squared error", f"{look.error:.4f}")
        self._say("place", "its place (◆)", f"{place[0]:.2f}, {place[1]:.2f}")
        self.results.visible = self.numbers.visible = self.diamond.visible = True
        self._set(self.pad, mark=place.tolist())
        self.go(look.code)
        self.looks += 1
        name = f"log-likelihood ({scene.SAMPLES:,} samples)" if self.scene.has_likelihood else ""
        self._say("likelihood", name, "…" if name else "")
        self._say("usual", "", "")
        if name:
            asyncio.get_running_loop().create_task(
                self._measure(self.scene, self.image, self.looks)
            )

    async def _measure(self, shown, image, look):
        from nicegui import run

        def outdated():
            return self._left or look != self.looks

        await asyncio.sleep(PAUSE)
        if outdated():  # another image has come
            return
        found = await run.io_bound(shown.log_likelihood, image)
        if outdated():
            return
        self._say("likelihood", self.values["likelihood"][0].text, f"{found:.2f} nats")
        low, high = await run.io_bound(lambda: shown.usual_log_likelihood)
        if not outdated():
            self._say("usual", f"that of {scene.OTHERS} examples", f"{low:.0f} to {high:.0f} nats")

    def _say(self, part, name, value):
        label, number = self.values[part]
        label.text, number.text = name, value

    @staticmethod
    def _set(element, **properties):
        element.run_method(
            "set", properties
        )  # and not as props: those go over the wire whole at each change
