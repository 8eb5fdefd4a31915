"""What an architecture is for given inputs: shapes, parameters and FLOPs, without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeAlias, cast

from .architecture import Architecture
from .constants import Constant, format_constant, typed
from .errors import ShapeError, SpaceError
from .graph import Basic, format_node
from .operations import InferenceRule, Op, Shape, Shapes, Variable

MEMO_LIMIT = 1 << 14  # inferences kept, for all architectures together; some 2 kB each
PLAN_LIMIT = 1 << 15  # nodes kept that were met, for all architectures together; some 0.5 kB each
BYTES_PER_ELEMENT = 4  # float32
SHOWN_DECISIONS = 40  # that a message lists before it says how many more there are

_Feeds: TypeAlias = tuple[tuple[str, Shape], ...]
_Item: TypeAlias = tuple[str, Basic]


@dataclass(frozen=True, slots=True, eq=False)
class _Summary:
    """What a node is, wherever it stands; the fields are those of `NodeAnalysis`.

    Compared by identity: equal ones are mostly the same, and so serve as keys at no cost.
    """

    outputs: Shapes
    variables: tuple[Variable, ...]
    parameters: int
    trainable_parameters: int
    flops: int
    activation_bytes: int


class Totals(NamedTuple):
    """What an architecture costs; the fields are those of `Analysis`.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.nn.batch_norm), [])
        >>> totals(net, {"in": (8,)})._asdict()  # its mean and variance are not trained
        {'parameters': 32, 'trainable_parameters': 16, 'flops': 40, 'activation_bytes': 32}
    """

    parameters: int
    trainable_parameters: int
    flops: int
    activation_bytes: int


_Made: TypeAlias = dict[object, _Summary]
_Plan: TypeAlias = tuple[str, Callable[[Mapping[str, _Summary]], object], _Made, _Item]
"""A node that was met in an architecture, which architectures of one structure share: its key; what
picks from summaries by key that of the node that feeds it, or those; what the node is, by what is
picked; and the node itself, held so that its `id` is no other's. A plain tuple: it is taken apart
some million times a second."""

_plans: dict[int, _Plan] = {}
_tables: dict[object, _Made] = {}  # what nodes are that differ in their places alone, by feeds


class NodeAnalysis(NamedTuple):
    """What one node is.

    Attributes:
        key: The node's key.
        op: What it computes.
        outputs: The shape of each output, by name, without the batch axis.
        variables: The arrays that it owns.
        parameters: Numbers in all its variables.
        trainable_parameters: Numbers in those that training changes.
        flops: Floating-point operations of one forward pass over one example.
        activation_bytes: Size of its outputs for one example in float32.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> nodes = ja.analyze(net, {"in": (8, 8, 1)}).nodes
        >>> [(node.key, node.outputs["out"], node.flops) for node in nodes if node.parameters]
        [('hidden/dense', (16,), 2064), ('dense', (10,), 330)]
    """

    key: str
    op: Op
    outputs: Shapes
    variables: tuple[Variable, ...]
    parameters: int
    trainable_parameters: int
    flops: int
    activation_bytes: int


_FIELDS = NodeAnalysis._fields[2:]


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What an architecture is for given input shapes. Shapes leave out the batch axis.

    Attributes:
        parameters: Numbers in all variables, batch statistics included.
        trainable_parameters: Numbers that training by gradient changes.
        flops: Floating-point operations of one forward pass over one example in inference; a
            multiply-accumulate counts two.
        activation_bytes: Size of the outputs of all nodes for one example in float32.
        shapes: The shape of each output of each node: by the node's key where it has one output,
            by `key:output` where it has several.
        outputs: The shape of each output of the whole, by name.
        records: What `nodes` is made of when it is asked for.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> print(ja.analyze(net, {"in": (8, 8, 1)}))
        1,210 parameters (1,210 trainable), 2,410 FLOPs, 424 bytes of activations, out=(10,)
    """

    parameters: int
    trainable_parameters: int
    flops: int
    activation_bytes: int
    shapes: Shapes
    outputs: Shapes
    records: tuple[tuple[str, Op, _Summary], ...] = field(repr=False)

    @property
    def nodes(self) -> tuple[NodeAnalysis, ...]:
        """Each node, producers before consumers."""
        return tuple(
            [
                NodeAnalysis(key, op, *[getattr(summary, name) for name in _FIELDS])
                for key, op, summary in self.records
            ]
        )

    @property
    def totals(self) -> Totals:
        """The sums over all nodes."""
        return Totals(self.parameters, self.trainable_parameters, self.flops, self.activation_bytes)

    def __eq__(self, other: object) -> bool:
        """Compare node by node."""
        if not isinstance(other, Analysis):
            return NotImplemented
        return (self.nodes, self.outputs) == (other.nodes, other.outputs)

    def __str__(self) -> str:
        """Return the totals in one line."""
        outputs = ", ".join(f"{name}={shape}" for name, shape in self.outputs.items())
        return (
            f"{self.parameters:,} parameters ({self.trainable_parameters:,} trainable), "
            f"{self.flops:,} FLOPs, {self.activation_bytes:,} bytes of activations, {outputs}"
        )


