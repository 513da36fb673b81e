"""What was published when, for which change, and whether it is still live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from freehold.delivery.deployments import Deployment
from freehold.foundation.words import counted
from freehold.server.web.model import Empty, Heading, Mark, Tab
from freehold.server.web.pages.products import moment_of
from freehold.server.web.showing import Asked, Shown

_PER_PAGE = 200  # a year of days is more than a browser should lay out at once
_STATUS = {"success": Mark("ok", "done"), "failed": Mark("bad", "failed"), "abandoned": Mark("warn", "abandoned")}
_HEADINGS = (
    Heading("When", "text"),
    Heading("What"),
    Heading("Outcome"),
    Heading("Moved", "wide"),
    Heading("Assets", "num", narrow=False),
    Heading("Still live", "num", narrow=False),
    Heading("Id", sorts=False, narrow=False),
)
_NONE_YET = Empty(
    "None yet", "What a run publishes, and what `freehold apply` puts in force, stands here.", "freehold run"
)
_NO_CHANGE = Empty(
    "Nothing was changed or taken back",
    "Only new data came. What `freehold apply` puts in force, and what is rolled back, stands here.",
    "freehold plan",
)


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """A deployment in a list."""

    id: str
    short: str
    at: datetime
    kind: str
    status: Mark
    what: str
    assets: int
    live: int
    by: str


@dataclass(frozen=True, slots=True)
class DeploymentsPage:
    """Deployments, the newest first."""

    kinds: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    deployments: tuple[DeploymentRow, ...]
    none_yet: Empty
    newer_href: str = ""
    older_href: str = ""


def deployments(asked: Asked) -> Shown:
    """Show deployments: of changes, or all, where nothing was changed yet.

    Raises:
        FreeholdError: FH-A112 there is no such kind; FH-D201 there is no such product.
    """
    product = asked.word("product")
    if product:
        asked.snapshot.product(product)
    found = asked.snapshot.deployments_of(product) if product else asked.snapshot.deployments
    kind = asked.one_of("kind", ("changes", "all"), "changes" if any(d.kind != "data" for d in found) else "all")
    chosen = found if kind == "all" else tuple(d for d in found if d.kind != "data")
    number = asked.word("page", "1")
    here = max(int(number), 1) if number.isdecimal() and len(number) < 7 else 1
    shown = chosen[(here - 1) * _PER_PAGE : here * _PER_PAGE]
    kept = {"kind": kind} | ({"product": product} if product else {})

    def to(page: int) -> str:
        is_one = page >= 1 and (page - 1) * _PER_PAGE < len(chosen)
        return f"/deployments?{urlencode(kept | {'page': page})}" if is_one else ""

    model = DeploymentsPage(
        kinds=tuple(
            Tab(
                text,
                f"/deployments?{urlencode({'kind': word} | ({'product': product} if product else {}))}",
                word == kind,
            )
            for word, text in (("changes", "Changes and rollbacks"), ("all", "All, new data too"))
        ),
        headings=_HEADINGS,
        deployments=tuple(_row(d) for d in shown),
        none_yet=_NO_CHANGE if found else _NONE_YET,
        newer_href=to(here - 1),
        older_href=to(here + 1),
    )
    of = f" of {asked.snapshot.product_name(product)}" if product else ""
    told = f"{counted(len(chosen), 'deployments' if kind == 'all' else 'changes and rollbacks')}{of}, the newest first"
    told += "." if kind == "all" else f"; {counted(len(found) - len(chosen), 'deployments')} of new data beside."
    return Shown("pages/deployments.html", "Deployments", model, told, nav="deployments")


def _row(one: Deployment) -> DeploymentRow:
    moment = moment_of(one)
    what = moment.text.partition(": ")[2] or moment.text
    return DeploymentRow(
        id=one.id,
        short=one.id[-12:],
        at=one.at,
        kind={"data": "new data"}.get(one.kind, one.kind),
        status=_STATUS.get(one.status, Mark("idle", one.status)),
        what=f"{what}. {one.reason}".rstrip(". "),
        assets=len(one.assets),
        live=one.live,
        by=one.actor,
    )
