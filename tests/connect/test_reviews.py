"""Approvals read from code review, and CI jobs known by their tokens, against real servers on this machine."""

from __future__ import annotations

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from freehold.connect.reviews import (
    CiIdentity,
    Forge,
    PullRequest,
    approvals_of,
    identity_token,
    pull_request_here,
    pull_request_of,
    review_of,
    verified,
)
from freehold.foundation import FreeholdError, Transient

HEAD, OLD = "6dcb09b5b57875f334f61aebed695e2e4193db5e", "0000000000000000000000000000000000000001"
HANDLES = {"hubot": ("user:idp/hubot",), "octocat": ("user:idp/octo", "group:idp/stewards")}
PULL = PullRequest("octo/shop", 12)
NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)


@dataclass
class Peer:
    """A server that replays answers by path, and remembers what it was asked."""

    url: str
    answers: dict[str, tuple[int, dict[str, str], Any]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def says(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """Answer a path, with its query, so."""
        self.answers[path] = (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Peer]]:
    """Start servers, ended with the test."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start() -> Peer:
        class Replay(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                status, headers, body = peer.answers.get(self.path, (404, {}, {"message": "Not Found"}))
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Replay)
        peer = Peer(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return peer

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def review(id: int, user: str, state: str, at: str, commit: str = HEAD) -> dict[str, Any]:
    """Return a review as GitHub's REST API lists it."""
    return {
        "id": id, "user": {"login": user, "id": id, "type": "User"}, "body": "", "state": state,
        "html_url": f"https://github.com/octo/shop/pull/12#pullrequestreview-{id}", "submitted_at": at,
        "commit_id": commit, "author_association": "MEMBER",
    }  # fmt: skip


def github(serve: Callable[[], Peer], *reviews: dict[str, Any], makers: tuple[str, ...] = ("monalisa",)) -> Peer:
    """Serve pull request 12 of octo/shop with reviews."""
    peer = serve()
    peer.says(
        "/repos/octo/shop/pulls/12",
        {
            "number": 12, "state": "open", "user": {"login": "MonaLisa", "type": "User"}, "merged_at": None,
            "html_url": "https://github.com/octo/shop/pull/12",
            "head": {"ref": "fix", "sha": HEAD}, "base": {"ref": "main", "sha": OLD},
        },
    )  # fmt: skip
    peer.says("/repos/octo/shop/pulls/12/reviews?per_page=100", list(reviews))
    commits = [{"sha": HEAD, "author": {"login": name}, "committer": {"login": "web-flow"}} for name in makers]
    peer.says("/repos/octo/shop/pulls/12/commits?per_page=100", [*commits, {"sha": OLD, "author": None}])
    return peer


def forge(peer: Peer, kind: str = "github") -> Forge:
    """Return the forge that a server plays."""
    variable = {"github": "GITHUB_API_URL", "gitlab": "CI_API_V4_URL"}[kind]
    return Forge.at(kind, "env:TOKEN", environ={variable: f"{peer.url}/", "TOKEN": "s3cret"})


@pytest.mark.parametrize(
    ("reviews", "expected"),
    [
        ([], []),
        ([("hubot", "APPROVED", HEAD)], [("github:hubot", False)]),
        ([("hubot", "APPROVED", OLD)], [("github:hubot", True)]),
        ([("hubot", "APPROVED", OLD), ("hubot", "APPROVED", HEAD)], [("github:hubot", False)]),
        ([("hubot", "APPROVED", HEAD), ("hubot", "COMMENTED", HEAD)], [("github:hubot", False)]),
        ([("hubot", "APPROVED", HEAD), ("hubot", "CHANGES_REQUESTED", HEAD)], []),
        ([("hubot", "CHANGES_REQUESTED", OLD), ("hubot", "APPROVED", HEAD)], [("github:hubot", False)]),
        ([("hubot", "DISMISSED", HEAD)], []),
        ([("HuBot", "APPROVED", HEAD), ("hubot", "DISMISSED", HEAD)], []),
        ([("hubot", "PENDING", HEAD)], []),
        (
            [("hubot", "APPROVED", HEAD), ("octocat", "APPROVED", OLD)],
            [("github:hubot", False), ("github:octocat", True)],
        ),
    ],
    ids=[
        "nobody", "an approval", "of an older commit", "again, of the newest", "and a comment", "and then a no",
        "a no, and then an approval", "dismissed", "dismissed under another case", "not sent yet", "two people",
    ],
)  # fmt: skip
def test_the_last_word_of_each_reviewer_counts(
    serve: Callable[[], Peer], reviews: list[tuple[str, str, str]], expected: list[tuple[str, bool]]
) -> None:
    """An approval counts unless the same person took it back, and is stale once the code moved on."""
    said = [review(n, *one[:2], f"2026-01-2{n}T10:00:00Z", one[2]) for n, one in enumerate(reviews)]
    found = approvals_of(PULL, forge(github(serve, *reversed(said))), HANDLES)

    assert [(a.by, a.is_stale) for a in found] == expected
    assert {a.principals for a in found} <= set(HANDLES.values())


def test_reviews_over_several_pages_are_all_read(serve: Callable[[], Peer]) -> None:
    """Paging is followed to its end, with the token."""
    peer = github(serve)
    first, second = (
        "/repos/octo/shop/pulls/12/reviews?per_page=100",
        "/repos/octo/shop/pulls/12/reviews?per_page=100&page=2",
    )
    said = [review(n, "hubot", "COMMENTED", "2026-01-20T10:00:00Z") for n in range(100)]
    link = f'<{peer.url}{second}>; rel="next", <{peer.url}{second}>; rel="last"'
    peer.says(first, said, Link=link)
    peer.says(second, [review(100, "octocat", "APPROVED", "2026-01-20T11:00:00Z")])

    assert [a.by for a in approvals_of(PULL, forge(peer), HANDLES)] == ["github:octocat"]
    assert {headers["authorization"] for _, headers in peer.asked} == {"Bearer s3cret"}


def test_who_made_a_change_is_known_by_every_name(serve: Callable[[], Peer]) -> None:
    """Whoever opened it and whoever committed to it made it; the button that merges did not."""
    found = review_of(PULL, forge(github(serve, makers=("monalisa", "Octocat"))), HANDLES)

    assert found.author == "github:monalisa"
    assert found.authors == {"github:monalisa", "github:octocat", "user:idp/octo"}
    assert (found.head, found.base, found.is_merged) == (HEAD, "main", False)


@pytest.mark.parametrize("is_known", [True, False], ids=["a verified job", "a shell"])
def test_what_a_shell_read_is_vouched_for_by_the_shell_alone(serve: Callable[[], Peer], is_known: bool) -> None:
    """Without the verified identity of a job of that repository, approvals are local."""
    job = CiIdentity("i", "s", "Octo/Shop", "refs/heads/main", HEAD, "hubot", "1") if is_known else None
    said = review(1, "hubot", "APPROVED", "2026-01-20T10:00:00Z")
    (found,) = approvals_of(PULL, forge(github(serve, said)), HANDLES, identity=job)

    assert found.assurance == ("oidc" if is_known else "local")


def test_a_job_of_another_repository_reads_no_approvals(serve: Callable[[], Peer]) -> None:
    """The identity and the pull request must be of one repository; the forge is not even asked."""
    peer = github(serve)
    job = CiIdentity("i", "s", "octo/other", "refs/heads/main", HEAD, "hubot", "1")
    with pytest.raises(FreeholdError) as refused:
        review_of(PULL, forge(peer), HANDLES, identity=job)

    assert (refused.value.code, peer.asked) == ("FH-H008", [])


@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "says"),
    [
        (403, {}, {"message": "Resource not accessible"}, "FH-H002", "status 403"),
        (401, {}, {"message": "Bad credentials"}, "FH-H002", "status 401"),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1768903200"}, {}, "FH-H004", "until 10:00:00 UTC"),
        (429, {"retry_after": "60"}, {}, "FH-H004", "for 60 seconds"),
        (404, {}, {"message": "Not Found"}, "FH-H003", "nothing there"),
        (502, {}, b"<html>", "FH-H001", "status 502"),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", "FH-H005", "status 302"),
        (200, {}, b"<html>", "FH-H005", "no JSON"),
        (200, {}, [], "FH-H005", "not understood"),
        (200, {}, {"user": None}, "FH-H005", "not understood"),
    ],
    ids=[
        "not allowed", "a wrong token", "the allowance is used up", "too many at once", "not there", "broken",
        "a redirect", "a page for people", "a list", "half an answer",
    ],
)  # fmt: skip
def test_what_goes_wrong_at_the_forge_is_told(
    serve: Callable[[], Peer], status: int, headers: dict[str, str], body: Any, code: str, says: str
) -> None:
    """Each refusal says what it is and how to mend it, never the token; only what may pass by itself is transient."""
    peer = github(serve)
    peer.says("/repos/octo/shop/pulls/12", body, status, **headers)
    with pytest.raises(FreeholdError) as refused:
        approvals_of(PULL, forge(peer), HANDLES)

    assert (refused.value.code, isinstance(refused.value, Transient)) == (code, code in ("FH-H001", "FH-H004"))
    assert says in refused.value.problem
    assert "s3cret" not in str(refused.value)


