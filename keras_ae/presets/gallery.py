"""The gallery: a page of all cards side by side, grouped by what the models do."""

import json

from keras_ae.presets import cards, describing

# Heading, sentence, and the main metrics of the models that belong there.
JOBS = (
    ("Reconstruct", "A code of an image, and the image back from it.", ("mse", "sse")),
    ("Denoise", "The clean image from a noisy one.", ("psnr",)),
    (
        "Draw",
        "New images, and how likely an image is.",
        ("nll", "negative_elbo", "bits_per_dimension"),
    ),
    ("Label", "The label of an image, and images with a label.", ("accuracy",)),
    ("Cluster", "Groups of alike images, found without labels.", ("cluster_accuracy",)),
    ("Sequences", "A short code of a pen drawing, and the drawing back.", ("step_mse",)),
)
OTHER = ("Other", "Models that were measured in another way, or not at all.", ())


def page(found):
    """The gallery as README.md of the folder that holds the folders of the presets.

    Args:
        found: list of ModelCards.
    """
    lines = [
        "# The zoo",
        "",
        'Pretrained models, by what they do. Load one by `keras_ae.load("name")`; its card has a',
        "program that runs, and explains its numbers. **Bold**: the best in its table of the",
        "models that were measured alike, on the same data. ± is the standard error of the mean.",
        "",
    ]
    for job in (*JOBS, OTHER):
        members = sorted((card for card in found if _job(card) is job), key=_place)
        if members:
            lines += _section(job, members)
    return "\n".join(lines)


def _job(card):
    name = card.metrics[0]["name"] if card.metrics else None
    return next((job for job in JOBS if name in job[2]), OTHER)


def _place(card):
    """Models of one data set stand together, the best first."""
    metric = card.metrics[0] if card.metrics else {"name": "", "value": 0}
    higher = cards.BETTER.get(metric["name"], "").startswith("higher")
    value = -metric["value"] if higher else metric["value"]
    return card.dataset or "", metric["name"] == "negative_elbo", metric["name"], value, card.name


def _section(job, members):
    heading, text, _ = job
    lines = [f"## {heading}", "", text, ""]
    names = dict.fromkeys(metric["name"] for card in members for metric in card.metrics)
    better = [f"{name}: {cards.BETTER[name]}" for name in names if name in cards.BETTER]
    lines += [f"{'; '.join(better)}.", ""] if better else []
    lines += ["| | model | code | measured |", "|---|---|---|---|"]
    best = _best(members)
    for card in members:
        picture = ""
        if card.picture:
            source = f"{card.name}/{card.picture.name}"
            picture = f'<img src="{source}" width="240" alt="{card.name}">'
        numbers = "<br>".join(_number(card, metric, best) for metric in card.metrics)
        about = (
            f"[**{card.name}**]({card.name}/README.md)<br>{card.family}, {card.dataset}"
            f"<br>{card.parameters:,} parameters"
        )
        lines += [f"| {picture} | {about} | {describing.code(card.metadata)} | {numbers} |"]
    return [*lines, ""]


def _number(card, metric, best):
    value = cards.measured(metric)
    value = f"**{value}**" if best.get(_protocol(metric)) == (card.name, metric["name"]) else value
    is_grey = "binarize_seed" in metric["protocol"] and metric["protocol"]["binarize_seed"] is None
    return f"{metric['name']} {value}{', grey pixels' if is_grey else ''}"


def _best(members):
    """The best card for each protocol that at least two cards share: {protocol: (card, metric)}."""
    values = {}
    for card in members:
        for metric in card.metrics:
            if metric["name"] in cards.BETTER:
                own = (metric["value"], card.name, metric["name"])
                values.setdefault(_protocol(metric), []).append(own)
    best = {}
    for protocol, rows in values.items():
        if len(rows) > 1:
            higher = cards.BETTER[rows[0][2]].startswith("higher")
            best[protocol] = (max if higher else min)(rows)[1:]
    return best


def _protocol(metric):
    """What must be equal for two values to be compared. Seeds and the number of draws need not."""
    free = ("seed", "n_samples")
    told = {key: value for key, value in metric["protocol"].items() if key not in free}
    return json.dumps([metric["name"], told], sort_keys=True)