def analyze(architecture: Architecture, inputs: Mapping[str, Shape]) -> Analysis:
    """Return shapes, parameters and FLOPs of an architecture.

    Args:
        architecture: Any.
        inputs: The shape of each input, without the batch axis.

    Raises:
        ShapeError: Shapes do not fit. The message names the node, the shapes of its inputs and
            the decisions that led there.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     return ja.sequential(ja.nn.flatten, ja.nn.dense(features=ja.Discrete([10, 20])))
        >>> analysis = analyze(ja.replay(ja.trace(space), [10]), {"in": (8, 8, 1)})
        >>> analysis.parameters, analysis.flops, analysis.shapes["dense"]
        (650, 1290, (10,))
    """
    known = _walk(architecture, _fed(architecture, inputs))
    records: list[tuple[str, Op, _Summary]] = []
    shapes: dict[str, Shape] = {}
    for key, node in architecture.nodes:
        summary = known[key]
        outputs = summary.outputs
        records.append((key, node.op, summary))
        if len(outputs) == 1:
            shapes[key] = outputs[node.outputs[0]]
        else:
            shapes.update((f"{key}:{name}", shape) for name, shape in outputs.items())
    return Analysis(
        *_totals(known),
        shapes,
        {name: known[source.node].outputs[source.output] for name, source in architecture.outputs},
        tuple(records),
    )


def totals(architecture: Architecture, inputs: Mapping[str, Shape]) -> Totals:
    """Return parameters, FLOPs and bytes of activations as `analyze` does, and no more.

    Args:
        architecture: Any.
        inputs: The shape of each input, without the batch axis.

    Raises:
        ShapeError: Shapes do not fit, as for `analyze`.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(10)), [])
        >>> totals(net, {"in": (64,)})
        Totals(parameters=650, trainable_parameters=650, flops=1290, activation_bytes=40)
    """
    return _totals(_walk(architecture, _fed(architecture, inputs)))


def totals_for(
    inputs: Mapping[str, Shape], names: Sequence[str]
) -> Callable[[Architecture], tuple[int, ...]]:
    """Return a function that gives some totals of any architecture for these inputs.

    It is faster than `totals`: the inputs are checked once, and nothing else is summed.

    Args:
        inputs: The shape of each input, without the batch axis.
        names: Of fields of `Totals`, in the order in which the function is to return them.

    Raises:
        SpaceError: A name is none of these.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(10)), [])
        >>> totals_for({"in": (64,)}, ["flops", "parameters"])(net)
        (1290, 650)
    """
    unknown = [name for name in names if name not in Totals._fields]
    if unknown:
        raise SpaceError(f"{unknown[0]!r} is not among {', '.join(Totals._fields)}; name these")
    fields = [attrgetter(name) for name in names]
    found: dict[tuple[str, ...], _Summary] = {}

    def totals_of(architecture: Architecture) -> tuple[int, ...]:
        fed = found.get(architecture.inputs)
        if fed is None:
            fed = found[architecture.inputs] = _fed(architecture, inputs)
        summaries = _walk(architecture, fed).values()
        return tuple([sum(map(field, summaries)) for field in fields])

    return totals_of


def _totals(known: Mapping[str, _Summary]) -> Totals:
    summaries = known.values()
    return Totals(
        sum([summary.parameters for summary in summaries]),
        sum([summary.trainable_parameters for summary in summaries]),
        sum([summary.flops for summary in summaries]),
        sum([summary.activation_bytes for summary in summaries]),
    )


def _walk(architecture: Architecture, fed: _Summary) -> dict[str, _Summary]:
    """Return what each node is by key, producers first; before them all, by "", what is fed.

    A node that was met before, fed by the same, is only looked up.
    """
    known = {"": fed}
    plans = _plans
    try:
        for item in architecture.nodes:
            key, feeds, made, _ = plans[id(item)]
            known[key] = made[feeds(known)]
    except KeyError:
        _walk_on(architecture, known)
    return known


def _walk_on(architecture: Architecture, known: dict[str, _Summary]) -> None:
    """Do the rest of what `_walk` does, where something was not met before."""
    for item in architecture.nodes[len(known) - 1 :]:
        key, feeds, made, _ = _plans.get(id(item)) or _met(item)
        summary = made.get(feeds(known))
        if summary is None:
            summary = made[feeds(known)] = _inferred(architecture, item, known)
        known[key] = summary


