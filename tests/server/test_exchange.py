"""A CI job's identity for a token: what a file says opens so much for minutes, and whatever else opens nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from freehold.connect.outbound import outbound_from
from freehold.ledger import Recorded
from live_provider import CLIENT, SECRET, Provider, provided
from live_server import Running

FREEHOLD = Path(sys.executable).with_name("freehold")
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPES = "urn:ietf:params:oauth:token-type"
ID_TOKEN = f"{TYPES}:id_token"
AUDIENCE = "https://data.example.com"
LOOPBACK = outbound_from({"allow": ["127.0.0.0/8"], "plain_http": True})
RATES = {"read": 100_000, "write": 100_000}
ACCOUNTS = """\
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: pipeline, owner: shop-data}}
spec:
  review_by: 2999-01-31
  scopes: ["catalog:read", "jobs:read"]
  identities:
    - issuer: "{jobs}"
      audience: "{audience}"
      claims: {{repository: shop/data, ref: refs/heads/main, environment: prod}}
    - issuer: "{jobs}"
      audience: "{audience}"
      claims: {{repository: shop/data, ref: refs/tags/v*, environment: prod}}
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: forgotten, owner: shop-data}}
spec:
  review_by: 2020-01-31
  scopes: ["catalog:read"]
  identities: [{{issuer: "{jobs}", audience: "{audience}", claims: {{repository: shop/forgotten}}}}]
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: one-of-two, owner: shop-data}}
spec:
  review_by: 2999-01-31
  scopes: ["catalog:read"]
  identities: [{{issuer: "{jobs}", audience: "{audience}", claims: {{repository: shop/two}}}}]
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: other-of-two, owner: shop-data}}
spec:
  review_by: 2999-01-31
  scopes: ["catalog:read", "metrics:query"]
  identities: [{{issuer: "{jobs}", audience: "{audience}", claims: {{repository: shop/two}}}}]
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: elsewhere, owner: shop-data}}
spec:
  review_by: 2999-01-31
  scopes: ["catalog:read"]
  identities: [{{issuer: "{others}", audience: "{audience}", claims: {{repository: shop/data}}}}]