def test_a_forge_that_is_not_there_is_told(serve: Callable[[], Peer]) -> None:
    """Nothing listening is an error of the environment that may pass."""
    with pytest.raises(Transient) as refused:
        approvals_of(PULL, forge(Peer("http://127.0.0.1:1")), HANDLES)

    assert refused.value.code == "FH-H001"


def test_the_token_goes_to_no_other_host(serve: Callable[[], Peer]) -> None:
    """A next page on another host is refused, and an address without TLS is not asked at all."""
    peer, thief = github(serve), serve()
    peer.says("/repos/octo/shop/pulls/12/reviews?per_page=100", [], Link=f'<{thief.url}/>; rel="next"')
    with pytest.raises(FreeholdError, match="on another host"):
        approvals_of(PULL, forge(peer), HANDLES)
    assert thief.asked == []
    with pytest.raises(FreeholdError) as refused:
        Forge.at("github", "env:T", environ={"GITHUB_API_URL": "http://forge.example", "T": "x"})
    assert refused.value.code == "FH-H006"
    assert "s3cret" not in repr(forge(peer))


def gitlab(
    serve: Callable[[], Peer],
    approved: list[dict[str, Any]],
    pushes: tuple[str, ...],
    commits: tuple[dict[str, str], ...] = (),
) -> Peer:
    """Serve merge request 7 of group/shop."""
    peer, place = serve(), "/projects/group%2Fshop/merge_requests/7"
    peer.says(
        place,
        {
            "iid": 7, "state": "opened", "author": {"username": "maker"}, "sha": HEAD, "target_branch": "main",
            "merged_at": None, "web_url": "https://gitlab.example/group/shop/-/merge_requests/7",
        },
    )  # fmt: skip
    peer.says(f"{place}/approvals", {"iid": 7, "approved": True, "approved_by": approved})
    versions = [{"id": n, "head_commit_sha": HEAD, "created_at": at} for n, at in enumerate(pushes)]
    peer.says(f"{place}/versions?per_page=100", versions)
    peer.says(f"{place}/commits?per_page=100", commits)
    return peer


