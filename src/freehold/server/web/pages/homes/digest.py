"""What of a week's alerts is read when there is time: what paged nobody, and how often each monitor was worth it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from freehold.foundation.words import counted, percent
from freehold.reliability.alerts import WEEK, Alert, Monitor, Name, State, monitors_of
from freehold.server.alerts import Alerts
from freehold.server.web.model import Line, Mark
from freehold.server.web.showing import Asked

_MOST = 12
_SINCE = "in the last 7 days"


def digested(asked: Asked) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return what paged nobody, a line for each product, and the monitors that raised alerts, of the last seven days.

    What was raised before and still stands counts, too. The monitors that were right least often come first, with those
    that were demoted in these days or may page again.
    """
    found, since = Alerts(asked), asked.snapshot.taken_at - WEEK
    every = found.all(closed=True)
    judged = found.judged_since(since)
    heard = judged.keys() | {Name.of(one) for one in every if one.raised_at >= since}
    of_week = [one for one in monitors_of(every, found.demoted) if one.name in heard]
    return tuple(_products(every, since)), tuple(_monitor(one, judged) for one in of_week[:_MOST])


def _products(every: list[Alert], since: datetime) -> Iterator[Line]:
    """Yield what paged nobody of each product, those with most that stands first."""
    found: dict[str, list[Alert]] = defaultdict(list)
    for one in every:
        if not one.page and (one.raised_at >= since or one.state is State.FIRING):
            found[one.product].append(one)
    standing = {product: sum(one.state is State.FIRING for one in ones) for product, ones in found.items()}
    for product, ones in sorted(found.items(), key=lambda item: (-standing[item[0]], -len(item[1]), item[0])):
        of_week = [one for one in ones if one.raised_at >= since]
        firing = sum(one.state is State.FIRING for one in of_week)
        text = f"{counted(len(of_week), 'alerts')} {_SINCE}, {firing:,} of which {'stands' if firing == 1 else 'stand'}"
        if earlier := len(ones) - len(of_week):
            text += f"; {earlier:,} from before still {'stands' if earlier == 1 else 'stand'}"
        mark = Mark("warn", "stands") if standing[product] else Mark("ok", "over")
        yield Line(product, mark, f"{text}.", "/alerts?view=digest")


def _monitor(one: Monitor, judged: Mapping[Name, tuple[bool, datetime]]) -> Line:
    """Return how often a monitor was worth it, and since when it pages nobody, or pages again."""
    share = "not judged yet" if one.precision is None else (
        f"{percent(one.precision)} of its last {counted(len(one.judged), 'alerts')} were worth it"
    )  # fmt: skip
    mark = Mark("warn", "demoted") if one.is_demoted else Mark("ok", "pages")
    told = ""
    if one.name in judged:
        is_demoted, at = judged[one.name]
        told = f"; {'demoted' if is_demoted else 'pages again'} since {at.day} {at:%b %Y}"
    return Line(one.name.asset, mark, f"{one.name}: {share}{told}.", "/alerts?view=monitors")
