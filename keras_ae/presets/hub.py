"""Presets on the Hugging Face Hub: hf://user/repo or hf://user/repo@revision.

Only the files of a preset are downloaded. They go to the cache of huggingface_hub, which resumes
interrupted downloads. Their content is checked as for any folder. The server is the environment
variable HF_ENDPOINT, else https://huggingface.co.
"""

import contextlib
import os
import pathlib
import re

from keras_ae.presets.cards import CARD, CONFIG, METADATA, PICTURES, WEIGHTS
from keras_ae.presets.checks import reading
from keras_ae.presets.checks.weights import MAX_SIZE

PREFIX = "hf://"
FILES = (CONFIG, WEIGHTS, METADATA, CARD, *PICTURES)
LIMITS = {WEIGHTS: MAX_SIZE}  # bytes; for all other files, reading.MAX_JSON
# The Hub sorts models by these lines at the top of a card.
FRONT_MATTER = "---\nlibrary_name: keras-ae\ntags:\n- keras\n- autoencoder\n---\n\n"


def is_uri(name):
    """True for a str that begins with hf://."""
    return isinstance(name, str) and name.startswith(PREFIX)


def parse(uri, revision=None):
    """Splits a uri into (repository, revision).

    Args:
        uri: "hf://user/repo" or "hf://user/repo@revision".
        revision: a branch, a tag or a commit, if the uri names none; None for the main branch.

    Returns:
        str, str or None.

    Raises:
        ValueError: the uri has another form, or names another revision than the argument.
    """
    name = r"[A-Za-z0-9][\w.-]*"
    found = re.fullmatch(rf"{PREFIX}({name}/{name})(?:@([\w][\w./-]*))?", uri, re.ASCII)
    if not found or ".." in uri or uri.endswith(".git"):
        raise ValueError(
            f"Expected {PREFIX}user/repo or {PREFIX}user/repo@revision. Received: {uri!r}"
        )
    if revision is not None and not isinstance(revision, str):
        raise ValueError(
            "Expected `revision` to be the name of a branch, a tag or a commit. "
            f"Received: revision={revision!r}"
        )
    if found[2] and revision and found[2] != revision:
        raise ValueError(f"Expected one revision. Received: {uri!r} and revision={revision!r}")
    return found[1], found[2] or revision


def download(uri, revision=None, cache_dir=None, local_files_only=False):
    """The folder of a preset on the Hub. It is downloaded unless it is in the cache.

    Args:
        uri: as in `parse`.
        revision: as in `parse`. A full commit hash needs no network if it is in the cache.
        cache_dir: folder of the cache; None for the cache of huggingface_hub.
        local_files_only: True to use only the cache, without asking the server.

    Returns:
        pathlib.Path.

    Raises:
        ImportError: huggingface_hub is not installed.
        ValueError: a malformed uri; a file larger than a preset may have.
        FileNotFoundError: the Hub has no such repository or revision; with local_files_only, the
            cache does not have it.
        PermissionError: the repository is gated, and access was not granted.
        ConnectionError: the server cannot be reached, and the cache does not have the preset.
    """
    repo, revision = parse(uri, revision)
    huggingface_hub = _huggingface_hub()
    errors = huggingface_hub.errors
    options = {
        "revision": revision,
        "cache_dir": cache_dir,
        "allow_patterns": list(FILES),
        "endpoint": _endpoint(),
    }
    if local_files_only or re.fullmatch("[0-9a-f]{40}", revision or ""):
        try:
            return _cached(repo, options)
        except errors.LocalEntryNotFoundError as error:
            if local_files_only:
                place = cache_dir or huggingface_hub.constants.HF_HUB_CACHE
                raise FileNotFoundError(
                    f"Expected {uri}{f' at {revision}' if revision else ''} in the cache, because "
                    f"local_files_only=True. Received: it was not downloaded to {place}, or not "
                    "completely"
                ) from error
    with _clear_errors(uri, revision, ", which is not in the cache"):
        _check_sizes(uri, repo, revision)
        folder = pathlib.Path(huggingface_hub.snapshot_download(repo, **options))
    if not (folder / METADATA).is_file():
        raise FileNotFoundError(f"Expected {METADATA} in the preset {uri}. Received: no such file")
    return folder


