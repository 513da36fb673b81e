"""From a declared product to live data: candidate, audit, publish, roll back."""
