"""What is to be taken away: who reads it, who was told and answered, whether it may go, and what is left of its name.

Nothing is kept here: files say what is deprecated, items carry it, and the ledger tells who was told and what went.
"""

from freehold.leaving.announcing import Announcing
from freehold.leaving.departed import Departed, Gone, departed, gone, gone_unless
from freehold.leaving.leaving import Leaving, leaving_in
from freehold.leaving.subject import DEPRECATION, fields_for, subject_of
from freehold.leaving.told import Told, told_of

__all__ = [
    "DEPRECATION",
    "Announcing",
    "Departed",
    "Gone",
    "Leaving",
    "Told",
    "departed",
    "fields_for",
    "gone",
    "gone_unless",
    "leaving_in",
    "subject_of",
    "told_of",
]
