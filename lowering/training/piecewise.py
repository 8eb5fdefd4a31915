"""Training in segments: more calls a step, but programs that other candidates have had compiled.

Compiling the step of a net as one program takes seconds; in a search most candidates train for less
than that. Layers recur from one candidate to the next, whole nets do not. So where few steps are to
come, a step is a chain of short programs, forward, then backward, then the updates, each compiled
once for all candidates that have such a layer.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import jax
import numpy as np

from jarch.ir import Architecture, analyze
from jarch.lowering.flax_module import ArchitectureModule, architecture_module
from jarch.lowering.normal_form import NormalForm, normal_form
from jarch.lowering.random_bits import pairs_needed

from .executables import Executable
from .initial_state import zero_state
from .metrics import Task
from .optimizers import Options, make_optimizer, split_options
from .segment_programs import (
    Batch,
    Given,
    back_program,
    head_program,
    tail_program,
    train_program,
    update_program,
    words_program,
)
from .stepping import Take
from .steps import Epoch, Numbers, Program, TrainState, Variables, forward_program

_KEPT = 1024
_TRAINED_OTHERWISE = frozenset({"attention", "batch_norm", "drop_path", "dropout"})
_shape: Callable[..., Any] = jax.ShapeDtypeStruct  # JAX does not say the types of these
_structure = cast(Callable[[Any], Any], jax.tree.structure)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a chain.

    Attributes:
        form: Of the part alone.
        module: Of the normal form.
        weighted: Whether it has parameters to train.
        inward: Whether segments before it have, so that the gradient is to be carried on.
        alike: Whether it computes the same in training as afterwards.
    """

    form: NormalForm
    module: ArchitectureModule
    weighted: bool
    inward: bool
    alike: bool


class Piecewise:
    """The steps of one model: what `steps` has for programs of whole architectures.

    Programs are found when they are first called and stay with this object.
    """

    together = 1

    def __init__(self, program: Program, segments: tuple[Architecture, ...]) -> None:
        """Begin.

        Args:
            program: What the step is of; its optimiser goes by name.
            segments: Of its architecture.
        """
        assert isinstance(program.optimizer, str)
        self._task: Task = program.task
        self._optimizer = program.optimizer
        self._own: Options = program.options
        self._options, numbers = split_options(program.optimizer, program.options)
        self._numbers = jax.device_put(np.array(numbers, np.float32))
        self._forms = [normal_form(each) for each in segments]
        self._segments: list[Segment] = []
        self._values: list[Any] = []
        self._firsts: list[Any] = []  # the number of the first pair of words, where there are any
        self._pairs: list[int] = []
        self._held: dict[Hashable, Executable] = {}
        self._batch: Any = None

    def start(self, variables: Variables) -> TrainState:
        """Return the state before the first step; the variables stay as they are."""
        params: list[Any] = []
        rest: list[Any] = []
        for form in self._forms:
            host: Any = jax.tree.map(np.array, form.to_normal(variables))
            params.append(host.pop("params", {}))
            rest.append({name: tree for name, tree in host.items() if tree})
        self._segments = list(_segments(self._forms, params))
        self._values = jax.device_put(
            [np.array([value for *_, value in f.numbers], np.float32) for f in self._forms]
        )
        state = TrainState(
            tuple(params),
            tuple(rest),
            tuple(_zeros(self._optimizer, self._own, tree) for tree in params),
            np.zeros((), np.int32),
            np.zeros((), np.float32),
        )
        return cast(TrainState, jax.device_put(state))

    def variables_of(self, state: TrainState) -> Variables:
        """Return the variables in a state, by the keys of the architecture's nodes."""
        made: dict[str, dict[str, Any]] = {"params": {}}
        for form, params, rest in zip(self._forms, state.params, state.rest, strict=True):
            for collection, nodes in form.from_normal({"params": params, **rest}).items():
                made.setdefault(collection, {}).update(nodes)
        return made

    def make_step(self, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers) -> Take:
        """Return what takes steps within an epoch from a state of these shapes."""

        def take(state: TrainState, count: int = 1) -> TrainState:
            for _ in range(count):
                state = self._step(state, x, y, epoch, numbers)
            return state

        return take

    def outputs(self, state: TrainState, x: Any) -> Any:
        """Return the outputs of one batch, without dropout.

        Where a segment computes the same in training, and the batch is as large as those, its
        program of training serves.
        """
        same = self._batch == (x.shape, x.dtype)
        for i, segment in enumerate(self._segments):
            params, rest = state.params[i], state.rest[i]
            trained = self._held.get(("train", i)) if same and segment.alike else None
            if trained is not None:
                x = trained(params, rest, x, Given(self._values[i], state.step, None))[0]
            else:
                name = ("outputs", i, x.shape, x.dtype)
                x = self._call(name, _viewer(segment), {"params": params, **rest}, x)
        return x

    def _step(
        self, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers
    ) -> TrainState:
        batch: Batch = self._call("head", _head, x, y, epoch, state.step, numbers.seed)
        if self._batch is None:
            self._prepare(batch.inputs)
        params, rest, states = list(state.params), list(state.rest), list(state.optimizer)
        value, tapes = batch.inputs, list[tuple[Any, ...]]()
        for i, segment in enumerate(self._segments[:-1]):
            forward = (params[i], rest[i], value, self._given(i, state.step, batch))
            y_, rest[i], kept = self._call(("train", i), _trainer(segment), *forward)
            tapes.append((forward, y_, kept))
            value = y_
        last = len(params) - 1
        loss, rest[last], gradients = self._call(
            "tail",
            self._tailor,
            params[last],
            rest[last],
            value,
            self._given(last, state.step, batch),
            batch.targets,
            numbers.label_smoothing,
            state.loss,
            batch.position,
        )
        for i in range(last, -1, -1):
            segment = self._segments[i]
            if i < last:
                forward, y_, kept = tapes.pop()
                if not (segment.weighted or segment.inward):
                    break
                arguments = (*forward[:3], y_, kept, gradients[1])
                gradients = self._call(("back", i), _backer(segment, forward), *arguments)
            if segment.weighted:
                params[i], states[i] = self._call(
                    ("update", i),
                    self._updater,
                    params[i],
                    gradients[0],
                    states[i],
                    batch.rate,
                    numbers.weight_decay,
                    self._numbers,
                )
        return TrainState(tuple(params), tuple(rest), tuple(states), batch.after, loss)

    def _prepare(self, inputs: Any) -> None:
        """Find out how many random words each segment takes, and where its own begin."""
        self._batch = (inputs.shape, inputs.dtype)
        examples, shape = inputs.shape[0], inputs.shape[1:]
        self._pairs = []
        firsts = [0]
        for form in self._forms:
            given = {form.architecture.inputs[0]: shape}
            self._pairs.append(pairs_needed(form.architecture, given, examples))
            firsts.append(firsts[-1] + self._pairs[-1])
            shape = _shape_after(form.architecture, tuple(shape))
        self._firsts = jax.device_put([np.uint32(first) for first in firsts[:-1]])

    def _given(self, i: int, step: Any, batch: Batch) -> Given:
        pairs, words = self._pairs[i], None
        if pairs:
            words = self._call(
                ("words", i), lambda *a: words_program(pairs, a), batch.key, self._firsts[i]
            )
        return Given(self._values[i], step, words)

    def _call(self, name: Hashable, find: Callable[..., Executable], *arguments: Any) -> Any:
        program = self._held.get(name)
        if program is None:
            program = self._held[name] = find(*arguments)
        return program(*arguments)

    def _tailor(self, *arguments: Any) -> Executable:
        segment = self._segments[-1]
        return tail_program(segment.module, self._task, segment.inward, arguments)

    def _updater(self, *arguments: Any) -> Executable:
        return update_program(self._optimizer, self._options, arguments)


