"""One product: may I use it now and why, who answers, what it promises and whether that held, how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from freehold import opening
from freehold.delivery import AssetStatus, ProductStatus
from freehold.delivery.promises import promises_kept
from freehold.delivery.standing import standing_verdicts
from freehold.estate.model import Property, Team
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted, percent
from freehold.server.attained import attained
from freehold.server.items import Items
from freehold.server.leaving import ending_of, gone_is_told, leaving_of
from freehold.server.questions import as_curl
from freehold.server.rows_seen import words_are_hidden
from freehold.server.unusual import Anomalies
from freehold.server.used import product_used, reader_name, reader_names
from freehold.server.web.model import SAFE, VERDICTS, Crumb, Empty, Fact, Heading, Kpi, Mark, Moment, Snippet, Tab
from freehold.server.web.pages.anomalies import HEADINGS as ANOMALY_HEADINGS
from freehold.server.web.pages.anomalies import AnomalyRow, address_of, rows_of
from freehold.server.web.pages.products import checks_of, moment_of, utc
from freehold.server.web.pages.requests import wants_of
from freehold.server.web.pages.usage import UsePart, use_part
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.insight.usage import ProductUse
    from freehold.quality import Check
    from freehold.work.incidents import Incident

_WINDOW = timedelta(days=30)
_MOST_HISTORY = 12
_MOST_ANOMALIES = 8
_NO_CONTRACT = Empty(
    "No contract", "A contract says what each column means and what holds of it.", "freehold schema contract"
)
_NO_HISTORY = Empty("Never published", "Its first version stands here once it passed.", "freehold run")
_NOTHING_UNUSUAL = Empty(
    "Nothing is unusual", "Each batch is compared with those before it.", "freehold anomalies list --all"
)
_TITLES = {
    "yes": "Safe to use now: what is live passed every check that could stop it",
    "stale": "The last good version is served; newer data waits",
    "no": "Not safe to use now",
    "watched": "Others build it, so nothing stands between them and its consumers",
}


@dataclass(frozen=True, slots=True)
class AssetRow:
    """An asset of the product."""

    id: str
    name: str
    kind: str
    relation: str
    is_output: bool
    rows: int
    fresh_as_of: datetime | None
    published_at: datetime | None
    pinned: bool
    deprecated_until: date | None
    deprecated: str  # that it is, and until when; empty where it is not
    instead: str  # what takes its place then, where anything does


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A claim of the contract, and its verdict on what is live."""

    claim: str
    mark: Mark
    found: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column as the contract has it, with the claims about it."""

    name: str
    type: str
    description: str
    is_key: bool
    classification: str
    checks: tuple[CheckRow, ...]


@dataclass(frozen=True, slots=True)
class ContractPart:
    """What is promised of one asset."""

    asset: str
    name: str
    version: str
    description: str
    state: Mark
    columns: tuple[ColumnRow, ...]
    checks: tuple[CheckRow, ...]  # of the asset as a whole


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody who read the product."""

    name: str
    reads: int
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A product as its consumers need to know it."""

    id: str
    version: str
    status: str
    tier: int
    safe: Mark
    safe_title: str
    reasons: tuple[str, ...]
    figures: tuple[Kpi, ...]
    asset_headings: tuple[Heading, ...]
    assets: tuple[AssetRow, ...]
    checks_sentence: str
    column_headings: tuple[Heading, ...]
    contracts: tuple[ContractPart, ...]
    history: tuple[Moment, ...]
    facts: tuple[Fact, ...]
    snippets: tuple[Snippet, ...]
    use: UsePart
    consumers: tuple[Consumer, ...]
    no_consumers: str
    limitations: str
    wants: tuple[Tab, ...]
    anomaly_headings: tuple[Heading, ...]
    anomalies: tuple[AnomalyRow, ...]
    anomalies_href: str
    no_contract: Empty = _NO_CONTRACT
    no_history: Empty = _NO_HISTORY
    nothing_unusual: Empty = _NOTHING_UNUSUAL


_ASSETS = (
    Heading("Asset"),
    Heading("Rows", "num"),
    Heading("Fresh as of", "num"),
    Heading("Published", "num", narrow=False),
    Heading("Kind", narrow=False),
    Heading("Lineage", sorts=False, narrow=False),
)
_COLUMNS = (
    Heading("Column", sorts=False),
    Heading("Type", sorts=False),
    Heading("Meaning", "wide", sorts=False),
    Heading("Checks", sorts=False),
)


def product(asked: Asked) -> Shown:
    """Show one product."""
    return shown_product(asked, asked.request.path_params["id"])


def shown_product(asked: Asked, id_: str) -> Shown:
    """Show the product of an id.

    Raises:
        FreeholdError: FH-D201 there is none; FH-W508 there was one, and it is gone.
    """
    with gone_is_told(asked, [id_]):
        status = asked.snapshot.product(id_)
    one = status.product
    quiet = frozenset(a.asset for a in status.assets if words_are_hidden(asked, a.asset))
    parts = asked.snapshot.derived(("contract", one.id, quiet), lambda: _contracts(asked, status, quiet))
    kept, tried = asked.snapshot.derived(("kept", one.id), lambda: _kept(asked, one.id))
    use = product_used(asked, one.id)
    team = asked.snapshot.estate.teams.get(one.team or "")
    verdicts, window = checks_of(status), Anomalies(asked)
    model = ProductPage(
        id=one.id,
        version=one.version or "",
        status=one.status,
        tier=one.tier,
        safe=SAFE[status.safe],
        safe_title=_TITLES[status.safe],
        reasons=status.reasons,
        figures=_figures(status, verdicts, kept, tried),
        asset_headings=_ASSETS,
        assets=tuple(_asset(asked, a) for a in sorted(status.assets, key=lambda a: not a.is_output)),
        checks_sentence=_told(verdicts),
        column_headings=_COLUMNS,
        contracts=parts,
        history=tuple(moment_of(d, one.id) for d in asked.snapshot.deployments_of(one.id)[:_MOST_HISTORY]),
        facts=(
            *(fact_of(asked, one) for one in status.incidents),
            *_facts(status, team),
            *_error_budgets(asked, status.product.id),
        ),
        snippets=tuple(_snippets(asked, status)),
        use=use_part(use, asked.snapshot.taken_at),
        consumers=_consumers(asked, use),
        no_consumers="Nobody is known to have read it.",
        limitations=str(one.description.get("limitations") or ""),
        wants=wants_of(asked, one.id),
        anomaly_headings=ANOMALY_HEADINGS,
        anomalies=rows_of(window, window.all(product=one.id)[:_MOST_ANOMALIES]),
        anomalies_href=address_of(one.id, view="all"),
    )
    purpose = str(one.description.get("purpose") or "")
    crumbs = (Crumb("Products", "/products"),)
    ending = ending_of(asked, f"product:{one.id}")
    return Shown("pages/product.html", one.name or one.id, model, purpose, crumbs, nav="products", ending=ending)


def _asset(asked: Asked, a: AssetStatus) -> AssetRow:
    leaving = leaving_of(asked, f"asset:{a.asset}")
    return AssetRow(
        id=a.asset,
        name=a.asset.rpartition(".")[2],
        kind=a.kind,
        relation=a.relation,
        is_output=a.is_output,
        rows=a.rows,
        fresh_as_of=utc(a.data_until),
        published_at=a.published_at,
        pinned=a.pinned,
        deprecated_until=leaving.sunset if leaving else None,
        deprecated=("deprecated" + (f", until {leaving.sunset}" if leaving.sunset else "")) if leaving else "",
        instead=leaving.instead if leaving else "",
    )


def _figures(status: ProductStatus, verdicts: Mapping[str, int], kept: int, tried: int) -> tuple[Kpi, ...]:
    until, total = utc(status.data_until), sum(verdicts.values()) - verdicts.get("skipped", 0)
    passed = Kpi("Promise kept, 30 days", told="Nothing was built in 30 days.")
    if tried:
        history = f"/deployments?kind=all&product={status.product.id}"
        passed = Kpi(passed.name, percent(kept / tried, 1), "", f"{kept} of {tried} versions passed at once", history)
    held = f"{verdicts.get('pass', 0)}" if total else ""
    return (
        Kpi("Fresh as of", f"{until:%d %b %H:%M}" if until else "", "UTC", "the end of the newest whole interval"),
        Kpi("Checks that hold", held, f"of {total}", "of what is live", "#contract"),
        passed,
        Kpi("Satisfaction", told="No survey has asked its consumers."),
    )


def fact_of(asked: Asked, incident: Incident) -> Fact:
    """Return an open incident as its item says it, with the way there; one that is no item says what was recorded."""
    items = Items(asked)
    try:
        item = items.get(incident.id)
    except FreeholdError:
        return Fact("Incident", str(incident))
    return Fact("Incident", items.work.title(item), href=f"/items/{item.id}")


def _facts(status: ProductStatus, team: Team | None) -> Iterator[Fact]:
    one = status.product
    yield Fact("Owner", (team.name if team and team.name else one.team) or "nobody")
    channels = ", ".join(str(c) for c in team.spec.get("notify", ())) if team else ""
    yield Fact("Channel", channels or "none is named")
    if one.domain:
        yield Fact("Domain", one.domain)
    if published := status.published_at:
        yield Fact("Published", at=published)
    if until := utc(status.data_until):
        yield Fact("Fresh as of", at=until)
    yield Fact("Mode", one.mode)
    if one.version:
        yield Fact("Version", one.version)
    if intended := one.audience.get("intended"):
        yield Fact("Meant for", counted(int(intended), "people"))
    yield Fact("File", str(one.where.path), is_code=True)


def _error_budgets(asked: Asked, product: str) -> Iterator[Fact]:
    """Say how many of the promises that SLOs are about are kept."""
    states = Counter(one.state for one in attained(asked, product=product))
    if states:
        told = ", ".join(f"{states[state]} {state}" for state in sorted(states))
        yield Fact("Promises", told, href=f"/slos?product={product}")


def _snippets(asked: Asked, status: ProductStatus) -> Iterator[Snippet]:
    shown = next((a for a in status.assets if a.is_output and a.published_at), None)
    if shown is None:
        return
    yield Snippet("SQL", f"SELECT * FROM {shown.relation} LIMIT 100")
    estate = asked.snapshot.estate
    url = estate.connections[opening.chosen_environment(estate, asked.snapshot.env).connection].url
    if url.startswith("duckdb:///"):
        file = url.removeprefix("duckdb:///")
        yield Snippet(
            "Python",
            f'import duckdb\n\ncon = duckdb.connect("{file}", read_only=True)\n'
            f'rows = con.sql("SELECT * FROM {shown.relation}").arrow()',
        )
    address = f"{asked.served.settings.address}/api/v1/products/{status.product.id}"
    yield Snippet("Over HTTP", as_curl(address))


def _told(verdicts: Mapping[str, int]) -> str:
    if not verdicts:
        return "No check has judged what is live."
    order = ("error", "fail", "warn", "skipped", "pass")
    return ", ".join(f"{verdicts[v]:,} {v}" for v in order if verdicts.get(v)) + " on what is live."


def _contracts(asked: Asked, status: ProductStatus, quiet: frozenset[str]) -> tuple[ContractPart, ...]:
    """Return what is promised of each asset of a product, with the verdicts that hold.

    Of `quiet` assets it is without what quotes their rows: words, and what was measured of them.
    """
    ledger, whole = asked.served.snapshots.ledger, asked.snapshot.whole or asked.snapshot
    parts = []
    for row in sorted(status.assets, key=lambda a: not a.is_output):
        asset = whole.graph.assets.get(row.asset)
        if asset is None or asset.contract is None or asset.schema is None:
            continue
        entry, known = whole.live.get(asset.id), whole.auditor.judged(asset)
        told = standing_verdicts(ledger, whole.env, asset.id, known, entry if entry and entry.is_shown else None)
        is_quiet = row.asset in quiet
        rows = [(check, _check(check, told, is_quiet=is_quiet)) for check in whole.auditor.every(asset)]
        columns = tuple(_column(p, rows) for p in asset.schema.columns)
        of_whole = tuple(made for check, made in rows if len(check.columns) != 1)
        words = (asset.id, asset.name, asset.contract.version or "", asset.schema.description or "")
        parts.append(ContractPart(*words, _summed([made for _, made in rows]), columns, of_whole))
    return tuple(parts)


def _summed(rows: list[CheckRow]) -> Mark:
    """Return the verdicts of a contract in one mark: how many hold, or how many do not."""
    judged = [row for row in rows if row.mark.tone != "idle"]
    if not judged:
        return Mark("idle", "not judged")
    bad = [row for row in judged if row.mark.tone == "bad"]
    warned = [row for row in judged if row.mark.tone == "warn"]
    if bad or warned:
        worst = bad or warned
        return Mark(worst[0].mark.tone, f"{len(worst)} of {len(judged)} {'fail' if bad else 'warn'}")
    return Mark("ok", f"all {len(judged)} hold")


def _column(p: Property, rows: list[tuple[Check, CheckRow]]) -> ColumnRow:
    mine = tuple(made for check, made in rows if check.columns == (p.column,))
    words = (p.name, p.physical_type or p.logical_type or "", p.description or "")
    return ColumnRow(*words, is_key=p.primary_key, classification=p.classification or "", checks=mine)


def _check(check: Check, told: Mapping[str, object], *, is_quiet: bool) -> CheckRow:
    data: Mapping[str, object] = getattr(told.get(check.id), "data", {})
    status = str(data.get("status") or "")
    found = "" if status in ("", "pass") else _found(data, is_quiet=is_quiet)
    claim = check.claim.removeprefix(f"`{check.columns[0]}` ") if len(check.columns) == 1 else check.claim
    return CheckRow(claim, VERDICTS.get(status, Mark("idle", "not judged")), found, check.blocking)


def _found(data: Mapping[str, object], *, is_quiet: bool) -> str:
    """Say what a check found instead: why it broke, rows, or a value; where `is_quiet`, nothing that quotes rows."""
    failing, total = data.get("failing"), data.get("total")
    if not is_quiet and data.get("reason"):
        return str(data["reason"])
    if isinstance(failing, int) and isinstance(total, int):
        return f"{failing:,} of {total:,} rows"
    return f"it was {data['value']}" if data.get("value") is not None and not is_quiet else ""


def _kept(asked: Asked, product: str) -> tuple[int, int]:
    """Count the versions of a product that passed at once in the last 30 days, and all that were tried."""
    snapshots = asked.served.snapshots
    since = snapshots.clock.now() - _WINDOW
    told = snapshots.ledger.read(types=("run.completed",), product=product, env=asked.snapshot.env, since=since)
    return promises_kept(told).get(product, (0, 0))


def _consumers(asked: Asked, use: ProductUse) -> tuple[Consumer, ...]:
    """Return who read the product in the last 30 days, whoever reads most first."""
    names = reader_names(asked)
    return tuple(Consumer(reader_name(r.name, names), r.reads, r.kind == "simulated") for r in use.readers)
