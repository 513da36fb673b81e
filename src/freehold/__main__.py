"""`python -m freehold`, where the command itself is not on the path."""

from freehold.cli import main

main()