def _head(*arguments: Any) -> Executable:
    return head_program(arguments)


def _trainer(segment: Segment) -> Callable[..., Executable]:
    return lambda *arguments: train_program(segment.module, segment.inward, arguments)


def _viewer(segment: Segment) -> Callable[..., Executable]:
    return lambda *arguments: forward_program(segment.module, arguments)


def _backer(segment: Segment, forward: tuple[Any, ...]) -> Callable[..., Executable]:
    return lambda *arguments: back_program(segment.module, segment.inward, forward, arguments)


def _segments(forms: list[NormalForm], params: list[Any]) -> list[Segment]:
    made: list[Segment] = []
    inward = False
    for form, tree in zip(forms, params, strict=True):
        weighted = any(jax.tree.leaves(tree[node]) for node in tree)
        operations = {node.op.name for _, node in form.architecture.nodes}
        alike = not operations & _TRAINED_OTHERWISE
        module = architecture_module(form.architecture)
        made.append(Segment(form, module, weighted, inward, alike))
        inward = inward or weighted
    return made


def _shape_after(architecture: Architecture, shape: tuple[int, ...]) -> Any:
    return next(iter(analyze(architecture, {architecture.inputs[0]: shape}).outputs.values()))


def _zeros(optimizer: str, options: Options, params: Any) -> Any:
    """Return the state of an optimiser before the first step, all of which is zero."""
    leaves: list[Any] = jax.tree.leaves(params)
    shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
    made = _state_shapes(optimizer, options, _structure(params), shapes)

    def zero(shape: Any) -> Any:
        return np.zeros(shape.shape, shape.dtype)

    return jax.tree.map(zero, made)


@lru_cache(_KEPT)
def _state_shapes(optimizer: str, options: Options, tree: Any, shapes: Any) -> Any:
    params = jax.tree.unflatten(tree, [np.zeros(*shape) for shape in shapes])
    state = zero_state(make_optimizer(optimizer, options, 0.0, 0.0), params)

    def shape(leaf: Any) -> Any:
        return _shape(leaf.shape, leaf.dtype)

    return jax.tree.map(shape, state)
