"""What runs by itself: schedules, what made them due, and workers that see to it.

`board_of` says what is scheduled, `notice` decides what is due, `Worker` does it, `standings_of` tells how it stands.
"""

from freehold.delivery.scheduling.board import Scheduled, board_of, schedule_findings
from freehold.delivery.scheduling.noticing import Noticed, Signals, notice
from freehold.delivery.scheduling.standing import Standing, Time, standings_of
from freehold.delivery.scheduling.state import Due, Last, Open, State
from freehold.delivery.scheduling.worker import Source, Worker

__all__ = [
    "Due",
    "Last",
    "Noticed",
    "Open",
    "Scheduled",
    "Signals",
    "Source",
    "Standing",
    "State",
    "Time",
    "Worker",
    "board_of",
    "notice",
    "schedule_findings",
    "standings_of",
]
