"""Briefs: what a home page says, as a letter, sent once a week to each receiver with their own eyes."""

from freehold.server.briefs.content import Brief, brief_for
from freehold.server.briefs.rendering import as_html, as_message, as_text
from freehold.server.briefs.sending import BriefRound, send

__all__ = ["Brief", "BriefRound", "as_html", "as_message", "as_text", "brief_for", "send"]
