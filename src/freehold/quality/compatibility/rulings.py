"""The table every change of a contract is judged by: one ruling for each kind of change.

Two questions decide. The consumer's: does whatever read data under the old contract still work under the new one? A
promise that is taken back or loosened breaks it; a promise added or tightened does not. The producer's: does whatever
kept the old contract still keep the new one? There it is the other way round. Types are the exception that engines
make: a wider type reads back every old value, so it is safe to consumers, and a narrower one is breaking to both.
"""

from __future__ import annotations

from dataclasses import dataclass

from freehold.quality.compatibility.finding import Bump, Judgement

_M, _S, _A, _B = Judgement.METADATA, Judgement.SAFE, Judgement.ADDITIVE, Judgement.BREAKING


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one kind of change means; `reason` may hold `{subject}`, `{before}`, `{after}` and `{detail}`."""

    consumer: Judgement
    producer: Judgement
    bump: Bump
    reason: str


def _ruling(consumer: Judgement, producer: Judgement, bump: Bump, reason: str) -> Ruling:
    return Ruling(consumer, producer, bump, reason)


def _broken(reason: str, producer: Judgement = _B) -> Ruling:
    return Ruling(_B, producer, Bump.MAJOR, reason)


def _loosened(reason: str) -> Ruling:
    """Less is promised: consumers lose something, and whoever kept the old promise keeps the new one."""
    return Ruling(_B, _S, Bump.MAJOR, reason)


def _tightened(reason: str) -> Ruling:
    """More is promised: consumers are served as before, and what kept the old promise may not keep the new one."""
    return Ruling(_S, _B, Bump.MINOR, reason)


def _added(reason: str, producer: Judgement = _B) -> Ruling:
    return Ruling(_A, producer, Bump.MINOR, reason)


def _words(reason: str) -> Ruling:
    return Ruling(_M, _M, Bump.NONE, reason)


_CONTRACT = {
    "contract_added": _ruling(_A, _A, Bump.NONE, "The contract is new, so nobody relies on it yet."),
    "contract_removed": _broken("The contract is gone, and with it every promise that consumers rely on.", _S),
    "retired_contract_removed": _ruling(_M, _M, Bump.NONE, "The contract was retired, so nobody may rely on it."),
    "standard_changed": _words("The version of the standard is about the file, not about the data."),
    "naming_changed": _words("Only how the contract is named or filed changed."),
    "description_changed": _words("Only the wording changed; the data is as before."),
    "tags_changed": _words("Tags help to find the data and promise nothing about it."),
    "custom_changed": _words("A custom property changed that promises nothing about the data."),
    "status_advanced": _ruling(
        _S, _S, Bump.MINOR, "The contract goes from {before} to {after}: more can be relied on."
    ),
    "status_deprecated": _ruling(
        _S, _S, Bump.MINOR, "The contract is deprecated: it holds as before, and consumers have notice to move away."
    ),
    "status_retired": _broken("A retired contract promises nothing any more.", _S),
    "status_withdrawn": _loosened("The contract goes back from {before} to {after}, so it binds nobody any more."),
    "status_changed": _words("The status `{after}` is none of the standard's, so it promises nothing."),
    "server_added": _added("The data can be read at one more place.", _A),
    "server_removed": _broken("Consumers that connect to {subject} no longer find the data.", _S),
    "server_moved": _broken("Consumers connect by {detail}, and those of before lead elsewhere."),
    "role_added": _added("One more role gives access.", _A),
    "role_removed": _broken("Whoever reads through the role {subject} loses access.", _S),
    "role_narrowed": _broken("The role {subject} gives {after} where it gave {before}.", _S),
    "role_widened": _ruling(_S, _S, Bump.MINOR, "The role {subject} gives {after}, which holds what {before} gave."),
}

_PROMISES = {
    "sla_added": _added("A service level is promised that was not before."),
    "sla_removed": _loosened("A promised service level is taken back."),
    "sla_weakened": _loosened("The promise is weaker: {detail}."),
    "sla_strengthened": _tightened("The promise is stronger: {detail}."),
    "sla_undecided": _broken("{before} and {after} cannot be compared, so the promise counts as weaker."),
    "sla_respelled": _ruling(_M, _M, Bump.NONE, "The same service level in another spelling."),
    "rule_added": _added("One more rule must hold before data is published."),
    "rule_removed": _loosened("A rule that held for all published data no longer does."),
    "rule_loosened": _loosened("The rule lets through what it stopped before."),
    "rule_tightened": _tightened("The rule stops what it let through before."),
    "rule_undecided": _broken("Whether the new rule holds what the old one promised cannot be decided: {detail}."),
    "rule_respelled": _ruling(_M, _M, Bump.NONE, "The same rule in another spelling."),
    "rule_made_blocking": _tightened("A failure now keeps data from being published; before it only warned."),
    "rule_made_warning": _loosened("A failure now only warns, so data that breaks the rule is published."),
    "warning_added": _ruling(_S, _S, Bump.PATCH, "The rule warns and stops nothing."),
    "warning_removed": _ruling(_S, _S, Bump.PATCH, "The rule only warned, so nobody could rely on it."),
    "warning_changed": _ruling(_S, _S, Bump.PATCH, "The rule only warns, before as after."),
    "relationship_added": _added("Every value now refers to a row that exists."),
    "relationship_removed": _loosened("A join may now find no row, where the contract promised one."),
    "relationship_changed": _broken("The column refers to something else, so joins give other rows."),
}

_SHAPE = {
    "object_added": _added("The contract describes one more object.", _A),
    "object_removed": _broken("Whoever reads {subject} finds it gone.", _S),
    "object_renamed": _broken("{after} holds what {before} held; whoever reads it by the old name finds it gone."),
    "object_moved": _broken("{subject} has another name in the warehouse, so queries by the old one fail."),
    "object_restored": _ruling(_S, _S, Bump.PATCH, "A table and a view read alike."),
    "object_kind_changed": _broken("A {after} is not read like a {before}."),
    "deprecation_set": _ruling(_S, _S, Bump.MINOR, "It holds as before, and consumers have notice to move away."),
    "deprecation_lifted": _ruling(_S, _S, Bump.PATCH, "The notice is taken back; it holds as before."),
    "columns_reordered": _ruling(
        _S, _S, Bump.PATCH, "Columns are read by name; only a reader by position would notice the new order."
    ),
    "column_added": _ruling(_A, _A, Bump.MINOR, "A new column that may be empty; queries that name columns go on."),
    "required_column_added": _added("A new column that is always filled; whoever delivers the data must fill it."),
    "column_removed": _broken("Whoever reads {subject} finds it gone.", _S),
    "column_renamed": _broken("{after} is what {before} was; whoever reads it by the old name finds it gone."),
    "column_moved": _broken("{subject} has another name in the warehouse, so queries by the old one fail."),
    "measure_added": _added("A new definition; nothing stored changes.", _A),
    "measure_removed": _broken("Whoever asks for {subject} finds the definition gone.", _S),
    "semantic_type_changed": _broken("A {before} is read differently from a {after}."),
    "type_widened": _ruling(_S, _S, Bump.MINOR, "{after} holds every value that {before} held."),
    "type_narrowed": _broken("{after} cannot hold every value that {before} held."),
    "type_changed": _broken("{before} and {after} are different kinds of values: {detail}."),
    "type_undecided": _broken("Whether {after} holds what {before} held cannot be decided: {detail}."),
    "type_respelled": _ruling(_M, _M, Bump.PATCH, "{before} and {after} are the same type in two spellings."),
    "type_stated": _tightened("The type is promised where it was left open."),
    "type_unstated": _loosened("The type was promised and is now left open."),
}

_VALUES = {
    "made_required": _tightened("Never empty any more, which is a promise more."),
    "made_optional": _loosened("May be empty now; readers that never met an empty value may fail."),
    "made_unique": _tightened("No value repeats any more, which is a promise more."),
    "made_repeating": _loosened("Values may repeat now, so joins may multiply rows."),
    "key_added": _tightened("Rows have a key now, which is a promise more."),
    "key_removed": _loosened("Rows have no promised key any more, so joins may multiply rows."),
    "key_changed": _broken("A row stands for something else: {after} where it was {before}."),
    "key_reordered": _ruling(_S, _S, Bump.PATCH, "The same columns are the key, in another order."),
    "enum_added": _tightened("Only listed values occur from now on."),
    "enum_removed": _loosened("Any value may occur now, where a list was promised."),
    "enum_widened": _loosened("Values may occur that no consumer was told of; {detail}."),
    "enum_narrowed": _tightened("Values that could occur no longer do; {detail}."),
    "enum_replaced": _broken("Some values leave the list and others come; {detail}."),
    "enum_reordered": _ruling(_M, _M, Bump.NONE, "The same values in another order."),
    "bound_added": _tightened("{detail} is promised where it was left open."),
    "bound_removed": _loosened("{detail} was promised and is now left open."),
    "bound_loosened": _loosened("Values may occur that {detail} kept out before."),
    "bound_tightened": _tightened("{detail} keeps out values that could occur before."),
    "bound_replaced": _broken("{detail} lets in new values and keeps out old ones."),
    "pattern_added": _tightened("Every value matches a pattern from now on."),
    "pattern_removed": _loosened("Values were promised to match a pattern and no longer are."),
    "pattern_loosened": _loosened("The new pattern matches texts that the old one kept out, such as {detail}."),
    "pattern_tightened": _tightened("Every text the new pattern matches matched the old one too."),
    "pattern_respelled": _ruling(_M, _M, Bump.NONE, "Both patterns match exactly the same texts."),
    "pattern_undecided": _broken("Whether the new pattern keeps to the old one cannot be decided: {detail}."),
    "option_changed": _broken("{detail} says how values are written or read, and it changed."),
    "meaning_changed": _broken("The same name stands for another computation, so the numbers mean something else."),
    "meaning_respelled": _ruling(_M, _M, Bump.NONE, "The same computation in another spelling."),
    "meaning_stated": _words("The computation is written down where it was not; the data is as before."),
    "meaning_unstated": _words("The computation is no longer written down; the data is as before."),
    "classification_stated": _ruling(
        _S, _S, Bump.MINOR, "Classified where it was not; a policy that goes by it may apply from now on."
    ),
    "classification_raised": _broken("{after} is stricter than {before}: some readers may lose access.", _S),
    "classification_lowered": _ruling(_S, _S, Bump.MINOR, "{after} is less strict than {before}: nobody loses access."),
    "classification_unstated": _ruling(_S, _S, Bump.MINOR, "No longer classified: nobody loses access by it."),
    "classification_undecided": _broken("{before} and {after} have no known order, so some may lose access.", _S),
}

RULINGS: dict[str, Ruling] = {**_CONTRACT, **_PROMISES, **_SHAPE, **_VALUES}
