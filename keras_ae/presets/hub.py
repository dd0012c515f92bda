"""Presets on the Hugging Face Hub: hf://user/repo or hf://user/repo@revision <-> a folder.

Only the files of a preset are downloaded, to huggingface_hub's cache, which resumes what was interrupted. What they hold is checked as for
any folder. The server is that of the environment variable HF_ENDPOINT, else https://huggingface.co.
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
LIMITS = {WEIGHTS: MAX_SIZE}  # bytes; of the other files: reading.MAX_JSON
FRONT_MATTER = "---\nlibrary_name: keras-ae\ntags:\n- keras\n- autoencoder\n---\n\n"  # by which the Hub sorts models


def is_uri(name):
    """True for what begins with hf://."""
    return isinstance(name, str) and name.startswith(PREFIX)


def parse(uri, revision=None):
    """Splits a uri into (repository, revision).

    Args:
        uri: "hf://user/repo" or "hf://user/repo@revision".
        revision: the same, if it is not in the uri: a branch, a tag or a commit; None for the main branch.

    Raises:
        ValueError: it is no such uri, or names another revision than the argument.
    """
    found = re.fullmatch(
        rf"{PREFIX}([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w][\w./-]*))?", uri, re.ASCII
    )
    if not found or ".." in uri or uri.endswith(".git"):
        raise ValueError(
            f"Expected {PREFIX}user/repo or {PREFIX}user/repo@revision. Received: {uri!r}"
        )
    if revision is not None and not isinstance(revision, str):
        raise ValueError(
            f"Expected `revision` to be the name of a branch, a tag or a commit. Received: revision={revision!r}"
        )
    if found[2] and revision and found[2] != revision:
        raise ValueError(f"Expected one revision. Received: {uri!r} and revision={revision!r}")
    return found[1], found[2] or revision


def download(uri, revision=None, cache_dir=None, local_files_only=False):
    """The folder of a preset on the Hub, downloaded unless it is in the cache.

    Args:
        uri: as in `parse`.
        revision: as in `parse`. A full commit hash that is in the cache needs no network.
        cache_dir: folder of the cache; None for that of huggingface_hub.
        local_files_only: whether to take what is in the cache, without asking the server.

    Returns:
        pathlib.Path.

    Raises:
        ImportError: huggingface_hub is not installed.
        ValueError: a malformed uri; a file that is larger than any preset's.
        FileNotFoundError: the Hub has no such repository or revision; with local_files_only: the cache does not have it.
        ConnectionError: the server cannot be reached, and the cache does not have it.
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

    def cached():
        folder = pathlib.Path(
            huggingface_hub.snapshot_download(repo, local_files_only=True, **options)
        )
        if not all((folder / file).is_file() for file in (CONFIG, WEIGHTS, METADATA)):
            raise errors.LocalEntryNotFoundError("not all of its files are there")
        return folder

    if local_files_only or re.fullmatch("[0-9a-f]{40}", revision or ""):
        try:
            return cached()
        except errors.LocalEntryNotFoundError as error:
            if local_files_only:
                raise FileNotFoundError(
                    f"Expected {uri}{f' at {revision}' if revision else ''} in the cache, as local_files_only=True. Received: it was "
                    f"not downloaded to {cache_dir or huggingface_hub.constants.HF_HUB_CACHE}, or not to its end"
                ) from error
    with _clear_errors(uri, revision, ", which is not in the cache"):
        try:
            _check_sizes(
                huggingface_hub.HfApi(endpoint=_endpoint()).model_info(
                    repo, revision=revision, files_metadata=True
                ),
                uri,
            )
        except Exception as error:
            if isinstance(
                error, (ValueError, errors.RepositoryNotFoundError, errors.RevisionNotFoundError)
            ):
                raise
            # No answer: the next line looks in the cache.
        folder = pathlib.Path(huggingface_hub.snapshot_download(repo, **options))
    if not (folder / METADATA).is_file():
        raise FileNotFoundError(f"Expected {METADATA} in the preset {uri}. Received: no such file")
    return folder


def upload(uri, contents, private=False):
    """Commits the files of a preset to a repository, which is made if there is none. Pictures of an earlier preset are deleted.

    Args:
        uri: as in `parse`.
        contents: {file: bytes}.
        private: whether a new repository is private.

    Returns:
        str, the uri with the revision that was made.
    """
    repo, revision = parse(uri)
    huggingface_hub = _huggingface_hub()
    contents = {
        **contents,
        **({CARD: FRONT_MATTER.encode() + contents[CARD]} if CARD in contents else {}),
    }
    with _clear_errors(uri, revision):
        api = huggingface_hub.HfApi(endpoint=_endpoint())
        api.create_repo(repo, private=private, exist_ok=True)
        there = (
            set(api.list_repo_files(repo, revision=revision))
            if revision
            else set(api.list_repo_files(repo))
        )
        operations = [
            huggingface_hub.CommitOperationAdd(file, content) for file, content in contents.items()
        ]
        operations += [
            huggingface_hub.CommitOperationDelete(file)
            for file in sorted(there & set(PICTURES) - set(contents))
        ]
        made = api.create_commit(
            repo, operations, commit_message="Upload a preset of keras_ae", revision=revision
        )
    return f"{PREFIX}{repo}@{made.oid}"


def _check_sizes(info, uri):
    for file in info.siblings or ():
        limit = LIMITS.get(file.rfilename, reading.MAX_JSON)
        if file.rfilename in FILES and (file.size or 0) > limit:
            raise ValueError(
                f"Expected {file.rfilename} of {uri} to hold at most {limit:,} bytes. Received: {file.size:,} bytes"
            )


@contextlib.contextmanager
def _clear_errors(uri, revision, otherwise=""):
    """Says in our words what huggingface_hub raises for a repository that is not there, or a server that does not answer."""
    errors = _huggingface_hub().errors
    try:
        yield
    except errors.GatedRepoError as error:
        raise PermissionError(
            f"Expected access to {uri}: ask for it on its page. Received: {reading.short(error)}"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"Expected a repository of the Hugging Face Hub (if it is private, log in first: hf auth login). Received: {uri!r}, which is "
            f"not there"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"Expected a branch, a tag or a commit of {uri}. Received: revision={revision!r}"
        ) from error
    except (ValueError, ImportError):
        raise
    except Exception as error:  # of the package for HTTP that huggingface_hub uses
        raise ConnectionError(
            f"Expected an answer of {_endpoint() or 'https://huggingface.co'} for {uri}{otherwise}. Received: "
            f"{type(error).__name__}: {reading.short(error)}"
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
            f'Expected the package huggingface_hub for {PREFIX}...: pip install "keras-ae[hub]". Received: {error}',
            name=error.name,
        ) from error
    return huggingface_hub
