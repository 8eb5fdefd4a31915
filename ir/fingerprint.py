"""Equal models have equal hashes, in every process."""

from __future__ import annotations

import hashlib
import json

from .architecture import Architecture
from .graph import Source


def fingerprint(architecture: Architecture) -> str:
    """Return the sha256 of the graph as 64 hexadecimal digits.

    It ignores the keys of nodes and hyperparameters, the names of the graph's inputs and outputs
    (their order counts), and the order in which nodes were made; any operation, property or edge
    changes it. Edges are ordered, so numbering the nodes in depth-first order from the outputs
    names them canonically: two graphs are isomorphic exactly when they are written the same.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.relu(name="first"))
        >>> other = ja.trace(lambda: ja.nn.relu(name="second"))
        >>> fingerprint(ja.replay(space, [])) == fingerprint(ja.replay(other, []))
        True
    """
    written = json.dumps(_canonical(architecture), separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


def _canonical(architecture: Architecture) -> list[object]:
    nodes = dict(architecture.nodes)
    numbers: dict[str, int] = {}
    lines: list[object] = []
    taken = {name: i for i, name in enumerate(sorted(architecture.inputs))}

    def place(source: Source) -> tuple[int, str | int]:
        if source.node:
            return numbers[source.node], source.output
        return -1, taken[source.output]

    outputs = [source for _, source in sorted(architecture.outputs)]
    stack = [source.node for source in reversed(outputs) if source.node]
    while stack:
        key = stack[-1]
        node = nodes[key]
        missing = [s.node for _, s in node.inputs if s.node and s.node not in numbers]
        if key in numbers or not missing:
            stack.pop()
        if key in numbers:
            continue
        if missing:
            stack.extend(reversed(missing))
            continue
        numbers[key] = len(numbers)
        inputs = [(port, *place(source)) for port, source in node.inputs]
        lines.append((node.op.name, node.properties, inputs, node.outputs))
    return [len(taken), lines, [place(source) for source in outputs]]
