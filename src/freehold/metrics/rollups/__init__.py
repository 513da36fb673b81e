"""Rollups: metrics by keys that are kept as tables, and read only where they give what the rows would."""

from __future__ import annotations

from freehold.metrics.rollups.content import Content, content_of, rollup_query
from freehold.metrics.rollups.declared import rollups_of
from freehold.metrics.rollups.periods import follows_from
from freehold.metrics.rollups.use import Held, Miss, Use, Why

__all__ = ["Content", "Held", "Miss", "Use", "Why", "content_of", "follows_from", "rollup_query", "rollups_of"]
