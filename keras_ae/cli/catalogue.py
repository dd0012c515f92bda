"""The commands about the zoo: keras-ae list | info | verify | card."""

import json

from keras_ae.cli import checks, console

HEADINGS = ("name", "class", "data", "parameters", "weights", "main metric")


def add_commands(command):
    """Adds the commands to the parser. command(name, run, text, example) -> the parser of one."""
    sub = command("list", _list, "List the built-in models.", '--family VAE "*mnist"')
    sub.add_argument("filter", nargs="?", default="", help='a pattern, such as "vae*"')
    sub.add_argument("--family", help="a class, such as VAE")
    sub.add_argument("--dataset", help="a data set, such as mnist")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--markdown", action="store_true", help="print a Markdown table")
    sub = command("info", _info, "Show the card of a model.", "vae_mnist")
    sub.add_argument("name", help=console.NAME)
    sub.add_argument("--json", action="store_true", help="print JSON")
    text = "Measure the numbers on the cards again, and compare."
    sub = command("verify", _verify, text, "vae_mnist --images 500")
    sub.add_argument("names", nargs="*", help="built-in models or folders")
    sub.add_argument(
        "--images", type=int, help="take only the first test images (default: as on the card)"
    )
    sub.add_argument("--samples", type=int, help="importance samples (default: as on the card)")
    sub.add_argument("--all", action="store_true", help="all built-in models")
    sub.add_argument(
        "--quick",
        action="store_true",
        help="compare the card's quick values: 500 images, 50 importance samples, in seconds",
    )
    text = (
        "Write model cards again from their metadata. "
        "Without names: the cards of all built-in models, and the gallery."
    )
    sub = command("card", _card, text, "vae_mnist")
    sub.add_argument("names", nargs="*", help="built-in models or folders")


def _list(options):
    from keras_ae import presets

    names = presets.list_models(options.filter, options.family, options.dataset)
    found = [presets.info(name) for name in names]
    if options.json:
        print(json.dumps({card.name: card.metadata for card in found}))
        return
    rows = [HEADINGS, *map(_row, found)]
    if options.markdown:
        rows = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
        print("\n".join(f"| {' | '.join(row)} |" for row in rows))
        return
    print("\n".join(console.table(rows)))
    if found:
        console.tell(f"{console.count(len(found), 'model')}; more about one: keras-ae info NAME")
    else:
        console.tell("no built-in model is like that; all of them: keras-ae list")


def _row(card):
    from keras_ae.presets import cards

    metric = card.metrics[0] if card.metrics else None
    return (
        card.name,
        card.family,
        card.dataset or "",
        f"{card.parameters:,}",
        f"{card.size / 1e6:.1f} MB",
        f"{metric['name']} {cards.measured(metric)}" if metric else "",
    )


def _info(options):
    card = checks.card(options.name)
    print(json.dumps(card.metadata) if options.json else card)


def _verify(options):
    if bool(options.names) == options.all:
        received = f"--all beside {' '.join(options.names)}" if options.all else "neither"
        raise ValueError(
            f"Expected the names of models, or --all for the built-in ones. Received: {received}"
        )
    checks.in_range(options.images, "--images", 1)
    checks.in_range(options.samples, "--samples", 1)
    for name in options.names:
        checks.card(name)
    keras_ae = console.quiet_import("loading")
    overrides = {"n_images": options.images, "n_samples": options.samples}
    overrides = {key: value for key, value in overrides.items() if value is not None}
    passed = []
    for name in keras_ae.list_models() if options.all else options.names:
        for result in keras_ae.verify(name, quick=options.quick, **overrides):
            passed.append(result["passed"])
            print(
                f"{name} {result['name']}: card {result['card']:.6g}, "
                f"measured {result['measured']:.6g}, tolerance {result['tolerance']:.3g}: "
                f"{'pass' if result['passed'] else 'FAIL'}",
                flush=True,
            )
    print(f"{sum(passed)} of {console.count(len(passed), 'number')} agree with the card")
    return 0 if all(passed) else 1


def _card(options):
    from keras_ae import presets
    from keras_ae.presets import curves

    found = [checks.card(name) for name in options.names or presets.list_models()]
    if any(map(curves.are_missing, found)):
        console.quiet_import("drawing training curves")
    presets.write_cards(*options.names)
    count = len(found)
    gallery = "" if options.names else ", and the gallery"
    print(f"wrote README.md for {console.count(count, 'model')}{gallery}")
