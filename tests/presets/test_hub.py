"""Presets on the Hub, with a local server that answers like the Hugging Face Hub."""

import base64
import hashlib
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse

import huggingface_hub.constants
import numpy as np
import pytest

import keras_ae
from keras_ae.presets import hub

PRESET = {"config.json", "model.weights.h5", "metadata.json", "README.md", "samples.png"}


class Repository:
    """A repository: commits, each {file: bytes}, and branches and tags, {name: commit}."""

    def __init__(self):
        self.commits, self.names = {}, {}

    def commit(self, files, branch="main"):
        content = json.dumps(
            [
                branch,
                len(self.commits),
                {name: hashlib.sha1(files[name]).hexdigest() for name in sorted(files)},
            ]
        )
        self.names[branch] = hashlib.sha1(content.encode()).hexdigest()
        self.commits[self.names[branch]] = files
        return self.names[branch]

    def find(self, revision):
        revision = urllib.parse.unquote(revision)
        commit = self.names.get(revision, revision)
        return commit if commit in self.commits else None


class Server(http.server.ThreadingHTTPServer):
    """Repositories over HTTP.

    `requests` records the requests. `break_after` cuts the next large file off after this number
    of bytes.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories, self.requests, self.large, self.break_after = {}, [], {}, None
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # the client closed the connection


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.requests.append((self.command, self.path, self.headers.get("Range")))
        path = urllib.parse.urlparse(self.path).path
        for pattern, answer in (
            (r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", self.tree),
            (r"/api/models/([^/]+/[^/]+)/revision/([^/]+)", self.info),
            (r"/api/models/([^/]+/[^/]+)", self.info),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.file),
        ):
            found = re.fullmatch(pattern, path)
            if found:
                name, revision, *rest = (
                    [*found.groups(), "main"] if found.re.groups == 1 else found.groups()
                )
                repository = self.server.repositories.get(name)
                if repository is None:
                    return self.fail("RepoNotFound")
                commit = repository.find(revision)
                if commit is None:
                    return self.fail("RevisionNotFound")
                return answer(name, commit, repository.commits[commit], *rest)
        return self.fail("EntryNotFound")

    do_HEAD = do_GET

    def info(self, name, commit, files):
        siblings = [
            {"rfilename": file, "size": len(content), "blobId": oid(content)}
            for file, content in files.items()
        ]
        self.json(
            {
                "id": name,
                "modelId": name,
                "sha": commit,
                "private": False,
                "tags": [],
                "downloads": 0,
                "siblings": siblings,
            }
        )

    def tree(self, name, commit, files):
        self.json(
            [
                {"type": "file", "path": file, "size": len(content), "oid": oid(content)}
                for file, content in files.items()
            ]
        )

    def file(self, name, commit, files, file):
        if file not in files:
            return self.fail("EntryNotFound")
        content, headers = (
            files[file],
            {"X-Repo-Commit": commit, "ETag": f'"{oid(files[file])}"', "Accept-Ranges": "bytes"},
        )
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            start, end = int(asked[1]), int(asked[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            content = content[start : end + 1]
        cut = self.server.break_after if self.command == "GET" and file.endswith(".h5") else None
        self.answer(
            206 if asked else 200,
            content if cut is None else content[:cut],
            {**headers, "Content-Length": len(content)},
        )
        if cut is not None:
            self.close_connection, self.server.break_after = True, None
        return None

    def do_POST(self):
        path, body = (
            urllib.parse.urlparse(self.path).path,
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        self.server.requests.append((self.command, self.path, None))
        if path == "/api/repos/create":
            request = json.loads(body)
            name = f"{request['organization']}/{request['name']}"
            existed = name in self.server.repositories
            self.server.repositories.setdefault(name, Repository())
            if not existed:
                self.server.repositories[name].commit({})
            return self.json(
                {"url": f"{self.server.url}/{name}", "name": name}, 409 if existed else 200
            )
        if path == "/api/validate-yaml":
            return self.json({"errors": [], "warnings": []})
        if "/preupload/" in path:
            asked = [file["path"] for file in json.loads(body)["files"]]
            mode = {file: "lfs" if file.endswith((".h5", ".png")) else "regular" for file in asked}
            return self.json(
                {
                    "files": [
                        {"path": file, "uploadMode": mode[file], "shouldIgnore": False}
                        for file in asked
                    ]
                }
            )
        if path.endswith(".git/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            upload = [
                {**one, "actions": {"upload": {"href": f"{self.server.url}/large/{one['oid']}"}}}
                for one in objects
            ]
            return self.json({"transfer": "basic", "objects": upload})
        name, revision = re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/([^/]+)", path).groups()
        repository = self.server.repositories[name]
        if repository.find(revision) is None:
            return self.fail("RevisionNotFound")
        files = dict(repository.commits[repository.find(revision)])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = repository.commit(files, revision)
        return self.json(
            {
                "success": True,
                "commitOid": commit,
                "commitUrl": f"{self.server.url}/{name}/commit/{commit}",
            }
        )

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.large[hashlib.sha256(content).hexdigest()] = content
        self.answer(200, b"", {"Content-Length": 0})

    def json(self, content, status=200):
        body = json.dumps(content).encode()
        self.answer(status, body, {"Content-Type": "application/json", "Content-Length": len(body)})

    def fail(self, code):
        self.answer(404, b"", {"X-Error-Code": code, "Content-Length": 0})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def oid(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "mine"
    keras_ae.VAE((8, 8, 1), 3, widths=(16,)).save_to_preset(folder)
    return folder


@pytest.fixture
def server(monkeypatch, tmp_path):
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        yield server
        server.shutdown()


@pytest.fixture
def repository(server, preset):
    server.repositories["user/repo"] = Repository()
    server.repositories["user/repo"].commit(
        {**contents(preset), "pickle.pkl": b"evil", "recipe.py": b"evil()"}
    )
    return server.repositories["user/repo"]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_equal(a, b):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_load_downloads_only_the_files_of_a_preset(server, repository, preset, tmp_path):
    assert_equal(keras_ae.load("hf://user/repo"), keras_ae.load(preset))
    assert {path.name for path in (tmp_path / "cache").glob("**/snapshots/*/*")} == PRESET
    assert not any(
        "evil" in path or ".pkl" in path or "recipe" in path for _, path, _ in server.requests
    )
    assert keras_ae.VAE.from_preset("hf://user/repo").latent_dim == 3
    card = keras_ae.info("hf://user/repo")
    assert (card.name, card.family, card.recipe) == (
        "repo",
        "VAE",
        None,
    ) and card.picture.read_bytes().startswith(b"\x89PNG")


def test_a_pinned_revision_does_not_change(server, repository, preset, tmp_path):
    first = repository.names["main"]
    repository.names["v1.0"] = first
    other = keras_ae.AE((5,), 2, widths=(4,))
    other.save_to_preset(tmp_path / "other")
    repository.commit(contents(tmp_path / "other"))
    assert_equal(keras_ae.load("hf://user/repo"), other)
    for pinned in (first, "v1.0"):
        assert isinstance(keras_ae.load(f"hf://user/repo@{pinned}"), keras_ae.VAE)
        assert isinstance(keras_ae.load("hf://user/repo", revision=pinned), keras_ae.VAE)
    count = len(server.requests)
    keras_ae.load(f"hf://user/repo@{first}")
    # A commit never changes. If it is in the cache, no network is needed.
    assert len(server.requests) == count
    message = "Expected one revision. Received: 'hf://user/repo@v1.0' and revision='main'"
    with pytest.raises(ValueError, match=message):
        keras_ae.load("hf://user/repo@v1.0", revision="main")


def test_local_files_only_and_cache_dir(server, repository, tmp_path):
    place = {"cache_dir": tmp_path / "elsewhere"}
    message = "Expected hf://user/repo in the cache, because local_files_only=True"
    with pytest.raises(FileNotFoundError, match=message):
        keras_ae.load("hf://user/repo", local_files_only=True, **place)
    assert server.requests == []
    loaded = keras_ae.load("hf://user/repo", **place)
    count = len(server.requests)
    assert_equal(keras_ae.load("hf://user/repo", local_files_only=True, **place), loaded)
    assert len(server.requests) == count and not (tmp_path / "cache").exists()


def test_without_a_network_the_cache_is_used_or_the_error_says_so(repository, monkeypatch):
    loaded = keras_ae.load("hf://user/repo")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # no server listens there
    assert_equal(keras_ae.load("hf://user/repo"), loaded)
    message = "Expected an answer from http://127.0.0.1.* for hf://user/other, which is not in the"
    with pytest.raises(ConnectionError, match=message):
        keras_ae.load("hf://user/other")


def test_an_interrupted_download_is_resumed(server, repository, preset, monkeypatch):
    # Only whole chunks of a file are kept.
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    server.break_after = 5_000
    assert_equal(keras_ae.load("hf://user/repo"), keras_ae.load(preset))
    ranges = [
        asked
        for command, path, asked in server.requests
        if command == "GET" and path.endswith(".h5")
    ]
    assert ranges == [None, "bytes=5000-"] and server.break_after is None


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5"])
def test_an_altered_file_is_refused(repository, preset, file):
    content = bytearray((preset / file).read_bytes())
    content[len(content) // 2] ^= 1
    repository.commit({**contents(preset), file: bytes(content)})
    with pytest.raises(ValueError, match=f"{file} to be as it was written.*sha256"):
        keras_ae.load("hf://user/repo")


def test_a_file_that_is_too_large_is_not_downloaded(server, repository, preset):
    repository.commit({**contents(preset), "config.json": b" " * (8 * 2**20 + 1)})
    with pytest.raises(
        ValueError, match="Expected config.json of hf://user/repo to hold at most 8,388,608 bytes"
    ):
        keras_ae.load("hf://user/repo")
    assert not any("resolve" in path for _, path, _ in server.requests)


@pytest.mark.parametrize(
    "uri, error, message",
    [
        (
            "hf://user/missing",
            FileNotFoundError,
            "Expected a repository of the Hugging Face Hub.*Received: 'hf://user/missing'",
        ),
        (
            "hf://user/repo@v9",
            FileNotFoundError,
            "Expected a branch, a tag or a commit of hf://user/repo@v9. Received: revision='v9'",
        ),
        ("hf://user/empty", FileNotFoundError, "Expected metadata.json in the preset"),
        *[
            (
                uri,
                ValueError,
                "Expected hf://user/repo or hf://user/repo@revision. Received: 'hf://",
            )
            for uri in (
                "hf://",
                "hf://repo",
                "hf://user/repo/file",
                "hf://user/repo@",
                "hf://../..",
                "hf://user/re po",
                "hf://a/b@../c",
            )
        ],
    ],
)
def test_a_wrong_uri_gives_a_clear_error(server, repository, uri, error, message):
    server.repositories["user/empty"] = Repository()
    server.repositories["user/empty"].commit({"other.txt": b"other"})
    with pytest.raises(error, match=message):
        keras_ae.load(uri)


def test_arguments_for_the_hub_are_refused_for_other_presets(preset):
    for name in ("vae_mnist", preset):
        with pytest.raises(ValueError, match="only for hf://user/repo"):
            keras_ae.load(name, revision="main")


# The warning is from huggingface_hub 2.4 itself, when it uploads bytes.
@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_upload_and_load_again(server, preset, tmp_path):
    (preset / "notes.txt").write_text("private")
    uri = keras_ae.upload_preset("hf://me/model", preset)
    repository = server.repositories["me/model"]
    assert uri == f"hf://me/model@{repository.names['main']}"
    files = repository.commits[repository.names["main"]]
    assert set(files) == PRESET
    assert files["README.md"].startswith(b"---\nlibrary_name: keras-ae\n")
    assert files["README.md"].endswith((preset / "README.md").read_bytes())
    assert_equal(keras_ae.load(uri), keras_ae.load(preset))

    other = keras_ae.AE((5,), 2, widths=(4,))
    other.save_to_preset(tmp_path / "other")
    assert keras_ae.upload_preset("hf://me/model", tmp_path / "other") != uri
    # The picture of the old model is deleted.
    assert set(repository.commits[repository.names["main"]]) == PRESET - {"samples.png"}
    assert_equal(keras_ae.load("hf://me/model"), other)
    assert_equal(keras_ae.load(uri), keras_ae.load(preset))


def test_only_a_valid_preset_is_uploaded(server, preset, tmp_path):
    broken = shutil.copytree(preset, tmp_path / "broken")
    (broken / "config.json").write_text("{}")
    leaking = shutil.copytree(preset, tmp_path / "leaking")
    (leaking / "README.md").unlink()
    (tmp_path / "secret").write_text("secret")
    (leaking / "README.md").symlink_to(tmp_path / "secret")
    for folder, message in (
        (broken, "config.json to be as it was written"),
        (leaking, "Received: a link to"),
    ):
        with pytest.raises(ValueError, match=message):
            keras_ae.upload_preset("hf://me/model", folder)
    with pytest.raises(ValueError, match="Expected hf://user/repo"):
        keras_ae.upload_preset("hf://me", preset)
    with pytest.raises(FileNotFoundError, match="revision='dev'"):
        keras_ae.upload_preset("hf://me/model@dev", preset)
    assert all(path == "/api/repos/create" or "dev" in path for _, path, _ in server.requests)


def test_upload_to_a_folder_copies(preset, tmp_path):
    assert keras_ae.upload_preset(tmp_path / "copy", preset) == str(tmp_path / "copy")
    assert {path.name for path in (tmp_path / "copy").iterdir()} == PRESET
    assert_equal(keras_ae.load(tmp_path / "copy"), keras_ae.load(preset))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r'pip install "keras-ae\[hub\]"'):
        keras_ae.load("hf://user/repo")


def test_importing_keras_ae_imports_no_huggingface_hub():
    code = "import sys, keras_ae; keras_ae.list_models()"
    code += "; assert not {'huggingface_hub', 'h5py', 'keras'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert hub.parse("hf://user/repo@v1") == ("user/repo", "v1")
