"""What a changed contract means for who reads the data and for who delivers it, and the version it takes.

`compare` judges two versions of one contract by the table of `rulings`; `required_version` and `version_finding` say
which version number that takes and whether the one given is enough. Everything here is a pure function of contracts: no
warehouse, no ledger. Who the consumers are is for the rooms above to say.
"""

from freehold.quality.compatibility.comparing import compare
from freehold.quality.compatibility.finding import Bump, Finding, Judgement
from freehold.quality.compatibility.rulings import RULINGS, Ruling
from freehold.quality.compatibility.versions import required_bump, required_version, version_finding

__all__ = [
    "RULINGS",
    "Bump",
    "Finding",
    "Judgement",
    "Ruling",
    "compare",
    "required_bump",
    "required_version",
    "version_finding",
]
