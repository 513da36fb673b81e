"""M1, resources: what a team declares in git. Files in, one frozen `Estate` out, or every error with its place."""

from __future__ import annotations

from freehold.estate.document import Document
from freehold.estate.files import files_of, find_estate
from freehold.estate.loading import dbt_of, load_estate, server_of, state_of
from freehold.estate.schemas import KINDS, json_schema

__all__ = [
    "KINDS",
    "Document",
    "dbt_of",
    "files_of",
    "find_estate",
    "json_schema",
    "load_estate",
    "server_of",
    "state_of",
]
