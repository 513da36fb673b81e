"""The examples of the documentation are run, page by page, and print what the page says they print.

Every block marked `console` counts. `$ ` begins a command, `> ` goes on with it, other lines are what it prints; a lone
`…` stands for any lines, `…` in a line for any text; a command without such lines must end well, whatever it prints.
The blocks of a page share one shell in one empty folder. Ids, instants, durations and sizes are left out of the
comparison, and on a page that runs the demo, whose days end yesterday, all other figures too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```console\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
MARK = "<<<ended with"
LONGEST_S = 240

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
VARIES = (
    (r"…?\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|…[0-9a-f]{6,}|\b[0-9a-f]{32,}\b", "<id>"),
    (r"\b\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", "<when>"),
    (rf"\b\d{{1,2}} ({MONTHS})( \d{{4}})?( \d\d:\d\d)?", "<when>"),
    (r"-?\b\d+[dhms] ago", "<ago>"),
    (r"\b\d[\d,]*(\.\d+)? ?(ms|s|MB|kB)\b", "<cost>"),
    (r"user:local/[^\s\"',]+", "<somebody>"),
    (r"─+", "─"),
    (r"[ \t]+", " "),
)
FIGURES = (r"[-+−]?£?[-+−]?\d[\d,.:]*(?<![,.:])", "<figure>")


@dataclass(frozen=True)
class Example:
    """One command of a page and the lines it should print."""

    line: int
    command: str
    printed: tuple[str, ...]


def examples(page: Path) -> list[Example]:
    """Return the commands of a page in order."""
    text = page.read_text(encoding="utf-8")
    found: list[Example] = []
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start()) + 2
        for number, indented in enumerate(block[2].splitlines(), first):
            line = indented.removeprefix(block[1])
            if line.startswith("$ "):
                found.append(Example(number, line[2:], ()))
            else:
                assert found, f"{page.name}:{number}: a console block begins with `$ `"
                last = found.pop()
                if line.startswith("> ") and not last.printed:
                    found.append(Example(last.line, f"{last.command}\n{line[2:]}", ()))
                else:
                    found.append(Example(last.line, last.command, (*last.printed, line)))
    return found


def run(shown: list[Example], folder: Path) -> list[tuple[int, str]]:
    """Run commands in one shell and return the exit code and output of each."""
    script = "\n".join(f"{{ {e.command}\n}} 2>&1\nprintf '\\n{MARK} %d\\n' $?" for e in shown)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "PYTHONWARNINGS": "default", "COLUMNS": "160"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    parts = re.split(rf"\n{MARK} (\d+)\n", done.stdout)
    return [(int(code), output) for output, code in zip(parts[::2], parts[1::2], strict=False)]


def stable(text: str, *, figures: bool) -> str:
    """Return a line without what another day or machine would print otherwise."""
    for pattern, instead in (*VARIES, *(() if figures else (FIGURES,))):
        text = re.sub(pattern, instead, text)
    return text.strip()


def pattern_of(printed: tuple[str, ...], *, figures: bool) -> str:
    """Return the regular expression that stable output must match, line by line."""
    pieces = []
    for line in printed:
        if line.strip() == "…":
            pieces.append(r"(?:.*\n)*?")
        else:
            pieces.append(".*".join(re.escape(part) for part in stable(line, figures=figures).split("…")) + r"\n")
    return "".join(pieces)


def lines(output: str, *, figures: bool) -> str:
    """Return output in the form `pattern_of` matches: stable lines, none of them empty."""
    kept = [stable(line, figures=figures) for line in output.splitlines()]
    return "".join(f"{line}\n" for line in kept if line)


@pytest.mark.parametrize("page", [p for p in PAGES if p.exists() and examples(p)], ids=lambda p: p.stem)
def test_the_examples_of_a_page_print_what_it_says(page: Path, tmp_path: Path) -> None:
    """Whoever types the commands of a page, in order, sees what the page shows."""
    shown = examples(page)
    figures = not any("freehold demo" in e.command for e in shown)

    results = run(shown, tmp_path)

    assert len(results) == len(shown), f"{page.name}: the shell ended early"
    for example, (code, output) in zip(shown, results, strict=True):
        place = f"{page.relative_to(ROOT)}:{example.line}: {example.command}"
        printed = tuple(line for line in example.printed if line.strip())
        assert "Traceback" not in output, f"{place}\n{output}"
        assert code == 0 or printed, f"{place} ended with {code}\n{output}"
        if not printed:  # a page may leave out what a command prints, but not that it fails
            continue
        wanted = pattern_of(printed, figures=figures)
        seen = lines(output, figures=figures)
        assert re.fullmatch(wanted, seen), f"{place}\n-- printed\n{output}\n-- compared\n{seen}\n-- wanted\n{wanted}"


@pytest.mark.parametrize(
    ("said", "printed", "fits"),
    [
        pytest.param("3 published in 1.2 s.", "3 published in 14.0 s.", True, id="another duration fits"),
        pytest.param("3 published in 1.2 s.", "4 published in 1.2 s.", False, id="another count does not"),
        pytest.param("…", "a\nb\nc", True, id="a lone ellipsis stands for any lines"),
        pytest.param("first\n…\nlast", "first\nx\nlast", True, id="an ellipsis between lines skips some"),
        pytest.param("first\n…\nlast", "first\nx", False, id="the line after an ellipsis must come"),
        pytest.param("a … c", "a b c", True, id="an ellipsis in a line stands for any text"),
        pytest.param("up to 2026-11-20 00:00 1d ago", "up to 2027-01-02 00:00 9h ago", True, id="instants vary"),
        pytest.param("a", "a\nb", False, id="a line too many does not fit"),
    ],
)
def test_output_is_compared_by_what_is_stable(said: str, printed: str, fits: bool) -> None:
    """The comparison lets pass what varies, and nothing else."""
    wanted = pattern_of(tuple(said.splitlines()), figures=True)

    assert bool(re.fullmatch(wanted, lines(printed, figures=True))) is fits
