"""The severities of incidents: 1 is the worst, 4 the mildest, and 5 says that one was none."""

from __future__ import annotations

WORST = 1  # readers are kept from what it touches; an incident of which nobody told is taken for it
SEVERE = 2  # the mildest that counts as severe
FALSE_ALARM = 5  # to which an incident is corrected that was none