def _cached(repo, options):
    """The folder of a preset in the cache. Raises LocalEntryNotFoundError if a file is missing."""
    huggingface_hub = _huggingface_hub()
    folder = huggingface_hub.snapshot_download(repo, local_files_only=True, **options)
    folder = pathlib.Path(folder)
    if not all((folder / file).is_file() for file in (CONFIG, WEIGHTS, METADATA)):
        raise huggingface_hub.errors.LocalEntryNotFoundError("some of its files are missing")
    return folder


def _check_sizes(uri, repo, revision):
    """Raises ValueError if a file on the server is too large. Checks nothing without an answer."""
    huggingface_hub = _huggingface_hub()
    errors = huggingface_hub.errors
    api = huggingface_hub.HfApi(endpoint=_endpoint())
    try:
        info = api.model_info(repo, revision=revision, files_metadata=True)
    except (ValueError, errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
        raise
    except Exception:
        return  # no answer: the preset may still be in the cache
    for file in info.siblings or ():
        limit = LIMITS.get(file.rfilename, reading.MAX_JSON)
        if file.rfilename in FILES and (file.size or 0) > limit:
            raise ValueError(
                f"Expected {file.rfilename} of {uri} to hold at most {limit:,} bytes. "
                f"Received: {file.size:,} bytes"
            )


def upload(uri, contents, private=False):
    """Commits the files of a preset to a repository. Pictures of an earlier preset are deleted.

    The repository is created if it does not exist.

    Args:
        uri: as in `parse`.
        contents: {file: bytes}.
        private: whether a new repository is private.

    Returns:
        str, the uri with the new revision.
    """
    repo, revision = parse(uri)
    huggingface_hub = _huggingface_hub()
    if CARD in contents:
        contents = {**contents, CARD: FRONT_MATTER.encode() + contents[CARD]}
    add, delete = huggingface_hub.CommitOperationAdd, huggingface_hub.CommitOperationDelete
    with _clear_errors(uri, revision):
        api = huggingface_hub.HfApi(endpoint=_endpoint())
        api.create_repo(repo, private=private, exist_ok=True)
        present = set(api.list_repo_files(repo, revision=revision))
        old_pictures = sorted(present & set(PICTURES) - set(contents))
        operations = [add(file, content) for file, content in contents.items()]
        operations += [delete(file) for file in old_pictures]
        made = api.create_commit(
            repo, operations, commit_message="Upload a preset of keras_ae", revision=revision
        )
    return f"{PREFIX}{repo}@{made.oid}"


@contextlib.contextmanager
def _clear_errors(uri, revision, otherwise=""):
    """Turns the errors of huggingface_hub into built-in ones with clear messages.

    `otherwise` is added to the message for a server that does not answer.
    """
    errors = _huggingface_hub().errors
    try:
        yield
    except errors.GatedRepoError as error:
        raise PermissionError(
            f"Expected access to {uri}: ask for it on the page of the repository. "
            f"Received: {reading.short(error)}"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FileNotFoundError(
            "Expected a repository of the Hugging Face Hub (if it is private, log in first: "
            f"hf auth login). Received: {uri!r}, which is not there"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"Expected a branch, a tag or a commit of {uri}. Received: revision={revision!r}"
        ) from error
    except (ValueError, ImportError):
        raise
    except Exception as error:  # from the HTTP package that huggingface_hub uses
        server = _endpoint() or "https://huggingface.co"
        raise ConnectionError(
            f"Expected an answer from {server} for {uri}{otherwise}. "
            f"Received: {type(error).__name__}: {reading.short(error)}"
        ) from error


def _endpoint():
    return os.environ.get("HF_ENDPOINT") or None


def _huggingface_hub():
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.errors
    except ImportError as error:
        raise ImportError(
            f'Expected the package huggingface_hub for {PREFIX}...: pip install "keras-ae[hub]". '
            f"Received: {error}",
            name=error.name,
        ) from error
    return huggingface_hub
