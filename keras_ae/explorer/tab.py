"""What one browser tab shows. Every tab has its own; only the models are shared."""

import asyncio
import random

import numpy as np
from nicegui import run, ui

from keras_ae.explorer import parts, pictures, safety, scene
from keras_ae.plots import drawing
from keras_ae.utils import image_files

PAUSE = 0.3  # seconds without a new stroke before a log-likelihood is computed
INVITATIONS = {  # whether the model reads pen strokes
    False: "Draw, upload, or take a test image.",
    True: "Draw a character, stroke by stroke, or take a test image.",
}
VIEWS = {"manifold": "decoded images", "codes": "codes", "clusters": "codes by cluster"}


class Tab:
    """A scene, the code that is decoded, and the user's image.

    Args:
        scenes: function, name -> Scene.
        entries: list of catalogue.Entry, the models to choose from.
    """

    def __init__(self, scenes, entries):
        self.scenes, self.scene, self.z, self.choice = scenes, None, None, None
        self.image, self.own, self.noise = None, False, 0  # own: drawn or uploaded
        self.looks, self.loads = 0, False
        ui.colors(primary=drawing.BLUE)
        with ui.element("div").classes("explorer") as self.main:
            self._head(entries)
            with ui.element("div").classes("cards") as self.cards:
                with parts.card(1, "Latent space", "Every point is an image. Drag the ring.")[0]:
                    self._latent_space()
                with parts.card(2, "Decoded image", "What the point decodes to.")[0]:
                    self._decoded()
                card, self.invitation = parts.card(3, "Your image", INVITATIONS[False])
                with card:
                    self._yours()

    # What is on the page

    def _head(self, entries):
        with ui.element("div").classes("head"):
            ui.html("keras_ae explorer", tag="h1", sanitize=False)
            self.menu = parts.ModelMenu(entries, self.switch)
            self.about = ui.label().classes("about").props("role=status")

    def _latent_space(self):
        self.pad = ui.element("latent-pad")
        self.pad.on("move", self._dragged, args=["detail"], throttle=0.03)
        with ui.element("div").classes("key"):
            ui.label("what you see decoded").classes("dot")
            self.diamond = ui.label("your image").classes("diamond")
        with parts.line():
            self.view = ui.toggle(VIEWS, on_change=self._viewed)
            self.view.props(f"no-caps dense {parts.SMALL}")
        self.plane = ui.label().classes("key")

    def _decoded(self):
        self.decoded = parts.Picture("decoded")
        with parts.line(centred=True):
            parts.button("Surprise me", "casino", self._surprise)
            parts.button("Middle", do=lambda: self._start())
        self.choices = parts.Choices(self._chose)
        self.sliders = parts.Sliders(self._slid)

    def _yours(self):
        self.sketch = ui.element("sketch-pad")
        self.sketch.on("sketch", self._sketched, args=["detail"], throttle=0.05)
        with parts.line(centred=True):
            self.upload = self._upload()
            self.pick = parts.button("Upload", "upload")
            picks = f"() => getElement({self.upload.id}).pickFiles()"
            self.pick.on("click", js_handler=picks)
            parts.button("Test image", "image", self._tested)
            parts.button("Clear", do=self._clear)
        with parts.line(centred=True) as self.options:
            self.noisy = ui.switch("add noise", on_change=lambda: self._look())
            parts.button("Invert", "invert_colors", self._inverted).props("flat", remove="outline")
        self.hint = ui.label().classes("hint")
        self.figures = parts.Figures("image", "noisy", "reconstruction")
        self.numbers = parts.Numbers("error", "place", "choice", "likelihood", "typical")
        self._hide_results()

    def _upload(self):
        upload = ui.upload(on_upload=self._uploaded, on_rejected=self._rejected, auto_upload=True)
        upload.props(f'accept=".png,.jpg,.jpeg" max-file-size={safety.LARGEST}')
        return upload.style("display: none")

    # The model

    async def switch(self, name):
        """Shows another model. On an error the one that is shown stays."""
        if self._left or self.loads or (self.scene is not None and name == self.scene.name):
            return
        self.loads = True
        self.wait(name)
        try:
            found, failure = await run.io_bound(self._loaded, name), None
        except (ValueError, OSError, ImportError) as error:
            found, failure = None, str(error)
        if self._left or (found is None and failure is None):  # the server ends
            return
        self.loads = False
        self.wait(None)
        if failure:
            ui.notify(failure, type="negative", multi_line=True)
            self._say_model()
        else:
            self._show(*found)

    def _loaded(self, name):
        found = self.scenes(name)
        return found, found.map, found.choices_as_dicts()

    def wait(self, name):
        """Shows that a model loads, or that it is there: name None. The cards take no clicks."""
        self.main.props(f"aria-busy={'false' if name is None else 'true'}")
        if name is None:
            self.cards.props(remove="inert")
        else:
            self.cards.props("inert")
            self.pad.props["data-wait"] = f"loading {name}"
            self.about.text = f"loading {name} …"
            self.menu.show(name)

    def _say_model(self):
        if self.scene is not None:
            self.menu.show(self.scene.name)
            self.about.text = self.scene.about

    def _show(self, found, plane, choices):
        kept = self.image if self._fits(found) else None
        self.scene, self.choice, self.image = found, None, None
        self._say_model()
        self.plane.text, self.invitation.text = found.plane, INVITATIONS[found.strokes]
        views = {key: VIEWS[key] for key in VIEWS if key == "manifold" or key in plane["groups"]}
        self.view.set_options(views, value=found.view)
        _set(self.pad, map=plane, view=found.view, mark=None)
        self.sliders.build(found.axes)
        self.choices.build(found.choices and found.choices[0], choices)
        self.options.visible = self.pick.visible = not found.strokes
        self.noisy.value = found.denoises
        size = [28, 28] if found.strokes else list(found.model.shape[:2])
        _set(self.sketch, size=size, fit=found.fit, strokes=found.strokes)
        self._start()
        if kept is None:
            self._take(found.examples[0])
        else:
            self.image = kept
            self._look()

    def _fits(self, found):
        """Whether another model can take the user's image, and it says something there."""
        if self.scene is None or self.scene.model.shape != found.model.shape:
            return False
        return self.own or self.scene.card.dataset == found.card.dataset

    @property
    def _left(self):
        """Whether the tab has been closed, which may happen at any wait."""
        return self.main.is_deleted

    # The point

    def go(self, z):
        """Decodes a code, and moves ring, sliders and mark to it."""
        self.z = np.asarray(z)
        self.decoded.show(pictures.as_url(self.scene.picture(self.z[None])[0]))
        coordinates = self.scene.axes.coordinates(self.z).tolist()
        _set(self.pad, position=coordinates[:2])
        self.sliders.show(coordinates)
        if self.scene.held:
            self._label(int(self.z[: self.scene.held].argmax()))

    def _start(self):
        self.choices.mark(None)
        self.go(self.scene.start)

    def _dragged(self, event):
        self.go(self.scene.axes.moved(self.z, event.args["detail"]))

    def _slid(self, i, value):
        coordinates = self.scene.axes.coordinates(self.z)
        coordinates[i] = value
        self.go(self.scene.axes.moved(self.z, coordinates))

    def _surprise(self):
        self.choices.mark(None)
        self.go(self.scene.draw(random.randrange(2**31)))

    def _chose(self, choice):
        """Decodes with another label, or draws from a cluster."""
        if self.scene.held:
            return self.go(self.scene.chosen(self.z, choice))
        self.choices.mark(choice)
        return self.go(self.scene.draw(random.randrange(2**31), choice))

    def _label(self, label):
        """Marks the label that is decoded, and shows its manifold."""
        self.choices.mark(label)
        if label != self.choice:
            self.choice = label
            _set(self.pad, manifold=self.scene.manifold_url(label))

    def _viewed(self, event):
        if event.value is not None:
            _set(self.pad, view=event.value)

    # The image

    def _sketched(self, event):
        try:
            self.image, self.own = self._drawing(event.args["detail"]), True
        except (TypeError, ValueError):
            return  # it was meant for the model before
        self._look()

    def _drawing(self, detail):
        """What the hand has drawn as an example of the model, from the pad's event."""
        shape = self.scene.model.shape
        if self.scene.strokes:
            x, steps = pictures.steps_of(detail["strokes"], shape[0])
            said = f"The drawing has {steps} steps; the model reads the first {shape[0]}."
            self.hint.text = said if steps > shape[0] else ""
            return x
        grey = np.array(detail, "uint8").reshape(*shape[:2], 1)
        return np.repeat(grey, shape[-1], axis=-1)

    async def _uploaded(self, event):
        shape, look, name = self.scene.model.shape, self.looks, event.file.name
        data = await event.file.read()
        self.upload.reset()
        try:
            safety.check_image(data, name)
            image = await run.io_bound(image_files.from_bytes, data, name, shape)
        except ValueError as error:
            ui.notify(str(error), type="negative", multi_line=True)
            return
        if not self._left and look == self.looks and shape == self.scene.model.shape:
            self._take(image, own=True)

    def _rejected(self):
        most = f"{safety.LARGEST // 1_000_000} MB"
        ui.notify(f"Expected one PNG or JPEG file of at most {most}.", type="negative")

    def _tested(self):
        self._take(self.scene.examples[random.randrange(len(self.scene.examples))])

    def _inverted(self):
        if self.image is not None:
            white = 255 if self.image.dtype == np.uint8 else 1
            self._take(white - self.image, self.own)

    def _take(self, image, own=False):
        self.image, self.own, self.noise = image, own, self.noise + 1
        self.hint.text = ""
        floats = image / 255 if image.dtype == np.uint8 else image
        self.sketch.run_method("show", pictures.as_url(self.scene.drawn(floats)))
        self._look()

    def _clear(self):
        self.sketch.run_method("clear")
        self._hide_results()

    def _hide_results(self):
        self.image, self.looks, self.hint.text = None, self.looks + 1, ""
        self._show_results(False)
        _set(self.pad, mark=None)

    def _show_results(self, shown):
        for element in (self.figures.element, self.numbers.element, self.diamond):
            element.visible = shown

    def _look(self):
        """Shows what the model makes of the user's image."""
        if self.image is None:
            return
        found = self.scene
        look = found.look(
            self.image, self.noise if self.noisy.value and not found.strokes else None
        )
        self.looks += 1
        self._show_figures(look)
        place = found.axes.coordinates(look.code)[:2]
        self.numbers.say("error", "mean squared error", f"{look.error:.4f}")
        self.numbers.say("place", "its place (◆)", f"{place[0]:.2f}, {place[1]:.2f}")
        kind = found.choices[0] if found.choices else "cluster"
        number, probability = look.choice or (None, 0)
        name = "" if number is None else f"most probable {kind}"
        self.numbers.say("choice", name, f"{number} ({100 * probability:.0f} %)")
        self._show_results(True)
        _set(self.pad, mark=place.tolist())
        if not found.held:
            self.choices.mark(number)
        self.go(look.code)
        self._begin_to_measure()

    def _show_figures(self, look):
        made = "denoised" if self.scene.denoises else "reconstruction"
        seen = "as the model gets it" if look.noisy is None else "clean"
        shown = {
            "image": (look.image, seen),
            "noisy": (look.noisy, "noisy"),
            "reconstruction": (look.reconstruction, made),
        }
        for part, (image, caption) in shown.items():
            url = None if image is None else pictures.as_url(self.scene.drawn(image))
            self.figures.show(part, url, caption)

    # The log-likelihood, which takes longer

    def _begin_to_measure(self):
        name = f"log-likelihood ({scene.SAMPLES:,} samples)" if self.scene.has_likelihood else ""
        self.numbers.say("likelihood", name, "…")
        self.numbers.say("typical", "", "")
        if name:
            measuring = self._measure(self.scene, self.image, self.looks)
            self._task = asyncio.get_running_loop().create_task(measuring)

    async def _measure(self, found, image, look):
        await asyncio.sleep(PAUSE)
        if self._outdated(look):
            return
        value = await run.io_bound(found.log_likelihood, image)
        if self._outdated(look) or value is None:  # None: the server ends
            return
        self.numbers.say("likelihood", self.numbers.name("likelihood"), f"{value:.2f} nats")
        ends = await run.io_bound(lambda: found.typical_log_likelihood)
        if not self._outdated(look) and ends is not None:
            low, high = ends
            name = f"typical ({len(found.others)} {found.source})"
            self.numbers.say("typical", name, f"{low:.0f} to {high:.0f} nats")

    def _outdated(self, look):
        """Whether another image has come since, or the tab was closed."""
        return self._left or look != self.looks


def _set(element, **properties):
    """Sets properties of one of our own elements in the browser.

    They are no props of NiceGUI: those are sent whole, with all others, at each change.
    """
    element.run_method("set", properties)
