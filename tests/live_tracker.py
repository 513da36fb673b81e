"""Trackers on loopback: Jira, Linear and ServiceNow as far as they are asked, answering in their documented forms.

Issues are written once, in plain words; each system tells them in its own. What was asked, and what an issue was told,
is kept. `failing` holds answers that are given first: a status, its headers, a body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from live_double import Answer, doubling, in_json


@dataclass
class Ticket:
    """An issue of a tracker: its changes are (id, instant, who, from, to)."""

    id: str
    key: str
    status: str
    created: str
    updated: str
    title: str = "Totals are off"
    type: str = "Bug"
    reporter: str = "acc-vera"
    changes: list[tuple[str, str, str, str, str]] = field(default_factory=list)


@dataclass
class Tracking:
    """A tracker that runs: what it has, what it was asked, what issues were told."""

    system: str
    port: int = 0
    page: int = 100
    tickets: list[Ticket] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    told: dict[str, list[Any]] = field(default_factory=dict)
    failing: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    marks: dict[str, Ticket] = field(default_factory=dict)  # what was filed for which item
    now: str | None = None  # when what is filed is filed

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answered(self, path: str, query: dict[str, list[str]], body: Any, headers: Mapping[str, str]) -> Answer:
        """Keep what is asked, and answer as the system does."""
        self.asked.append((path, body))
        self.authorizations.add(headers.get("authorization") or "")
        return self.failing.pop(0) if self.failing else in_json(self.answer(path, query, body))

    def answer(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        return {"jira": self._jira, "linear": self._linear, "servicenow": self._servicenow}[self.system](
            path, query, body
        )

    def file(self, key: str, title: str, mark: str, type: str = "Bug", id: str = "") -> Ticket:
        """File an issue as it is new: it stands in its first status, now."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.now is None else self.now
        todo = "1" if self.system == "servicenow" else "To Do"
        made = Ticket(id or f"2000{len(self.tickets)}", key, todo, now, now, title, type)
        self.marks[mark] = made
        self.tickets.append(made)
        return made

    def _jira(self, path: str, _: dict[str, list[str]], body: Any) -> Any:
        if path == "/rest/api/3/issue":
            fields = body["fields"]
            key = f"{fields['project']['key']}-{len(self.tickets) + 1}"
            self.file(key, fields["summary"], fields["labels"][0], fields["issuetype"]["name"])
            return {"id": self.tickets[-1].id, "key": key, "self": self.url}
        if path == "/rest/api/3/search/jql" and "labels =" in body["jql"]:
            return {"issues": [_as_jira(t) for mark, t in self.marks.items() if mark in body["jql"]], "isLast": True}
        if path.endswith("/remotelink"):
            links = self.told.setdefault(path.split("/")[-2], [])
            links[:] = [one for one in links if one["globalId"] != body["globalId"]] + [body]
            return {"id": 10000 + len(links), "self": self.url}
        if path == "/rest/api/3/search/jql":
            found = [one for one in self.tickets if "key =" not in body["jql"] or f'"{one.key}"' in body["jql"]]
            start = int(body.get("nextPageToken") or 0)
            page = found[start : start + self.page]
            more = {"nextPageToken": str(start + self.page)} if start + self.page < len(found) else {"isLast": True}
            return {"issues": [_as_jira(one) for one in page], **more}
        assert path == "/rest/api/3/changelog/bulkfetch", path
        logs = [
            {"issueId": one.id, "changeHistories": [_history(change) for change in one.changes]}
            for one in self.tickets
            if one.id in body["issueIdsOrKeys"]
        ]
        return {"issueChangeLogs": logs}

    def _linear(self, path: str, _: dict[str, list[str]], body: Any) -> Any:
        assert path == "/graphql", path
        said = body["variables"]
        if body["query"].startswith("query Team"):
            return {"data": {"teams": {"nodes": [{"id": "team-1"}]}, "issueLabels": {"nodes": [{"id": "label-1"}]}}}
        if "issueCreate" in body["query"]:
            given = said["input"]
            made = self.file(f"OPS-{len(self.tickets) + 1}", given["title"], given["id"], id=given["id"])
            return {"data": {"issueCreate": {"issue": {"identifier": made.key}}}}
        if "attachmentCreate" in body["query"]:
            attached = self.told.setdefault(said["input"]["issueId"], [])
            attached[:] = [one for one in attached if one["url"] != said["input"]["url"]] + [said["input"]]
            return {"data": {"attachmentCreate": {"success": True}}}
        if body["query"].startswith("query History"):
            one = next(t for t in self.tickets if t.id == said["id"])
            return {"data": {"issue": {"history": self._steps(one, said["after"])}}}
        if "id" in said["filter"]:
            known = [self._as_linear(t) for t in self.tickets if t.id == said["filter"]["id"]["eq"]]
            return {"data": {"issues": {"nodes": known, "pageInfo": _page_info(0, 1, 0)}}}
        wanted = said["filter"].get("number", {}).get("eq")
        found = [t for t in self.tickets if wanted is None or t.key.endswith(f"-{wanted}")]
        start = int(said.get("after") or 0)
        nodes = [self._as_linear(one) for one in found[start : start + self.page]]
        return {"data": {"issues": {"nodes": nodes, "pageInfo": _page_info(start, self.page, len(found))}}}

    def _as_linear(self, one: Ticket) -> dict[str, Any]:
        return {
            "id": one.id, "identifier": one.key, "title": one.title, "createdAt": one.created,
            "updatedAt": one.updated, "priorityLabel": "High", "state": {"name": one.status},
            "creator": {"id": one.reporter}, "labels": {"nodes": [{"name": one.type}]},
            "history": self._steps(one, None),
        }  # fmt: skip

    def _steps(self, one: Ticket, after: str | None) -> dict[str, Any]:
        start = int(after or 0)
        nodes: list[dict[str, Any]] = [
            {"id": id_, "createdAt": at, "actor": {"id": who}, "fromState": {"name": was}, "toState": {"name": to}}
            for id_, at, who, was, to in one.changes
        ]
        nodes.append({"id": "h-title", "createdAt": one.created, "actor": None, "fromState": None, "toState": None})
        return {"nodes": nodes[start : start + 1], "pageInfo": _page_info(start, 1, len(nodes))}

    def _servicenow(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        table, _, id_ = path.removeprefix("/api/now/table/").partition("/")
        if body is not None and not id_:
            made = self.file(f"INC{len(self.tickets) + 1:07}", body["short_description"], body["correlation_id"])
            return {"result": {"sys_id": made.id, "number": made.key}}
        if body is not None:
            self.told[id_] = [body]
            return {"result": {"sys_id": id_, **body}}
        said = query["sysparm_query"][0]
        start, size = int(query["sysparm_offset"][0]), int(query["sysparm_limit"][0])
        if said.startswith("correlation_id="):
            rows = [_as_servicenow(t) for mark, t in self.marks.items() if mark == said.partition("=")[2]]
        elif table == "sys_audit":
            rows = [_audited(t, change) for t in self.tickets if t.id in said for change in t.changes]
        else:
            rows = [_as_servicenow(t) for t in self.tickets if not said.startswith("number=") or t.key in said]
        return {"result": rows[start : start + size]}


def _as_jira(one: Ticket) -> dict[str, Any]:
    return {
        "id": one.id, "key": one.key,
        "fields": {
            "summary": one.title, "status": {"name": one.status, "statusCategory": {"key": "new"}},
            "issuetype": {"name": one.type}, "priority": {"name": "High"},
            "reporter": {"accountId": one.reporter, "displayName": "V."},
            "created": one.created.replace("Z", ".000+0000"), "updated": one.updated.replace("Z", ".000+0000"),
        },
    }  # fmt: skip


def _history(change: tuple[str, str, str, str, str]) -> dict[str, Any]:
    id_, at, who, was, to = change
    millis = int(datetime.fromisoformat(at).timestamp() * 1000)  # in bulk, instants are numbers
    item = {"field": "status", "fieldId": "status", "fieldtype": "jira", "from": "1", "fromString": was, "to": "3"}
    other = {"field": "labels", "fieldId": "labels", "fromString": "", "toString": "urgent"}
    return {"id": id_, "author": {"accountId": who}, "created": millis, "items": [other, {**item, "toString": to}]}


def _as_servicenow(one: Ticket) -> dict[str, str]:
    return {
        "sys_id": one.id, "number": one.key, "sys_class_name": one.type, "state": one.status,
        "short_description": one.title, "opened_by": one.reporter, "priority": "2",
        "sys_created_on": _plain(one.created), "sys_updated_on": _plain(one.updated),
    }  # fmt: skip


def _audited(one: Ticket, change: tuple[str, str, str, str, str]) -> dict[str, str]:
    id_, at, who, was, to = change
    return {
        "sys_id": id_, "documentkey": one.id, "oldvalue": was, "newvalue": to, "user": who, "sys_created_on": _plain(at)
    }  # fmt: skip


def _plain(instant: str) -> str:
    return instant.replace("T", " ").removesuffix("Z")


def _page_info(start: int, size: int, count: int) -> dict[str, Any]:
    return {"hasNextPage": start + size < count, "endCursor": str(start + size)}


@contextmanager
def tracking(system: str, **said: Any) -> Iterator[Tracking]:
    """Run a tracker while the block runs."""
    with doubling(Tracking(system, **said)) as one:
        yield one


def many(count: int, first: datetime) -> list[Ticket]:
    """Return so many issues, each done an hour after it was filed."""
    found = []
    for i in range(count):
        filed, done = (f"{first + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (i, i + 1))
        changes = [(f"c{i}", done, "acc-ana", "To Do", "Done")]
        found.append(Ticket(f"{10_000 + i}", f"OPS-{i}", "Done", filed, done, changes=changes))
    return found
