"""Which properties are numbers in a program: it computes with them, and takes them when it is run.

All other properties shape the program: widths, kernels, what is there at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from jarch.ir import Basic, Constant, properties

NUMBERS: Mapping[str, Mapping[str, frozenset[float]]] = {
    "attention": {"dropout_rate": frozenset({0.0})},
    "batch_norm": {"momentum": frozenset()},
    "drop_path": {"rate": frozenset({0.0})},
    "dropout": {"rate": frozenset({0.0})},
}
"""The numbers of each operation by name, with those values that shape the program all the same.

At a rate of 0 nothing is drawn: that is another program, and a cheaper one.
"""

PLACEHOLDER = 0.5
"""What stands in a normal form in place of each number."""


def numbers_of(node: Basic) -> Mapping[str, float]:
    """Return the properties of a node that are numbers in a program, by name.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dropout(0.25)), [])
        >>> numbers_of(net.nodes[0][1])
        {'rate': 0.25}
    """
    table = NUMBERS.get(node.op.name)
    if table is None or "flax" in node.op.lowerings:  # which is the user's own of that name
        return {}
    held = properties(node)
    return {
        name: float(held[name])  # type: ignore[arg-type]
        for name, shaping in table.items()
        if _is_number(held.get(name)) and held[name] not in shaping
    }


def _is_number(value: Constant) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
