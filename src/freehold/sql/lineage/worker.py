"""The process behind `apart.Reader`: one JSON line in for each text, one out; its thread has a stack to fall back on.

What a text costs is bounded by the operating system: over its CPU seconds this process is killed, and whoever asked
starts another one. Nothing of the text is run.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from typing import IO

STACK_BYTES = 512 * 1024 * 1024
DEEPEST = 1_000_000  # Python frames; the stack above is what really bounds them
MOST_MEMORY = 3 * 1024**3


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests until there are no more."""
    from freehold.sql.lineage.apart import packed
    from freehold.sql.lineage.reading import lineage_of

    for line in requests:
        request = json.loads(line)
        _limit_cpu(float(request["cpu_s"]))
        columns: Mapping[str, list[str]] = request["columns"]
        try:
            found = lineage_of(
                request["sql"],
                request["dialect"],
                columns_of=lambda name, known=columns: tuple(known[name]) if name in known else None,  # type: ignore[misc]
                default=request["default"],
            )
            answer = packed(found)
        except MemoryError:
            answer = {"failures": ["it needs more memory than a text may have"]}
        except Exception as error:  # a fault of a parser is an answer about this text, not the end of the others
            answer = {"failures": [f"{type(error).__name__}: {error}"]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _limit_cpu(seconds: float) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main() -> None:
    """Serve in a thread with a stack of its own size."""
    _limit_memory()
    sys.setrecursionlimit(DEEPEST)
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=serve, args=(sys.stdin, sys.stdout))
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
