"""What differs between two relations, with the least work: checksums first, then only where they differ.

`diff` compares by key where one is given, else as bags of rows; on one engine by SQL alone, across two by digests that
both compute alike, after which only the buckets that differ travel. It reads and never writes.
"""

from freehold.quality.diff.comparing import diff
from freehold.quality.diff.result import (
    ColumnDiff,
    DataDiff,
    KeyFaults,
    ProfileDiff,
    RowSample,
    SchemaChange,
    SideProfile,
)

__all__ = [
    "ColumnDiff",
    "DataDiff",
    "KeyFaults",
    "ProfileDiff",
    "RowSample",
    "SchemaChange",
    "SideProfile",
    "diff",
]
