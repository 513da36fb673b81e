"""`freehold quarantine`: candidates that were kept from being published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment, opened_delivery, waiting
from freehold.cli.output import as_json, emit, in_a_line, put, say, table

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.delivery.release import Candidate


@click.group(epilog="Example: freehold quarantine show 1042")
def quarantine() -> None:
    """Look at candidates that were kept from being published.

    A candidate in quarantine is kept as it was built. It leaves when a corrected file or model makes a good one, when
    its checks change and it passes them, or when you discard it.
    """


@quarantine.command("list", epilog="Example: freehold quarantine list --json")
@environment
@waiting
@as_json
@click.pass_obj
def list_(start: str | None, env: str | None, wait_s: float, as_json: bool) -> None:
    """List what is in quarantine."""
    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        found = delivery.quarantined()
    if as_json:
        emit({"candidates": [_as_object(c) for c in found]})
    elif found:
        table(
            [(str(c.id), c.asset, str(c.interval or ""), f"{c.rows:,}", in_a_line(c.reason)) for c in found],
            ("candidate", "asset", "interval", "rows", "why"),
            right=(0, 3),
        )
        say(f"Next: freehold quarantine show {found[-1].id}")
    else:
        say("Nothing is in quarantine.")


@quarantine.command(epilog="Example: freehold quarantine show 1042")
@click.argument("candidate", type=int)
@environment
@waiting
@as_json
@click.pass_obj
def show(start: str | None, candidate: int, env: str | None, wait_s: float, as_json: bool) -> None:
    """Show why CANDIDATE was kept back: the checks that failed, and some of the rows they failed on."""
    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        found = delivery.candidate(candidate)
        failed = _failed(delivery, found)
        is_open = any(c.id == found.id for c in delivery.quarantined())
    if as_json:
        emit({**_as_object(found), "open": is_open, "checks": failed})
        return
    put(
        f"Candidate {found.id} of {found.asset} {found.interval or ''}: {found.rows:,} rows, "
        f"built {found.built_at:%Y-%m-%d %H:%M}"
    )
    if not failed:
        put(found.reason or "")
    for check in failed:
        put(f"\n{check['check']}  {check['status']}: {check['claim']}")
        put(f"  {_measured(check)}")
        rows = check["rows"]
        if rows:
            table([tuple(str(v) for v in row.values()) for row in rows], tuple(rows[0]))
    if found.physical:
        batch = f" WHERE _batch = {found.id}" if found.interval else ""
        put(f'\nAll of it: SELECT * FROM freehold_data."{found.physical}"{batch}')
    if is_open:
        say(f"Do without it: freehold quarantine discard {found.id} --why '…'")
    else:
        put("Nothing waits for it any more: something newer took its place.")


@quarantine.command(epilog="Example: freehold quarantine discard 1042 --why 'the shop was closed'")
@click.argument("candidate", type=int)
@click.option("--why", required=True, help="Why it may be left out; kept in the side store.")
@environment
@waiting
@as_json
@click.pass_obj
def discard(start: str | None, candidate: int, why: str, env: str | None, wait_s: float, as_json: bool) -> None:
    """Do without CANDIDATE: what waits for it may go on."""
    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        found = delivery.discard(candidate, why)
    if as_json:
        emit({**_as_object(found), "state": "discarded"})
    else:
        say(f"Candidate {found.id} of {found.asset} {found.interval or ''} is discarded. Next: freehold run")


def _measured(check: dict[str, Any]) -> str:
    """Return what was found: why it could not be asked, or the value and the rows."""
    if check["status"] == "error":
        return check["reason"] or "it could not be asked"
    rows = f", {check['failing']:,} of {check['total']:,} rows" if check["failing"] is not None else ""
    mark = " %" if check["unit"] == "percent" and check["value"] is not None else ""
    return f"measured {check['value']}{mark}{rows}" + (f"; {check['reason']}" if check["reason"] else "")


def _failed(delivery: Delivery, candidate: Candidate) -> list[dict[str, Any]]:
    """Return the failed checks of a candidate from the ledger, with the samples that were kept."""
    told = delivery.ledger.read(types=("candidate.quarantined",), subject=candidate.asset, newest_first=True)
    event = next((e for e in told if e.data["candidate"] == str(candidate.id)), None)
    if event is None:
        return []
    wanted = set(event.data.get("failed_checks") or ())
    checks = delivery.ledger.read(types=("check.completed",), subject=candidate.asset, run_id=event.run_id)
    asset = delivery.graph.assets.get(candidate.asset)
    claims = {c.id: c.claim for c in delivery.auditor.checks(asset)} if asset else {}
    found = []
    for e in checks:
        if e.data["check_id"] in wanted and e.correlation_id == event.correlation_id:
            side = delivery.ledger.side.get(str(e.data["sample"])) if e.data.get("sample") else None
            rows = side.payload["rows"] if side else []
            names = ("status", "value", "unit", "threshold", "failing", "total", "reason")
            id_ = str(e.data["check_id"])
            said = {"check": id_, "claim": claims.get(id_, "the contract does not say it any more")}
            found.append({**said, **{n: e.data.get(n) for n in names}, "rows": rows})
    return found


def _as_object(c: Candidate) -> dict[str, Any]:
    return {
        "candidate": c.id,
        "asset": c.asset,
        "interval": str(c.interval) if c.interval else None,
        "rows": c.rows,
        "state": c.state,
        "built_at": c.built_at,
        "reason": c.reason,
        "table": c.physical or None,
    }