@pytest.mark.parametrize(
    ("approved_at", "pushes", "is_stale"),
    [
        ("2026-01-20T11:00:00.000Z", ("2026-01-20T10:00:00.000Z",), False),
        ("2026-01-20T11:00:00.000Z", ("2026-01-20T12:00:00.000Z", "2026-01-20T10:00:00.000Z"), True),
        ("2026-01-20T13:00:00.000Z", ("2026-01-20T12:00:00.000Z", "2026-01-20T10:00:00.000Z"), False),
        (None, ("2026-01-20T10:00:00.000Z",), False),
        (None, ("2026-01-20T12:00:00.000Z", "2026-01-20T10:00:00.000Z"), True),
    ],
    ids=["after the push", "before the last push", "after the last push", "of the only push", "of who knows which"],
)
def test_an_approval_of_a_merge_request_is_of_what_was_pushed_before(
    serve: Callable[[], Peer], approved_at: str | None, pushes: tuple[str, ...], is_stale: bool
) -> None:
    """On GitLab the times of approval and push decide; where one is not told, only what never changed is approved."""
    said = [{"user": {"username": "Octocat", "id": 1}, **({"approved_at": approved_at} if approved_at else {})}]
    peer = gitlab(serve, said, pushes)
    found = review_of(PullRequest("group/shop", 7), forge(peer, "gitlab"), HANDLES)

    assert [(a.by, a.principals, a.is_stale) for a in found.approvals] == [
        ("gitlab:octocat", HANDLES["octocat"], is_stale)
    ]
    assert found.authors == {"gitlab:maker"}
    assert {headers["private-token"] for _, headers in peer.asked} == {"s3cret"}


