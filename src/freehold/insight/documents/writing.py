"""From a document and its parameters to an edition: facts, then words, then the manifest that lets others repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from freehold import __version__
from freehold.foundation import Exit, FreeholdError, near
from freehold.insight.documents.declared import DocumentFile
from freehold.insight.documents.facts import Row, Rows, Standing, computed
from freehold.insight.documents.items import ItemsThen
from freehold.insight.documents.manifest import FactHash, Manifest, digest
from freehold.insight.documents.page import page
from freehold.insight.documents.template import code, escaped, markdown, number, table
from freehold.insight.kpi import Asking
from freehold.insight.periods import Period, ending_before, period_named

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.insight.registry import Kpi
    from freehold.ledger import Evidence

_TICK = timedelta(microseconds=1)
_MOST_NAMED = 8
_CALLED = {"product": "product", "item": "work item", "case": "investment case"}


@dataclass(frozen=True)
class Edition:
    """A document as it was written once."""

    manifest: Manifest
    markdown: str
    html: str

    @property
    def name(self) -> str:
        """What its files are named by."""
        return self.manifest.edition


@dataclass(frozen=True)
class Setting:
    """What a document is written in: the KPIs there are, how they are asked, and the estate as it was applied by then.

    Attributes:
        subjects: what it may be written of: the products, work items or cases that a reader may name, by parameter.
        items: the work items as they stood by then.
    """

    kpis: Mapping[str, Kpi]
    asking: Asking
    estate: Estate | None = None
    subjects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    items: ItemsThen | None = None


def edition_of(
    file: DocumentFile, evidence: Evidence, setting: Setting, said: Mapping[str, str],
    narrative: Mapping[str, str] | None = None,
) -> Edition:  # fmt: skip
    """Write an edition of a document with the parameters that are `said`, and the `narrative` that a person wrote.

    A period that is not said is the last one that was over, of the first of its calendars.

    Raises:
        FreeholdError: FH-O109 a parameter is missing, unknown or takes no such word; FH-K004 it is no period; FH-O110
            the narrative has a part that the document has not; what its facts or its template come to.
    """
    parameters = resolved(file, evidence.instant, setting, said)
    period = period_named(parameters["period"], setting.asking.zone) if file.periods else None
    standing = standing_of(evidence, setting, parameters, period)
    facts = computed(file, standing)
    return written(file, standing, facts, parameters, checked(file, narrative or {}))


def resolved(file: DocumentFile, known: datetime, setting: Setting, said: Mapping[str, str]) -> dict[str, str]:
    """Return all parameters of a document, those that were not said by their defaults.

    Raises:
        FreeholdError: FH-O109, FH-K004; see `edition_of`.
    """
    for name in said:
        if name not in file.parameters:
            fix = near(name, file.parameters) or f"It takes: {', '.join(file.parameters) or 'none'}."
            raise _no_parameter(f"The document `{file.id}` has no parameter `{name}`.", fix)
    found: dict[str, str] = {}
    if file.periods:
        found["period"] = _period(file, known, setting.asking.zone, said.get("period", ""))
    for name in file.subjects:
        found[name] = _subject(file, name, setting.subjects.get(name, ()), said.get(name, ""))
    for name, words in file.choices.items():
        found[name] = said.get(name) or words[0]
        if found[name] not in words:
            fix = near(found[name], words) or f"It takes: {', '.join(words)}."
            raise _no_parameter(f"`{found[name]}` is no `{name}` of the document `{file.id}`.", fix)
    return found


def _period(file: DocumentFile, known: datetime, zone: str, said: str) -> str:
    period = period_named(said, zone) if said else ending_before(known, file.periods[0], zone)
    if period.grain not in file.periods:
        raise _no_parameter(
            f"The document `{file.id}` is not written of `{said}`.", f"It takes a {' or a '.join(file.periods)}."
        )
    return str(period)


def _subject(file: DocumentFile, name: str, known: Sequence[str], said: str) -> str:
    there = f"There are: {', '.join(known[:_MOST_NAMED])}." if known else f"There is no {_CALLED[name]} yet."
    if not said:
        raise _no_parameter(f"The document `{file.id}` is of one {_CALLED[name]}, and none is named.", there)
    if said not in known:
        of = f" of type {' or '.join(file.items)}" if name == "item" else ""
        raise _no_parameter(f"There is no {_CALLED[name]} `{said:.80}`{of}.", near(said, known) or there)
    return said


def _no_parameter(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-O109", problem, fix=fix, exit_code=Exit.USAGE)


def checked(file: DocumentFile, narrative: Mapping[str, str]) -> dict[str, str]:
    """Return the narrative of an edition without the parts nobody wrote.

    Raises:
        FreeholdError: FH-O110 it has a part that the document has not.
    """
    for part in narrative:
        if part not in file.narrative:
            fix = near(part, file.narrative) or f"It has: {', '.join(file.narrative) or 'none'}."
            raise FreeholdError(
                "FH-O110", f"The narrative of `{file.id}` has no part `{part}`.", fix=fix, exit_code=Exit.USAGE
            )
    return {part: text.strip() for part, text in narrative.items() if text and text.strip()}


def standing_of(evidence: Evidence, setting: Setting, parameters: Mapping[str, str], period: Period | None) -> Standing:
    """Return what the facts of an edition are computed from."""
    values: dict[str, Any] = {**parameters, "as_of": _naive(evidence.instant), "env": setting.asking.env}
    if period is not None:
        values |= {"starts": _naive(period.start), "ends": _naive(period.end)}
    return Standing(
        evidence, setting.kpis, setting.asking, period, parameters.get("product", ""), values, setting.estate,
        setting.items,
    )  # fmt: skip


def _naive(moment: datetime) -> datetime:
    """Return an instant as evidence has it: in UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def written(
    file: DocumentFile, standing: Standing, facts: Mapping[str, Rows], parameters: Mapping[str, str],
    narrative: Mapping[str, str],
) -> Edition:  # fmt: skip
    """Set facts in words."""
    evidence = standing.evidence
    parts = {part: narrative.get(part, "") for part in file.narrative}
    others = {name: word for name, word in parameters.items() if name != "period"}
    names = {
        **facts, **others, "document": Row({"id": file.id, "name": file.name, "audience": file.audience}),
        "period": _told_period(standing), "as_of": evidence.instant,
        "env": standing.asking.env, "seq": evidence.seq, "table": table, "number": number, "code": code,
        "narrative": Row({part: _narrated(file, part, text) for part, text in parts.items()}),
    }  # fmt: skip
    text = markdown(file, names)
    html = page(file, text, _footnote(evidence))
    manifest = Manifest(
        document=file.id,
        edition="-".join((file.id, *(_slug(word) for word in parameters.values()))),
        seq=evidence.seq,
        as_of=evidence.instant,
        env=standing.asking.env,
        timezone=standing.asking.zone,
        parameters=dict(parameters),
        template=digest(file.document.digest + file.text),
        facts={n: FactHash(r.query, r.hash, len(r.cells), r.is_instrumented) for n, r in facts.items()},
        narrative={part: digest(text) for part, text in narrative.items()},
        files={"md": digest(text), "html": digest(html)},
        freehold=__version__,
    )
    return Edition(manifest, text, html)


def _told_period(standing: Standing) -> Row | None:
    """Return the period with its first and last day, as the zone in which it begins has them."""
    period, zone = standing.period, ZoneInfo(standing.asking.zone)
    if period is None:
        return None
    first, last = (moment.astimezone(zone).date() for moment in (period.start, period.end - _TICK))
    is_over = period.is_closed(standing.evidence.instant)
    return Row({"name": str(period), "first": first, "last": last, "is_over": is_over})


def _narrated(file: DocumentFile, part: str, text: str) -> Markup:
    """Return what a person wrote, which is Markdown; where nobody did, what it is to answer."""
    return Markup(text or f"*Not written yet. {escaped(file.narrative[part])}*")


def _footnote(evidence: Evidence) -> str:
    return f"As recorded by {evidence.instant:%Y-%m-%d %H:%M:%S} UTC, event {evidence.seq:,}."


def _slug(word: str) -> str:
    return "".join(sign if sign.isalnum() or sign in ".-" else "-" for sign in word.lower())