def _met(item: _Item) -> _Plan:
    """Return the plan of a node, kept for the next time; when there are very many, forget all."""
    key, node = item
    sources = [source.node for _, source in node.inputs]
    feeds: Callable[[Mapping[str, _Summary]], object]
    feeds = itemgetter(*sources) if sources else lambda _: None
    if len(_plans) >= PLAN_LIMIT:
        _plans.clear()
        _tables.clear()
    ports = tuple([(name, source.output) for name, source in node.inputs])
    what = node.op.infer, node.properties, _types(node), ports, node.outputs
    plan: _Plan = (key, feeds, _tables.setdefault(what, {}), item)
    _plans[id(item)] = plan
    return plan


def _inferred(architecture: Architecture, item: _Item, known: Mapping[str, _Summary]) -> _Summary:
    """Return what a node is, or say where its shapes do not fit."""
    key, node = item
    feeds = tuple([(name, known[feed.node].outputs[feed.output]) for name, feed in node.inputs])
    try:
        return _summary(node, feeds)
    except ShapeError as error:
        framed = _framed(str(error), architecture, key, node, feeds)
        raise ShapeError(framed, key, str(error)) from None
    except Exception as error:
        error.add_note(f"raised by the inference rule of {_where(key, node, feeds)}")
        raise


def _summary(node: Basic, feeds: _Feeds) -> _Summary:
    """Return what inference says of a node, and the sums that follow."""
    properties = cast("tuple[tuple[str, Constant], ...]", node.properties)
    return _remembered(node.op.infer, properties, _types(node), feeds, node.outputs)


def _types(node: Basic) -> tuple[object, ...]:
    """Return what tells properties apart that are equal and of other types."""
    properties = cast("tuple[tuple[str, Constant], ...]", node.properties)
    types = [value.__class__ for _, value in properties]
    return tuple([typed(value) for _, value in properties] if tuple in types else types)


@lru_cache(MEMO_LIMIT)
def _remembered(
    rule: InferenceRule,
    properties: tuple[tuple[str, Constant], ...],
    types: tuple[object, ...],
    feeds: _Feeds,
    declared: tuple[str, ...],
) -> _Summary:
    """Infer once for each rule, properties and shapes; `types` tells 1 from 1.0 and True."""
    inference = rule(dict(properties), dict(feeds))
    if set(inference.outputs) != set(declared):
        raise ShapeError(
            f"its inference rule gives the outputs {sorted(inference.outputs)}, but the node "
            f"declares {sorted(declared)}; make them the same"
        )
    sizes = [(prod(variable.shape), variable.trainable) for variable in inference.variables]
    return _Summary(
        inference.outputs,
        inference.variables,
        sum(size for size, _ in sizes),
        sum(size for size, trainable in sizes if trainable),
        inference.flops,
        BYTES_PER_ELEMENT * sum(map(prod, inference.outputs.values())),
    )


def _fed(architecture: Architecture, inputs: Mapping[str, Shape]) -> _Summary:
    """Return what the inputs are, as if a node had made them."""
    shapes = _checked_inputs(architecture, inputs)
    return _given(tuple(shapes.items()))


@lru_cache(MEMO_LIMIT)
def _given(shapes: _Feeds) -> _Summary:
    return _Summary(dict(shapes), (), 0, 0, 0, 0)


def _checked_inputs(architecture: Architecture, inputs: Mapping[str, Shape]) -> Shapes:
    if set(inputs) != set(architecture.inputs):
        raise ShapeError(
            f"shapes are given for the inputs {sorted(inputs)}, but the architecture takes "
            f"{list(architecture.inputs)}; give one for each"
        )
    checked: dict[str, Shape] = {}
    for name, given in inputs.items():
        if not isinstance(given, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ShapeError(f"input {name!r} has shape {given!r}; give a tuple of sizes")
        checked[name] = shape = tuple(given)
        if not all(map(_is_size, shape)):
            raise ShapeError(
                f"input {name!r} has shape {shape}; all sizes must be integers of at least 1 "
                "(leave out the batch axis)"
            )
    return checked


def _is_size(value: object) -> bool:
    return isinstance(value, int) and value.__class__ is int and value >= 1


def _where(key: str, node: Basic, feeds: _Feeds) -> str:
    """Name a node and the shapes that it gets."""
    shapes = ", ".join(f"{name} {shape}" for name, shape in feeds)
    return f"%{key} ({node.op.name}, of {shapes})"


def _framed(message: str, architecture: Architecture, key: str, node: Basic, feeds: _Feeds) -> str:
    """Put a rule's complaint into its place: the node, what feeds it, and the decisions."""
    shown = [
        f"{name}={format_constant(value)}"
        for name, value in architecture.decisions[:SHOWN_DECISIONS]
    ]
    left_out = len(architecture.decisions) - len(shown)
    if left_out:
        shown.append(f"and {left_out} more")
    gets = ", ".join(
        f"{name} {shape} from {source}"
        for (name, shape), (_, source) in zip(feeds, node.inputs, strict=True)
    )
    return (
        f"{key}: {message}\n"
        f"  the node: {format_node(key, node)}\n"
        f"  it gets: {gets or 'nothing'}\n"
        f"  decisions: {', '.join(shown) or 'none'}"
    )
