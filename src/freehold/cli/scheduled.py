"""What `schedule` and `work` share: where a worker takes its estate and warehouse from, and how times are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.cli.opened import chosen_environment, estate_in_force, opened_engine
from freehold.cli.output import say
from freehold.foundation import Caller

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger


class AroundHere:
    """The estate around a folder: read anew when asked, opened for one run, closed after it."""

    def __init__(
        self, start: str | None, env: str | None, ledger: Ledger, *, jobs: int | None = None, wait_s: float = 0.0
    ) -> None:
        self._start = start
        self._env = env
        self._ledger = ledger
        self._jobs = jobs
        self._wait_s = wait_s
        self._said = ""

    def estate(self) -> Estate:
        """Return the estate in force."""
        return estate_in_force(self._start, self._env, tell=self._once)

    @contextmanager
    def delivery(self, estate: Estate) -> Iterator[Delivery]:
        """Open the warehouse of an estate, for one run; others may have it between two."""
        from freehold.cli.calling_dbt import compile_beside, expect_applied, keep_compiled, tool_of
        from freehold.cli.run import keep_artifacts
        from freehold.delivery import Delivery

        chosen = chosen_environment(estate, self._env)
        tool = tool_of(estate, chosen)
        if estate.dbt and tool is None:
            keep_artifacts(estate, self._env)
        with opened_engine(estate, chosen, wait_s=self._wait_s) as engine:
            if tool is not None:
                compile_beside(tool, engine, estate, chosen)
                expect_applied(estate, chosen, tool)
            caller = Caller.at_the_shell()
            delivery = Delivery(
                *(estate, engine, self._ledger),
                env=chosen.name,
                caller=caller,
                jobs=self._jobs,
                tool=tool,
                is_of_files=True,
            )
            try:
                yield delivery
            finally:
                delivery.close()
            if tool is not None:
                keep_compiled(estate, chosen)

    def _once(self, text: str) -> None:
        """Say it, unless it was the last thing said: an estate is read again and again."""
        if text != self._said:
            self._said = text
            say(text)


def written(at: datetime, zone: str) -> str:
    """Return an instant in a zone, as a person reads it: `Mon 23 Nov 05:45`."""
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}"
