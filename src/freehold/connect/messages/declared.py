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
    found = (_channel(one) for (kind, _), one in estate.resources.items() if kind == KIND)
    return {one.id: one for one in sorted(found, key=lambda one: one.id)}


def channel_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the channels of an estate: FH-X320."""
    workflows = workflows_of(estate)
    return tuple(error for one in channels_of(estate).values() for error in _wrong(one, estate, workflows))


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


def _wrong(one: Channel, estate: Estate, workflows: Mapping[str, Workflow]) -> Iterator[FreeholdError]:
    accounts = accounts_of(estate)
    if one.account not in accounts:
        problem = f"`{one.id}` sees as `{one.account}`, a service account that no file declares."
        yield _finding(one, problem, near(one.account, accounts) or "Declare it: `freehold schema ServiceAccount`.")
    for type_ in (*(d for d in one.decisions if d != PLAN), *([one.files] if one.files else [])):
        if type_ not in workflows:
            fix = near(type_, (PLAN, *workflows)) or "`freehold items types` lists those there are."
            yield _finding(one, f"`{one.id}` names `{type_}`, which has no workflow.", fix)
    if one.to == "teams" and (not is_reference(one.url) or one.files):
        problem = f"`{one.id}` is of Teams, whose address is a secret, and which files nothing."
        yield _finding(one, problem, "Say `url: env:TEAMS_URL`, and leave `files` out.")
    if one.to == "webhook" and (not one.url or not one.secret or one.files):
        problem = f"`{one.id}` is a webhook, which has an address, signs what it sends, and files nothing."
        yield _finding(one, problem, "Say `url` and `secret`, and leave `files` out.")
    if one.to == "slack":
        is_told = one.decisions or one.notices or one.pages is not None
        needed = ["signing_secret", *(["token", "conversation"] if is_told else [])]
        for name in (name for name in needed if not getattr(one, name)):
            yield _finding(one, f"`{one.id}` is of Slack, and has no `{name}`.", f"Add `{name}`.")
    yield from _paging(one, estate)


def _paging(one: Channel, estate: Estate) -> Iterator[FreeholdError]:
    """Yield what is wrong with a channel as one that is told of incidents."""
    if one.to == PAGERDUTY and (not one.routing_key or one.decisions or one.notices or one.files):
        problem = f"`{one.id}` is of PagerDuty, which has a routing key, and is told of incidents and changes alone."
        yield _finding(one, problem, "Say `routing_key: env:PAGERDUTY_KEY`; leave `decisions`, `notices`, `files` out.")
    if one.to == "apprise" and (not is_reference(one.url) or one.files):
        problem = f"`{one.id}` is of Apprise, whose address is a secret, and which files nothing."
        yield _finding(one, problem, "Say `url: env:ONCALL_URL`, and leave `files` out.")
    if one.changes and one.to != PAGERDUTY:
        problem = f"`{one.id}` is to be told of changes, which PagerDuty alone shows beside incidents."
        yield _finding(one, problem, "Leave `changes` out; a Subscription tells programs of `estate.applied`.")
    if one.pages is not None and INCIDENT in one.decisions:
        problem = f"`{one.id}` would be told of each incident twice: by `pages`, and by `decisions`."
        yield _finding(one, problem, f"Leave `{INCIDENT}` out of `decisions`: its page has the button, too.")
    for named, known in ((one.pages.products, estate.products), (one.pages.teams, estate.teams)) if one.pages else ():
        for name in (name for name in named if name not in known):
            yield _finding(one, f"`{one.id}` pages for `{name}`, which no file declares.", near(name, known))


def _finding(one: Channel, problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-X320", problem, where=one.where, fix=fix)
