"""Measures models on arrays of your own, and sets them side by side in a table."""

import contextlib
import math

import numpy as np
import tensorflow as tf

from keras_ae import corruption, distributions
from keras_ae.evaluation import formulas, representation
from keras_ae.utils import fits, inputs, seeds

BATCH = 1000
# A unit is active if its posterior mean varies more than this; Burda et al., 2016, section 5.
ACTIVE = 0.01


def evaluate(model, x, y=None, *, train=None, n_samples=100, seed=0, verbose=0):
    """Measures a model on arrays. The same arguments give the same numbers.

    | name | for | what |
    |---|---|---|
    | mse | all | mean squared error per value |
    | psnr | images | dB, -10 log10(mse) |
    | ssim | images | structural similarity, Gaussian window of at most 11 pixels |
    | denoising_mse, denoising_psnr | DAE | the same of reconstruct(corrupt(x)) against x |
    | elbo | VAE | nats per example, 10 draws |
    | log_likelihood | VAE | nats per example, the importance-weighted bound, `n_samples` draws |
    | ..._standard_error | VAE | standard error of the mean over the examples |
    | negative_elbo_bpd, nll_bpd | VAE | bits per value of x, lower is better |
    | kl | VAE | nats per example |
    | kl_per_dimension | VAE | list, nats; only if the prior's marginals are known |
    | active_units | all | number of units whose `activity` is above 0.01 |
    | linear_probe, knn | y given | accuracy in % of simple classifiers of the codes |
    | kmeans_accuracy, _nmi, _ari | y given | %, k-means on the codes, one cluster per class |
    | cluster_accuracy, _nmi, _ari | IDEC, VaDE; y given | %, the model's own clusters |

    The classifiers are fitted on `train`. Without it, they are fitted on a random half of x and
    measured on the other half. The denoising numbers need a corruption that takes a seed.

    Likelihoods are measured on x as it is given. Use `datasets.binarize(x)` first to compare with
    published numbers on binarised images. Compare only likelihoods of the same kind: a probability
    (Bernoulli, discretised logistic) does not compare with a density (the others).

    Args:
        model: a model of keras_ae.
        x: array (n, *shape); integers are pixels 0-255.
        y: array (n,), classes; None: no numbers that need them.
        train: pair (x, y), examples to fit `linear_probe` and `knn` on; None: half of x.
        n_samples: int, importance samples per example.
        seed: int, for all random draws.
        verbose: 1 for a progress bar of the log-likelihood.

    Returns:
        dict of str to float, int, or list of float.

    Raises:
        ValueError: x, y or train do not fit the model or each other.
        ImportError: y is given, and scikit-learn is not installed.
    """
    target, y = _checked(model, x, y)
    scores = _errors(target, model.reconstruct(target), model.shape)
    if isinstance(getattr(model, "corruption", None), corruption.Corruption):  # takes a seed
        scores |= _denoising(model, target, seed)
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

    PCA has as many components as a model has latent dimensions. k-means (3 starts) has as many
    clusters as there are classes, and reconstructs an example as the centre of its cluster. Both
    are fitted on `train`, like the classifiers of codes. Without `train`, a random half of x takes
    its place, and all numbers are measured on the other half.

    Args:
        models: list of models, or dict of name to model; all of one shape.
        x, y: arrays (n, *shape) and (n,), to measure on.
        train: pair (x, y), to fit PCA, k-means and the classifiers on.
        n_samples, seed, verbose: as in `evaluate`.

    Returns:
        Table, a list of one dict per row: "model", and the numbers of `evaluate` except lists.

    Raises:
        ValueError: as in `evaluate`; no model, or models of several shapes.
        ImportError: scikit-learn is not installed.
    """
    models = models if isinstance(models, dict) else _named(models)
    shapes = {model.shape for model in models.values()}
    if len(shapes) != 1:
        raise ValueError(
            "Expected at least one model, all of one shape. "
            f"Received: {len(models)}, of shapes {sorted(shapes)}"
        )
    first = next(iter(models.values()))
    x, y = _checked(first, x, y)
    if train is None:
        train, (x, y) = representation.halves(x, y, seed)
    train = _checked(first, *train)
    rows = []
    for name, model in models.items():
        scores = evaluate(model, x, y, train=train, n_samples=n_samples, seed=seed, verbose=verbose)
        numbers = {key: value for key, value in scores.items() if not isinstance(value, list)}
        rows.append({"model": name, **numbers})
    sizes = {model.latent_dim for model in models.values()}
    return Table(rows + _baselines(x, y, train, sizes, first.shape, seed))


def _denoising(model, target, seed):
    """denoising_mse, for images also denoising_psnr."""
    starts = range(0, len(target), BATCH)
    noisy = [model.corrupt(target[i : i + BATCH], seed=seed + i) for i in starts]
    errors = _errors(target, model.reconstruct(np.concatenate(noisy)), model.shape)
    return {f"denoising_{name}": errors[name] for name in ("mse", "psnr") if name in errors}


def _baselines(x, y, train, sizes, shape, seed):
    """The rows of PCA, one per code size, and of k-means, of `compare`."""
    rows = []
    # (n, *shape) -> (n, d)
    flat_train, flat = train[0].reshape(len(train[0]), -1), x.reshape(len(x), -1)
    for components in sorted({min(size, *flat_train.shape) for size in sizes}):
        pca = fits.pca(flat_train, components)
        codes = pca.transform(flat)
        scores = _errors(flat, pca.inverse_transform(codes), shape)
        scores |= _representation(codes, y, (pca.transform(flat_train), train[1]), seed)
        rows.append({"model": f"PCA, {components} components", **scores})
    clusters = fits.kmeans(flat_train, len(np.unique(y)), seed, starts=3)
    found = clusters.predict(flat)
    scores = _errors(flat, clusters.cluster_centers_[found], shape)
    scores |= representation.clustering(found, y)
    return [*rows, {"model": f"k-means, {clusters.n_clusters} clusters", **scores}]


class Table(list):
    """A list of dicts, one per row, that prints as a table. Missing values stay empty."""

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
    """How much each unit of the code varies with x: A_j = Var_x(E[z_j|x]), array (latent_dim,).

    E[z_j|x] is the code, for a VAE the posterior mean.

    Source: Burda et al., "Importance weighted autoencoders", ICLR 2016, section 5.
    """
    return np.asarray(model.encode(x)).var(axis=0)


def kl_per_dimension(model, x):
    """KL(q(z_j|x) || p(z_j)) per dimension of the code, averaged over x: array (latent_dim,), nats.

    With a diagonal posterior and a prior of independent dimensions, they add up to the KL of the
    ELBO. With other posteriors and such a prior, they add up to less. Computed by Gauss-Hermite
    quadrature with 64 points, which is exact for a standard normal prior.

    Args:
        model: a VAE with a Gaussian posterior, and a standard normal or mixture prior.
        x: array (n, *shape).

    Raises:
        ValueError: the model is no VAE; the prior's marginals are not known.
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
    """KL(q(z|x) || p(z)): array (n,), nats.

    It is exact if TensorFlow Probability knows a formula, else estimated from one draw of z.
    """
    x, _ = _checked(model, x, None, missing=getattr(model, "missing", False))

    def of(batch, seed):
        posterior = model.posterior(batch)
        return distributions.kl_divergence(
            posterior, model.prior, distributions.draw(posterior, seeds.from_int(seed))
        )

    return np.concatenate([of(x[i : i + BATCH], seed + i) for i in range(0, len(x), BATCH)])


