"""A GitHub on this machine: pull requests, reviews, comments, reviewers and identities of jobs, over real HTTP."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

REPOSITORY = "northbank/data"
HOME = f"/repos/{REPOSITORY}"


@dataclass
class Forge:
    """What the forge knows. Tests change it; requests of jobs change comments and requested reviewers."""

    number: int = 12
    author: str = "ada"
    head: str = ""
    base: str = ""
    merged: str = ""  # the merge commit
    reviews: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    ref: str = ""  # of the job that asks for its identity
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))

    def __enter__(self) -> Forge:
        forge = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(forge.asked(self.path.partition("?")[0]))

            def do_POST(self) -> None:
                self._answer(forge.told(self.path, self._body()), 201)

            def do_PATCH(self) -> None:
                self._answer(forge.told(self.path, self._body()))

            def _body(self) -> Any:
                return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

            def _answer(self, body: Any, status: int = 200) -> None:
                content = json.dumps(body if body is not None else {"message": "Not Found"}).encode()
                self.send_response(status if body is not None else 404)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def review(self, user: str, state: str = "APPROVED") -> None:
        """Let somebody review the pull request as it stands."""
        number = len(self.reviews) + 1
        self.reviews.append(
            {
                "id": number, "user": {"login": user}, "state": state, "commit_id": self.head,
                "submitted_at": f"2026-01-0{number}T12:00:00Z", "html_url": f"{self.url}/review-{number}",
            }
        )  # fmt: skip

    def asked(self, path: str) -> Any:
        """Answer a GET."""
        pull = {
            "number": self.number, "user": {"login": self.author}, "html_url": f"{self.url}/pull/{self.number}",
            "head": {"sha": self.head}, "base": {"ref": "main", "sha": self.base},
            "merged_at": "2026-01-09T12:00:00Z" if self.merged else None, "merge_commit_sha": self.merged or None,
        }  # fmt: skip
        place = f"{HOME}/pulls/{self.number}"
        answers: dict[str, Any] = {
            place: pull,
            f"{place}/reviews": self.reviews,
            f"{place}/commits": [{"sha": self.head, "author": {"login": self.author}, "committer": None}],
            f"{HOME}/issues/{self.number}/comments": self.comments,
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [self.key.as_dict(private=False)]},
            "/identity": {"value": self._identity()},
        }
        if found := re.fullmatch(f"{HOME}/commits/(\\w+)/pulls", path):
            return [pull] if found[1] in (self.merged, self.head) else []
        return answers.get(path)

    def told(self, path: str, body: Any) -> Any:
        """Take a POST or a PATCH."""
        if path == f"{HOME}/issues/{self.number}/comments":
            self.comments.append({"id": len(self.comments) + 1, "body": body["body"]})
            return self.comments[-1]
        if found := re.fullmatch(f"{HOME}/issues/comments/(\\d+)", path):
            self.comments[int(found[1]) - 1]["body"] = body["body"]
            return self.comments[int(found[1]) - 1]
        if path == f"{HOME}/pulls/{self.number}/requested_reviewers":
            self.requested += body["reviewers"]
            return {}
        return None

    def _identity(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": "freehold", "sub": f"repo:{REPOSITORY}", "repository": REPOSITORY, "ref": self.ref,
            "sha": self.head, "actor": self.author, "run_id": "1", "iat": now, "exp": now + 600,
        }  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
