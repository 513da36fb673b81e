"""Jira Cloud, REST API v3: issues by JQL, their changelogs in bulk, a remote link back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from freehold.connect.trackers.asking import Asking
from freehold.connect.trackers.issue import Issue, Step, label_of

_SEARCH, _CHANGES = "/rest/api/3/search/jql", "/rest/api/3/changelog/bulkfetch"
_FIELDS = ("summary", "status", "issuetype", "priority", "reporter", "created", "updated")
_ISSUE = "/rest/api/3/issue"
_LONGEST = 255  # characters of a summary
_PAGE = 100


class Jira:
    """Asks Jira."""

    is_oldest_first = True

    def changed(self, asking: Asking, since: datetime | None) -> Iterator[Issue]:
        """Yield the issues that changed since an instant; see `System`."""
        one = asking.tracker
        parts = [f'project = "{one.project}"', *([f"({one.query})"] if one.query else [])]
        if since is not None:  # minutes ago, since JQL reads a day and an hour in the zone of whoever asks
            parts.append(f'updated >= "-{math.ceil((asking.clock.now() - since).total_seconds() / 60)}m"')
        yield from self._found(asking, f"{' AND '.join(parts)} ORDER BY updated ASC")

    def one(self, asking: Asking, key: str) -> Issue | None:
        """Return an issue by its key; see `System`."""
        quoted = key.replace("\\", "").replace('"', "")
        return next(self._found(asking, f'project = "{asking.tracker.project}" AND key = "{quoted}"'), None)

    def file(self, asking: Asking, type: str, title: str, item: str) -> str:
        """File an issue; see `System`. A label that is made of the item's id tells which was filed for it."""
        project, label = asking.tracker.project, label_of(item)
        found = next(self._found(asking, f'project = "{project}" AND labels = "{label}"'), None)
        if found is not None:
            return found.key
        fields: dict[str, Any] = {
            "project": {"key": project}, "issuetype": {"name": type}, "summary": title[:_LONGEST], "labels": [label],
        }  # fmt: skip
        answer = asking.send("POST", _ISSUE, {"fields": fields})
        try:
            return str(answer["key"])
        except (KeyError, TypeError) as error:
            raise asking.not_understood(_ISSUE, "it has no `key`") from error

    def tell(self, asking: Asking, issue: Issue, item: str, url: str) -> None:
        """Link an issue to its item. Jira keeps one link for each `globalId`."""
        said = {"globalId": f"freehold={item}", "object": {"url": url, "title": item}}
        asking.send("POST", f"/rest/api/3/issue/{quote(issue.id)}/remotelink", said)

    def _found(self, asking: Asking, jql: str) -> Iterator[Issue]:
        wanted: dict[str, Any] = {"jql": jql, "fields": list(_FIELDS), "maxResults": _PAGE}
        while True:
            page = asking.send("POST", _SEARCH, wanted)
            try:
                found = list(page["issues"])
                steps = self._steps(asking, [str(one["id"]) for one in found])
                yield from [_issue(one, steps.get(str(one["id"]), ())) for one in found]
                token = page.get("nextPageToken")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise asking.not_understood(_SEARCH, f"{type(error).__name__} {error}") from error
            if not token or page.get("isLast"):
                return
            wanted["nextPageToken"] = token

    def _steps(self, asking: Asking, ids: Sequence[str]) -> dict[str, tuple[Step, ...]]:
        wanted: dict[str, Any] = {"issueIdsOrKeys": list(ids), "fieldIds": ["status"], "maxResults": 1000}
        found: dict[str, list[Step]] = {}
        while ids:
            page = asking.send("POST", _CHANGES, wanted)
            for one in page.get("issueChangeLogs") or ():
                for history in one.get("changeHistories") or ():
                    found.setdefault(str(one["issueId"]), []).extend(_of_history(history))
            if not page.get("nextPageToken"):
                break
            wanted["nextPageToken"] = page["nextPageToken"]
        return {id_: tuple(sorted(each, key=lambda step: step.at)) for id_, each in found.items()}


JIRA = Jira()


def _issue(said: Mapping[str, Any], steps: tuple[Step, ...]) -> Issue:
    fields = said["fields"]
    return Issue(
        id=str(said["id"]),
        key=str(said["key"]),
        type=str(fields["issuetype"]["name"]),
        status=str(fields["status"]["name"]),
        title=str(fields.get("summary") or ""),
        reporter=str((fields.get("reporter") or {}).get("accountId") or ""),
        created_at=_instant(fields["created"]),
        updated_at=_instant(fields["updated"]),
        priority=str((fields.get("priority") or {}).get("name") or ""),
        steps=steps,
    )


def _of_history(said: Mapping[str, Any]) -> Iterator[Step]:
    who = str((said.get("author") or {}).get("accountId") or "")
    for item in said["items"]:
        if (item.get("fieldId") or item.get("field")) == "status":
            was, to = str(item.get("fromString") or ""), str(item["toString"])
            yield Step(str(said["id"]), _instant(said["created"]), who, was, to)


def _instant(said: str | float) -> datetime:
    """Read an instant: as text, or in milliseconds since 1970, as bulk answers have it."""
    if isinstance(said, str) and not said.isdigit():
        return datetime.fromisoformat(said).astimezone(UTC)
    return datetime.fromtimestamp(int(said) / 1000, UTC)
