"""What is unusual about batches: a list, and each with how its measure went and what would have been usual."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.foundation.words import counted
from freehold.server.unusual import Anomalies, Unusual
from freehold.server.web.drawing import Value, line_chart
from freehold.server.web.model import Chart, Crumb, Empty, Fact, Heading, Mark, Tab
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of

if TYPE_CHECKING:
    from freehold.reliability import Anomaly, Judgement, Measure

_PATH = "/anomalies"
_MOST = 200
_GRADES = {"severe": Mark("bad", "severe"), "unusual": Mark("warn", "unusual")}
_VERDICTS = {
    "fixed": Mark("ok", "fixed"),
    "expected": Mark("idle", "expected"),
    "false": Mark("idle", "false alarm"),
}
_TITLES = {
    "severe": "Far from what its past leads one to expect",
    "unusual": "Not what its past leads one to expect",
    "fixed": "The data was wrong, and was mended",
    "expected": "The data was right, and the day was special",
    "false": "A false alarm",
}
_MEANINGS = (
    ("fixed", "The data was wrong", "It was mended, and is not learned from."),
    ("expected", "It was right, and the day was special", "A sale, a holiday: it is not learned from."),
    ("false", "It was right", "Such values are usual from now on."),
)
HEADINGS = (
    Heading("Of"),
    Heading("What"),
    Heading("State"),
    Heading("Was", "num", sorts=False, narrow=False),
    Heading("Usual", "num", sorts=False, narrow=False),
    Heading("Asset", narrow=False),
)
_NONE = Empty(
    "Nothing is unusual",
    "Every batch that is built and checked is compared with what came before it; what is far from that stands here.",
    "freehold anomalies list --all",
)


@dataclass(frozen=True, slots=True)
class AnomalyRow:
    """An anomaly in a list."""

    id: str
    href: str
    asset: str
    product: str
    of: datetime
    what: str
    state: Mark
    was: str
    usual: str


@dataclass(frozen=True, slots=True)
class AnomaliesPage:
    """What is unusual, the newest first; `more` is how many are not shown."""

    tabs: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    rows: tuple[AnomalyRow, ...]
    more: int
    none_yet: Empty = _NONE


@dataclass(frozen=True, slots=True)
class AnomalyPage:
    """One anomaly. `path` is where what it was is said, empty for who may not, and where it is closed."""

    id: str
    state: Mark
    title: str
    reasons: tuple[str, ...]
    chart: Chart | None
    why_no_chart: str
    facts: tuple[Fact, ...]
    path: str
    meanings: tuple[tuple[str, str, str], ...]
    command: str


def routes() -> list[BaseRoute]:
    """Return the routes of anomalies."""
    return [
        *page(_PATH, anomalies, "anomalies"),
        *page(f"{_PATH}/{{id}}", anomaly, "anomaly"),
        Route(f"{_PATH}/{{id}}/close", close, methods=["POST"], name="anomaly.close"),
    ]


def anomalies(asked: Asked) -> Shown:
    """Show what is unusual: of all that may be seen, of a product or of an asset.

    Raises:
        FreeholdError: FH-D201 there is no such product; FH-A112 the view is none.
    """
    product, asset = asked.word("product"), asked.word("asset")
    view = asked.one_of("view", ("all",), "")
    window = Anomalies(asked)
    found = window.all(asset=asset, product=product, closed=bool(view))
    tabs = tuple(
        Tab(text, address_of(product, asset, word), word == view) for word, text in (("", "Open"), ("all", "All"))
    )
    model = AnomaliesPage(tabs, HEADINGS, rows_of(window, found[:_MOST]), max(0, len(found) - _MOST))
    about = asset or (asked.snapshot.product_name(product) if product else "")
    count = sum(one.is_open for one in found)
    told = f"{counted(count, 'anomalies')} to look at." if count else "Nothing is left to look at."
    crumbs = (Crumb("Products", "/products"), Crumb(about, f"/products/{product}")) if product else ()
    title = f"What is unusual about {about}" if about else "Anomalies"
    return Shown("pages/anomalies.html", title, model, told, crumbs, nav="anomalies")


def anomaly(asked: Asked) -> Shown:
    """Show one anomaly."""
    window = Anomalies(asked)
    found = window.get(asked.request.path_params["id"])
    one, path = found.anomaly, f"{_PATH}/{found.anomaly.id}"
    may = asked.who.via == "session" and one.is_open and window.may_close(found)
    chart = _chart(found, window.past(found))
    model = AnomalyPage(
        id=one.id,
        state=state_of(found),
        title=_TITLES[one.verdict or one.grade],
        reasons=tuple(_reasons(found)),
        chart=chart,
        why_no_chart=found.why or ("" if chart else "Too few batches are known to draw a line."),
        facts=tuple(_facts(asked, found)),
        path=f"{path}/close" if may else "",
        meanings=_MEANINGS,
        command=f"freehold anomalies close {one.id} --as expected",
    )
    title = f"{found.what[:1].upper()}{found.what[1:]}, {one.of or one.found_at:%d %b %Y}"
    return Shown("pages/anomaly.html", title, model, one.asset, (Crumb("Anomalies", _PATH),), nav="anomalies")


async def close(request: Request) -> Response:
    """Say what an anomaly was."""
    form = await request.form()
    id_, verdict = request.path_params["id"], str(form.get("as", ""))
    await run_in_threadpool(lambda: Anomalies(asked_of(request)).close(id_, verdict))
    return RedirectResponse(f"{_PATH}/{id_}", 303)


def address_of(product: str = "", asset: str = "", view: str = "") -> str:
    """Return the address of a list of anomalies."""
    words = {name: word for name, word in (("product", product), ("asset", asset), ("view", view)) if word}
    return f"{_PATH}?{urlencode(words)}" if words else _PATH


def rows_of(window: Anomalies, some: Iterable[Anomaly]) -> tuple[AnomalyRow, ...]:
    """Return anomalies as rows of a table."""
    return tuple(_row_of(window.told(one)) for one in some)


def _row_of(found: Unusual) -> AnomalyRow:
    """Return an anomaly as a row of a list."""
    one = found.anomaly
    is_known = not found.why
    return AnomalyRow(
        id=one.id,
        href=f"{_PATH}/{one.id}",
        asset=one.asset,
        product=found.product,
        of=one.of or one.found_at,
        what=found.what,
        state=state_of(found),
        was=one.measure.said(one.value) if is_known else "",
        usual=one.usual if is_known else "",
    )


def state_of(found: Unusual) -> Mark:
    """Return how an anomaly stands: how far off it is, or what it was."""
    one = found.anomaly
    return _GRADES.get(one.grade, Mark("warn", one.grade)) if one.is_open else _VERDICTS[one.verdict]


def _reasons(found: Unusual) -> list[str]:
    one = found.anomaly
    if found.why:
        return [found.why]
    told = [f"It was {one.measure.said(one.value)}; {one.usual} would have been usual."]
    if one.deviations is not None:
        told.append(f"{abs(one.deviations):.1f} deviations off, by {counted(one.judged_by, 'batches')} before it.")
    return told


def _facts(asked: Asked, found: Unusual) -> list[Fact]:
    one, known = found.anomaly, {p.product.id for p in asked.snapshot.products}
    place = f"/products/{found.product}#{one.asset.rpartition('.')[2]}" if found.product in known else ""
    facts = [Fact("Asset", one.asset, href=place), Fact("Measure", str(one.measure))]
    if found.values:
        facts.append(Fact("Values", ", ".join(found.values)))
    facts += [Fact("Of", at=one.of)] if one.of else []
    facts += [Fact("Found", at=one.found_at), Fact("Batch", one.batch, is_code=True)]
    if not one.is_open:
        facts.append(Fact("It was", mark=_VERDICTS[one.verdict]))
    facts.append(Fact("Upstream and downstream", "lineage", href=f"/lineage?{urlencode({'of': f'asset:{one.asset}'})}"))
    return facts


def _chart(found: Unusual, past: tuple[Judgement, ...]) -> Chart | None:
    """Return the measure around the anomaly with what was usual each time; None where there is no line to draw."""
    one = found.anomaly
    at = one.of or one.found_at.replace(hour=0, minute=0, second=0, microsecond=0)
    measure, is_short = one.measure, any(judgement.batch.step.total_seconds() < 86_400 for judgement in past)
    values = [Value(j.batch.start, _key(j.batch.start, is_short=is_short), j.value) for j in past]
    return line_chart(
        str(measure), "%" if measure.is_share else "", values, focus=_key(at, is_short=is_short),
        usual=[_usual(judgement, measure) for judgement in past],
    )  # fmt: skip


def _key(at: datetime, *, is_short: bool) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if is_short else f"{at:%Y-%m-%d}"


def _usual(judgement: Judgement, measure: Measure) -> tuple[float, float, str] | None:
    low, high = judgement.verdict.low, judgement.verdict.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return low, high, f"{measure.said(low)} to {measure.said(high)}"
