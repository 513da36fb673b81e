"""Channels as files declare them: where messages go, of what, with whose eyes, by which secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.access import accounts_of
from freehold.foundation import FreeholdError, near
from freehold.foundation.secrets import is_reference
from freehold.work import workflows_of

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource
    from freehold.estate.operating import Workflow
    from freehold.foundation import Where

KIND = "Channel"
INCIDENT, PAGERDUTY = "incident", "pagerduty"
PLAN = "plan"  # among what is decided: a change of the estate; all others are types of item
_ANSWERS = {"slack": "https://slack.com", "pagerduty": "https://events.pagerduty.com"}


@dataclass(frozen=True, slots=True)
class Pages:
    """Of which incidents a channel is told.

    Attributes:
        severity: of those that are as severe or worse; 1 is the worst.
        products, teams: of these products, or products of these teams, alone; of all where neither is named.
    """

    severity: int = 4
    products: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """Where people are told that a decision waits.

    Attributes:
        to: `slack`, `teams`, `webhook`, `pagerduty` or `apprise`.
        url: where Slack or PagerDuty answers, or a reference to the address of a workflow of Teams, or of Apprise.
        token, signing_secret, secret, routing_key: references; empty where there is none.
        account: the service account with whose eyes it sees, `service:ID`.
        decisions: `plan`, and types of item.
        notices: whether it is told of what is announced to go.
        files: the type of item that a slash command files; empty: none does.
        pages: of which incidents it is told; None: of none.
        changes: whether it is told of plans that were applied.
    """

    id: str
    where: Where
    to: str
    url: str
    token: str
    signing_secret: str
    conversation: str
    account: str
    decisions: tuple[str, ...]
    files: str
    secret: str = ""
    notices: bool = False
    routing_key: str = ""
    pages: Pages | None = None
    changes: bool = False


def channels_of(estate: Estate) -> dict[str, Channel]:
    """Return the channels of an estate, by id."""
    return {one.id: _channel(one) for one in estate.resources_of(KIND)}


def channel_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the channels of an estate: FH-X320."""
    workflows = workflows_of(estate)
    return tuple(error for one in estate.resources_of(KIND) for error in _wrong(one, estate, workflows))


def _channel(said: Resource) -> Channel:
    spec = said.spec
    return Channel(
        id=said.id,
        where=said.where,
        to=str(spec["to"]),
        url=str(spec.get("url", _ANSWERS.get(spec["to"], ""))).rstrip("/"),
        token=str(spec.get("token", "")),
        signing_secret=str(spec.get("signing_secret", "")),
        conversation=str(spec.get("conversation", "")),
        account=str(spec["as"]),
        decisions=tuple(spec.get("decisions", ())),
        files=str(spec.get("files", "")),
        secret=str(spec.get("secret", "")),
        notices=bool(spec.get("notices", False)),
        routing_key=str(spec.get("routing_key", "")),
        pages=_pages(spec["pages"]) if "pages" in spec else None,
        changes=bool(spec.get("changes", False)),
    )


def _pages(said: Mapping[str, Any]) -> Pages:
    return Pages(int(said.get("severity", 4)), tuple(said.get("products", ())), tuple(said.get("teams", ())))


def _wrong(said: Resource, estate: Estate, workflows: Mapping[str, Workflow]) -> Iterator[FreeholdError]:
    one, accounts = _channel(said), accounts_of(estate)
    if one.account not in accounts:
        problem = f"`{one.id}` sees as `{one.account}`, a service account that no file declares."
        fix = near(one.account, accounts) or "Declare it: `freehold schema ServiceAccount`."
        yield _finding(said, problem, fix, "as")
    named: list[tuple[str, tuple[str | int, ...]]] = [(one.files, ("files",))] if one.files else []
    named += [(name, ("decisions", n)) for n, name in enumerate(one.decisions) if name != PLAN]
    for type_, path in named:
        if type_ not in workflows:
            fix = near(type_, (PLAN, *workflows)) or "`freehold items types` lists those there are."
            yield _finding(said, f"`{one.id}` names `{type_}`, which has no workflow.", fix, *path)
    if one.to == "teams" and (not is_reference(one.url) or one.files):
        problem = f"`{one.id}` is of Teams, whose address is a secret, and which files nothing."
        yield _finding(said, problem, "Say `url: env:TEAMS_URL`, and leave `files` out.", "to")
    if one.to == "webhook" and (not one.url or not one.secret or one.files):
        problem = f"`{one.id}` is a webhook, which has an address, signs what it sends, and files nothing."
        yield _finding(said, problem, "Say `url` and `secret`, and leave `files` out.", "to")
    if one.to == "slack":
        is_told = one.decisions or one.notices or one.pages is not None
        needed = ["signing_secret", *(["token", "conversation"] if is_told else [])]
        for name in (name for name in needed if not getattr(one, name)):
            yield _finding(said, f"`{one.id}` is of Slack, and has no `{name}`.", f"Add `{name}`.", "to")
    yield from _paging(said, one, estate)


def _paging(said: Resource, one: Channel, estate: Estate) -> Iterator[FreeholdError]:
    """Yield what is wrong with a channel as one that is told of incidents."""
    if one.to == PAGERDUTY and (not one.routing_key or one.decisions or one.notices or one.files):
        problem = f"`{one.id}` is of PagerDuty, which has a routing key, and is told of incidents and changes alone."
        fix = "Say `routing_key: env:PAGERDUTY_KEY`; leave `decisions`, `notices`, `files` out."
        yield _finding(said, problem, fix, "to")
    if one.to == "apprise" and (not is_reference(one.url) or one.files):
        problem = f"`{one.id}` is of Apprise, whose address is a secret, and which files nothing."
        yield _finding(said, problem, "Say `url: env:ONCALL_URL`, and leave `files` out.", "to")
    if one.changes and one.to != PAGERDUTY:
        problem = f"`{one.id}` is to be told of changes, which PagerDuty alone shows beside incidents."
        fix = "Leave `changes` out; a Subscription tells programs of `estate.applied`."
        yield _finding(said, problem, fix, "changes")
    if one.pages is not None and INCIDENT in one.decisions:
        problem = f"`{one.id}` would be told of each incident twice: by `pages`, and by `decisions`."
        fix = f"Leave `{INCIDENT}` out of `decisions`: its page has the button, too."
        yield _finding(said, problem, fix, "decisions", one.decisions.index(INCIDENT))
    pages = said.spec.get("pages", {})
    for side, known in (("products", estate.products), ("teams", estate.teams)):
        for n, name in enumerate(pages.get(side, ())):
            if name not in known:
                problem = f"`{one.id}` pages for `{name}`, which no file declares."
                yield _finding(said, problem, near(name, known), "pages", side, n)


def _finding(said: Resource, problem: str, fix: str, *path: str | int) -> FreeholdError:
    return FreeholdError("FH-X320", problem, where=said.at("spec", *path), fix=fix)
