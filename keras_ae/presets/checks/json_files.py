"""What the JSON files of a preset may hold."""

import itertools
import json
import math
import re

from keras_ae.presets.checks import configs, reading
from keras_ae.utils import validation

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
LARGEST = 2**63  # integers are smaller


def parse(content, path):
    """The object in a JSON file, if the JSON is plain.

    Plain JSON has no Infinity and no NaN, a limited depth, and no name twice in an object.

    Args:
        content: bytes.
        path: the file's name in messages.

    Returns:
        dict.

    Raises:
        ValueError: the content is not plain JSON, or not an object.
    """
    try:
        parsed = json.loads(
            content.decode(), object_pairs_hook=_unique, parse_constant=_no_constant
        )
        _check_values(parsed)
    except (ValueError, RecursionError) as error:
        raise reading.DamagedPresetError(
            path, f"no JSON of a preset: {reading.short(error)}"
        ) from error
    if not isinstance(parsed, dict):
        raise reading.DamagedPresetError(path, f"a JSON {type(parsed).__name__}, no object")
    return parsed


def check_metadata(metadata, path):
    """Raises ValueError unless metadata.json has the structure that `save` gives it.

    Optional entries may be missing. If they are there, they are checked, too.

    Args:
        metadata: dict.
        path: the file's name in messages.
    """
    for key, check in METADATA_ENTRIES.items():
        if not (check(metadata[key]) if key in metadata else key in OPTIONAL_ENTRIES):
            raise reading.DamagedPresetError(path, f"no valid entry {key!r}")


# Inside


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice in an object")
    return found


def _no_constant(name):
    raise ValueError(name)


def _check_values(value, depth=0):
    """Raises ValueError unless all values in parsed JSON are plain, at any depth."""
    if isinstance(value, str):
        if UNPRINTABLE.search(value):
            raise ValueError("control characters")
    elif isinstance(value, (int, float)):
        is_finite_float = isinstance(value, float) and math.isfinite(value)
        if not -LARGEST < value < LARGEST and not is_finite_float:
            raise ValueError(f"the number {str(value)[:40]}")
    elif isinstance(value, (dict, list)):
        if depth == configs.MAX_DEPTH:
            raise ValueError(f"more than {configs.MAX_DEPTH} levels")
        for item in itertools.chain(value, value.values()) if isinstance(value, dict) else value:
            _check_values(item, depth + 1)


def _is_count(value):
    return validation.is_integer(value) and value >= 0


def _is_at_least_zero(value):
    return validation.is_number(value) and value >= 0


def _is_number_or_none(value):
    return value is None or validation.is_number(value)


def _is_digest(value):
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_text(value):
    return isinstance(value, str)


def _is_list_of(check):
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_protocol(value):
    """Whether the value holds plain arguments of a measurement, with small counts.

    `verify` measures again with these arguments.
    """
    if not isinstance(value, dict):
        return False
    plain = all(item is None or isinstance(item, (str, int, float)) for item in value.values())
    counts = [item for key, item in value.items() if key.startswith("n_")]
    return plain and all(count <= 10**6 for count in counts if validation.is_number(count))


def _is_metric(value):
    return (
        isinstance(value, dict)
        and _is_text(value.get("name"))
        and validation.is_number(value.get("value"))
        and _is_text(value.get("unit"))
        and (value.get("standard_error") is None or _is_at_least_zero(value["standard_error"]))
        and _is_protocol(value.get("protocol"))
        and isinstance(value["protocol"].get("dataset"), (str, type(None)))
        and ("quick" not in value or _is_quick(value["quick"]))
    )


def _is_quick(value):
    is_measured = isinstance(value, dict) and validation.is_number(value.get("value"))
    return is_measured and _is_protocol(value.get("protocol"))


def _is_training(value):
    return value is None or (
        isinstance(value, dict)
        and _is_count(value.get("epochs"))
        and validation.is_number(value.get("wall_time_seconds"))
        and isinstance(value.get("hardware"), (str, type(None)))
        and isinstance(value.get("curve"), dict)
        and all(map(_is_list_of(_is_number_or_none), value["curve"].values()))
    )


METADATA_ENTRIES = {
    "family": _is_text,
    "parameters": _is_count,
    "sha256": lambda value: (
        isinstance(value, dict) and bool(value) and all(map(_is_digest, value.values()))
    ),
    "metrics": _is_list_of(_is_metric),
    "dataset": lambda value: isinstance(value, (str, type(None))),
    "training": _is_training,
    "versions": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "model": lambda value: isinstance(value, dict),
    "summary": _is_text,
    "input": _is_text,
    "date": _is_text,
    "formula": _is_list_of(_is_text),
    "verbs": _is_list_of(_is_text),
    "examples": _is_list_of(_is_text),
    "limits": _is_text,
}
OPTIONAL_ENTRIES = set(METADATA_ENTRIES) - {"family", "parameters", "sha256", "metrics"}
