"""Freehold: the operating system for data and AI products."""

__version__ = "0.1.0.dev0"
