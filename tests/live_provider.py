"""An identity provider on loopback: discovery, authorize, token, keys, over real HTTP and with real signatures.

It lets in whoever asks, as the person it is told. `lies` changes one thing about what it says, for tests of what is
refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "freehold-tests", "a secret of the client"
PUBLIC = "an-agent"  # a client without a secret, as programs on somebody's own machine are


@dataclass
class Provider:
    """What the provider knows, and how it lies."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    other_key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    person: dict[str, Any] = field(default_factory=dict)
    lies: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    of_jobs: bool = False  # as the issuers of CI systems are: nobody signs in there

    def metadata(self) -> dict[str, Any]:
        """Return what it says of itself."""
        said = {
            "issuer": self.issuer if self.lies != "issuer" else "https://other.example",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        }
        if self.lies == "plain http":
            said["token_endpoint"] = "http://id.example.com/token"
        if self.of_jobs:
            said = {name: said[name] for name in ("issuer", "jwks_uri")}
        return said

    def token(self, asked: dict[str, str]) -> str:
        """Return the signed identity of the person."""
        now = int(time.time())
        claims = {
            "iss": "https://other.example" if self.lies == "token issuer" else self.issuer,
            "aud": "another client" if self.lies == "audience" else CLIENT,
            "sub": "anna",
            "iat": now,
            "exp": now - 3600 if self.lies == "expired" else now + 300,
            "nonce": "another" if self.lies == "nonce" else asked["nonce"],
            **self.person,
        }
        if self.lies == "several audiences":
            claims["aud"] = [CLIENT, "another client"]
        if self.lies == "no subject":
            del claims["sub"]
        if self.lies == "unsigned":
            parts = ({"alg": "none"}, claims)
            head, body = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
            return f"{head}.{body}."
        key = self.other_key if self.lies == "signature" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)

    def identity(self, audience: str, header: dict[str, Any] | None = None, **said: Any) -> str:
        """Return the signed identity of a CI job, as GitHub has it; what is said changes it, None leaves out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "sub": "repo:shop/data:environment:prod",
            "repository": "shop/data",
            "repository_owner": "shop",
            "repository_id": "74",
            "ref": "refs/heads/main",
            "environment": "prod",
            "actor": "octocat",
            "run_id": "17001",
            "jti": secrets.token_urlsafe(16),
            "nbf": now - 300,
            "iat": now,
            "exp": now + 300,
        } | said
        kept = {name: value for name, value in claims.items() if value is not None}
        told = {"alg": "RS256", "typ": "JWT", "kid": "one"} | (header or {})
        return jwt.encode(told, kept, self.key, default_type=None)

    def access_token(self, resource: str, scope: str | None, header: dict[str, Any] | None = None, **said: Any) -> str:
        """Return a signed access token (RFC 9068) for a resource; what is said else changes it, None leaves out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": resource,
            "sub": "anna",
            "client_id": PUBLIC,
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_urlsafe(8),
            "scope": scope,
            **self.person,
        } | said
        kept = {name: value for name, value in claims.items() if value is not None}
        told = {"alg": "RS256", "typ": "at+jwt", "kid": "one"} | (header or {})
        return jwt.encode({k: v for k, v in told.items() if v is not None}, kept, self.key, default_type=None)


class Handler(BaseHTTPRequestHandler):
    """Answers as a provider does."""

    provider: Provider

    def do_GET(self) -> None:
        """Discovery, keys, what a job is, and the page at which people sign in."""
        path, query = urlsplit(self.path).path, {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        self.provider.fetched.append(path)
        if path == "/.well-known/openid-configuration":
            self._say(self.provider.metadata())
        elif path == "/keys":
            self._say({"keys": [self.provider.key.as_dict(private=False)]})
        elif path == "/identity" and self.headers.get("Authorization") == f"Bearer {SECRET}":
            self._say({"value": self.provider.identity(query["audience"])})
        elif path == "/authorize":
            self._let_in(query)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """The exchange of a code for a token: once, by the client that asked, with its verifier."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        said = {k: v[0] for k, v in form.items()}
        asked = self.provider.codes.pop(said.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = base64.urlsafe_b64encode(hashlib.sha256(said.get("code_verifier", "").encode()).digest())
        holds = (
            asked is not None
            and (self.headers.get("Authorization") == f"Basic {basic}" or said.get("client_id") == PUBLIC)
            and said["redirect_uri"] == asked["redirect_uri"]
            and proof.rstrip(b"=").decode() == asked["code_challenge"]
        )
        if asked is None or not holds:
            self._say({"error": "invalid_grant"}, 400)
        else:
            self._say(self._granted(asked))

    def _granted(self, asked: dict[str, str]) -> dict[str, Any]:
        if "resource" not in asked:
            return {"access_token": "x", "token_type": "Bearer", "id_token": self.provider.token(asked)}
        token = self.provider.access_token(asked["resource"], asked["scope"], client_id=asked["client_id"])
        return {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": asked["scope"]}

    def _let_in(self, query: dict[str, str]) -> None:
        self.provider.asked.append(query)
        code = secrets.token_urlsafe(16)
        self.provider.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.provider.issuer}
        if self.provider.lies == "denied":
            back = {"error": "access_denied", "state": query["state"]}
        if self.provider.lies == "mixed up":
            back["iss"] = "https://other.example"
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{urlencode(back)}")
        self.end_headers()

    def _say(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def provided() -> tuple[Provider, ThreadingHTTPServer]:
    """Start a provider; return it and its server, to be shut down."""
    provider = Provider()
    handler = type("OfProvider", (Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return provider, server
