"""All numbers about a model on arrays of one's own, and tables of them: what `evaluation` measures for a card, this does for a reader."""

import contextlib
import math

import numpy as np
import tensorflow as tf

from keras_ae import corruption, distributions
from keras_ae.evaluation import formulas, representation
from keras_ae.utils import fits, inputs, seeds

BATCH = 1000
ACTIVE = 0.01  # the variance of a posterior mean above which a unit counts as active; Burda et al., 2016, section 5


def evaluate(model, x, y=None, *, train=None, n_samples=100, seed=0, verbose=0):
    """Measures a model on arrays. The same arguments give the same numbers.

    | name | of | what |
    |---|---|---|
    | mse | all | mean squared error of a value |
    | psnr, ssim | images | dB, -10 log10(mse); structural similarity, Gaussian window of 11 pixels or the image's size, mean over images |
    | denoising_mse, denoising_psnr | DAE | the same, of reconstruct(corrupt(x)) against x; not for corruptions that take no seed |
    | elbo, log_likelihood | VAE | nats an example; the ELBO with 10 draws, the importance-weighted bound with `n_samples` |
    | ..._standard_error | VAE | that of the mean over the examples |
    | negative_elbo_bpd, nll_bpd | VAE | bits a value of x, lower is better |
    | kl | VAE | nats an example |
    | kl_per_dimension | VAE | nats, a list; left out where the prior's marginals are not known |
    | active_units | all | how many of `activity` exceed 0.01 |
    | linear_probe, knn | y given | %, of codes; fitted on `train`, or on a random half of x and measured on the other |
    | kmeans_accuracy, kmeans_nmi, kmeans_ari | y given | %, as many clusters as classes, of the codes of all of x |
    | cluster_accuracy, cluster_nmi, cluster_ari | IDEC, VaDE; y given | %, the model's own clusters, of all of x |

    Likelihoods are those of x as it is given: `datasets.binarize(x)` first to compare with published numbers on binarised images. Those
    of one kind of likelihood compare, probabilities (Bernoulli, discretised logistic) and densities (the others) do not.

    Args:
        model: a model of keras_ae.
        x: array (n, *shape); integers are pixels 0-255.
        y: array (n,), classes; None: no numbers that need them.
        train: pair (x, y), examples that `linear_probe` and `knn` are fitted on; None: half of x.
        n_samples: int, importance samples an example.
        seed: int, of all draws.
        verbose: 1 for a progress bar of the log-likelihood.

    Returns:
        dict of str to float, int, or list of float.

    Raises:
        ValueError: x, y or train do not fit the model or each other.
        ImportError: y is given, and scikit-learn is not installed.
    """
    target, y = _checked(model, x, y)
    scores = _errors(target, model.reconstruct(target), model.shape)
    if hasattr(model, "corrupt") and isinstance(
        model.corruption, corruption.Corruption
    ):  # others take no seed
        noisy = np.concatenate(
            [
                model.corrupt(target[i : i + BATCH], seed=seed + i)
                for i in range(0, len(target), BATCH)
            ]
        )
        denoised = _errors(target, model.reconstruct(noisy), model.shape)
        scores |= {
            f"denoising_{name}": denoised[name] for name in ("mse", "psnr") if name in denoised
        }
    if hasattr(model, "elbo"):
        scores |= _likelihoods(model, target, n_samples, seed, verbose)
    codes = np.asarray(model.encode(target))
    scores["active_units"] = int(np.sum(codes.var(axis=0) > ACTIVE))
    if y is not None:
        if train is not None:
            train_x, train_y = _checked(model, *train)
            train = np.asarray(model.encode(train_x)), train_y
        scores |= _representation(codes, y, train, seed)
        if getattr(model, "has_clusters", False):
            scores |= representation.clustering(np.asarray(model.clusters(target)), y, "cluster")
    return scores


