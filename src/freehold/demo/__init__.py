"""The demonstration: a shop's days, what can go wrong with them, and what became of it."""