@pytest.mark.parametrize(
    ("commit", "public", "authors"),
    [
        ({"author_name": "X", "author_email": "44-helper@users.noreply.gitlab.com"}, (), {"gitlab:helper"}),
        ({"author_name": "X", "author_email": "o@e.example"}, ("Octocat",), {"gitlab:octocat", *HANDLES["octocat"]}),
        ({"committer_name": "Octo Cat", "committer_email": "o@e.example"}, (), {"gitlab:octocat", *HANDLES["octocat"]}),
        ({"author_name": "X", "author_email": "x@e.example"}, (), set()),
    ],
    ids=["an address that hides another", "a public address", "the name of an approver", "somebody nobody knows"],
)
def test_who_committed_to_a_merge_request_made_it(
    serve: Callable[[], Peer], commit: dict[str, str], public: tuple[str, ...], authors: set[str]
) -> None:
    """GitLab tells names and addresses of commits: each leads to its account where it can, and to nobody else."""
    approved = [{"user": {"username": "Octocat", "name": "Octo Cat", "id": 1}, "approved_at": "2026-01-20T11:00:00Z"}]
    peer = gitlab(serve, approved, ("2026-01-20T10:00:00.000Z",), (commit,))
    for address in ("o%40e.example", "x%40e.example"):
        peer.says(f"/users?search={address}", [{"username": name} for name in public])
    found = review_of(PullRequest("group/shop", 7), forge(peer, "gitlab"), HANDLES)

    expected = {name for name in authors if name.startswith(("gitlab:", "user:"))}
    assert found.authors == {"gitlab:maker", *expected}


def test_the_pull_request_of_a_commit_is_found(serve: Callable[[], Peer]) -> None:
    """After a merge the job runs on the branch: the commit leads back to what was reviewed."""
    peer = serve()
    merged = {"merged_at": "2026-01-20T10:00:00Z"}
    peer.says(
        f"/repos/octo/shop/commits/{HEAD}/pulls?per_page=100",
        [{"number": 9, **merged, "merge_commit_sha": OLD}, {"number": 12, **merged, "merge_commit_sha": HEAD}],
    )
    peer.says(f"/repos/octo/shop/commits/{OLD}/pulls?per_page=100", [{"number": 3, "merged_at": None}])
    peer.says(f"/projects/g%2Fs/repository/commits/{HEAD}/merge_requests?per_page=100", [{"iid": 7, **merged}])

    assert pull_request_of(HEAD, "octo/shop", forge(peer)) == PULL
    assert pull_request_of(OLD, "octo/shop", forge(peer)) is None
    assert pull_request_of(HEAD, "g/s", forge(peer, "gitlab")) == PullRequest("g/s", 7)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GITHUB_REF": "refs/pull/12/merge", "GITHUB_REPOSITORY": "octo/shop"}, PULL),
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_REPOSITORY": "octo/shop"}, None),
        ({"CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_PATH": "g/s"}, PullRequest("g/s", 7)),
        ({}, None),
    ],
    ids=["on GitHub", "on a branch", "on GitLab", "at a shell"],
)
def test_a_job_knows_its_pull_request(environ: dict[str, str], expected: PullRequest | None) -> None:
    """The variables of the CI say which pull request a job runs for."""
    assert pull_request_here(environ) == expected