"""


@pytest.fixture(scope="module")
def jobs() -> Iterator[Provider]:
    """The issuer of a CI system."""
    started, server = provided()
    started.of_jobs = True
    yield started
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def others() -> Iterator[Provider]:
    """Another issuer that files name, for another account."""
    started, server = provided()
    started.of_jobs = True
    yield started
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def estate(made_estate: Path, tmp_path_factory: pytest.TempPathFactory, jobs: Provider, others: Provider) -> Path:
    """An estate whose accounts name CI jobs."""
    root = Path(shutil.copytree(made_estate, tmp_path_factory.mktemp("exchanging") / "shop"))
    said = ACCOUNTS.format(jobs=jobs.issuer, others=others.issuer, audience=AUDIENCE)
    (root / "accounts.yaml").write_text(said.removeprefix("---\n"))
    return root


@pytest.fixture(scope="module")
def running(serving: Callable[..., Running], estate: Path) -> Running:
    """A server of it."""
    return serving(estate, outbound=LOOPBACK, rates=RATES)


def exchanged(running: Running, token: str, **said: str | None) -> httpx2.Response:
    """Return the answer to an exchange; what is said changes the form, None leaves out."""
    form = {"grant_type": GRANT, "subject_token": token, "subject_token_type": ID_TOKEN} | said
    with running.client() as job:
        return job.post("/oauth/token", data={name: value for name, value in form.items() if value is not None})


def events(running: Running, type_: str) -> list[Recorded]:
    """Return the events of a type, the newest first."""
    return list(running.app.state.served.snapshots.ledger.read(types=(type_,), newest_first=True))


def test_a_job_gets_a_token_for_minutes_and_reads_with_it(running: Running, jobs: Provider) -> None:
    """As RFC 8693 tells it, within what the file allows, and as long as the identity holds."""
    answer = exchanged(running, jobs.identity(AUDIENCE), scope="catalog:read", resource=running.url)
    told = answer.json()
    with running.client(authorization=f"Bearer {told['access_token']}") as program:
        me, settings = program.get("/api/v1/me").json(), program.get("/settings/tokens")

    assert answer.status_code == 200
    assert told["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert (told["token_type"], told["scope"]) == ("Bearer", "catalog:read")
    assert 200 < told["expires_in"] <= 300
    assert told["access_token"].startswith("fh_ci_")
    assert answer.headers["cache-control"] == "no-store"
    assert (me["principal"], me["assurance"]) == ("service:pipeline", "token")
    assert settings.status_code == 403


def test_a_token_lasts_a_quarter_of_an_hour_at_most(running: Running, jobs: Provider) -> None:
    """However long the identity does; without a word of scopes it is for all that the file allows."""
    told = exchanged(running, jobs.identity(AUDIENCE, exp=int(time.time()) + 86_400)).json()

    assert 840 < told["expires_in"] <= 900
    assert told["scope"] == "catalog:read jobs:read"


def test_the_ledger_says_which_run_got_a_token_and_names_nobody(running: Running, jobs: Provider) -> None:
    """The job is the actor; the person who started it, the identity and the token are not in it."""
    token = jobs.identity(AUDIENCE, run_id="424242")
    told = exchanged(running, token).json()
    event = events(running, "token.created")[0]

    assert (event.actor, event.assurance, event.subject) == ("service:ci/shop/data", "oidc", "service:pipeline")
    assert (event.data["kind"], event.data["issuer"], event.data["run"]) == ("ci", jobs.issuer, "424242")
    assert event.data["scopes"] == ["catalog:read", "jobs:read"]
    written = json.dumps(dict(event.data))
    assert not [word for word in ("octocat", token, told["access_token"]) if word in written]


def test_a_token_is_listed_and_can_be_revoked(running: Running, jobs: Provider) -> None:
    """Like any other of the account's."""
    told = exchanged(running, jobs.identity(AUDIENCE)).json()["access_token"]
    tokens = running.app.state.served.snapshots.ledger.tokens
    listed = {one.id: one for one in tokens.all("service:pipeline")}[told.split("_")[2]]
    with running.client(authorization=f"Bearer {told}") as program:
        before = program.get("/api/v1/products").status_code
        tokens.revoke(listed)
        after = program.get("/api/v1/products").status_code

    assert (listed.kind, listed.name) == ("ci", "shop/data run 17001")
    assert (before, after) == (200, 401)


def test_an_identity_is_good_for_one_token(running: Running, jobs: Provider) -> None:
    """Though eight ask at once, and though its signature is spelled in another way."""
    token = jobs.identity(AUDIENCE)
    with ThreadPoolExecutor(8) as at_once:
        answers = list(at_once.map(lambda _: exchanged(running, token), range(8)))

    assert sorted(one.status_code for one in answers) == [200] + [400] * 7
    assert {one.json()["error"] for one in answers if one.status_code == 400} == {"invalid_grant"}
    assert events(running, "token.refused")[0].data["why"] == "used"


def test_one_without_an_id_of_its_own_is_known_by_what_it_says(running: Running, jobs: Provider) -> None:
    """By all of it: the same claims under another signature are the same identity."""
    said = {"jti": None, "run_id": "99", "iat": int(time.time()), "exp": int(time.time()) + 200, "nbf": None}
    first, again = (jobs.identity(AUDIENCE, {"typ": typ}, **said) for typ in ("JWT", "jwt"))

    assert first != again
    assert [exchanged(running, one).status_code for one in (first, again)] == [200, 400]


def test_a_claim_may_be_known_by_how_it_begins(running: Running, jobs: Provider) -> None:
    """Where the file's value ends with `*`."""
    assert exchanged(running, jobs.identity(AUDIENCE, ref="refs/tags/v1.2")).status_code == 200


def test_an_audience_may_be_one_of_several(running: Running, jobs: Provider) -> None:
    """As long as ours is among them."""
    assert exchanged(running, jobs.identity("", aud=["https://other.example", AUDIENCE])).status_code == 200


