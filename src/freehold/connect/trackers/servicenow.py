"""ServiceNow, Table API: records of one table, the changes of their `state` from `sys_audit`, `correlation_id` back.

Instants are in UTC where values are asked for as they are kept (`sysparm_display_value=false`), as they are here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from freehold.connect.trackers.asking import Asking
from freehold.connect.trackers.issue import Issue, Step

_TABLE = "/api/now/table/"
_FIELDS = (
    "sys_id", "number", "sys_class_name", "state", "short_description", "opened_by", "priority", "sys_created_on",
    "sys_updated_on",
)  # fmt: skip
_AUDITED = ("sys_id", "documentkey", "oldvalue", "newvalue", "user", "sys_created_on")
_PAGE = 200
_LONGEST = 160  # characters of a short description
_AUDIT_PAGE = 1000


class ServiceNow:
    """Asks ServiceNow."""

    is_oldest_first = True

    def changed(self, asking: Asking, since: datetime | None) -> Iterator[Issue]:
        """Yield the records that changed since an instant; see `System`."""
        parts = [asking.tracker.query] if asking.tracker.query else []
        parts += [f"sys_updated_on>={since.astimezone(UTC):%Y-%m-%d %H:%M:%S}"] if since is not None else []
        yield from self._found(asking, "^".join([*parts, "ORDERBYsys_updated_on"]))

    def one(self, asking: Asking, key: str) -> Issue | None:
        """Return a record by its number; see `System`."""
        return next(self._found(asking, f"number={key.replace('^', '')}"), None)

    def file(self, asking: Asking, type: str, title: str, item: str) -> str:  # noqa: ARG002 a table is its type
        """File a record; see `System`. Its `correlation_id` is the item."""
        found = next(self._found(asking, f"correlation_id={item.replace('^', '')}"), None)
        if found is not None:
            return found.key
        place = f"{_TABLE}{quote(asking.tracker.project)}"
        said = {"short_description": title[:_LONGEST], "correlation_id": item}
        answer = asking.send("POST", place, said)
        try:
            return str(answer["result"]["number"])
        except (KeyError, TypeError) as error:
            raise asking.not_understood(place, "it has no `result.number`") from error

    def tell(self, asking: Asking, issue: Issue, item: str, url: str) -> None:
        """Write its item into a record, where records of other systems are named."""
        said = {"correlation_id": item, "correlation_display": url}
        asking.send("PATCH", f"{_TABLE}{quote(asking.tracker.project)}/{quote(issue.id)}", said)

    def _found(self, asking: Asking, query: str) -> Iterator[Issue]:
        for page in self._pages(asking, asking.tracker.project, query, _FIELDS, _PAGE):
            try:
                steps = self._steps(asking, [str(one["sys_id"]) for one in page])
                yield from [_issue(one, steps.get(str(one["sys_id"]), ())) for one in page]
            except (KeyError, TypeError, ValueError) as error:
                raise asking.not_understood(_TABLE, f"{type(error).__name__} {error}") from error

    def _steps(self, asking: Asking, ids: Sequence[str]) -> dict[str, tuple[Step, ...]]:
        found: dict[str, list[Step]] = {}
        if ids:
            query = f"tablename={asking.tracker.project}^documentkeyIN{','.join(ids)}^fieldname=state"
            query += "^ORDERBYsys_created_on"
            for page in self._pages(asking, "sys_audit", query, _AUDITED, _AUDIT_PAGE):
                for one in page:
                    found.setdefault(str(one["documentkey"]), []).append(_step(one))
        return {id_: tuple(sorted(each, key=lambda step: step.at)) for id_, each in found.items()}

    def _pages(
        self, asking: Asking, table: str, query: str, fields: Sequence[str], size: int
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        offset = 0
        while True:
            said = {
                "sysparm_query": query, "sysparm_fields": ",".join(fields), "sysparm_limit": size,
                "sysparm_offset": offset, "sysparm_display_value": "false", "sysparm_exclude_reference_link": "true",
            }  # fmt: skip
            answer = asking.get(f"{_TABLE}{quote(table)}?{urlencode(said)}")
            page = answer.get("result") if isinstance(answer, dict) else None
            if not isinstance(page, list):
                raise asking.not_understood(f"{_TABLE}{table}", "it has no list `result`")
            yield page
            if len(page) < size:
                return
            offset += size


SERVICENOW = ServiceNow()


def _issue(said: Mapping[str, Any], steps: tuple[Step, ...]) -> Issue:
    return Issue(
        id=str(said["sys_id"]),
        key=str(said["number"]),
        type=str(said.get("sys_class_name") or ""),
        status=str(said["state"]),
        title=str(said.get("short_description") or ""),
        reporter=str(said.get("opened_by") or ""),
        created_at=_instant(str(said["sys_created_on"])),
        updated_at=_instant(str(said["sys_updated_on"])),
        priority=str(said.get("priority") or ""),
        steps=steps,
    )


def _step(said: Mapping[str, Any]) -> Step:
    who, was, to = str(said.get("user") or ""), str(said.get("oldvalue") or ""), str(said.get("newvalue") or "")
    return Step(str(said["sys_id"]), _instant(str(said["sys_created_on"])), who, was, to)


def _instant(said: str) -> datetime:
    return datetime.strptime(said, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
