"""The commands that take a model elsewhere: keras-ae export | explore."""

import pathlib
import shutil

from keras_ae.cli import checks, console

ROLES = ("encoder", "decoder", "reconstruct")
FORMATS = ("savedmodel", "onnx")
ONNX = ("onnx", "tf2onnx")
PORTS = 65_535


def add_commands(command):
    """Adds the commands to the parser. command(name, run, text, example) -> the parser of one."""
    _add_export(command)
    text = (
        "Open a page to play with a model in the browser. With --static, write the page as a "
        "folder for any web host."
    )
    sub = command("explore", _explore, text, "vae2d_mnist")
    sub.add_argument(
        "name", nargs="?", default="vae2d_mnist", help=f"{console.NAME} (default: %(default)s)"
    )
    sub.add_argument(
        "--port", type=int, help="the port on this machine (default: 8765, or a free one)"
    )
    sub.add_argument(
        "--no-browser", action="store_true", help="open no browser, only tell the address"
    )
    sub.add_argument(
        "--static",
        type=pathlib.Path,
        metavar="FOLDER",
        help="write the page to this folder, which needs no server",
    )


def _add_export(command):
    text = "Write the encoder or the decoder of a model as a file that works without keras_ae."
    sub = command("export", _export, text, "vae_mnist --role decoder --out decoder.onnx")
    sub.add_argument("name", help=console.NAME)
    sub.add_argument(
        "--role",
        default="decoder",
        help="encoder, decoder, or reconstruct for both (default: %(default)s)",
    )
    sub.add_argument(
        "--format",
        help="onnx or savedmodel (default: onnx if --out ends in .onnx, else savedmodel)",
    )
    sub.add_argument(
        "--out",
        type=pathlib.Path,
        required=True,
        help="the ONNX file, or the folder of the SavedModel",
    )


def _export(options):
    card = checks.card(options.name)
    checks.one_of(options.role, "--role", ROLES)
    checks.one_of(options.format, "--format", FORMATS)
    default = "onnx" if options.out.suffix == ".onnx" else "savedmodel"
    if (options.format or default) == "onnx":
        checks.packages(ONNX, "write ONNX", "onnx")
        if options.out.is_dir():
            raise ValueError(
                f"Expected --out to be a file. Received: {str(options.out)!r}, a folder"
            )
    elif options.out.is_file():
        raise ValueError(f"Expected --out to be a folder. Received: {str(options.out)!r}, a file")
    keras_ae, model = console.load(options.name)
    path = keras_ae.export(model, options.out, options.role, options.format)
    kind = "ONNX" if (options.format or default) == "onnx" else "SavedModel"
    part = "encoder and decoder" if options.role == "reconstruct" else options.role
    print(f"saved {path}: the {part} of {card.name}, {kind}")


def _explore(options):
    checks.card(options.name)
    checks.in_range(options.port, "--port", 1)
    if options.port is not None and options.port > PORTS:
        raise ValueError(f"Expected --port to be at most {PORTS}. Received: --port {options.port}")
    if options.static:
        checks.packages(ONNX, "write ONNX", "onnx")
        if shutil.which("npm") is None:
            raise FileNotFoundError(
                "Expected the command npm, which comes with Node.js (https://nodejs.org). "
                "Received: none on the PATH"
            )
        console.quiet_import(f"loading {options.name}")
        from keras_ae.explorer import static

        path = static.write(options.name, options.static)
        print(f"saved {path}; to look at it: python -m http.server -d {options.static}")
        return
    checks.packages(["nicegui"], "draw the page", "explore")
    console.quiet_import(f"loading {options.name}")
    from keras_ae.explorer import page

    page.serve(options.name, options.port, show=not options.no_browser)