def test_a_job_of_two_accounts_says_which(running: Running, jobs: Provider) -> None:
    """It is told which there are, since it may act as either."""
    open_ = exchanged(running, jobs.identity(AUDIENCE, repository="shop/two"))
    said = exchanged(running, jobs.identity(AUDIENCE, repository="shop/two"), client_id="other-of-two")
    not_its = exchanged(running, jobs.identity(AUDIENCE, repository="shop/two"), client_id="pipeline")

    assert (open_.status_code, open_.json()["error"]) == (400, "invalid_request")
    assert "service:one-of-two and service:other-of-two" in open_.json()["error_description"]
    assert said.json()["scope"] == "catalog:read metrics:query"
    assert not_its.json()["error"] == "invalid_grant"


NOW = int(time.time())
UNFIT: dict[str, tuple[dict[str, Any], str | None]] = {
    "for somebody else": ({"aud": "https://other.example"}, "aud"),
    "for an address that begins so": ({"aud": f"{AUDIENCE}.evil.example"}, "aud"),
    "for an address with a slash": ({"aud": f"{AUDIENCE}/"}, "aud"),
    "for nobody": ({"aud": None}, "aud"),
    "for an object": ({"aud": {"a": AUDIENCE}}, "aud"),
    "expired": ({"exp": NOW - 3600, "iat": NOW - 7200}, "exp"),
    "expired within the leeway of clocks": ({"exp": NOW - 20}, "exp"),
    "without an end": ({"exp": None}, "exp"),
    "with an end that is no number": ({"exp": "tomorrow"}, "exp"),
    "that lasts for months": ({"exp": NOW + 90 * 86_400}, "exp"),
    "that never ends": ({"exp": float("inf")}, "exp"),
    "with an end that is not a number at all": ({"exp": float("nan")}, "exp"),
    "not yet valid": ({"nbf": NOW + 3600}, "nbf"),
    "made in time to come": ({"iat": NOW + 3600}, "iat"),
    "without a time": ({"iat": None}, "iat"),
    "of no subject": ({"sub": None}, "sub"),
    "of another repository": ({"repository": "shop/other"}, "repository"),
    "of a repository that begins so": ({"repository": "shop/data-evil"}, "repository"),
    "of the repository in capitals": ({"repository": "Shop/Data"}, "repository"),
    "of the repository with a space": ({"repository": "shop/data "}, "repository"),
    "of a list of repositories": ({"repository": ["shop/data"]}, "repository"),
    "of no repository": ({"repository": None}, "repository"),
    "of another branch": ({"ref": "refs/heads/mine"}, "ref"),
    "of a branch that is called as a tag": ({"ref": "refs/heads/refs/tags/v1"}, "ref"),
    "of another environment": ({"environment": "test"}, "environment"),
    "of an environment that nobody names": ({"environment": None}, "environment"),
    "of an account nobody looked over": ({"repository": "shop/forgotten"}, None),
}


@pytest.mark.parametrize(("said", "claim"), UNFIT.values(), ids=UNFIT)
def test_an_identity_that_does_not_fit_gets_nothing(
    running: Running, jobs: Provider, said: dict[str, Any], claim: str | None
) -> None:
    """One sentence for all, while log and ledger say which claim missed, and not what it said."""
    token = jobs.identity(AUDIENCE, **said)
    before = len(events(running, "token.created"))
    answer = exchanged(running, token)
    refused, logged = events(running, "token.refused")[0], running.log
    line = next(one for one in reversed(logged) if one["event"] == "identity refused")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "pipeline" not in answer.text
    assert not [name for name in said if f"`{name}`" in answer.text]
    assert (refused.data["claim"], refused.data["why"]) == (claim, "claim" if claim else "review")
    assert line["claim"] == claim
    assert "evil" not in json.dumps([dict(refused.data), str(line)])
    assert len(events(running, "token.created")) == before


def _spelled(header: dict[str, Any], claims: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, claims)]
    body = b".".join(parts)
    return (body + b"." + base64.urlsafe_b64encode(signature(body)).rstrip(b"=")).decode()


