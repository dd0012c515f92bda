"""A mixture of Gaussians that is fitted to incomplete rows."""

import numpy as np

VALUES = 5_000_000  # so many numbers are worked on at once, to limit the memory


class IncompleteMixture:
    """p(x) = sum_k w_k N(x; m_k, S_k), for rows with missing values: NaN.

    Everything is exact: the density of what is there, and the distribution of the rest given it.

    Args:
        weights: array (k,).
        loc: array (k, features).
        covariance: array (k, features, features).

    Source: Ghahramani & Jordan, "Supervised learning from incomplete data via an EM approach",
    NeurIPS 1993.
    """

    def __init__(self, weights, loc, covariance):
        self.weights, self.loc, self.covariance = weights, loc, covariance

    @classmethod
    def fit(cls, x, components, seed=0, *, steps=30, ridge=1.0, prior=20.0):
        """Fits the mixture by expectation and maximisation.

        Args:
            x: float64 array (n, features), standardised, NaN where a value is missing.
            components: int, the number of Gaussians.
            seed: int, for the start.
            steps: int, at most so many steps.
            ridge: float, the weight of the unit matrix in each covariance, in rows.
            prior: float, the weight of the covariance of all rows in each covariance, in rows.

        Returns:
            IncompleteMixture.
        """
        draws = np.random.default_rng(seed)
        features = x.shape[1]
        loc = 0.5 * draws.normal(size=(components, features)) if components > 1 else 0
        loc = loc + np.zeros((components, features))
        covariance = np.tile(np.eye(features), (components, 1, 1))
        mixture = cls(np.full(components, 1 / components), loc, covariance)
        before = -np.inf
        for _ in range(steps):
            mixture, log_likelihood = mixture._improved(x, ridge, prior)
            if log_likelihood < before + 1e-3:
                break
            before = log_likelihood
        return mixture

    def log_likelihood(self, x):
        """log p of what is there: array (n, features) -> (n,), nats."""
        parts = (self._explained(rows)[0] for rows in self._slices(x))
        return np.concatenate([_log_sum(log_joint) for log_joint in parts])

    def mean(self, x):
        """x, with the exact conditional mean where a value is missing: (n, features) -> same."""
        return np.concatenate([self._mean(rows) for rows in self._slices(x)])

    def draws(self, x, k, seed=0):
        """k exact draws of what is missing, given the rest: (n, features) -> (k, n, features)."""
        random = np.random.default_rng(seed)
        return np.concatenate([self._draws(rows, k, random) for rows in self._slices(x)], axis=1)

    def _slices(self, x):
        rows = max(1, VALUES // self.covariance.size)
        return [x[i : i + rows] for i in range(0, len(x), rows)]

    def _mean(self, x):
        log_joint, filled, _ = self._explained(x)
        return np.einsum("kn,knd->nd", _shares(log_joint), filled)

    def _draws(self, x, k, random):
        log_joint, filled, inverses = self._explained(x)
        ends = np.cumsum(_shares(log_joint), axis=0)[:, None]  # (components, 1, n)
        chosen = np.minimum((random.random((k, len(x))) > ends).sum(axis=0), len(self.weights) - 1)
        roots = np.linalg.cholesky(self.covariance)
        drawn = np.empty((k, *x.shape))
        for c, root in enumerate(roots):
            draw, row = np.nonzero(chosen == c)
            # Matheron's rule: a draw of all columns, corrected by what the observed ones explain.
            free = random.normal(size=(len(row), x.shape[1])) @ root.T
            explained = np.einsum("nab,nb->na", inverses[c, row], free) @ self.covariance[c]
            drawn[draw, row] = filled[c, row] + free - explained
        return np.where(np.isnan(x), drawn, x)

    def _explained(self, x):
        """What each component says of the rows.

        Returns:
            log w_k + log p_k of what is there: (components, n).
            x with the conditional mean of each component where it is missing: (components, n, d).
            the inverse covariance of what is there, 0 elsewhere: (components, n, d, d).
        """
        there = (~np.isnan(x)).astype("float64")
        both, unit = there[:, :, None] * there[:, None, :], np.eye(x.shape[1])
        log_joint, filled, inverses = [], [], []
        for weight, loc, covariance in zip(self.weights, self.loc, self.covariance, strict=True):
            seen = covariance * both + unit * (1 - there)[:, :, None]
            inverse = np.linalg.inv(seen) * both
            residual = np.where(there > 0, x - loc, 0.0)
            scaled = np.einsum("nab,nb->na", inverse, residual)
            _, log_det = np.linalg.slogdet(seen)
            squares = np.sum(residual * scaled, axis=1)
            count = there.sum(axis=1)
            log_joint.append(np.log(weight) - 0.5 * (squares + log_det + count * np.log(2 * np.pi)))
            filled.append(np.where(there > 0, x, loc + scaled @ covariance))
            inverses.append(inverse)
        return np.stack(log_joint), np.stack(filled), np.stack(inverses)

    def _improved(self, x, ridge, prior):
        """The mixture after one step of EM, and the mean log-likelihood before it."""
        components, features = self.loc.shape
        count, total = np.zeros(components), np.zeros((components, features))
        squares, left = np.zeros((2, components, features, features))
        log_likelihood = 0.0
        for rows in self._slices(x):
            log_joint, filled, inverses = self._explained(rows)
            shares = _shares(log_joint)  # (components, n)
            log_likelihood += _log_sum(log_joint).sum() / len(x)
            count += shares.sum(axis=1)
            total += np.einsum("kn,knd->kd", shares, filled)
            squares += np.einsum("kn,kna,knb->kab", shares, filled, filled, optimize=True)
            left += np.einsum("kn,knab->kab", shares, inverses)
        loc = total / (count + 2)[:, None]  # two rows at the mean of all rows, which is 0
        cross = np.einsum("ka,kb->kab", total, loc)
        scatter = squares - cross - cross.transpose(0, 2, 1)
        scatter += count[:, None, None] * np.einsum("ka,kb->kab", loc, loc)
        # What is missing varies around its conditional mean.
        scatter += count[:, None, None] * self.covariance
        scatter -= self.covariance @ left @ self.covariance
        pooled, unit = scatter.sum(axis=0) / len(x), np.eye(features)
        prior = prior if components > 1 else 0.0
        covariance = (scatter + prior * pooled + ridge * unit) / (count + prior)[:, None, None]
        weights = (count + 1) / (len(x) + components)
        return IncompleteMixture(weights, loc, covariance), log_likelihood


def _log_sum(log_joint):
    top = log_joint.max(axis=0)
    return top + np.log(np.exp(log_joint - top).sum(axis=0))


def _shares(log_joint):
    """p(k | what is there): (components, n) -> the same."""
    return np.exp(log_joint - _log_sum(log_joint))
