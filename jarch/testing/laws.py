"""The laws of the transitions, as functions that raise where one does not hold.

Call them from a property test of a space of your own, with values that hypothesis draws.
"""

from __future__ import annotations

import jarch as ja


def check_purity(space: ja.Space, value: object) -> None:
    """`assign` leaves its argument as it was; calling it twice gives equal, hash-equal results."""
    before = (space.decisions, space.next, space.state.upcoming(), hash(space))
    first, second = ja.assign(space, value), ja.assign(space, value)
    after = (space.decisions, space.next, space.state.upcoming(), hash(space))
    _require(before == after, "assign changed its argument")
    _require(first == second and hash(first) == hash(second), "assign gave two different results")
    ja.verify(space)
    ja.verify(first)


def check_replay(space: ja.Space, architecture: ja.Architecture) -> None:
    """The values of an architecture lead to it again."""
    again = ja.replay(space, architecture.values[len(space.decisions) :])
    _require(again == architecture, "replaying the values gives another architecture")
    _require(again.decisions == architecture.decisions, "replaying decides something else")
    by_key = ja.replay(space, dict(architecture.decisions[len(space.decisions) :]))
    _require(by_key == architecture, "replaying by key gives another architecture")


def check_round_trip(architecture: ja.Architecture) -> None:
    """JSON and text lead back to an equal architecture with the same decisions."""
    for again in (
        ja.from_json(ja.to_json(architecture)),
        ja.parse(ja.to_text(architecture)),
    ):
        _require(again == architecture, "an architecture read back is another")
        _require(hash(again) == hash(architecture), "an architecture read back hashes differently")
        _require(again.decisions == architecture.decisions, "decisions were lost")
        _require(repr(again.decisions) == repr(architecture.decisions), "decisions changed type")
        _require(ja.fingerprint(again) == ja.fingerprint(architecture), "the fingerprint changed")


def check_progress(space: ja.Space) -> None:
    """`count` is the length of the enumeration; `rank` and `unrank` number it."""
    found = list(ja.enumerate_architectures(space))
    _require(ja.count(space) == len(found), f"count is {ja.count(space)}, not {len(found)}")
    values = [architecture.values for architecture in found]
    _require(len(set(map(repr, values))) == len(values), "a sequence of values came up twice")
    for position in {0, len(found) // 2, len(found) - 1} if found else ():
        _require(ja.rank(space, found[position]) == position, "rank is not the position")
        _require(ja.unrank(space, position) == found[position], "unrank is not the inverse")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
