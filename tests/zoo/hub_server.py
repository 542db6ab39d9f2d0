"""As much of a model hub as its client library asks for when it downloads, and when it commits: a process on loopback.

python hub_server.py FOLDER TOKEN

FOLDER holds a repository ``organisation/name`` for each such folder, with a folder per commit, and ``refs.json`` (name
of a branch or tag to commit). Repositories whose name ends in ``-private`` want TOKEN to be read; all want it to be
written. It prints its port, and appends a line for each request to ``log.txt``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

FOLDER, TOKEN = Path(sys.argv[1]), sys.argv[2]
ZERO = "0" * 40


def refs(repository: str) -> dict[str, str]:
    path = FOLDER / repository / "refs.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    return known


def commit_of(repository: str, revision: str) -> str:
    return refs(repository).get(revision, revision)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.route()

    def do_GET(self) -> None:
        self.route()

    def do_POST(self) -> None:
        self.route()

    def route(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        with (FOLDER / "log.txt").open("a") as log:
            log.write(f"{self.command} {path} {self.headers.get('Range', '')}\n")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "api/repos/create":
            asked = json.loads(body)
            url = f"http://{self.headers['Host']}/{asked['organization']}/{asked['name']}"
            self.json({"url": url}, 200 if self.may_write() else 401)
        elif path == "api/validate-yaml":
            self.json({"errors": [], "warnings": []})
        elif path.startswith("api/models/"):
            self.api(path.removeprefix("api/models/"), body)
        else:
            repository, _, rest = path.partition("/resolve/")
            revision, _, name = rest.partition("/")
            self.file(repository, revision, name)

    def may_write(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def api(self, path: str, body: bytes) -> None:
        repository, action, *rest = ["/".join(path.split("/")[:2]), *path.split("/")[2:]]
        if not self.may_write():
            self.json({"error": "Invalid username or password."}, 401)
        elif action == "preupload":
            files = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                     for file in json.loads(body)["files"]]  # fmt: skip
            self.json({"files": files})
        elif action == "commit":
            self.json(self.commit(repository, rest[0], body))
        elif action == "tree":
            root = FOLDER / repository / commit_of(repository, rest[0])
            names = [file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()]
            self.json([{"type": "file", "path": name, "size": 1, "oid": ZERO} for name in names])
        else:
            self.info(repository, commit_of(repository, rest[0] if rest else "main"))

    def info(self, repository: str, commit: str) -> None:
        if not (FOLDER / repository).is_dir():
            self.json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return
        root = FOLDER / repository / commit
        names = sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())
        sha = commit if len(commit) == 40 else ZERO
        self.json({"id": repository, "sha": sha, "siblings": [{"rfilename": name} for name in names]})

    def commit(self, repository: str, branch: str, body: bytes) -> dict[str, Any]:
        commit = hashlib.sha1(body).hexdigest()
        target, parent = FOLDER / repository / commit, refs(repository).get(branch)
        if parent:
            shutil.copytree(FOLDER / repository / parent, target)
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                file = target / line["value"]["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(base64.b64decode(line["value"]["content"]))
            elif line["key"] == "deletedFile":
                (target / line["value"]["path"]).unlink(missing_ok=True)
        (FOLDER / repository / "refs.json").write_text(json.dumps({**refs(repository), branch: commit}))
        url = f"http://{self.headers['Host']}/{repository}/commit/{commit}"
        return {"commitUrl": url, "commitOid": commit, "success": True}

    def file(self, repository: str, revision: str, name: str) -> None:
        commit = commit_of(repository, revision)
        path = FOLDER / repository / commit / name
        if not (FOLDER / repository).is_dir() or (repository.endswith("-private") and not self.may_write()):
            self.json({}, 401, {"X-Error-Code": "RepoNotFound"})
        elif not (FOLDER / repository / commit).is_dir():
            self.json({}, 404, {"X-Error-Code": "RevisionNotFound"})
        elif not path.is_file():
            self.json({}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        else:
            self.content(path.read_bytes(), commit)

    def content(self, content: bytes, commit: str) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", commit)
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[start:])

    def json(self, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, *arguments: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
