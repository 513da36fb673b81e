"""Contracts to checks to one planned pass per table."""
