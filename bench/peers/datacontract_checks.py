"""datacontract-cli over the bench contract, through its own Python API. Run by bench/checks.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from datacontract.data_contract import DataContract

from checks_case import id_of

KINDS = {"field_required": "not_null", "field_relationships": "reference"}
VERDICTS = {"passed": "pass", "failed": "fail", "error": "error", "warning": "warn"}


def main(contract: str, database: str, mode: str, out: str) -> None:
    del database, mode  # the contract names its server
    run = DataContract(data_contract_file=contract, server="local").test()
    said = {}
    for check in run.checks:
        result = getattr(check.result, "value", check.result)
        if check.qualityId:
            said[check.qualityId] = VERDICTS.get(result, str(result))
        elif check.type in KINDS:
            said[id_of(KINDS[check.type], check.field)] = VERDICTS.get(result, str(result))
    errors = [f"{c.key}: {c.reason}" for c in run.checks if getattr(c.result, "value", c.result) == "error"]
    Path(out).write_text(
        json.dumps({"verdicts": said, "errors": errors[:5], "types": sorted({c.type for c in run.checks})})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
