"""The list of all checks, and when one is left out."""

import dataclasses
import typing

from keras_ae import distributions
from keras_ae.evaluation.diagnosis import names, of_codes, of_data, of_likelihood, of_training

# Nothing else can be measured then.
FATAL = {names.NOT_NUMBERS, names.OUTSIDE, names.NO_RECONSTRUCTION}
SYMBOLS_PER_ROW = 10  # fewer symbols than this cannot show which rows are in use
LEAST_EPOCHS = 3  # fewer losses do not show a trend


@dataclasses.dataclass(frozen=True)
class Check:
    """One look at a model.

    Attributes:
        names: tuple of str, of what it can find.
        look: function of Facts -> `Finding`, or None.
        why_not: function of (Facts, set of the names found so far) -> str, the reason to leave
            it out, or "".
    """

    names: tuple
    look: typing.Callable
    why_not: typing.Callable = lambda facts, found: ""


def _too_few_symbols(facts, found):
    model = facts.model
    if not hasattr(model, "quantizers"):
        return "the model has no codebook"
    count, rows = len(facts.x) * model.symbols_per_code, model.quantizers[0].size
    least = SYMBOLS_PER_ROW * rows
    return "" if count >= least else f"it needs {least} symbols; x has {count}"


def _no_new_examples(facts, found):
    long = len(facts.curves.get("val_loss", ())) >= LEAST_EPOCHS
    return "" if facts.validation is not None or long else "it needs validation examples"


def _too_short(facts, found):
    epochs = len(facts.curves.get("loss", ()))
    if not epochs:
        return "it needs the history of `fit`"
    return "" if epochs >= LEAST_EPOCHS else f"it needs {LEAST_EPOCHS} epochs; history has {epochs}"


def _only_vae(facts, found):
    return "" if facts.is_vae else "the model is no VAE"


def _unless_collapsed(facts, found):
    return f"because of: {names.COLLAPSE}" if names.COLLAPSE in found else ""


def _unless_explained(facts, found):
    why = [name for name in (names.COLLAPSE, names.COLLAPSED, names.TOO_WIDE) if name in found]
    return f"because of: {why[0]}" if why else ""


def _only_gaussian(facts, found):
    is_gaussian = isinstance(facts.likelihood, distributions.Gaussian)
    is_unit = facts.likelihood.support == (0.0, 1.0)
    return "" if is_gaussian or is_unit else "the likelihood has a scale of its own"


def _only_learned_scale(facts, found):
    return "" if facts.has_learned_scale else "the likelihood learns no scale"


def _only_bernoulli(facts, found):
    is_known = isinstance(facts.model.likelihood_layer, distributions.Bernoulli)
    return "" if is_known else "the likelihood is not Bernoulli"


CHECKS = (
    Check((names.NOT_NUMBERS,), of_training.weights),
    Check((names.OUTSIDE,), of_data.support),
    Check((names.UNSCALED,), of_data.scaling, _only_gaussian),
    Check((names.NO_RECONSTRUCTION,), of_training.reconstructions),
    Check((names.COLLAPSE,), of_codes.collapse, _only_vae),
    Check((names.COLLAPSED, names.TOO_LARGE), of_codes.units, _unless_collapsed),
    Check((names.CODES_OFF_THE_PRIOR,), of_codes.prior, _only_vae),
    Check((names.CODEBOOK,), of_codes.codebook, _too_few_symbols),
    Check((names.AT_FLOOR, names.TOO_WIDE), of_likelihood.scale, _only_learned_scale),
    Check((names.OVERCONFIDENT_PIXELS,), of_likelihood.overconfidence, _only_bernoulli),
    Check((names.UNDERFITTING,), of_training.underfitting, _unless_explained),
    Check((names.OVERFITTING,), of_training.overfitting, _no_new_examples),
    Check((names.TOO_FEW_EPOCHS,), of_training.epochs, _too_short),
)
