"""Linear, GraphQL: issues with their history, an attachment back. An issue has no type there; its first label is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from freehold.connect.trackers.asking import Asking
from freehold.connect.trackers.issue import Issue, Step

_PATH = "/graphql"
_STEPS = "nodes { id createdAt actor { id } fromState { name } toState { name } } pageInfo { hasNextPage endCursor }"
_ISSUE = (
    "id identifier title createdAt updatedAt priorityLabel state { name } creator { id } "
    f"labels(first: 10) {{ nodes {{ name }} }} history(first: 50) {{ {_STEPS} }}"
)
_ISSUES = (
    "query Issues($filter: IssueFilter, $after: String) { issues(first: 25, after: $after, filter: $filter, "
    f"orderBy: updatedAt, includeArchived: true) {{ nodes {{ {_ISSUE} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)
_HISTORY = (
    "query History($id: String!, $after: String) { issue(id: $id) { "
    f"history(first: 50, after: $after) {{ {_STEPS} }} }} }}"
)
_TEAM = (
    "query Team($team: String!, $label: String!) { teams(filter: { key: { eq: $team } }) { nodes { id } } "
    "issueLabels(filter: { name: { eq: $label } }) { nodes { id } } }"
)
_FILE = "mutation File($input: IssueCreateInput!) { issueCreate(input: $input) { issue { identifier } } }"
_ATTACH = "mutation Attach($input: AttachmentCreateInput!) { attachmentCreate(input: $input) { success } }"


class Linear:
    """Asks Linear."""

    is_oldest_first = False

    def changed(self, asking: Asking, since: datetime | None) -> Iterator[Issue]:
        """Yield the issues that changed since an instant; see `System`."""
        wanted: dict[str, Any] = {"team": {"key": {"eq": asking.tracker.project}}}
        if since is not None:
            wanted["updatedAt"] = {"gte": since.astimezone(UTC).isoformat().replace("+00:00", "Z")}
        yield from self._found(asking, wanted)

    def one(self, asking: Asking, key: str) -> Issue | None:
        """Return an issue by its key; see `System`."""
        team, _, number = key.rpartition("-")
        if team.upper() != asking.tracker.project.upper() or not number.isdigit():
            return None
        wanted = {"team": {"key": {"eq": asking.tracker.project}}, "number": {"eq": int(number)}}
        return next(self._found(asking, wanted), None)

    def file(self, asking: Asking, type: str, title: str, item: str) -> str:
        """File an issue; see `System`. Linear takes its id from whoever files it, and no id twice."""
        id_ = str(UUID(bytes=hashlib.sha256(item.encode()).digest()[:16], version=4))
        found = next(self._found(asking, {"id": {"eq": id_}}), None)
        if found is not None:
            return found.key
        names = {"team": asking.tracker.project, "label": type}
        known = self._ask(asking, _TEAM, names)
        try:
            team = str(known["teams"]["nodes"][0]["id"])
            labels = [str(one["id"]) for one in known["issueLabels"]["nodes"][:1]]
            said = {"id": id_, "teamId": team, "title": title, "labelIds": labels}
            return str(self._ask(asking, _FILE, {"input": said})["issueCreate"]["issue"]["identifier"])
        except (KeyError, TypeError, IndexError) as error:
            raise asking.not_understood(_PATH, f"{type} is filed nowhere: {error!r}"[:200]) from error

    def tell(self, asking: Asking, issue: Issue, item: str, url: str) -> None:
        """Attach its item to an issue. Linear keeps one attachment for each address."""
        self._ask(asking, _ATTACH, {"input": {"issueId": issue.id, "title": item, "url": url}})

    def _found(self, asking: Asking, wanted: Mapping[str, Any]) -> Iterator[Issue]:
        after: str | None = None
        while True:
            data = self._ask(asking, _ISSUES, {"filter": wanted, "after": after})
            try:
                page = data["issues"]
                yield from [_issue(one, self._steps(asking, one)) for one in page["nodes"]]
                after, is_more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            except (KeyError, TypeError, ValueError) as error:
                raise asking.not_understood(_PATH, f"{type(error).__name__} {error}") from error
            if not is_more:
                return

    def _steps(self, asking: Asking, said: Mapping[str, Any]) -> tuple[Step, ...]:
        page = said["history"]
        nodes = list(page["nodes"])
        while page["pageInfo"]["hasNextPage"]:
            told = {"id": said["id"], "after": page["pageInfo"]["endCursor"]}
            page = self._ask(asking, _HISTORY, told)["issue"]["history"]
            nodes += page["nodes"]
        return tuple(sorted((_step(one) for one in nodes if one.get("toState")), key=lambda step: step.at))

    def _ask(self, asking: Asking, query: str, variables: Mapping[str, Any]) -> Any:
        answer = asking.send("POST", _PATH, {"query": query, "variables": variables})
        if not isinstance(answer, dict) or answer.get("errors") or not isinstance(answer.get("data"), dict):
            said = (answer.get("errors") or [{}])[0] if isinstance(answer, dict) else {}
            raise asking.not_understood(_PATH, str(said.get("message") or "it has no data")[:200])
        return answer["data"]


LINEAR = Linear()


def _issue(said: Mapping[str, Any], steps: tuple[Step, ...]) -> Issue:
    labels = (said.get("labels") or {}).get("nodes") or [{}]
    return Issue(
        id=str(said["id"]),
        key=str(said["identifier"]),
        type=str(labels[0].get("name") or ""),
        status=str(said["state"]["name"]),
        title=str(said.get("title") or ""),
        reporter=str((said.get("creator") or {}).get("id") or ""),
        created_at=_instant(said["createdAt"]),
        updated_at=_instant(said["updatedAt"]),
        priority=str(said.get("priorityLabel") or ""),
        steps=steps,
    )


def _step(said: Mapping[str, Any]) -> Step:
    was = str((said.get("fromState") or {}).get("name") or "")
    who = str((said.get("actor") or {}).get("id") or "")
    return Step(str(said["id"]), _instant(said["createdAt"]), who, was, str(said["toState"]["name"]))


def _instant(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)
