"""The commands that tell of the zoo: keras-ae list | info | verify | card."""

import json

from keras_ae.cli import console


def add_commands(command):
    """Adds the commands to the parser. command(name, run, text, example) -> the parser of one."""
    sub = command("list", _list, "List the built-in models.", '--family VAE "*mnist"')
    sub.add_argument("filter", nargs="?", default="", help='a pattern, as "vae*"')
    sub.add_argument("--family", help="a class, as VAE")
    sub.add_argument("--dataset", help="a data set, as mnist")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--markdown", action="store_true", help="print a Markdown table")
    sub = command("info", _info, "Show the card of a model.", "vae_mnist")
    sub.add_argument("name", help=console.NAME)
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command(
        "verify",
        _verify,
        "Measure the metrics on the cards again and compare.",
        "vae_mnist --images 500",
    )
    sub.add_argument("names", nargs="*", help="built-in models or folders")
    sub.add_argument(
        "--images", type=int, help="only the first so many test images (default: as on the card)"
    )
    sub.add_argument("--samples", type=int, help="importance samples (default: as on the card)")
    sub.add_argument("--all", action="store_true", help="all built-in models")
    sub.add_argument(
        "--quick",
        action="store_true",
        help="the card's quick values: 500 images, 50 importance samples, in seconds",
    )
    sub = command(
        "card",
        _card,
        "Write model cards again from their metadata; without names, those of all built-in models and the gallery.",
        "",
    )
    sub.add_argument("names", nargs="*", help="built-in models or folders")


def _list(options):
    from keras_ae import presets
    from keras_ae.presets import cards

    found = [
        presets.info(name)
        for name in presets.list_models(options.filter, options.family, options.dataset)
    ]
    if options.json:
        print(json.dumps({card.name: card.metadata for card in found}))
        return
    rows = [("name", "class", "data", "parameters", "weights", "main metric")]
    for card in found:
        metric = (
            f"{card.metrics[0]['name']} {cards.measured(card.metrics[0])}" if card.metrics else ""
        )
        rows.append(
            (
                card.name,
                card.family,
                card.dataset or "",
                f"{card.parameters:,}",
                f"{card.size / 1e6:.1f} MB",
                metric,
            )
        )
    if options.markdown:
        rows = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
        print("\n".join(f"| {' | '.join(row)} |" for row in rows))
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _info(options):
    from keras_ae import presets

    card = presets.info(options.name)
    print(json.dumps(card.metadata) if options.json else card)


def _verify(options):
    if bool(options.names) == options.all:
        received = f"--all beside {' '.join(options.names)}" if options.all else "neither"
        raise ValueError(
            f"Expected the names of models, or --all for all built-in ones. Received: {received}"
        )
    keras_ae = console.quiet_import()
    overrides = {"n_images": options.images, "n_samples": options.samples}
    overrides = {key: value for key, value in overrides.items() if value is not None}
    passed = True
    for name in keras_ae.list_models() if options.all else options.names:
        for result in keras_ae.verify(name, quick=options.quick, **overrides):
            passed &= result["passed"]
            print(
                f"{name} {result['name']}: card {result['card']:.6g}, measured {result['measured']:.6g}, "
                f"tolerance {result['tolerance']:.3g}: {'pass' if result['passed'] else 'FAIL'}",
                flush=True,
            )
    return 0 if passed else 1


def _card(options):
    from keras_ae import presets

    presets.write_cards(*options.names)
