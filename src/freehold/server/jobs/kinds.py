"""Which commands can be jobs, and with which arguments: the one list that pages, API and command line go by.

An argument has the name that the command gives its parameter; that of its option is taken, too. What is asked for
becomes the words of a command line, each a word of its own; nothing here is ever read by a shell. A test holds this
list to the commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from freehold.foundation import Exit, FreeholdError, near

LONGEST = 2_000  # characters of a text
MOST = 200  # texts of a list

Form = Literal["flag", "text", "texts", "number"]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a kind: its name, its form, and its option; without an option it stands by its place."""

    name: str
    form: Form
    option: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A command that can be a job.

    Attributes:
        name: the words of the command.
        told: what it does, in a few words, as pages say it.
        arguments: those that may be given.
        about: the name of the argument that says what it is done to; `env_in` of the one that names the environment.
    """

    name: str
    told: str
    arguments: tuple[Argument, ...]
    about: str = ""
    env_in: str = "env"

    def words(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the words of the command line that does it; see `checked`."""
        words = [*self.name.split()]
        for argument in self.arguments:
            if argument.option and argument.name in given:
                words += _options(argument, given[argument.name])
        placed = [str(v) for a in self.arguments if not a.option for v in _many(given.get(a.name))]
        return (*words, *(["--"] if any(word.startswith("-") for word in placed) else []), *placed)

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments in the order of the kind, without those that say nothing.

        Raises:
            FreeholdError: FH-A152 one is unknown, missing, or of another form.
        """
        known = {argument.name: argument for argument in self.arguments}
        given = self._named(given)
        said = {name: given[name] for name in known if given.get(name) not in (None, False, "", [], ())}
        for name, argument in known.items():
            if name in said:
                _expect_form(self, argument, said[name])
            elif argument.is_required:
                raise _refused(f"`{self.name}` takes an argument `{name}`.", "Say it.")
        return {name: list(v) if isinstance(v, list | tuple) else v for name, v in said.items()}

    def _named(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments by their own names, which may be said as options are called: `wait`, `as-of`, `from`.

        Raises:
            FreeholdError: FH-A152 one is unknown, or said by both.
        """
        known = {argument.name: argument.name for argument in self.arguments}
        known |= {argument.option[2:]: argument.name for argument in self.arguments if argument.option}
        named: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                fix = near(name, known) or f"It takes: {', '.join(known)}."
                raise _refused(f"`{self.name}` takes no argument `{name}`.", fix)
            if known[name] in named:
                raise _refused(f"`{name}` of `{self.name}` is said twice.", f"`{known[name]}` is the same: say one.")
            named[known[name]] = value
        return named

    def subject(self, given: Mapping[str, Any]) -> str:
        """Return what it is done to, as pages say it; empty for the whole estate."""
        return ", ".join(str(v) for v in _many(given.get(self.about))) if self.about else ""


def _at(name: str, form: Form = "text") -> Argument:
    return Argument(name, form, is_required=True)


_ENV = Argument("env", "text", "--env")
_WAIT = Argument("wait_s", "number", "--wait")
_JSON = Argument("as_json", "flag", "--json")
_USUAL = (_ENV, _WAIT, _JSON)
_SELECT = Argument("select", "texts", "--select")
_AS_OF = Argument("as_of", "text", "--as-of")
_JOBS = Argument("jobs", "number", "--jobs")
_YES = Argument("yes", "flag", "--yes")
_DRY = Argument("dry_run", "flag", "--dry-run")
_WHY = Argument("why", "text", "--why")
_CHANGE = (
    _YES, Argument("unpin", "flag", "--unpin"), Argument("take_over", "flag", "--take-over"), _JOBS, _WAIT, _JSON,
)  # fmt: skip
_BACKFILL = (
    Argument("first", "text", "--from"),
    Argument("last", "text", "--to"),
    Argument("chunk", "text", "--chunk"),
    Argument("max_cost", "text", "--max-cost"),
)
_COLLECT = (Argument("keep", "number", "--keep"), Argument("retired", "flag", "--retired"), _YES, _DRY)
_RUN = (_SELECT, Argument("interval", "text", "--interval"), _AS_OF, _JOBS, *_USUAL)
_CHECK = (_SELECT, Argument("explain", "flag", "--explain"), Argument("everything", "flag", "--all"), _AS_OF, *_USUAL)
_MITIGATE = (
    _at("id"), Argument("rollback", "flag", "--rollback"), Argument("quarantine", "flag", "--quarantine"),
    Argument("freeze", "text", "--freeze"), Argument("unfreeze", "text", "--unfreeze"),
    Argument("product", "text", "--product"), Argument("since", "text", "--since"), _WHY, *_USUAL,
)  # fmt: skip
_ROLLBACK = (_at("product"), Argument("unpin", "flag", "--unpin"), _WHY, *_USUAL)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("run", "Build, check and publish what is new", _RUN, about="select"),
        Kind("check", "Judge live data by its contracts", _CHECK, about="select"),
        Kind("apply", "Put the files here in force", (_ENV, Argument("plan", "text", "--plan"), *_CHANGE)),
        Kind("promote", "Put in force what is applied elsewhere", (_at("source"), _at("target"), *_CHANGE),
             about="source", env_in="target"),
        Kind("rollback", "Go back to the deployment before", _ROLLBACK, about="product"),
        Kind("deployments rollback", "Take a deployment back", (_at("id"), _WHY, *_USUAL), about="id"),
        Kind("incidents mitigate", "Keep readers from what is wrong", _MITIGATE, about="id"),
        Kind("backfill", "Build again what stands", (_at("select", "texts"), *_BACKFILL, _DRY, *_USUAL),
             about="select"),
        Kind("rules run", "Evaluate the rules", (_ENV, _JSON)),
        Kind("objectives measure", "Measure the key results of objectives", (Argument("ids", "texts"), *_USUAL),
             about="ids"),
        Kind("items measure", "Measure both sides of a dispute", (_at("item"), *_USUAL), about="item"),
        Kind("collect", "Drop what nothing can reach", (*_COLLECT, *_USUAL)),
    )
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """Return a kind by its name.

    Raises:
        FreeholdError: FH-A151 no command of that name can be a job.
    """
    if name not in KINDS:
        fix = near(name, KINDS) or f"There are: {', '.join(KINDS)}."
        raise FreeholdError("FH-A151", f"`{name[:80]}` is nothing that can be done as a job.", fix=fix,
                            exit_code=Exit.USAGE)  # fmt: skip
    return KINDS[name]


def _options(argument: Argument, value: Any) -> list[str]:
    if argument.form == "flag":
        return [argument.option]
    return [f"{argument.option}={one}" for one in _many(value)]


def _many(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _expect_form(kind: Kind, argument: Argument, value: Any) -> None:
    """Make sure that a value is what the argument takes; what the words mean, the command itself says."""
    form = argument.form
    if form == "flag":
        fits, wanted = value is True, "true or false"
    elif form == "number":
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    elif form == "texts":
        fits = isinstance(value, list | tuple) and len(value) <= MOST and all(map(_is_text, value))
        wanted = f"a list of at most {MOST} texts"
    else:
        fits, wanted = _is_text(value), f"a text of at most {LONGEST:,} characters"
    if not fits:
        shown = repr(value)
        shown = shown if len(shown) <= 80 else f"{shown[:80]}…"
        raise _refused(f"`{argument.name}` of `{kind.name}` is {wanted}, not {shown}.", "Mend it.")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST and "\0" not in value


def _refused(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-A152", problem, fix=fix, exit_code=Exit.USAGE)
