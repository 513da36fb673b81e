"""How a command ends that did not end well: an error of ours, an unknown word, a full disk, a defect."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import NoReturn

import click

from freehold.cli.output import fail, say, wants_json
from freehold.foundation import Exit, FreeholdError

STOPPED = 130  # as a shell says of what SIGINT ended
DEFECT = 70  # EX_SOFTWARE of sysexits.h


def end(error: Exception) -> NoReturn:
    """Say what went wrong, as JSON where that was asked for, and end with the exit code that belongs to it."""
    try:
        _told(error)
    except OSError as refused:  # what there was to say found no room
        _environment(refused)


def _told(error: Exception) -> NoReturn:
    if isinstance(error, FreeholdError):
        fail(error)
    if isinstance(error, click.exceptions.Abort):
        say("Stopped. What was published before stays published; the next run goes on from there.")
        sys.exit(STOPPED)
    if isinstance(error, click.ClickException):
        _misused(error)
    if isinstance(error, OSError):
        _environment(error)
    _defect(error)


def _misused(error: click.ClickException) -> NoReturn:
    if not wants_json():
        error.show()
        sys.exit(error.exit_code)
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "freehold"
    fail(FreeholdError("FH-C005", error.format_message(), fix=f"See `{asked} --help`.", exit_code=Exit.USAGE))


def _environment(error: OSError) -> NoReturn:
    about = f"`{error.filename}`: " if error.filename else ""
    problem = FreeholdError(
        "FH-C006",
        f"{about}{error.strerror or error}.",
        fix="Make room, or give the rights, and run the command again: it goes on from where it stopped.",
        exit_code=Exit.ENVIRONMENT,
    )
    try:
        sys.stdout.flush()
        fail(problem)
    except OSError:  # the answer itself finds no room: what is left of it in the buffer must not be tried again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say(str(problem))
        sys.exit(int(problem.exit_code))


def _defect(error: Exception) -> NoReturn:
    """Keep the whole story in a file of its own; a page of stack is no way to tell a person."""
    with tempfile.NamedTemporaryFile("w", prefix="freehold-", suffix=".txt", delete=False, encoding="utf-8") as report:
        report.write(" ".join(sys.argv) + "\n\n")
        traceback.print_exception(error, file=report)
    problem = FreeholdError(
        "FH-C007",
        f"This is a defect of Freehold: {type(error).__name__}: {error}",
        fix=f"Report it with {report.name}, which tells where it happened.",
    )
    try:
        fail(problem)
    except SystemExit:
        sys.exit(DEFECT)