def _forged(kind: str, jobs: Provider, others: Provider) -> str:
    """Return an identity that no issuer of the file signed so."""
    whole = jobs.identity(AUDIENCE)
    head, body, signature = whole.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    mine = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    public = jobs.key.as_pem(private=False)
    other = base64.urlsafe_b64encode(json.dumps(claims | {"ref": "x"}).encode()).decode()
    deep = base64.urlsafe_b64encode(b"[" * 8_000).rstrip(b"=").decode()
    return {
        "unsigned": _spelled({"alg": "none"}, claims, lambda _: b""),
        "signed by the public key": _spelled(
            {"alg": "HS256", "kid": "one"}, claims, lambda b: hmac.digest(public, b, hashlib.sha256)
        ),
        "signed by a stranger": jwt.encode({"alg": "RS256", "kid": "one"}, claims, mine),
        "signed by another issuer": jwt.encode({"alg": "RS256", "kid": "one"}, claims, others.key),
        "of a key nobody has": jobs.identity(AUDIENCE, {"kid": "two"}),
        "with a key of its own": jwt.encode({"alg": "RS256", "kid": "one", "jwk": mine.as_dict()}, claims, mine),
        "of an issuer that no file names": others.identity(AUDIENCE, iss="https://evil.example"),
        "of the issuer with a slash": jobs.identity(AUDIENCE, iss=f"{jobs.issuer}/"),
        "of no issuer": jobs.identity(AUDIENCE, iss=None),
        "of a list of issuers": jobs.identity(AUDIENCE, iss=[jobs.issuer]),
        "with other claims": f"{head}.{other}.{signature}",
        "without a signature": f"{head}.{body}.",
        "in two parts": f"{head}.{body}",
        "in five parts": f"{whole}.x.y",
        "deep": f"{head}.{deep}.{signature}",
        "with a deep head": f"{deep}.{body}.{signature}",
        "no token": "hello",
        "longer than any": jobs.identity(AUDIENCE, padding="a" * 20_000),
    }[kind]  # fmt: skip


FORGED = (
    "unsigned", "signed by the public key", "signed by a stranger", "signed by another issuer", "of a key nobody has",
    "with a key of its own", "of an issuer that no file names", "of the issuer with a slash", "of no issuer",
    "of a list of issuers", "with other claims", "without a signature", "in two parts", "in five parts", "deep",
    "with a deep head", "no token", "longer than any",
)  # fmt: skip


@pytest.mark.parametrize("kind", FORGED)
def test_what_no_issuer_signed_gets_nothing_and_is_no_event(
    running: Running, jobs: Provider, others: Provider, kind: str
) -> None:
    """The same sentence; whoever can send anything cannot fill the ledger."""
    before = len(events(running, "token.refused"))
    answer = exchanged(running, _forged(kind, jobs, others))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert len(events(running, "token.refused")) == before


