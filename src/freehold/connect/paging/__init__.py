"""Paging: who is told of incidents, and of alerts that are part of none, by which channel, and how they go on."""

from freehold.connect.paging.deciding import Act, Told, concerns, due
from freehold.connect.paging.matter import Kind, Matter, Matters, Step
from freehold.connect.paging.page import Page, page_of

__all__ = ["Act", "Kind", "Matter", "Matters", "Page", "Step", "Told", "concerns", "due", "page_of"]
