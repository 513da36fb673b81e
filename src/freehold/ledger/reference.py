"""Write the reference of all events: `python -m freehold.ledger.reference > docs/reference/events.md`.

A test holds the page to the schemas, so that neither can be changed without the other.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from freehold.ledger.columns import sql_type
from freehold.ledger.vocabulary import EventType, Vocabulary

HEAD = """# Events

Everything Freehold remembers is an event of one of the types below. A type has a JSON Schema in
`src/freehold/builtin/events/`; a field that is not in it is refused, with the near match. This page is written from
those files: `python -m freehold.ledger.reference > docs/reference/events.md`.

## Envelope

Each event has, beside its payload (`data`):

| name | what |
|---|---|
| `workspace`, `seq` | the chain and the place in it, from 1 without gaps |
| `id` | makes an append idempotent |
| `type`, `schema_version` | which schema the payload follows; older versions are brought up to date on read |
| `occurred_at`, `recorded_at` | when it happened, and when the ledger learned of it; the second never runs backwards |
| `actor`, `assurance` | who, by a principal, and how surely that is known |
| `env`, `subject`, `product`, `run_id`, `correlation_id` | what it is about; empty where that does not apply |
| `replay` | a simulated clock was driving |

Persons and free text are not in events. A field that would hold them takes an id of the side store (`side:…`), where
they can be erased.

## Evidence

`ledger.evidence()` gives a view for each type (`check_completed`), a view for each family (`quality_events`, with
`event_type`), `events` for all envelopes with the payload as JSON text, and views that stand on those: `asset_facts`
(tier, owner, product, domain, certified of each asset, from `valid_from` to `valid_to`, as applied estates said),
`work_items`, `incidents` (one row each, as far as known), `rule_results` (from `valid_from` to `valid_to`), and `uses`
and `looks` (`usage_query` and `usage_view` by whose each account is as far as known; `reads` is how many calls). Fields
are columns of the types given below; instants are TIMESTAMP in UTC. Where a field has the name of an envelope column,
the field wins, `env`, `product`, `run_id` and `subject` of the envelope stand in where it is absent, and the envelope's
own is `event_<name>`.

Types marked *raw* are too many for ledger rows: `ledger.raw.append` writes them to Parquet segments, and a
`segment.sealed` event puts the hash of each segment into the chain. Their `seq` and `recorded_at` are those of that
event.

Types marked *told by others* are recorded by nobody in here: `freehold ledger import events.jsonl` takes them
([evidence of others](../concepts/kpis.md#evidence-of-others)).

## KPIs

Rules common to all KPIs: facts of an asset are taken as of the time of the event. A value below its minimum of
observations reads *not enough evidence*, one whose events were never received *not instrumented*; never 0 and never
100 %. What was expected and did not happen counts. Each value carries numerator, denominator, n and the completeness of
its evidence, and drills to the numbers of the events that made it. As of a time means: as recorded by then.
"""


def render(vocabulary: Vocabulary) -> str:
    """Return the page."""
    return "\n".join([HEAD, *(line for family in vocabulary.families for line in _family(vocabulary, family))])


def _family(vocabulary: Vocabulary, family: str) -> Iterator[str]:
    yield f"## {family}"
    yield ""
    for name in vocabulary.families[family]:
        yield from _type(vocabulary[name])


def _type(type_: EventType) -> Iterator[str]:
    yield f"### `{type_.name}`"
    yield ""
    yield (
        str(type_.schema["description"])
        + (" *Raw.*" if type_.is_raw else "")
        + (" *Told by others.*" if type_.is_told_by_others else "")
    )
    yield ""
    yield "| field | column | what |"
    yield "|---|---|---|"
    for name, field in type_.fields.items():
        yield f"| `{name}` | {sql_type(field)} | {'; '.join(_says(name, field, type_)) or ' '} |"
    yield ""


def _says(name: str, field: Mapping[str, Any], type_: EventType) -> Iterator[str]:
    if name in type_.schema["required"]:
        yield "required"
    if "enum" in field:
        yield ", ".join(f"`{value}`" for value in field["enum"] if value is not None)
    if "side:" in json.dumps(field):
        yield "an id of the side store"
    if "default" in field:
        yield f"default `{json.dumps(field['default'])}`"
    if field.get("x-since", 1) > 1:
        yield f"since version {field['x-since']}"
    if "description" in field:
        yield str(field["description"])


if __name__ == "__main__":
    sys.stdout.write(render(Vocabulary()))
