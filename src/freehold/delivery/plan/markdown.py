"""A plan as a comment for a pull request: read in twenty seconds, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from freehold.delivery.plan.changes import Action, ChangeClass
from freehold.delivery.plan.planning import AssetChange, Plan
from freehold.delivery.plan.reached import Verdict, sentence

if TYPE_CHECKING:
    from freehold.delivery.gate import Verdict as Gate
    from freehold.metrics.comparing import Change, Redefined

_MOST_ROWS = 20
_MOST_COLUMNS = 6
_MOST_READERS = 5
_MOST_DASHBOARDS = 10


def comment(plan: Plan, gate: Gate | None = None, numbers: Sequence[Change] = ()) -> str:
    """Return a plan as Markdown: verdict, who is reached, what is against it, who approves, what is done and costs.

    `numbers` are metrics that are defined otherwise, by both definitions.
    """
    return "\n\n".join(part for part in _parts(plan, gate, numbers) if part) + "\n"


def described(change: AssetChange) -> str:
    """Return in a few words what changed in an asset: its columns, or the rows as a whole."""
    found = change.difference
    parts = ["rows"] if found.rows else []
    parts += [f"+{name}" for name in found.added] + [f"-{name}" for name in found.removed]
    parts += [f"{old} → {new}" for old, new in found.renamed] + ([] if found.rows else list(found.changed))
    parts += ["order of columns"] if found.reordered and not found.rows else []
    more = f" and {len(parts) - _MOST_COLUMNS} more" if len(parts) > _MOST_COLUMNS else ""
    return ", ".join(parts[:_MOST_COLUMNS]) + more


def versioned(change: AssetChange) -> str:
    """Return what a new major version does to those who read the one before, and who they are, in Markdown."""
    old = change.beside
    assert old is not None
    names = ", ".join(f"{r.name.rpartition('/')[2]} ({r.reads:,} reads)" for r in change.readers[:_MOST_READERS])
    more = f" and {len(change.readers) - _MOST_READERS} more" if len(change.readers) > _MOST_READERS else ""
    who = f"; to move: **{names}{more}**" if names else ""
    kept = f"`{old.asset}` until {old.until}: version {old.version} stays as it is, without new data"
    return f"version: `{change.asset}` beside {kept}{who}"


def spent(seconds: float) -> str:
    """Return seconds as a person would say them."""
    if seconds < 1:
        return f"{seconds * 1000:,.0f} ms"
    return f"{seconds:,.1f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def _parts(plan: Plan, gate: Gate | None, numbers: Sequence[Change]) -> Iterator[str]:
    yield f"### Freehold plan for `{plan.env}`: {headline(plan, gate)}"
    yield from _reached(plan)
    if plan.findings:
        yield "**To mend**\n\n" + "\n".join(_finding(f) for f in plan.findings)
    yield from _gated(gate)
    if plan.advice:
        yield "**Advice** (blocks nothing)\n\n" + "\n".join(_finding(f) for f in plan.advice[:_MOST_ROWS])
    yield from _metrics(plan)
    yield from (_numbers(one) for one in numbers)
    yield _table([c for c in plan.changes if c.change > ChangeClass.METADATA])
    yield _cost(plan)
    judged = [c.asset for c in plan.changes if c.is_judged_otherwise]
    if judged:
        names = ", ".join(f"`{name}`" for name in judged[:_MOST_ROWS])
        yield f"Other checks, by which the next run judges what is live: {names}."
    words = [c.asset for c in plan.changes if c.change is ChangeClass.METADATA and not c.is_judged_otherwise]
    if words:
        yield f"Words only, nothing to build: {', '.join(f'`{name}`' for name in words[:_MOST_ROWS])}."
    if plan.declared:
        more = f" and {len(plan.declared) - _MOST_ROWS} more" if len(plan.declared) > _MOST_ROWS else ""
        yield f"Beside data: {', '.join(map(str, plan.declared[:_MOST_ROWS]))}{more}."
    yield f"<sub>Compared with {plan.against}" + (
        ".</sub>" if plan.is_deployed else "; what is deployed was not asked.</sub>"
    )


def _metrics(plan: Plan) -> Iterator[str]:
    """Say which metrics mean something else from now on, and which are certified, deprecated or told otherwise."""
    defined = [f"- {_redefined(one)}" for one in plan.metrics if one.is_another_number]
    if defined:
        lines = "\n".join(defined[:_MOST_ROWS])
        yield f"**Metrics defined otherwise** (`freehold plan --values` compares them)\n\n{lines}"
    told = [f"- `{one.id}` {told_of_metric(one)}" for one in plan.metrics if not one.is_another_number]
    if told:
        yield "**Metrics of the same number**\n\n" + "\n".join(told[:_MOST_ROWS])


def _numbers(one: Change) -> str:
    """Return the values of a metric before and after, as a table."""
    if one.why_not:
        return f"`{one.id}`: {one.why_not}"
    rows = [f"| `{one.id}` by {one.by} | before | after |", "|---|--:|--:|"]
    rows += [f"| {key} | {_number(before)} | {_number(after)} |" for key, before, after in one.values]
    return "\n".join(rows)


def _number(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value if value is not None else "")


def told_of_metric(one: Redefined) -> str:
    """Return what happens to a metric in a few words: `(certified) changed, 3 consumers asked for it in 30 days`."""
    kept = one.status[0] == one.status[1] or "" in one.status
    said = f"({one.status[0] or one.status[1]}) " if kept and one.is_certified else ""
    said += f"{one.what} (was {one.status[0]})" if not kept else one.what
    if one.through:
        said += f" through {', '.join(one.through)}"
    if one.what == "reworded":
        said += f": {', '.join(one.words)}"
    asked = f"{one.readers} consumer{'s' if one.readers != 1 else ''} asked for it in 30 days"
    return f"{said}; {asked}" if one.readers else said


def _redefined(one: Redefined) -> str:
    head = f"`{one.id}` {told_of_metric(one)}"
    return head if one.through else f"{head}: `{one.before or 'nothing'}` -> `{one.after or 'nothing'}`"


def _gated(gate: Gate | None) -> Iterator[str]:
    """Say which rules are against it, and whose approval it needs."""
    if gate is None:
        return
    if gate.blocked:
        told = dict.fromkeys(f"- `{r.rule.id}`, `{r.subject}`: {r.remedy or r.reason}" for r in gate.blocked)
        yield "**Rules against it**\n\n" + "\n".join(list(told)[:_MOST_ROWS])
    if gate.approvals_needed:
        asked = [f"- **{n.role}** of `{n.product}`: {', '.join(n.holders) or 'nobody'}" for n in gate.approvals_needed]
        yield "**Approval needed by**\n\n" + "\n".join(asked[:_MOST_ROWS])


def headline(plan: Plan, gate: Gate | None) -> str:
    """Return what a plan comes to in a few words."""
    if not plan.is_blocked and gate is not None and not gate.is_clear:
        return f"blocked by {len(gate.blocked)} rules" if gate.blocked else "approval needed"
    if plan.is_blocked:
        count = len(plan.findings)
        return f"blocked by {count} finding{'s' if count != 1 else ''}"
    if not plan.changes:
        count = sum(one.is_another_number for one in plan.metrics)
        if not count:
            return "words only" if plan.metrics else "no data changes" if plan.declared else "nothing changes"
        return f"{count} metric{'s' if count != 1 else ''} defined otherwise"
    worst = max(c.change for c in plan.changes)
    if worst is ChangeClass.METADATA:
        return "words only"
    broken = sum(one.verdict is Verdict.BREAKS for one in plan.dashboards)
    what = "metric" if all(r.dashboard.tool == "metrics" for r in plan.dashboards) else "dashboard"
    said = f"{broken} {what}{'s break' if broken != 1 else ' breaks'}" if broken else "nothing is broken"
    return f"{said}; {len(plan.built)} asset{'s' if len(plan.built) != 1 else ''} to build"


def _reached(plan: Plan) -> Iterator[str]:
    """Say who reads what changes, dashboards first, and whose product it is."""
    if plan.dashboards:
        lines = [f"- {sentence(one)}" for one in plan.dashboards[:_MOST_DASHBOARDS]]
        more = len(plan.dashboards) - _MOST_DASHBOARDS
        yield "\n".join([*lines, *([f"- and {more} more"] if more > 0 else [])])
    for error in plan.unread:
        yield f"Not known whom this reaches: {error.problem}"
    for change in plan.changes:
        if change.beside is not None:
            yield versioned(change)
        elif change.readers and change.change >= ChangeClass.COLUMN:
            names = ", ".join(
                f"{r.name.rpartition('/')[2]} ({r.reads:,} reads)" for r in change.readers[:_MOST_READERS]
            )
            verb = "breaks for" if change.change is ChangeClass.BREAKING else "changes for"
            yield f"`{change.asset}` {verb} **{names}**"
    broken = [f for c in plan.changes for f in c.broken]
    if broken:
        listed = dict.fromkeys(f"- `{f.subject}`: {f.reason}" for f in broken)
        yield "**Promises that are broken**\n\n" + "\n".join(list(listed)[:_MOST_ROWS])
    teams = sorted({c.team for c in plan.changes if c.is_output and c.change >= ChangeClass.COLUMN and c.team})
    if teams:
        yield f"To be looked at by: {', '.join(teams)}"


def _finding(finding: object) -> str:
    first, *rest = str(finding).splitlines()
    return f"- {first}" + "".join(f"\n  {line.strip()}" for line in rest)


def _table(changes: list[AssetChange]) -> str:
    if not changes:
        return ""
    rows = ["| asset | change | what | then |", "|---|---|---|---|"]
    for change in changes[:_MOST_ROWS]:
        then = str(change.action) + (f" {change.intervals} intervals" if change.intervals > 1 else "")
        rows.append(f"| `{change.asset}` | {change.change} | {described(change)} | {then} |")
    if len(changes) > _MOST_ROWS:
        rows.append(f"| and {len(changes) - _MOST_ROWS} more | | | |")
    return "\n".join(rows)


def _cost(plan: Plan) -> str:
    if not any(c.action is not Action.REUSE for c in plan.changes):
        return ""
    kept = max(plan.downstream - len(plan.built), 0)
    said = f"{len(plan.built)} to build" + (f", {kept} below the change kept as they are" if kept else "")
    return said + (f"; {spent(plan.seconds)} by past runs." if plan.seconds is not None else ".")
