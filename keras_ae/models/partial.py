"""A long computation over batches, kept in a file, so that it can go on after an interruption."""

import hashlib
import pathlib

import numpy as np

from keras_ae.utils import files


class Partial:
    """The results of the first batches, in a file.

    Args:
        path: str or path of the file. It need not exist.
        inputs: arrays and numbers that the results depend on, or lists of them.

    Raises:
        ValueError: the file holds results of other inputs, or is no such file.
    """

    def __init__(self, path, *inputs):
        self.path, self.fingerprint = pathlib.Path(path), _fingerprint(inputs)

    def results(self):
        """The results so far: list of float32 arrays, one per batch."""
        if not self.path.exists():
            return []
        try:
            with np.load(self.path, allow_pickle=False) as kept:
                contents = dict(kept)
            fingerprint = str(contents.pop("fingerprint"))
        except (OSError, ValueError, KeyError, EOFError) as error:
            received = f"{self.path}, which cannot be read: {error}"
            raise ValueError(
                f"Expected `backup` to be a file of results. Received: {received}"
            ) from None
        if fingerprint != self.fingerprint:
            raise ValueError(
                "Expected `backup` to hold results of the same model, examples and arguments. "
                f"Received: {self.path}, which holds others. Delete it to begin anew"
            )
        return [contents[str(number)] for number in range(len(contents))]

    def write(self, results):
        """Keeps the results in the file, all or nothing."""
        arrays = {str(number): np.asarray(result) for number, result in enumerate(results)}
        with files.replacing(self.path, "the results") as path, open(path, "wb") as file:
            np.savez(file, fingerprint=self.fingerprint, **arrays)

    def delete(self):
        self.path.unlink(missing_ok=True)


def _fingerprint(inputs):
    digest = hashlib.sha256()
    for item in inputs:
        for array in item if isinstance(item, list) else [item]:
            array = np.ascontiguousarray(array)
            digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()