# -- identity ---------------------------------------------------------------------------------------------------------

KEY, OTHER = (RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("one", "two"))
CLAIMS = {
    "aud": "freehold", "sub": "repo:octo/shop:ref:refs/heads/main", "repository": "octo/shop", "actor": "octocat",
    "ref": "refs/heads/main", "sha": HEAD, "run_id": "42",
}  # fmt: skip


def issuer(serve: Callable[[], Peer]) -> Peer:
    """Serve an issuer of tokens whose key is `KEY`."""
    peer = serve()
    metadata = {"issuer": peer.url, "jwks_uri": f"{peer.url}/.well-known/jwks"}
    peer.says("/.well-known/openid-configuration", metadata)
    peer.says("/.well-known/jwks", {"keys": [KEY.as_dict(private=False)]})
    return peer


def token(peer: Peer, key: Any = KEY, **claims: Any) -> str:
    """Sign a token, good for ten minutes."""
    times = {"iat": int(NOW.timestamp()), "exp": int((NOW + timedelta(minutes=10)).timestamp())}
    said = {"iss": peer.url, **CLAIMS, **times, **claims}
    header = {"alg": "RS256", "kid": "one", "typ": "JWT"}
    return jwt.encode(header, {k: v for k, v in said.items() if v is not None}, key)


def confused(peer: Peer) -> str:
    """Sign a token with the public key as though it were a shared secret (HS256), which everybody can."""
    encoded = [
        urlsafe_b64encode(p).rstrip(b"=")
        for p in (
            b'{"alg":"HS256","kid":"one"}',
            json.dumps({"iss": peer.url, **CLAIMS, "exp": int((NOW + timedelta(minutes=10)).timestamp())}).encode(),
        )
    ]
    made = hmac.digest(KEY.as_pem(private=False), b".".join(encoded), "sha256")
    return b".".join([*encoded, urlsafe_b64encode(made).rstrip(b"=")]).decode()


def known(peer: Peer, text: str, **more: Any) -> CiIdentity:
    """Verify a token as a release of octo/shop would."""
    wanted: dict[str, Any] = {"repository": "octo/shop", "refs": ("refs/heads/main", "refs/tags/*")}
    return verified(text, issuer=peer.url, audience="freehold", now=NOW, **wanted | more)


def test_a_job_is_known_by_its_token(serve: Callable[[], Peer]) -> None:
    """A token signed by the issuer, for us, in time, of the right repository and ref, tells who runs."""
    peer = issuer(serve)
    found = known(peer, token(peer))

    assert (found.repository, found.ref, found.sha, found.actor) == ("octo/shop", "refs/heads/main", HEAD, "octocat")
    assert (found.caller.principal, found.caller.assurance) == ("service:ci/octo/shop", "oidc")


