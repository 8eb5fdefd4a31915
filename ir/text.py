"""The text form of architectures: a line a node, made to be read, and parsed back.

    architecture(@in) -> (out=%dense) {
      %conv = conv(@in) features=16, kernel_size=3
      %dense = dense(%conv) features=10
    }
    decisions {
      features = 16
    }

`@` names an input of the graph, `%` a node, `%split:left` an output of a node that is not its
only one. Values are Python literals.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from .architecture import Architecture
from .constants import Constant, as_constant, format_constant
from .errors import ParseError, SpaceError
from .graph import SINGLE_INPUT, SINGLE_OUTPUT, Basic, Inputs, Source
from .operations import Op
from .serialization import find_op
from .verification import verify_architecture

_HEAD = re.compile(r"architecture\((?P<inputs>[^)]*)\) -> \((?P<outputs>[^)]*)\) \{")
_NODE = re.compile(
    r"%(?P<key>\S+) = (?P<op>[^\s(]+)\((?P<inputs>[^)]*)\)"
    r"(?: -> \((?P<outputs>[^)]*)\))?(?: (?P<properties>.+))?"
)
_DECISION = re.compile(r"(?P<key>\S+) = (?P<value>.+)")
_SOURCE = re.compile(r"@(?P<input>\S+)|%(?P<node>[^\s:]+)(?::(?P<output>\S+))?")


def to_text(architecture: Architecture) -> str:
    """Return an architecture, with its decisions, as text that `parse` reads back.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], "width"))), [8])
        >>> print(to_text(net))
        architecture(@in) -> (out=%dense) {
          %dense = dense(@in) features=8, use_bias=True
        }
        decisions {
          width = 8
        }
        <BLANKLINE>
    """
    lines = [f"  {key} = {format_constant(value)}" for key, value in architecture.decisions]
    return "\n".join([str(architecture), "decisions {", *lines, "}"]) + "\n"


def parse(text: str, ops: Mapping[str, Op] | None = None) -> Architecture:
    """Return the architecture that a text describes.

    Args:
        text: What `to_text` wrote, or `str(architecture)`, or the like written by hand. Empty
            lines and comments after `#` at the beginning of a line are passed over.
        ops: Operations of the user's by name, for those that cannot be imported by it.

    Raises:
        ParseError: A line does not do; the message names it.

    Example:
        >>> architecture = parse('''
        ... architecture(@in) -> (out=%relu) {
        ...   %relu = relu(@in)
        ... }''')
        >>> [key for key, node in architecture.nodes]
        ['relu']
    """
    lines = _lines(text)
    first, line = next(lines, (1, ""))
    head = _match(_HEAD, first, line, "architecture(@in) -> (out=%node) {")
    nodes: list[tuple[str, Basic]] = []
    for number, line in _block(lines, first):
        node = _match(_NODE, number, line, "%key = op(inputs) property=value, …")
        try:
            nodes.append((node["key"], _basic(node, ops)))
        except (SpaceError, SyntaxError) as error:
            raise ParseError(f"line {number}: {error}: {line}") from error
    outputs = _outputs(head["outputs"], first)
    decisions: list[tuple[str, Constant]] = []
    for start, head_line in lines:
        if head_line != "decisions {":
            raise ParseError(f"line {start}: expected 'decisions {{', found: {head_line}")
        for number, line in _block(lines, start):
            decision = _match(_DECISION, number, line, "key = value")
            decisions.append((decision["key"], _literal(decision["value"], number)))
    try:
        architecture = Architecture(
            tuple(name.strip().removeprefix("@") for name in _split(head["inputs"])),
            tuple(nodes),
            outputs,
            tuple(decisions),
        )
        verify_architecture(architecture)
    except SpaceError as error:
        raise ParseError(f"the text describes no valid architecture: {error}") from error
    return architecture


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield number, stripped


def _block(lines: Iterator[tuple[int, str]], start: int) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if line == "}":
            return
        yield number, line
    raise ParseError(f"line {start}: the block that begins here has no closing brace")


def _match(pattern: re.Pattern[str], number: int, line: str, form: str) -> re.Match[str]:
    found = pattern.fullmatch(line)
    if found is None:
        raise ParseError(f"line {number}: expected the form {form!r}, found: {line}")
    return found


def _basic(node: re.Match[str], ops: Mapping[str, Op] | None) -> Basic:
    call = ast.parse(f"f({node['properties'] or ''})", mode="eval").body
    if not isinstance(call, ast.Call) or call.args:
        raise ParseError("properties are written as name=value, …")
    properties = {
        str(word.arg): as_constant(_evaluate(word.value), str(word.arg)) for word in call.keywords
    }
    inputs: Inputs = tuple(_named(part, SINGLE_INPUT) for part in _split(node["inputs"]))
    outputs = tuple(_split(node["outputs"])) if node["outputs"] else (SINGLE_OUTPUT,)
    return Basic(find_op(node["op"], ops), tuple(sorted(properties.items())), inputs, outputs)


def _outputs(text: str, number: int) -> tuple[tuple[str, Source], ...]:
    try:
        return tuple(_named(part, "") for part in _split(text))
    except ParseError as error:
        raise ParseError(f"line {number}: {error}") from error


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _named(text: str, default: str) -> tuple[str, Source]:
    name, found, source = text.rpartition("=")
    match = _SOURCE.fullmatch(source)
    if match is None or not (found or default):
        raise ParseError(f"expected 'name=%node', found {text!r}")
    if match["input"]:
        return name or default, Source("", match["input"])
    return name or default, Source(match["node"], match["output"] or SINGLE_OUTPUT)


def _literal(text: str, number: int) -> Constant:
    try:
        value = _evaluate(ast.parse(text, mode="eval").body)
    except (SyntaxError, ParseError) as error:
        raise ParseError(f"line {number}: {text!r} is not a literal") from error
    try:
        return as_constant(value, f"line {number}")
    except SpaceError as error:
        raise ParseError(str(error)) from error


def _evaluate(expression: ast.expr) -> object:
    try:
        return ast.literal_eval(expression)
    except ValueError as error:
        raise ParseError(f"{ast.unparse(expression)!r} is not a literal") from error