def compare(models, x, y, *, train=None, n_samples=100, seed=0, verbose=0):
    """`evaluate` of several models, with principal components and k-means beside them.

    PCA has as many components as a model has latent dimensions, and k-means (3 starts) as many clusters as there are classes; x is
    reconstructed from the components, or as the centre of its cluster. Both are fitted on `train`, as the probes are. Without `train`,
    one random half of x is taken for it, and all numbers are of the other half.

    Args:
        models: list of models, or dict of name to model; all of one shape.
        x, y: arrays (n, *shape) and (n,), to measure on.
        train: pair (x, y), to fit the baselines and the probes on.
        n_samples, seed, verbose: as in `evaluate`.

    Returns:
        Table, a list of one dict a row: "model", and the numbers of `evaluate` but for lists.

    Raises:
        ValueError: as in `evaluate`; no model, or models of several shapes.
        ImportError: scikit-learn is not installed.
    """
    models = models if isinstance(models, dict) else _named(models)
    shapes = {model.shape for model in models.values()}
    if len(shapes) != 1:
        raise ValueError(
            f"Expected at least one model, all of one shape. Received: {len(models)}, of shapes {sorted(shapes)}"
        )
    first = next(iter(models.values()))
    x, y = _checked(first, x, y)
    if train is None:
        train, (x, y) = representation.halves(x, y, seed)
    train = _checked(first, *train)
    rows = []
    for name, model in models.items():
        scores = evaluate(model, x, y, train=train, n_samples=n_samples, seed=seed, verbose=verbose)
        rows.append(
            {
                "model": name,
                **{key: value for key, value in scores.items() if not isinstance(value, list)},
            }
        )
    flat_train, flat = (
        train[0].reshape(len(train[0]), -1),
        x.reshape(len(x), -1),
    )  # (n, *shape) -> (n, d)
    for components in sorted(
        {min(model.latent_dim, *flat_train.shape) for model in models.values()}
    ):
        pca = fits.pca(flat_train, components)
        codes = pca.transform(flat)
        scores = _errors(flat, pca.inverse_transform(codes), first.shape)
        scores |= _representation(codes, y, (pca.transform(flat_train), train[1]), seed)
        rows.append({"model": f"PCA, {components} components", **scores})
    clusters = fits.kmeans(flat_train, len(np.unique(y)), seed, starts=3)
    found = clusters.predict(flat)
    scores = _errors(
        flat, clusters.cluster_centers_[found], first.shape
    ) | representation.clustering(found, y)
    rows.append({"model": f"k-means, {clusters.n_clusters} clusters", **scores})
    return Table(rows)


class Table(list):
    """A list of dicts, one a row, that prints as a table; what a row does not have stays empty."""

    def __str__(self):
        rows = self._cells()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows if row
        ]
        return "\n".join("  ".join(line).rstrip() for line in lines)

    def to_markdown(self):
        """The table in Markdown: a str."""
        rows = self._cells()
        rows.insert(1, ["---", *["---:"] * (len(rows[0]) - 1)])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows) if self else ""

    def _repr_markdown_(self):
        return self.to_markdown()

    def _cells(self):
        columns = list(dict.fromkeys(key for row in self for key in row))
        return [columns] + [[_cell(row.get(column)) for column in columns] for row in self]


def activity(model, x):
    """How much each unit of the code tells of x: A_j = Var_x(E[z_j|x]), the variance of its code, or posterior mean. -> (latent_dim,).

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, section 5.
    """
    return np.asarray(model.encode(x)).var(axis=0)


def kl_per_dimension(model, x):
    """KL(q(z_j|x) || p(z_j)) of each dimension of the code, the mean over x: array (latent_dim,), nats.

    For a diagonal posterior and a prior of independent dimensions they add up to the KL of the ELBO; in general, with such a prior, to
    less. By Gauss-Hermite quadrature with 64 points, exact for a standard normal prior.

    Args:
        model: a VAE with a Gaussian posterior, and a standard normal or mixture prior.
        x: array (n, *shape).

    Raises:
        ValueError: model is no VAE; the prior's marginals are not known.
    """
    loc, scale = posteriors(model, x)  # (n, latent_dim) each
    points, weights = np.polynomial.hermite_e.hermegauss(64)  # of the weight exp(-t^2 / 2)
    weights = weights / math.sqrt(2 * math.pi)
    negative_entropy = -np.log(scale) - 0.5 * math.log(2 * math.pi * math.e)
    cross = sum(
        w * _log_prior_marginals(model, loc + scale * t)
        for t, w in zip(points, weights, strict=True)
    )
    return np.mean(negative_entropy - cross, axis=0)


def kl(model, x, seed=0):
    """KL(q(z|x) || p(z)): array (n,), nats; exact where TensorFlow Probability knows it, else from one draw of z, by that seed."""
    x, _ = _checked(model, x, None)

    def of(batch, seed):
        posterior = model.posterior(batch)
        return distributions.kl_divergence(
            posterior, model.prior, distributions.draw(posterior, seeds.from_int(seed))
        )

    return np.concatenate([of(x[i : i + BATCH], seed + i) for i in range(0, len(x), BATCH)])


def posteriors(model, x):
    """The means and standard deviations of q(z|x): two arrays (n, latent_dim), float64. Raises ValueError where there is no posterior."""
    if not hasattr(model, "posterior"):
        raise ValueError(
            f"Expected a model with a posterior q(z|x), a VAE. Received: {type(model).__name__}"
        )
    target, _ = _checked(model, x, None)

    def moments(batch):
        posterior = model.posterior(batch)
        try:
            return tf.stack(
                [posterior.mean(), posterior.stddev()], axis=1
            )  # (batch, 2, latent_dim)
        except NotImplementedError:
            received = type(model.posterior_layer).__name__
            raise ValueError(
                f"Expected a posterior whose mean and standard deviation are known, such as 'diagonal' or 'full'. Received: {received}"
            ) from None

    loc, scale = np.moveaxis(
        inputs.in_batches(moments, target, BATCH).numpy().astype("float64"), 1, 0
    )
    return loc, scale


