"""A fake Hub: the part of its HTTP interface that a push and a download use.

After what huggingface_hub 2.4 calls: repository info, tree, resolve, preupload, validate-yaml, the
LFS batch, and commit. A repository is a list of commits, each a dictionary of files.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.served import served

TOKEN = "hf_MadeUpTokenOfTheTests"
_LARGE = (".parquet", ".bin")
_ROUTES = (
    ("GET", r"/api/datasets/(?P<repo>[^/]+/[^/]+)(/revision/(?P<rev>[^/]+))?", "info"),
    ("GET", r"/api/datasets/(?P<repo>[^/]+/[^/]+)/tree/(?P<rev>[^/]+)", "tree"),
    ("HEAD", r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)", "resolve"),
    ("GET", r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)", "resolve"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/datasets/(?P<repo>[^/]+/[^/]+)/preupload/(?P<rev>[^/]+)", "preupload"),
    ("POST", r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "upload"),
    ("POST", r"/api/datasets/(?P<repo>[^/]+/[^/]+)/commit/(?P<rev>[^/]+)", "commit"),
)
_WRITES = {"create", "preupload", "batch", "commit"}


def _sha(files: dict[str, bytes], number: int) -> str:
    return hashlib.sha1(f"{number} {sorted(files)}".encode()).hexdigest()


@dataclass
class Repository:
    """The commits of a repository, from the first to the newest."""

    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    private: bool = False

    def add(self, files: dict[str, bytes]) -> str:
        """Add a commit with exactly *files*."""
        sha = _sha(files, len(self.commits))
        self.commits.append((sha, files))
        return sha

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """The commit that *revision* names."""
        if revision == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit[0] == revision), None)


@dataclass
class Hub:
    """The state of the fake Hub.

    Attributes:
        repositories: by name.
        faults: what goes wrong, by the name of the route: a status, seconds to wait, or a
            function to call before.
        asked: the routes that were asked for, in order.
    """

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, int | float | Callable[[], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if "Content_Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def json(self, value: Any, status: int = 200) -> None:
            self.answer(status, json.dumps(value).encode(), Content_Type="application/json")

        def refuse(self, status: int, message: str, code: str = "") -> None:
            body = json.dumps({"error": message}).encode()
            self.answer(
                status,
                body,
                Content_Type="application/json",
                X_Error_Message=message,
                **({"X_Error_Code": code} if code else {}),
            )

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = unquote(urlsplit(self.path).path)
            for method, pattern, name in _ROUTES:
                match = re.fullmatch(pattern, path)
                if match and method == self.command:
                    hub.asked.append(name)
                    fault = hub.faults.get(name)
                    if callable(fault):
                        fault()
                    elif isinstance(fault, float):
                        threading.Event().wait(fault)  # tests replace time.sleep
                    elif fault is not None:
                        return self.refuse(fault, f"made-up fault for {self.token()}")
                    if self.token() not in {None, TOKEN}:
                        return self.refuse(401, "Invalid credentials in Authorization header")
                    if name in _WRITES and self.token() != TOKEN:
                        return self.refuse(401, "Invalid username or password.")
                    return getattr(self, f"do_{name}")(body, **match.groupdict())
            return self.refuse(404, f"no route {self.command} {path}")

        do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815

        def token(self) -> str | None:
            given = self.headers.get("Authorization")
            return None if given is None else given.removeprefix("Bearer ")

        def commit_of(self, repo: str, rev: str | None) -> tuple[str, dict[str, bytes]] | None:
            if repo not in hub.repositories:
                self.refuse(404, "Repository not found", "RepoNotFound")
                return None
            found = hub.repositories[repo].at(rev or "main")
            if found is None:
                self.refuse(404, "Invalid rev id", "RevisionNotFound")
            return found

        def do_info(self, _: bytes, repo: str, rev: str | None) -> None:
            if found := self.commit_of(repo, rev):
                siblings = [{"rfilename": path} for path in found[1]]
                self.json({"id": repo, "sha": found[0], "siblings": siblings, "private": False})

        def do_tree(self, _: bytes, repo: str, rev: str) -> None:
            if found := self.commit_of(repo, rev):
                self.json([self.described(path, data) for path, data in found[1].items()])

        def described(self, path: str, data: bytes) -> dict[str, Any]:
            git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            own = {"type": "file", "path": path, "size": len(data), "oid": git}
            if path.endswith(_LARGE):
                sha256 = hashlib.sha256(data).hexdigest()
                own["lfs"] = {"oid": sha256, "size": len(data), "pointerSize": 130}
            return own

        def do_resolve(self, _: bytes, repo: str, rev: str, path: str) -> None:
            if found := self.commit_of(repo, rev):
                data = found[1].get(path)
                if data is None:
                    return self.refuse(404, "Entry not found", "EntryNotFound")
                etag = f'"{hashlib.sha256(data).hexdigest()}"'
                self.answer(
                    200,
                    data,
                    ETag=etag,
                    X_Repo_Commit=found[0],
                    Content_Length=str(len(data)),
                    Accept_Ranges="bytes",
                )
            return None

        def do_validate(self, body: bytes) -> None:
            content = json.loads(body)["content"]
            errors = [] if content.startswith("---\n") else [{"message": "no metadata"}]
            self.json({"errors": errors, "warnings": []}, 400 if errors else 200)

        def do_create(self, body: bytes) -> None:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            private = asked.get("private", False) or asked.get("visibility") == "private"
            hub.repositories[name] = Repository(private=private)
            hub.repositories[name].add({".gitattributes": b"*.parquet filter=lfs\n"})
            self.json({"url": f"{hub.url}/datasets/{name}", "name": name, "id": name})

        def do_preupload(self, body: bytes, repo: str, rev: str) -> None:
            if self.commit_of(repo, rev):
                files = [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                        "shouldIgnore": False,
                    }
                    for file in json.loads(body)["files"]
                ]
                self.json({"files": files})

        def do_batch(self, body: bytes, repo: str) -> None:
            objects = [
                {**one, "actions": {"upload": {"href": f"{hub.url}/lfs/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            self.json({"transfer": "basic", "objects": objects})

        def do_upload(self, body: bytes, oid: str) -> None:
            assert hashlib.sha256(body).hexdigest() == oid
            hub.large[oid] = body
            self.answer(200)

        def do_commit(self, body: bytes, repo: str, rev: str) -> None:
            found = self.commit_of(repo, rev)
            if found is None:
                return None
            head, *operations = [json.loads(line) for line in body.splitlines()]
            if head["value"].get("parentCommit") not in {None, found[0]}:
                return self.refuse(
                    412, "A commit has happened since. Please refresh and try again."
                )
            files = dict(found[1])
            for operation in operations:
                value = operation["value"]
                if operation["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif operation["key"] == "lfsFile":
                    files[value["path"]] = hub.large[value["oid"]]
                else:
                    del files[value["path"]]
            sha = hub.repositories[repo].add(files)
            return self.json(
                {"commitOid": sha, "commitUrl": f"{hub.url}/datasets/{repo}/commit/{sha}"}
            )

    return Handler


@contextmanager
def running() -> Iterator[Hub]:
    """Yield a fake Hub that listens on this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    with served(server) as hub.url:
        yield hub
