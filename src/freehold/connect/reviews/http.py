"""Asking a forge: JSON over HTTP with a token that never leaves for another host, and errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from freehold.foundation import Exit, FreeholdError, Transient

TIMEOUT_S = 20.0
LARGEST = 20_000_000  # bytes of one answer
MOST_PAGES = 50
_SHOWN = {"Accept": "application/json", "User-Agent": "freehold"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: it would take the token along."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the JSON of it, and the address of the next page."""

    body: Any
    next_page: str | None


def get(url: str, headers: Mapping[str, str]) -> Answer:
    """Fetch JSON.

    Raises:
        FreeholdError: FH-H001 nothing answers (transient); FH-H002 the token may not; FH-H003 it is not there;
            FH-H004 too many questions (transient); FH-H005 the answer is none; FH-H006 the address is not safe to ask.
    """
    return _asked(Request(checked_address(url), headers={**_SHOWN, **headers}))


def send(method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
    """Send JSON, with `POST`, `PUT` or `PATCH`, and return what comes back.

    Raises:
        FreeholdError: as `get`.
    """
    shown = {**_SHOWN, "Content-Type": "application/json", **headers}
    return _asked(Request(checked_address(url), json.dumps(body).encode(), shown, method=method))


def submit(url: str, headers: Mapping[str, str], fields: Mapping[str, str]) -> Answer:
    """Send a form and return the JSON that comes back.

    Raises:
        FreeholdError: as `get`.
    """
    shown = {**_SHOWN, "Content-Type": "application/x-www-form-urlencoded", **headers}
    return _asked(Request(checked_address(url), urlencode(fields).encode(), shown, method="POST"))


def _asked(request: Request) -> Answer:
    url = request.full_url
    try:
        with build_opener(_Stay).open(request, timeout=TIMEOUT_S) as answer:
            content = answer.read(LARGEST + 1)
            next_page = _next(answer.headers.get("Link") or "")
    except HTTPError as error:
        with error:
            raise _refused(url, error.code, error.headers) from error
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise Transient(
            "FH-H001", f"{_place(url)} does not answer: {reason}.", exit_code=Exit.ENVIRONMENT,
            fix="Look at the network and the address; asking again does no harm.",
        ) from error  # fmt: skip
    return Answer(_json(content, url), next_page)


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
