"""Models in Python: `def model(context)` that returns Arrow, run in a process of its own.

The process gets a clean environment and no secrets, and lives as long as the run, so that a hundred models pay for one
start. It keeps accidents apart from the run; it is not a sandbox, and the code in it is trusted as far as its review.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from freehold.foundation import FreeholdError, Where

if TYPE_CHECKING:
    import pyarrow as pa


def declared(text: str, where: Where) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return what a model file says of itself without running it: its config() and the names it reads.

    Raises:
        FreeholdError: FH-M011 the file does not parse or has no `model`; FH-M012 a name or setting is computed.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise FreeholdError(
            "FH-M011",
            f"The file does not parse: {error.msg}.",
            where=Where(where.path, error.lineno or 1, error.offset or 1),
        ) from error
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "model"]
    if not functions or not functions[0].args.args:
        raise FreeholdError(
            "FH-M011", "The file has no function `model`.", where=where, fix="Write `def model(context): ...`."
        )
    model = functions[0]
    context = model.args.args[0].arg
    settings: dict[str, object] = {}
    refs: list[str] = []
    for call in (n for n in ast.walk(model) if isinstance(n, ast.Call)):
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr="ref" | "source") if name == context:
                refs.append(str(_literal(call.args[-1] if call.args else None, call, where)))
            case ast.Attribute(value=ast.Name(id=name), attr="config") if name == context and call.keywords:
                settings.update({k.arg: _literal(k.value, call, where) for k in call.keywords if k.arg})
    return settings, tuple(dict.fromkeys(refs))


def definition(text: str) -> str:
    """Return the text that decides whether two versions of the model mean the same: its syntax tree."""
    return ast.dump(ast.parse(text), annotate_fields=False, include_attributes=False)


def _literal(node: ast.expr | None, call: ast.Call, where: Where) -> object:
    try:
        if node is None:
            raise ValueError("nothing is named")
        return ast.literal_eval(node)
    except ValueError as error:
        raise FreeholdError(
            "FH-M012",
            "What a model reads and how it is built must be written out, not computed.",
            where=Where(where.path, call.lineno, call.col_offset + 1),
            fix="Write the name as a text, e.g. context.ref('lines').",
        ) from error


class Worker:
    """The process that runs Python models, started when the first one needs it."""

    def __init__(self, root: Path, timeout_s: float = 600.0) -> None:
        self._root = root
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, path: str, text: str, inputs: Mapping[str, pa.Table], config: Mapping[str, Any], interval: tuple[str, str]
    ) -> pa.Table:
        """Run one model and return its table.

        Raises:
            FreeholdError: FH-M013 with the file and line at which the model failed; FH-M014 it took too long.
        """
        import pyarrow as pa
        from pyarrow import feather

        with tempfile.TemporaryDirectory(prefix="freehold-") as scratch:
            given = {}
            for index, (name, table) in enumerate(inputs.items()):
                given[name] = f"{scratch}/{index}.arrow"
                feather.write_feather(table, given[name], compression="uncompressed")
            output = f"{scratch}/output.arrow"
            request = {"path": path, "text": text, "inputs": given, "output": output, "config": dict(config)}
            answer = self._ask(request | {"interval": list(interval)})
            if not answer.get("ok"):
                raise FreeholdError(
                    "FH-M013",
                    f"The model failed: {answer['error']}",
                    where=Where(path, int(answer.get("line") or 1), 1),
                )
            with pa.memory_map(output) as source:  # read into memory of our own before the folder goes
                return pa.ipc.open_file(pa.BufferReader(source.read_buffer())).read_all()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        import threading

        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(self._timeout_s, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            process.communicate()  # closes the pipes and waits
            status = process.returncode
            self._process = None
            raise FreeholdError(
                "FH-M014",
                f"The process of the Python model ended (status {status}); a model may run for {self._timeout_s:g} s.",
                where=Where(str(request["path"])),
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "freehold.delivery.python_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self._root,
                env=kept,
            )
        return self._process


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests until there are no more; the other end of `Worker`."""
    for line in requests:
        request = json.loads(line)
        try:
            _execute(request)
            answer: dict[str, Any] = {"ok": True}
        except BaseException as error:  # whatever user code raises is an answer, not the end of this process
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}", "line": _line(error, request["path"])}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _execute(request: Mapping[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import feather

    module: dict[str, Any] = {"__name__": "freehold_model", "__file__": request["path"]}
    exec(compile(request["text"], request["path"], "exec"), module)
    result = module["model"](Context(request["inputs"], request["config"], tuple(request["interval"])))
    if isinstance(result, pa.RecordBatch):
        result = pa.Table.from_batches([result])
    if not isinstance(result, pa.Table):
        raise TypeError(f"model() returned {type(result).__name__}, not a pyarrow Table")
    feather.write_feather(result, request["output"], compression="uncompressed")


class Context:
    """What a Python model is given."""

    def __init__(self, inputs: Mapping[str, str], config: Mapping[str, Any], interval: tuple[str, ...]) -> None:
        self._inputs = inputs
        self._config = config
        self.interval_start, self.interval_end = interval

    def config(self, **settings: Any) -> Mapping[str, Any]:
        """Say how the model is built (read from the file beforehand); return what was said."""
        return {**self._config, **settings}

    def ref(self, *names: str) -> pa.Table:
        """Return the rows of an asset this model reads."""
        from pyarrow import feather

        return feather.read_table(self._inputs[names[-1]])

    source = ref


def _line(error: BaseException, path: str) -> int | None:
    line = None
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
