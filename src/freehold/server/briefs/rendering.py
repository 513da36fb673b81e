"""A brief as text, as HTML that mail programs show, and as a message. Pure; words of people stay words."""

from __future__ import annotations

import textwrap

from freehold.connect.messages import Message
from freehold.server.briefs.content import Brief, Part
from freehold.server.web.model import Line
from freehold.server.web.showing import environment

_WIDTH = 100
_TIED = "\N{NO-BREAK SPACE}"  # while lines are broken: a figure keeps its unit
_MARKS = {"ok": "●", "warn": "■", "bad": "◆", "idle": "○"}  # as pages have them: never by colour alone


def as_text(brief: Brief) -> str:
    """Return a brief as plain text, a line for each line of the page."""
    parts = "\n\n".join(_part(brief, one) for one in brief.parts)
    waits = f"{brief.waits}\n" if brief.waits else ""
    return f"{brief.title}\n{brief.sentence}\n{waits}\n{parts}\n\n{_footer(brief)}\n"


def as_html(brief: Brief) -> str:
    """Return a brief as one HTML page that loads nothing."""
    made = environment().get_template("brief.html")
    return made.render(brief=brief, marks=_MARKS, footer=_footer(brief))


def as_message(brief: Brief) -> Message:
    """Return a brief as a message, a block for each part."""
    parts = (f"{one.title}\n{_lines(brief, one, links=False)}" for one in brief.parts)
    return Message(brief.title, (brief.sentence, *parts), brief.href(f"/homes/{brief.home}"))


def _part(brief: Brief, part: Part) -> str:
    return f"{part.title}\n{'─' * len(part.title)}\n{_lines(brief, part, links=True)}"


def _lines(brief: Brief, part: Part, *, links: bool) -> str:
    if not part.lines:
        return part.calm.replace("`", "")
    return "\n".join(_line(brief, one, links=links) for one in part.lines)


def _line(brief: Brief, line: Line, *, links: bool) -> str:
    topic = f"{line.topic}: " if line.topic else ""
    word = f"{line.mark.word}  " if line.mark.word else ""
    text = f"{_MARKS[line.mark.tone]} {word}{topic}{line.text}".replace("`", "").replace(" %", f"{_TIED}%")
    told = "\n".join(textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False))
    told = told.replace(_TIED, " ")
    href = brief.href(line.href) if links else ""
    return f"{told}\n  {href}" if href else told


def _footer(brief: Brief) -> str:
    home = brief.href(f"/homes/{brief.home}")
    return f"As of {brief.as_of:%Y-%m-%d %H:%M} UTC{f', as on {home}' if home else ''}."
