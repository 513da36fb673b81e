"""The routes by which tools that know Marquez read what was told: namespaces, jobs, runs, data sets, graphs.

They show what other tools told, as they told it; the lineage of our own is at `/api/v1/lineage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.catalog.openlineage.asking import Book
from freehold.catalog.openlineage.keeping import RAW
from freehold.catalog.openlineage.merging import Job
from freehold.catalog.openlineage.reading import Name
from freehold.foundation import FreeholdError
from freehold.foundation.times import instant_of
from freehold.server.openlineage import graphs, shapes
from freehold.server.web.showing import Asked, asked_of

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

_BASE = "/openlineage/api/v1"
_MOST = 1_000
_DEPTH, _DEEPEST = 20, 30
Answer = Callable[[Request, Book], dict[str, Any]]


def routes() -> list[BaseRoute]:
    """Return the routes."""
    of_namespace = f"{_BASE}/namespaces/{{namespace:path}}"
    return [
        Route(f"{_BASE}/lineage", _answering(_lineage)),
        Route(f"{_BASE}/column-lineage", _answering(_column_lineage)),
        Route(f"{_BASE}/events/lineage", _events),
        Route(f"{_BASE}/namespaces", _answering(_namespaces)),
        Route(f"{of_namespace}/datasets", _answering(_datasets)),
        Route(f"{of_namespace}/datasets/{{name:path}}/versions", _answering(_versions)),
        Route(f"{of_namespace}/datasets/{{name:path}}", _answering(_dataset)),
        Route(f"{of_namespace}/jobs", _answering(_jobs)),
        Route(f"{of_namespace}/jobs/{{name:path}}/runs", _answering(_runs)),
        Route(f"{of_namespace}/jobs/{{name:path}}", _answering(_job)),
        Route(of_namespace, _answering(_namespace)),
        Route(f"{_BASE}/jobs/runs/{{id}}", _answering(_run)),
        Route(f"{_BASE}/jobs/runs/{{id}}/facets", _answering(_facets)),
        Route(f"{_BASE}/search", _answering(_search)),
        Route(f"{_BASE}/stats", _answering(_stats)),
    ]


def _answering(answer: Answer) -> Callable[[Request], Response]:
    """Return an endpoint that answers from what has been heard by now."""

    def endpoint(request: Request) -> Response:
        asked = _settled(request)
        with asked.served.listing.follow(asked.snapshot).heard() as book:
            return JSONResponse(answer(request, book))

    return endpoint


def _settled(request: Request) -> Asked:
    """Return what is asked, with everything sealed that can be at once.

    Raises:
        FreeholdError: FH-A134 the asker may not see every product, and what other tools told may be of any.
    """
    request.app.state.served.intake.settle()
    asked = asked_of(request)
    if asked.snapshot.seen is not None:
        raise FreeholdError(
            "FH-A134",
            "What other tools told is shown as it came to whoever may see every product.",
            fix="See `/api/v1/lineage`, which shows what you may see of it.",
        )
    return asked


def _namespaces(request: Request, book: Book) -> dict[str, Any]:
    limit, offset = _page(request)
    return {"namespaces": [shapes.namespace(one) for one in book.namespaces()[offset : offset + limit]]}


def _namespace(request: Request, book: Book) -> dict[str, Any]:
    wanted = request.path_params["namespace"]
    found = next((one for one in book.namespaces() if one.name == wanted), None)
    if found is None:
        raise _nothing("namespace", wanted)
    return shapes.namespace(found)


def _datasets(request: Request, book: Book) -> dict[str, Any]:
    total, found = book.datasets(request.path_params["namespace"], *_page(request))
    return {"datasets": [shapes.dataset(one, book) for one in found], "totalCount": total}


def _dataset(request: Request, book: Book) -> dict[str, Any]:
    found = book.dataset(_name(request))
    if found is None:
        raise _nothing("data set", request.path_params["name"])
    return shapes.dataset(found, book)


def _versions(request: Request, book: Book) -> dict[str, Any]:
    """Versions of data sets are not told apart: the one there is, is how it stands now."""
    return {"versions": [{**_dataset(request, book), "version": None, "createdByRun": None}], "totalCount": 1}


def _jobs(request: Request, book: Book) -> dict[str, Any]:
    total, found = book.jobs(request.path_params["namespace"], *_page(request))
    return {"jobs": [shapes.job(one, book) for one in found], "totalCount": total}


def _job(request: Request, book: Book) -> dict[str, Any]:
    return shapes.job(_named(request, book), book)


def _named(request: Request, book: Book) -> Job:
    """Return the job that a path names.

    Raises:
        FreeholdError: there is none.
    """
    found = book.job(_name(request))
    if found is None:
        raise _nothing("job", request.path_params["name"])
    return found


def _runs(request: Request, book: Book) -> dict[str, Any]:
    found = _named(request, book)
    (limit, offset), runs = _page(request), book.runs(found)
    return {"runs": [shapes.run(one, found.name) for one in runs[offset : offset + limit]], "totalCount": len(runs)}


def _run(request: Request, book: Book) -> dict[str, Any]:
    found = book.run(request.path_params["id"])
    if found is None:
        raise _nothing("run", request.path_params["id"])
    return shapes.run(found[1], found[0])


def _facets(request: Request, book: Book) -> dict[str, Any]:
    id_, kind = request.path_params["id"], request.query_params.get("type", "run")
    found = book.run(id_)
    if found is None:
        raise _nothing("run", id_)
    if kind not in ("run", "job"):
        raise FreeholdError("FH-A112", f"There are no facets of type `{kind[:40]}`.", fix="Use `run` or `job`.")
    job = book.job(found[0])
    of = found[1].facets if kind == "run" or job is None else job.facets
    return {"runId": id_, "facets": of.facets()}


def _lineage(request: Request, book: Book) -> dict[str, Any]:
    kind, name, _ = _node(request, ("dataset", "job"))
    if (book.job(name) if kind == "job" else book.dataset(name)) is None:
        raise _nothing(kind, str(name))
    return graphs.lineage(book, kind, name, _depth(request))


def _column_lineage(request: Request, book: Book) -> dict[str, Any]:
    kind, name, field = _node(request, ("dataset", "datasetField"))
    if book.dataset(name) is None:
        raise _nothing("data set", str(name))
    is_down = request.query_params.get("withDownstream", "false").lower() == "true"
    return graphs.columns(book, name, field if kind == "datasetField" else "", _depth(request), is_down=is_down)


def _search(request: Request, book: Book) -> dict[str, Any]:
    wanted, kind = request.query_params.get("q", ""), request.query_params.get("filter", "").lower()
    if not wanted:
        raise FreeholdError("FH-A112", "Nothing was asked for.", fix="Say it: `?q=orders`.")
    if kind not in ("", "dataset", "job"):
        raise FreeholdError("FH-A112", f"There is no filter `{kind[:40]}`.", fix="Use `dataset` or `job`.")
    limit, _ = _page(request, 10)
    found = [
        {
            "type": what.upper(), "name": name.name, "namespace": name.namespace, "nodeId": shapes.node_id(what, name),
            "updatedAt": shapes.instant(at),
        }
        for what, name, at in book.found(wanted[:200], (kind,) if kind else ("dataset", "job"), limit)
    ]  # fmt: skip
    return {"totalCount": len(found), "results": found}


def _stats(_: Request, book: Book) -> dict[str, Any]:
    jobs, sets, events = book.counts()
    return {"jobs": jobs, "datasets": sets, "events": events, "namespaces": len(book.namespaces())}


def _events(request: Request) -> Response:
    """List events as they came, the newest kept first; each byte of one is as it was sent.

    `after` and `before` narrow them to those of a time: from the one on, and not at or past the other.
    """
    asked, (limit, offset), span = _settled(request), _page(request, 100), _span(request)
    ledger, wanted = asked.served.snapshots.ledger, limit + offset
    bodies: list[str] = []
    total = 0
    for sealed in ledger.read(types=("segment.sealed",), newest_first=True):
        if sealed.data["type"] != RAW or not span.meets(sealed.data):
            continue
        is_whole = span.holds(sealed.data)
        if not is_whole or len(bodies) < wanted:
            rows = ledger.raw.rows(sealed, ("body", "occurred_at"))
            fitting = [r for r in reversed(rows) if is_whole or span.has(r["occurred_at"].replace(tzinfo=UTC))]
            bodies += [str(row["body"]) for row in fitting[: max(0, wanted - len(bodies))]]
        total += int(sealed.data["rows"]) if is_whole else len(fitting)
    text = ",".join(bodies[offset:wanted])
    return Response(f'{{"events":[{text}],"totalCount":{total}}}', media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Span:
    """A time, from an instant on and until another one exclusively; None where there is no such end."""

    after: datetime | None
    before: datetime | None

    def has(self, at: datetime) -> bool:
        """Whether an instant is within."""
        return (self.after is None or at >= self.after) and (self.before is None or at < self.before)

    def holds(self, sealed: Mapping[str, Any]) -> bool:
        """Whether all events of a segment are within."""
        return self.has(_instant(sealed["first_occurred_at"])) and self.has(_instant(sealed["last_occurred_at"]))

    def meets(self, sealed: Mapping[str, Any]) -> bool:
        """Whether any event of a segment may be within."""
        first, last = _instant(sealed["first_occurred_at"]), _instant(sealed["last_occurred_at"])
        return (self.after is None or last >= self.after) and (self.before is None or first < self.before)


def _span(request: Request) -> _Span:
    """Return the time that `after` and `before` say.

    Raises:
        FreeholdError: FH-A112 one is no instant.
    """
    found = []
    for name in ("after", "before"):
        said = request.query_params.get(name, "")
        try:
            found.append(_instant(said) if said else None)
        except ValueError:
            fix = "Write one as 2026-01-31T08:00:00Z."
            raise FreeholdError("FH-A112", f"`{name}` is `{said[:40]}`, and no instant.", fix=fix) from None
    return _Span(*found)


def _instant(said: str) -> datetime:
    """Return an instant; one without a zone is UTC."""
    return instant_of(said.replace(" ", "+"))  # a plus that nobody escaped came as a space


def _node(request: Request, kinds: tuple[str, ...]) -> tuple[str, Name, str]:
    """Return kind, name and field of the node that is asked for: `dataset:NAMESPACE:NAME`, namespaces having colons.

    Raises:
        FreeholdError: FH-A112 it is none.
    """
    said = request.query_params.get("nodeId", "")
    kind, _, rest = said.partition(":")
    field = ""
    if kind == "datasetField":
        rest, _, field = rest.rpartition(":")
    namespace, _, name = rest.rpartition(":")
    if kind not in kinds or not namespace or not name:
        forms = " or ".join(f"`{one}:NAMESPACE:NAME{':FIELD' if one == 'datasetField' else ''}`" for one in kinds)
        raise FreeholdError("FH-A112", f"`nodeId` is no node: `{said[:200]}`.", fix=f"Use {forms}.")
    return kind, Name(namespace, name), field


def _name(request: Request) -> Name:
    return Name(request.path_params["namespace"], request.path_params["name"])


def _page(request: Request, usual: int = 100) -> tuple[int, int]:
    """Return `limit` and `offset`."""
    found = []
    for name, otherwise, most in (("limit", usual, _MOST), ("offset", 0, 1_000_000)):
        said = request.query_params.get(name, str(otherwise))
        if not said.isdecimal() or len(said) > 7 or int(said) > most:
            raise FreeholdError("FH-A112", f"`{name}` is `{said[:40]}`.", fix=f"Use a number up to {most:,}.")
        found.append(int(said))
    return found[0], found[1]


def _depth(request: Request) -> int:
    said = request.query_params.get("depth", str(_DEPTH))
    if not said.isdecimal() or len(said) > 4:
        raise FreeholdError("FH-A112", f"`depth` is `{said[:40]}`.", fix=f"Use a number up to {_DEEPEST}.")
    return min(int(said), _DEEPEST)


def _nothing(what: str, name: str) -> FreeholdError:
    return FreeholdError(
        "FH-A133", f"No tool told of a {what} `{name[:200]}`.", fix="See `/openlineage/api/v1/namespaces`."
    )