def posteriors(model, x):
    """The means and standard deviations of q(z|x): two float64 arrays (n, latent_dim).

    Raises:
        ValueError: the model has no posterior, or its mean and standard deviation are not known.
    """
    if not hasattr(model, "posterior"):
        raise ValueError(
            f"Expected a model with a posterior q(z|x), a VAE. Received: {type(model).__name__}"
        )
    target, _ = _checked(model, x, None, missing=getattr(model, "missing", False))

    def moments(batch):
        posterior = model.posterior(batch)
        try:
            # 2 x (batch, latent_dim) -> (batch, 2, latent_dim)
            return tf.stack([posterior.mean(), posterior.stddev()], axis=1)
        except NotImplementedError:
            received = type(model.posterior_layer).__name__
            raise ValueError(
                "Expected a posterior whose mean and standard deviation are known, such as "
                f"'diagonal' or 'full'. Received: {received}"
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
        "Expected a prior whose marginals are known, standard normal or mixture. "
        f"Received: {type(prior).__name__}"
    )


def _log_normal(z, loc, scale):
    return -0.5 * ((z - loc) / scale) ** 2 - np.log(scale) - 0.5 * math.log(2 * math.pi)


def _errors(target, reconstruction, shape):
    """mse, for images also psnr and ssim, of two arrays (n, ...) of one shape."""
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
    """The numbers that need classes. train: (codes, y) to fit the classifiers on; None: half."""
    fitted, measured = (
        (train, (codes, y)) if train is not None else representation.halves(codes, y, seed)
    )
    clusters = fits.kmeans(codes, len(np.unique(y)), seed)
    return {
        "linear_probe": representation.linear_probe(fitted, measured),
        "knn": representation.nearest_neighbours(fitted, measured),
        **representation.clustering(clusters.labels_, y),
    }


def _checked(model, x, y, missing=False):
    """x as floats, (n, *shape), and y as an array, (n,). missing: whether x may hold NaN."""
    x = np.asarray(inputs.as_array(x))
    known = np.where(np.isnan(x), 0, x) if missing else x
    inputs.check(known, model.shape, (-math.inf, math.inf))
    x = inputs.to_float(x, model.shape).numpy()
    if y is None:
        return x, None
    y = np.asarray(y)
    if y.shape != (len(x),) or len(np.unique(y)) < 2:
        raise ValueError(
            f"Expected `y` to hold one class for each of {len(x)} examples, two classes at least. "
            f"Received: {y.shape}"
        )
    return x, y


def _named(models):
    """{name: model}. A name is the class and the code size, with a number if two are equal."""
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
