"""How other tools tell what they did: three lines for each, who tells, when last, and what was wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from freehold.catalog.openlineage.asking import Producer
from freehold.foundation.words import counted
from freehold.ledger.event import from_micros
from freehold.server.web.model import Empty, Fact, Heading, Mark
from freehold.server.web.showing import Asked, Shown

_ENDPOINT = "openlineage/api/v1/lineage"
_HEADINGS = (
    Heading("Producer", "wide", sorts=False),
    Heading("Newest event", "num", sorts=False),
    Heading("State", sorts=False, narrow=False),
    Heading("Events", "num", sorts=False),
    Heading("With warnings", "num", sorts=False, narrow=False),
)
_NOBODY = Empty(
    "Nobody told yet",
    "Take three lines from below, run a job, and it stands here and in the lineage of what it reads.",
    "freehold token create airflow --scope lineage:write --for 90d",
)


@dataclass(frozen=True, slots=True)
class ProducerRow:
    """Who sends events; `warning` is what was wrong with the newest that had a fault."""

    name: str
    state: Mark
    last_at: datetime
    events: int
    warned: int
    warning: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What makes one tool tell: where it goes, and the lines."""

    tool: str
    where: str
    lines: str


@dataclass(frozen=True, slots=True)
class LineageSettingsPage:
    """Who tells, and how to make others tell. `hidden` says why nobody is named to this reader."""

    facts: tuple[Fact, ...]
    headings: tuple[Heading, ...]
    producers: tuple[ProducerRow, ...]
    setups: tuple[Setup, ...]
    none_yet: Empty
    hidden: str = ""
    trouble: str = ""


def lineage_settings(asked: Asked) -> Shown:
    """Show how other tools tell what they did."""
    served = asked.served
    rows: tuple[ProducerRow, ...] = ()
    facts: list[Fact] = [Fact("Address", f"{served.settings.address}/{_ENDPOINT}", is_code=True)]
    is_limited = asked.snapshot.seen is not None
    if not is_limited:
        served.intake.settle()
        with served.listing.follow(asked.snapshot).heard() as book:
            rows = tuple(map(_row, book.producers()))
            jobs, sets, events = book.counts()
        told = f"{counted(events, 'events')} of {counted(jobs, 'jobs')} and {counted(sets, 'data sets')}"
        facts.append(Fact("Told so far", told if events else "nothing"))
    facts.append(Fact("Token", "with the scope lineage:write"))
    page = LineageSettingsPage(
        tuple(facts), _HEADINGS, rows, _setups(served.settings.address), _NOBODY,
        "Who tells is shown to whoever may see every product." if is_limited else "", served.intake.trouble,
    )  # fmt: skip
    told = "Airflow, Spark, dbt and whatever speaks OpenLineage tell here what they run, read and write."
    return Shown("pages/lineage_settings.html", "Lineage intake", page, told, nav="lineage intake")


def _row(one: Producer) -> ProducerRow:
    state = Mark("warn", "with warnings") if one.warned else Mark("ok", "as it should be")
    name = one.name or "unnamed"
    return ProducerRow(name, state, from_micros(one.last_at), one.events, one.warned, one.warning)


def _setups(address: str) -> tuple[Setup, ...]:
    spark = (
        "spark.extraListeners io.openlineage.spark.agent.OpenLineageSparkListener",
        "spark.openlineage.transport.type http",
        f"spark.openlineage.transport.url {address}",
        f"spark.openlineage.transport.endpoint /{_ENDPOINT}",
        "spark.openlineage.transport.auth.type api_key",
        "spark.openlineage.transport.auth.apiKey fh_user_…",
    )
    lines = (f"OPENLINEAGE_URL={address}", f"OPENLINEAGE_ENDPOINT={_ENDPOINT}", "OPENLINEAGE_API_KEY=fh_user_…")
    transport = f'{{"type": "http", "url": "{address}", "endpoint": "{_ENDPOINT}",'
    key = ' "auth": {"type": "api_key", "apiKey": "fh_user_…"}}'
    airflow = ("[openlineage]", f"transport = {transport}", f"   {key}")
    return (
        Setup("Airflow", "airflow.cfg, with apache-airflow-providers-openlineage", "\n".join(airflow)),
        Setup("dbt", "the environment of dbt-ol, which runs dbt", "\n".join((*lines, "dbt-ol run"))),
        Setup("Spark", "spark-defaults.conf, with the jar io.openlineage:openlineage-spark", "\n".join(spark)),
    )
