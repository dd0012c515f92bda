"""The axes along which the explorer moves a code."""

import dataclasses

import numpy as np

MOST = 8  # axes, and so sliders
INSIDE = [0.002, 0.998]  # quantiles of the codes between which an axis runs


@dataclasses.dataclass(frozen=True)
class Axes:
    """Orthonormal directions in the latent space. A code moves along them; the rest of it stays.

    z = origin + coordinates @ directions + rest

    Attributes:
        names: list of k str.
        origin: array (latent_dim,).
        directions: array (k, latent_dim).
        low, high: arrays (k,), the ends of what is shown.
    """

    names: list
    origin: np.ndarray
    directions: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, codes, held=0):
        """The axes of some codes.

        Two dimensions are the axes themselves. More dimensions give the principal axes, those
        with the largest variance first.

        Args:
            codes: array (n, latent_dim).
            held: int, how many dimensions at the start of a code no axis moves.

        Returns:
            Axes.
        """
        free = np.asarray(codes, "float64")[:, held:]  # (n, latent_dim - held)
        if free.shape[1] == 2:
            names, origin, directions = ["z₁", "z₂"], np.zeros(2), np.eye(2)
        else:
            names, origin, directions = _principal(free)
        low, high = np.quantile((free - origin) @ directions.T, INSIDE, axis=0)
        margin = 0.05 * (high - low) + 1e-3  # an axis along which nothing varies still has two ends
        origin = np.pad(origin, (held, 0))  # (latent_dim,)
        directions = np.pad(directions, ((0, 0), (held, 0)))  # (k, latent_dim)
        return cls(names, origin, directions, low - margin, high + margin)

    def coordinates(self, z):
        """Where codes lie on the axes: (n, latent_dim) -> (n, k)."""
        return (np.asarray(z, "float64") - self.origin) @ self.directions.T

    def moved(self, z, coordinates):
        """A code whose first coordinates are replaced; the rest of it stays.

        Args:
            z: array (latent_dim,).
            coordinates: array (at most k,).

        Returns:
            array (latent_dim,).
        """
        z = np.asarray(z, "float64")
        first = self.directions[: len(coordinates)]
        change = np.asarray(coordinates, "float64") - (z - self.origin) @ first.T
        return z + change @ first


def _principal(codes):
    """Names, origin and directions of the principal axes of codes (n, dims)."""
    origin = codes.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(codes, rowvar=False))  # the smallest first
    directions = vectors.T[::-1][:MOST]
    largest = np.abs(directions).argmax(axis=1)[:, None]
    directions = directions * np.sign(np.take_along_axis(directions, largest, axis=1))
    shares = 100 * variances[::-1] / max(variances.sum(), 1e-12)
    names = [f"axis {i + 1} ({shares[i]:.0f} %)" for i in range(len(directions))]
    return names, origin, directions
