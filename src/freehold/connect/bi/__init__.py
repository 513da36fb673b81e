"""Dashboards as tools of business intelligence export them, read into the one value they share.

A reader for each tool; none imports another. What an export leaves open is told and never guessed at, and a file that
cannot be read takes no other with it. Nothing here asks a server or a warehouse.
"""

from freehold.connect.bi.reading import told
from freehold.connect.bi.telling import Told

__all__ = ["Told", "told"]
