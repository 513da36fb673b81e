"""A plan as a comment for a pull request: read in twenty seconds, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator

from freehold.delivery.plan.changes import Action, ChangeClass
from freehold.delivery.plan.planning import AssetChange, Plan

_MOST_ROWS = 20
_MOST_COLUMNS = 6
_MOST_READERS = 5


def comment(plan: Plan) -> str:
    """Return a plan as Markdown: verdict, who is reached, what is against it, what is done, what it costs."""
    return "\n\n".join(part for part in _parts(plan) if part) + "\n"


def described(change: AssetChange) -> str:
    """Return in a few words what changed in an asset: its columns, or the rows as a whole."""
    found = change.difference
    parts = ["rows"] if found.rows else []
    parts += [f"+{name}" for name in found.added] + [f"-{name}" for name in found.removed]
    parts += [f"{old} → {new}" for old, new in found.renamed] + ([] if found.rows else list(found.changed))
    more = f" and {len(parts) - _MOST_COLUMNS} more" if len(parts) > _MOST_COLUMNS else ""
    return ", ".join(parts[:_MOST_COLUMNS]) + more


def spent(seconds: float) -> str:
    """Return seconds as a person would say them."""
    if seconds < 1:
        return f"{seconds * 1000:,.0f} ms"
    return f"{seconds:,.1f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def _parts(plan: Plan) -> Iterator[str]:
    yield f"### Freehold plan for `{plan.env}`: {_verdict(plan)}"
    yield from _reached(plan)
    if plan.findings:
        yield "**To mend**\n\n" + "\n".join(_finding(f) for f in plan.findings)
    if plan.advice:
        yield "**Advice** (blocks nothing)\n\n" + "\n".join(_finding(f) for f in plan.advice[:_MOST_ROWS])
    yield _table([c for c in plan.changes if c.change > ChangeClass.METADATA])
    yield _cost(plan)
    judged = [c.asset for c in plan.changes if c.is_judged_otherwise]
    if judged:
        names = ", ".join(f"`{name}`" for name in judged[:_MOST_ROWS])
        yield f"Other checks, by which the next run judges what is live: {names}."
    words = [c.asset for c in plan.changes if c.change is ChangeClass.METADATA and not c.is_judged_otherwise]
    if words:
        yield f"Words only, nothing to build: {', '.join(f'`{name}`' for name in words[:_MOST_ROWS])}."
    yield f"<sub>Compared with {plan.against}" + (
        ".</sub>" if plan.is_deployed else "; what is deployed was not asked.</sub>"
    )


def _verdict(plan: Plan) -> str:
    if plan.is_blocked:
        count = len(plan.findings)
        return f"blocked by {count} finding{'s' if count != 1 else ''}"
    if not plan.changes:
        return "nothing changes"
    worst = max(c.change for c in plan.changes)
    if worst is ChangeClass.METADATA:
        return "words only"
    return f"nothing is broken; {len(plan.built)} asset{'s' if len(plan.built) != 1 else ''} to build"


def _reached(plan: Plan) -> Iterator[str]:
    """Say who reads what changes, and whose product it is."""
    for change in plan.changes:
        if change.readers and change.change >= ChangeClass.COLUMN:
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