def test_a_job_of_gitlab_is_known_by_its_claims(serve: Callable[[], Peer]) -> None:
    """GitLab names the same things otherwise."""
    peer = issuer(serve)
    said = {"repository": None, "project_path": "octo/shop", "ref": "v1", "ref_type": "tag", "user_login": "hubot"}
    found = known(peer, token(peer, **said))

    assert (found.repository, found.ref, found.actor) == ("octo/shop", "refs/tags/v1", "hubot")


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda peer: token(peer, OTHER), "FH-H007"),
        (lambda peer: confused(peer), "FH-H007"),
        (lambda peer: ".".join([*token(peer).split(".")[:2], ""]), "FH-H007"),
        (lambda peer: token(peer)[:-6] + "AAAAAA", "FH-H007"),
        (lambda _: "no token", "FH-H007"),
        (lambda _: "", "FH-H007"),
        (lambda peer: token(peer, exp=int((NOW - timedelta(minutes=1)).timestamp())), "FH-H007"),
        (lambda peer: token(peer, exp=None), "FH-H007"),
        (lambda peer: token(peer, nbf=int((NOW + timedelta(minutes=5)).timestamp())), "FH-H007"),
        (lambda peer: token(peer, aud="sigstore"), "FH-H007"),
        (lambda peer: token(peer, aud=None), "FH-H007"),
        (lambda peer: token(peer, iss="https://issuer.example"), "FH-H007"),
        (lambda peer: token(peer, repository="octo/other"), "FH-H008"),
        (lambda peer: token(peer, repository=None), "FH-H008"),
        (lambda peer: token(peer, ref="refs/heads/mine"), "FH-H008"),
        (lambda peer: token(peer, ref="refs/pull/12/merge"), "FH-H008"),
    ],
    ids=[
        "signed by another key", "signed with the public key", "not signed", "a signature of nothing",
        "no token at all",
        "nothing", "expired", "without an end", "not yet", "for somebody else", "for nobody", "of another issuer",
        "of another repository", "of no repository", "of another branch", "of a pull request",
    ],
)  # fmt: skip
def test_a_token_that_does_not_prove_it_is_refused(
    serve: Callable[[], Peer], made: Callable[[Peer], str], code: str
) -> None:
    """A forged, expired or borrowed token opens nothing, and is not repeated in the error."""
    peer = issuer(serve)
    text = made(peer)
    with pytest.raises(FreeholdError) as refused:
        known(peer, text)

    assert refused.value.code == code
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"issuer": "https://issuer.example"}, {"jwks_uri": "https://issuer.example/keys"}, {"jwks_uri": None}],
    ids=["as it should be", "of another issuer", "keys elsewhere", "no keys"],
)
def test_keys_are_taken_from_the_issuer_alone(serve: Callable[[], Peer], metadata: dict[str, Any]) -> None:
    """An issuer that points elsewhere is not followed."""
    peer = issuer(serve)
    said = peer.answers["/.well-known/openid-configuration"][2]
    peer.says("/.well-known/openid-configuration", {**said, **metadata})
    if not metadata:
        assert known(peer, token(peer))
        return
    with pytest.raises(FreeholdError) as refused:
        known(peer, token(peer))
    assert refused.value.code == "FH-H005"


def test_an_issuer_without_keys_vouches_for_nobody(serve: Callable[[], Peer]) -> None:
    """Where there is no key of the right kind, every token is refused."""
    peer = issuer(serve)
    peer.says("/.well-known/jwks", {"keys": []})
    with pytest.raises(FreeholdError) as refused:
        known(peer, token(peer))

    assert refused.value.code == "FH-H007"


def test_a_job_asks_for_its_token(serve: Callable[[], Peer]) -> None:
    """On GitHub the token is asked for with the audience; on GitLab it is there; elsewhere there is none."""
    peer = serve()
    peer.says("/token?v=2&audience=freehold", {"count": 1, "value": "e.y.J"})
    environ = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{peer.url}/token?v=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "b"}

    assert identity_token("freehold", environ).reveal() == "e.y.J"
    assert peer.asked[0][1]["authorization"] == "Bearer b"
    assert identity_token("freehold", {"FREEHOLD_ID_TOKEN": "x"}).reveal() == "x"
    with pytest.raises(FreeholdError) as refused:
        identity_token("freehold", {})
    assert refused.value.code == "FH-H009"
