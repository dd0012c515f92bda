"""Measures the numbers on a card again."""

from keras_ae.presets import catalogue, loading


def verify(name, *, quick=False, **overrides):
    """Measures every metric on a preset's card again, by its protocol, and compares the values.

    Args:
        name: as in `load`.
        quick: True to measure the card's quick values instead: on few images, with few
            importance samples, in seconds.
        overrides: arguments of the protocol to change, for example n_images=500. The tolerance
            is then four standard errors.

    Returns:
        list of dicts {"name", "card", "measured", "tolerance", "protocol", "passed"}.

    Raises:
        ValueError: `quick`, and the card has no quick value; and as in `load`.
    """
    from keras_ae import evaluation

    model, results = loading.load(name), []
    for metric in catalogue.info(name).metrics:
        if quick and "quick" not in metric:
            raise ValueError(
                f"Expected a quick value of {metric['name']} on the card of {name}. "
                "Received: none; save the preset again"
            )
        expected = metric["quick"] if quick else metric
        measured = evaluation.measure(model, {**metric, **expected}, **overrides)
        same = {**measured["protocol"], "seed": 0} == {**expected["protocol"], "seed": 0}
        if same:
            tolerance = evaluation.tolerance(model, metric["name"])
        else:
            tolerance = 4 * measured["standard_error"]
        results.append(
            {
                "name": metric["name"],
                "card": expected["value"],
                "measured": measured["value"],
                "tolerance": tolerance,
                "protocol": measured["protocol"],
                "passed": abs(measured["value"] - expected["value"]) <= tolerance,
            }
        )
    return results
