"""Fetches npm packages: one version each, whose hash is known here."""

import base64
import hashlib
import pathlib
import shutil
import subprocess


def check(package):
    """Raises FileNotFoundError if there is no npm on this machine."""
    if shutil.which("npm") is None:
        raise FileNotFoundError(
            "Expected the command npm, which comes with Node.js (https://nodejs.org), "
            f"to fetch {package}. Received: none on the PATH"
        )


def fetch(package, integrity, folder):
    """Fetches the archive of a package into an empty folder.

    Args:
        package: str, with its version: "name@1.2.3".
        integrity: str, the hash of the archive as npm tells it: "sha512-...".
        folder: pathlib.Path.

    Returns:
        pathlib.Path, the archive, a .tgz file.

    Raises:
        ValueError: the archive has another hash.
        OSError: npm is missing or fails.
    """
    check(package)
    result = subprocess.run(
        ["npm", "pack", "--silent", package, "--pack-destination", folder],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    packages = list(pathlib.Path(folder).glob("*.tgz"))
    if result.returncode or len(packages) != 1:
        reason = " ".join((result.stderr or result.stdout).split())[-300:]
        raise OSError(
            f"Expected npm to fetch {package}; it needs a network once, or its cache. "
            f"Received: {reason or 'no file'}"
        )
    digest = hashlib.sha512(packages[0].read_bytes()).digest()
    received = "sha512-" + base64.b64encode(digest).decode()
    if received != integrity:
        raise ValueError(f"Expected {package} with the integrity {integrity}. Received: {received}")
    return packages[0]
