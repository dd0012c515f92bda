"""Looks at the codes: do they hold what the decoder needs?"""

import math

import numpy as np

from keras_ae.evaluation import formulas
from keras_ae.evaluation.diagnosis import names
from keras_ae.evaluation.diagnosis.findings import Finding

# A code that tells two equally common kinds of examples apart holds log 2 nats.
LEAST_KL = math.log(2)
# If half of a code is not used, it could be half as long.
UNUSED_SHARE = 50.0
# With less of the variance explained, unused units are a loss, not a spare.
GOOD_RECONSTRUCTION = 0.5
# Standard normal codes lie 0.5 nats off if their mean square is 2 instead of 1.
OFF_PRIOR = 0.5
# Below this perplexity, nine of ten rows of the codebook could be left out.
CODEBOOK_SHARE = 10.0


def collapse(facts):
    """A posterior that is the prior."""
    if facts.kl >= LEAST_KL:
        return None
    return Finding(
        *(names.COLLAPSE, facts.kl, "nats per example", LEAST_KL),
        f"KL(q(z|x) || p(z)) is {facts.kl:.3g} nats per example, while the reconstruction explains "
        f"{100 * facts.explained:.0f}% of the variance of x.",
        "The codes hold nothing about x: q(z|x) is the prior. The decoder draws one average for "
        "all.",
        "A smaller beta or keras_ae.schedules.WarmUp for it; objective='free_bits'; a smaller or "
        "learned scale of a Gaussian likelihood, likelihood=keras_ae.distributions."
        "Gaussian('trainable'); scaled data.",
    )


def units(facts):
    """Units that x does not move. They are a loss, or a spare."""
    unused = int(facts.unused.sum())
    share, explained = 100 * unused / len(facts.unused), 100 * facts.explained
    if share <= UNUSED_SHARE:
        return None
    measured = (
        f"{unused} of {len(facts.unused)} units of the code are the same for all x. The "
        f"reconstruction explains {explained:.0f}% of the variance of x."
    )
    if facts.explained < GOOD_RECONSTRUCTION:
        return Finding(
            *(names.COLLAPSED, share, "% of the units", UNUSED_SHARE),
            measured,
            "The units died in training, and what they could have told is lost.",
            "A smaller learning rate; an activation that does not die, such as 'gelu', and none "
            "on the code; less of a penalty on the code; for a VAE a smaller beta.",
        )
    if hasattr(facts.model, "sparsity"):  # few units for each example, and many to choose from
        return None
    return Finding(
        *(names.TOO_LARGE, share, "% of the units", UNUSED_SHARE),
        measured,
        "A shorter code would do as well, and be quicker to use.",
        f"latent_dim={max(1, len(facts.unused) - unused)}, or a little more.",
    )


def prior(facts):
    """Codes that lie where the prior has hardly any density."""
    nats = facts.distance_to_prior
    if nats <= OFF_PRIOR:
        return None
    return Finding(
        *(names.CODES_OFF_THE_PRIOR, nats, "nats per dimension", OFF_PRIOR),
        f"log p(z) of codes of x is {nats:.3g} nats per dimension below that of draws of the "
        f"prior. KL is {facts.kl:.3g} nats per example.",
        "KL hardly counted in training. `sample` decodes codes that no example has, so samples "
        "do not look like x.",
        "A larger beta, such as 1; more epochs; or a prior that learns, prior='mixture' or "
        "'realnvp'. keras_ae.samplers.fit gives the trained model a density of its codes.",
    )


def codebook(facts):
    """Few rows of the codebook are in use."""
    rows = facts.model.quantizers[0].size
    symbols = np.asarray(facts.model.symbols(facts.x)).reshape(-1)
    used = float(formulas.perplexity(np.bincount(symbols, minlength=rows).astype("float64")))
    share = 100 * used / rows
    if share >= CODEBOOK_SHARE:
        return None
    return Finding(
        *(names.CODEBOOK, share, "% of the rows", CODEBOOK_SHARE),
        f"The perplexity of the symbols is {used:.3g}, of {rows} rows of the codebook.",
        "Nearly all symbols are the same few rows. The others are never drawn.",
        f"size={max(2, round(2 * used))}; more varied data; a smaller commitment; more epochs.",
    )
