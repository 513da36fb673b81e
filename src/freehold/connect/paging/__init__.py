"""Paging: who is told of incidents, and of alerts that are part of none, by which channel, and how they go on."""

from freehold.connect.paging.deciding import Act, Told, concerns, due
from freehold.connect.paging.page import Page, page_of
from freehold.connect.paging.trouble import Kind, Step, Trouble, Troubles

__all__ = ["Act", "Kind", "Page", "Step", "Told", "Trouble", "Troubles", "concerns", "due", "page_of"]
