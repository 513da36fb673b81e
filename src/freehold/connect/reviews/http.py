"""Asking a forge: JSON over HTTP with a token that never leaves for another host, and errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from freehold.connect.outbound import ANYWHERE, Outbound, Unreached, ask, target_of
from freehold.foundation import Exit, FreeholdError, Transient

TIMEOUT_S = 20.0
LARGEST = 20_000_000  # bytes of one answer
MOST_PAGES = 50
_SHOWN = {"Accept": "application/json", "User-Agent": "freehold"}
_FORM = "application/x-www-form-urlencoded"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the JSON of it, the address of the next page, and the status where more than one is taken."""

    body: Any
    next_page: str | None
    status: int = 200


def get(url: str, headers: Mapping[str, str], outbound: Outbound = ANYWHERE) -> Answer:
    """Fetch JSON.

    Args:
        url: an address that a secret may be sent to.
        headers: beside the usual ones.
        outbound: where it may lead, where not whoever runs this chose it.

    Raises:
        FreeholdError: FH-H001 nothing answers (transient); FH-H002 the token may not; FH-H003 it is not there;
            FH-H004 too many questions (transient); FH-H005 the answer is none; FH-H006 the address is not safe to ask;
            FH-A161 it leads where nothing is called.
    """
    return _asked("GET", url, headers, outbound=outbound)


def send(method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
    """Send JSON, with `POST`, `PUT` or `PATCH`, and return what comes back.

    Raises:
        FreeholdError: as `get`.
    """
    return _asked(method, url, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


def submit(url: str, headers: Mapping[str, str], fields: Mapping[str, str], refusal: int = 0) -> Answer:
    """Send a form and return the JSON that comes back; also with a status that is a refusal in JSON, where one is.

    Raises:
        FreeholdError: as `get`.
    """
    return _asked("POST", url, {"Content-Type": _FORM, **headers}, urlencode(fields).encode(), refusal=refusal)


def _asked(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    outbound: Outbound = ANYWHERE,
    refusal: int = 0,
) -> Answer:
    target = target_of(checked_address(url))
    try:
        reply = ask(method, target, {**_SHOWN, **headers}, outbound, TIMEOUT_S, body, LARGEST)
    except Unreached as error:
        raise _unanswered(url, str(error)) from error
    except FreeholdError as error:
        if error.code != "FH-A162":
            raise
        raise _unanswered(url, error.problem.removesuffix(".")) from error
    if not 200 <= reply.status < 300 and reply.status != refusal:
        raise _refused(url, reply.status, reply.headers)
    return Answer(_json(reply.body, url), _next(reply.headers.get("link", "")), reply.status)


def _unanswered(url: str, why: str) -> Transient:
    return Transient(
        "FH-H001", f"{_place(url)} does not answer: {why}.", exit_code=Exit.ENVIRONMENT,
        fix="Look at the network and the address; asking again does no harm.",
    )  # fmt: skip


def pages(url: str, headers: Mapping[str, str]) -> Iterator[Any]:
    """Yield every entry of a list that comes in pages, following `Link: rel="next"` on the same host only.

    Raises:
        FreeholdError: as `get`.
    """
    home, following = _origin(url), url
    for _ in range(MOST_PAGES):
        answer = get(following, headers)
        if not isinstance(answer.body, list):
            raise not_understood(following, "a list was expected")
        yield from answer.body
        if answer.next_page is None:
            return
        if _origin(answer.next_page) != home:
            raise not_understood(following, f"its next page is on another host, {_place(answer.next_page)}")
        following = answer.next_page
    raise not_understood(url, f"it has more than {MOST_PAGES} pages")


def checked_address(url: str) -> str:
    """Return an address that a secret may be sent to: over TLS, or to this machine.

    Raises:
        FreeholdError: FH-H006 it is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    problem = f"`{_place(url)}` is no address that a token may be sent to."
    raise FreeholdError("FH-H006", problem, fix="Use one that begins with https.", exit_code=Exit.USAGE)


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses lead to the same host and port by the same scheme."""
    return _origin(one) == _origin(other)


def not_understood(url: str, why: str) -> FreeholdError:
    """Return the error of an answer that is not what is documented."""
    return FreeholdError(
        "FH-H005", f"The answer of {_place(url)} is not understood: {why}.", exit_code=Exit.ENVIRONMENT,
        fix="Look whether the address is that of the API.",
    )  # fmt: skip


def _refused(url: str, status: int, headers: Any) -> FreeholdError:
    place = _place(url)
    if status == 429 or (status == 403 and (headers.get("x-ratelimit-remaining") == "0" or headers.get("retry-after"))):
        return Transient(
            "FH-H004", f"{place} takes no more questions{_until(headers)}.", exit_code=Exit.ENVIRONMENT,
            fix="Ask again then, or use a token with a larger allowance.",
        )  # fmt: skip
    if status in (401, 403):
        return FreeholdError(
            "FH-H002", f"{place} does not let this token see it (status {status}).", exit_code=Exit.ENVIRONMENT,
            fix="Give a token that may read pull requests: pull-requests: read on GitHub, read_api on GitLab.",
        )  # fmt: skip
    if status == 404:
        return FreeholdError(
            "FH-H003", f"{place} has nothing there, or hides it from this token.", exit_code=Exit.ENVIRONMENT,
            fix="Look at the name of the repository and the number, and at the rights of the token.",
        )  # fmt: skip
    if status >= 500:
        fix = "Ask again later."
        return Transient("FH-H001", f"{place} failed (status {status}).", exit_code=Exit.ENVIRONMENT, fix=fix)
    return not_understood(url, f"status {status}")


def _until(headers: Any) -> str:
    wait, reset = headers.get("retry-after") or "", headers.get("x-ratelimit-reset") or ""
    if wait.isdigit():
        return f" for {int(wait)} seconds"
    return f" until {datetime.fromtimestamp(int(reset), UTC):%H:%M:%S} UTC" if reset.isdigit() else ""


def _json(content: bytes, url: str) -> Any:
    if len(content) > LARGEST:
        raise not_understood(url, f"it has more than {LARGEST:,} bytes")
    try:
        return json.loads(content)
    except ValueError as error:
        raise not_understood(url, "it is no JSON") from error


def _next(links: str) -> str | None:
    for link in links.split(","):
        address, _, rest = link.strip().partition(">")
        if 'rel="next"' in rest.replace(" ", ""):
            return address.removeprefix("<")
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _place(url: str) -> str:
    """Return an address as it may be shown: without what stands after the path, or before the host."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
