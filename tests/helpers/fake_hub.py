"""The part of the Hub that uploading and downloading a model asks for, on this machine."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40
TOKEN = "hf_writer"


class FakeHub(ThreadingHTTPServer):
    """Keeps the files of every repository in memory, as its address and `env` tell a client.

    `repositories` has the files of each by `OWNER/NAME`, and those of a branch or tag by
    `OWNER/NAME@REVISION`.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = {}

    def env(self, home, token=TOKEN):
        """The variables with which the Hub's client comes here."""
        return {
            "HF_ENDPOINT": f"http://127.0.0.1:{self.server_port}",
            "HF_HOME": str(home),
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
        }


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer({"error": "Invalid username or password."}, 401)
        if self.path == "/api/repos/create":
            fields = json.loads(body)
            name = "/".join(filter(None, [fields.get("organization"), fields["name"]]))
            self.server.repositories.setdefault(name, {})
            return self._answer({"url": f"{self._root()}/{name}", "name": name})
        if self.path == "/api/validate-yaml":
            return self._answer({"errors": [], "warnings": []})
        repository, _, action = self.path.removeprefix("/api/models/").partition("/preupload/")
        if action:
            files = [
                {"path": item["path"], "uploadMode": "regular", "shouldIgnore": False}
                for item in json.loads(body)["files"]
            ]
            return self._answer({"files": files})
        repository, _, _ = self.path.removeprefix("/api/models/").partition("/commit/")
        for line in body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                content = base64.b64decode(entry["value"]["content"])
                self.server.repositories[repository][entry["value"]["path"]] = content
        return self._answer(
            {
                "success": True,
                "commitOid": COMMIT,
                "commitUrl": f"{self._root()}/{repository}/commit/{COMMIT}",
            }
        )

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            repository = self._at_revision(*path.split("/")[3:5], path.split("/")[6:7])
            if repository not in self.server.repositories:
                return self._answer({"error": "Repository not found"}, 404)
            files = self.server.repositories[repository]
            if path.split("/")[5:6] == ["tree"]:
                return self._answer(
                    [
                        {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
                        for name, content in files.items()
                    ]
                )
            names = [{"rfilename": name} for name in files]
            return self._answer(
                {
                    "_id": "1",
                    "id": repository,
                    "sha": _commit(repository),
                    "private": False,
                    "siblings": names,
                }
            )
        named, _, file = path[1:].partition("/resolve/")
        revision, _, name = file.partition("/")
        repository = self._at_revision(*named.split("/"), [revision])
        content = self.server.repositories.get(repository, {}).get(name)
        if content is None:
            return self._answer({"error": "Entry not found"}, 404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{_oid(content)}"')
        self.send_header("X-Repo-Commit", _commit(repository))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
        return None

    do_HEAD = do_GET  # noqa: N815

    def _at_revision(self, owner, name, revision):
        """The name under which a revision's files are kept, the repository's own if it is main's.

        A commit is that of one of these names.
        """
        repository = f"{owner}/{name}"
        for kept in self.server.repositories:
            if revision and revision[0] in (kept.partition("@")[2], _commit(kept)):
                return kept
        return repository if revision in ([], ["main"]) else f"{repository} without {revision[0]}"

    def _root(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def _answer(self, value, status=200):
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing on stderr."""


def _commit(repository):
    """The commit of a repository: each revision has another."""
    return hashlib.sha1(repository.encode()).hexdigest() if "@" in repository else COMMIT


def _oid(content):
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()


@contextmanager
def fake_hub():
    """A Hub that answers until the block ends."""
    hub = FakeHub()
    thread = threading.Thread(target=hub.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