MISSHAPEN: dict[str, tuple[dict[str, str | None], str]] = {
    "another grant": ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    "no grant": ({"grant_type": None}, "invalid_request"),
    "no identity": ({"subject_token": None}, "invalid_request"),
    "an empty identity": ({"subject_token": ""}, "invalid_request"),
    "an identity of no kind": ({"subject_token_type": None}, "invalid_request"),
    "an identity of another kind": ({"subject_token_type": f"{TYPES}:saml2"}, "invalid_request"),
    "an access token for an identity": ({"subject_token_type": f"{TYPES}:access_token"}, "invalid_request"),
    "an identity wanted back": ({"requested_token_type": ID_TOKEN}, "invalid_request"),
    "on behalf of another": ({"actor_token": "x", "actor_token_type": ID_TOKEN}, "invalid_request"),
    "for another server": ({"resource": "https://other.example"}, "invalid_target"),
    "for something of this server": ({"resource": "{url}/mcp"}, "invalid_target"),
    "for another audience": ({"audience": AUDIENCE}, "invalid_target"),
    "a scope that the account has not": ({"scope": "catalog:read metrics:query"}, "invalid_scope"),
    "a scope that acts": ({"scope": "jobs:start"}, "invalid_scope"),
    "a scope that nobody knows": ({"scope": 'catalog:write "; x\u00e9'}, "invalid_scope"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "word"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_a_request_that_is_not_in_order_is_told_what(
    running: Running, jobs: Provider, said: dict[str, str | None], word: str
) -> None:
    """In the words of RFC 6749 and RFC 8693; and it does not use the identity up."""
    token = jobs.identity(AUDIENCE)
    form = {name: value.format(url=running.url) if value else value for name, value in said.items()}
    answer = exchanged(running, token, **form)
    told = answer.json()

    assert (answer.status_code, told["error"]) == (400, word)
    assert told["error_description"].isascii()
    assert '"' not in told["error_description"]
    assert exchanged(running, token).status_code == 200


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        ("application/json", "", 400),
        ("multipart/form-data", "", 400),
        ("", "", 400),
        ("application/x-www-form-urlencoded", "&scope=catalog%3Aread&scope=jobs%3Aread", 400),
        ("application/x-www-form-urlencoded", "&subject_token=x", 400),
        ("application/x-www-form-urlencoded", "&a=1" * 100, 400),
        ("application/x-www-form-urlencoded", "&a=%ff", 400),
        ("application/x-www-form-urlencoded", "&a=" + "b" * 50_000, 400),
        ("application/x-www-form-urlencoded", "&a=" + "b" * 2_100_000, 413),
        ("application/x-www-form-urlencoded; charset=utf-8", "&unknown=is+ignored", 200),
    ],
    ids=["JSON", "parts", "no type", "a field twice", "the identity twice", "many fields", "no UTF-8", "long",
         "too large", "more than is asked for"],
)  # fmt: skip
def test_a_body_that_is_no_form_is_refused(running: Running, jobs: Provider, kind: str, more: str, status: int) -> None:
    """Before anything of it is believed."""
    form = {"grant_type": GRANT, "subject_token": jobs.identity(AUDIENCE), "subject_token_type": ID_TOKEN}
    with running.client() as job:
        answer = job.post("/oauth/token", content=urlencode(form) + more, headers={"content-type": kind})

    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"] == "invalid_request"