def _log_prior_marginals(model, z):
    """log p(z_j) of each dimension: (n, latent_dim) -> (n, latent_dim)."""
    prior, tfd = model.prior, distributions.tfd
    if isinstance(prior, tfd.MultivariateNormalDiag):
        return _log_normal(z, prior.mean().numpy(), prior.stddev().numpy())
    if isinstance(prior, tfd.MixtureSameFamily) and isinstance(
        prior.components_distribution, tfd.MultivariateNormalDiag
    ):
        parts = prior.components_distribution
        shares = prior.mixture_distribution.probs_parameter().numpy()
        logs = [
            np.log(share) + _log_normal(z, loc, scale)
            for share, loc, scale in zip(
                shares, parts.mean().numpy(), parts.stddev().numpy(), strict=True
            )
        ]
        return np.logaddexp.reduce(logs, axis=0)
    raise ValueError(
        f"Expected a prior whose marginals are known, standard normal or mixture. Received: {type(prior).__name__}"
    )


def _log_normal(z, loc, scale):
    return -0.5 * ((z - loc) / scale) ** 2 - np.log(scale) - 0.5 * math.log(2 * math.pi)


def _errors(target, reconstruction, shape):
    """mse, and for images psnr and ssim: arrays (n, ...) of any one shape."""
    target, reconstruction = (
        np.asarray(array, "float32").reshape(-1, *shape) for array in (target, reconstruction)
    )
    mse = float(np.mean(formulas.squared_errors(reconstruction, target)))
    if len(shape) != 3:
        return {"mse": mse}
    size = min(11, *shape[:2])
    values = [
        tf.image.ssim(
            target[i : i + BATCH], reconstruction[i : i + BATCH], max_val=1.0, filter_size=size
        )
        for i in range(0, len(target), BATCH)
    ]
    return {
        "mse": mse,
        "psnr": formulas.psnr(mse),
        "ssim": float(np.mean(np.concatenate(values), dtype="float64")),
    }


def _likelihoods(model, x, n_samples, seed, verbose):
    elbos = np.concatenate(
        [model.elbo(x[i : i + BATCH], 10, seed=seed + i) for i in range(0, len(x), BATCH)]
    )
    bounds = np.asarray(model.log_likelihood(x, n_samples, seed=seed, verbose=verbose))
    scores, bits = {}, math.prod(model.shape) * math.log(2)
    for name, bpd, values in (
        ("elbo", "negative_elbo_bpd", elbos),
        ("log_likelihood", "nll_bpd", bounds),
    ):
        error = (
            float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
        )
        mean = float(np.mean(values, dtype="float64"))
        scores |= {name: mean, f"{name}_standard_error": error, bpd: -mean / bits}

    scores["kl"] = float(np.mean(kl(model, x, seed), dtype="float64"))
    with contextlib.suppress(ValueError):  # where the prior's marginals are not known
        scores["kl_per_dimension"] = kl_per_dimension(model, x).tolist()
    return scores


def _representation(codes, y, train, seed):
    """The numbers that need classes; without `train`, (codes, y), the probes are fitted on half of the codes."""
    fitted, measured = (
        (train, (codes, y)) if train is not None else representation.halves(codes, y, seed)
    )
    clusters = fits.kmeans(codes, len(np.unique(y)), seed)
    return {
        "linear_probe": representation.linear_probe(fitted, measured),
        "knn": representation.nearest_neighbours(fitted, measured),
        **representation.clustering(clusters.labels_, y),
    }


def _checked(model, x, y):
    """x as floats, (n, *shape), and y as an array, (n,)."""
    inputs.check(x, model.shape, (-math.inf, math.inf))
    x = inputs.to_float(x, model.shape).numpy()
    if y is None:
        return x, None
    y = np.asarray(y)
    if y.shape != (len(x),) or len(np.unique(y)) < 2:
        raise ValueError(
            f"Expected `y` to hold one class for each of {len(x)} examples, two classes at least. Received: {y.shape}"
        )
    return x, y


def _named(models):
    """{name: model}, named by their classes and code sizes, and by a number where these are equal."""
    named = {}
    for model in models:
        name = f"{type(model).__name__}, {model.latent_dim} latent"
        count = 1 + sum(key.split(" #")[0] == name for key in named)
        named[name if count == 1 else f"{name} #{count}"] = model
    return named


def _cell(value):
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
    return "" if value is None else str(value)