def test_an_account_without_its_file_gets_nothing(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running], jobs: Provider, others: Provider
) -> None:
    """Nor do the tokens that it had."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    file = root / "accounts.yaml"
    file.write_text(ACCOUNTS.format(jobs=jobs.issuer, others=others.issuer, audience=AUDIENCE).removeprefix("---\n"))
    running = serving(root, outbound=LOOPBACK, rates=RATES)
    token = exchanged(running, jobs.identity(AUDIENCE)).json()["access_token"]
    file.unlink()
    running.app.state.served.snapshots.changed()
    after = exchanged(running, jobs.identity(AUDIENCE))
    with running.client(authorization=f"Bearer {token}") as program:
        shown = program.get("/api/v1/products")

    assert after.json()["error"] == "invalid_grant"
    assert shown.status_code == 401


def test_an_issuer_is_asked_only_where_nothing_private_is(
    serving: Callable[..., Running], estate: Path, jobs: Provider
) -> None:
    """Of a server that may call nothing but the public internet, one on this machine gets no question."""
    running = serving(estate, rates=RATES)
    asked = len(jobs.fetched)
    answer = exchanged(running, jobs.identity(AUDIENCE))

    assert (answer.status_code, answer.json()["code"]) == (502, "FH-A121")
    assert len(jobs.fetched) == asked


def test_an_issuer_is_asked_seldom(serving: Callable[..., Running], estate: Path, jobs: Provider) -> None:
    """However many identities of unknown keys anybody shows."""
    running = serving(estate, outbound=LOOPBACK, rates=RATES)
    asked = jobs.fetched.count("/keys")
    for number in range(12):
        assert exchanged(running, jobs.identity(AUDIENCE, {"kid": f"k{number}"})).status_code == 400

    assert jobs.fetched.count("/keys") == asked + 1


def test_clients_learn_where_a_token_is_got(running: Running) -> None:
    """As RFC 8414 has it."""
    with running.client() as stranger:
        told = stranger.get("/.well-known/oauth-authorization-server").json()

    assert told["issuer"] == running.url
    assert told["token_endpoint"] == f"{running.url}/oauth/token"
    assert told["grant_types_supported"] == [GRANT]
    assert told["token_endpoint_auth_methods_supported"] == ["none"]


def test_the_resource_names_both_who_give_tokens(
    serving: Callable[..., Running], estate: Path, provider: Provider
) -> None:
    """The provider, and for jobs the server itself; agents are sent to the provider alone."""
    running = serving(estate, sign_in={"issuer": provider.issuer, "client_id": CLIENT})
    with running.client() as stranger:
        whole, agents = (stranger.get(f"/.well-known/oauth-protected-resource{p}").json() for p in ("", "/mcp"))

    assert whole["authorization_servers"] == [provider.issuer, running.url]
    assert agents["authorization_servers"] == [provider.issuer]


def _command(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a CI job does: outside of any estate."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIONS_", "FREEHOLD_"))}
    return subprocess.run(
        [str(FREEHOLD), "token", "exchange", *words],
        env=clean | environ, cwd="/", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def _in_job(system: str, jobs: Provider) -> dict[str, str]:
    """Return what the environment of a job holds."""
    if system == "GitHub":
        asks = f"{jobs.issuer}/identity?api-version=2"
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": asks, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET}
    return {"FREEHOLD_ID_TOKEN" if system == "GitLab" else "OURS": jobs.identity(AUDIENCE)}


@pytest.mark.parametrize(("system", "more"), [("GitHub", ()), ("GitLab", ()), ("another", ("--variable", "OURS"))])
def test_a_job_gets_its_token_by_a_command(
    running: Running, jobs: Provider, system: str, more: tuple[str, ...]
) -> None:
    """On standard output, and nothing else there; what it may is told beside."""
    said = (running.url, "--audience", AUDIENCE, "--scope", "catalog:read", *more)
    done = _command(_in_job(system, jobs), *said)
    told = json.loads(_command(_in_job(system, jobs), *said, "--json").stdout)
    with running.client(authorization=f"Bearer {done.stdout.strip()}") as program:
        answer = program.get("/api/v1/products")

    assert (done.returncode, answer.status_code) == (0, 200), done.stderr
    assert "It may catalog:read for" in done.stderr
    assert (told["scopes"], told["expires_in"] <= 900) == (["catalog:read"], True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--scope", "jobs:start"), "FH-A170"),
        (("--scope", "jobs:strat"), "FH-A170"),
        (("--service", "elsewhere"), "FH-A170"),
        (("--variable", "NOT_THERE"), "FH-H009"),
    ],
    ids=["a scope beyond its file", "a scope nobody knows", "another account", "no identity"],
)
def test_a_command_that_gets_none_says_so(running: Running, jobs: Provider, words: tuple[str, ...], code: str) -> None:
    """As an approval that is missing, without a word of the identity."""
    environ = _in_job("GitLab", jobs)
    done = _command(environ, running.url, *words)

    assert (done.returncode, done.stdout) == (4, "")
    assert code in done.stderr
    assert environ["FREEHOLD_ID_TOKEN"] not in done.stderr


def test_an_identity_is_not_sent_in_the_open(jobs: Provider) -> None:
    """Nor by anything but HTTP; where nobody answers, that is said."""
    environ = _in_job("GitLab", jobs)
    told = [_command(environ, place) for place in ("http://data.example.com", "ftp://x", "http://127.0.0.1:1")]

    assert [one.returncode for one in told] == [2, 2, 3]
    assert [code in one.stderr for one, code in zip(told, ("FH-H006", "FH-H006", "FH-H001"), strict=True)] == [True] * 3


def test_another_sites_page_cannot_exchange(running: Running, jobs: Provider) -> None:
    """A browser says where it comes from."""
    form = {"grant_type": GRANT, "subject_token": jobs.identity(AUDIENCE), "subject_token_type": ID_TOKEN}
    with running.client(origin="https://evil.example") as page:
        assert page.post("/oauth/token", data=form).status_code == 403
