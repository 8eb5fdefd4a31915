"""The commands that look at a space without training anything."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import tyro

from jarch import lowering
from jarch.data import Dataset, load_data
from jarch.ir import (
    Architecture,
    Shape,
    Space,
    SpaceError,
    check,
    count,
    replay,
    sample,
    sample_uniform,
    to_json,
    to_text,
)
from jarch.search import SpaceExhausted, make_searcher
from jarch.show import draw

from .naming import at_least, find_space, parse_value
from .session import count_outputs

SpaceName: TypeAlias = Annotated[str, tyro.conf.Positional]
"""A built-in name, module:function or path.py:function."""

_DIGITS_SHAPE = (8, 8, 1)


@dataclass(frozen=True, slots=True)
class Count:
    """Count the architectures of a space, exactly."""

    space: SpaceName
    """A built-in name, module:function or path.py:function."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value."""

    def run(self) -> int:
        """Print the number."""
        print(count(find_space(self.space, self.space_args)))
        return 0


@dataclass(frozen=True, slots=True)
class Sample:
    """Draw architectures at random and print them."""

    space: SpaceName
    """A built-in name, module:function or path.py:function."""
    seed: int = 0
    """Decides which architectures: the same seed draws the same ones."""
    number: int = 1
    """How many architectures; the same may come twice."""
    uniform: bool = False
    """Give each architecture the same chance; by default each value of each decision has it."""
    json: bool = False
    """Print JSON, one architecture a line, instead of text."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value."""

    def run(self) -> int:
        """Print the architectures."""
        at_least(1, "--number", self.number)
        at_least(0, "--seed", self.seed)
        space = find_space(self.space, self.space_args)
        rng = np.random.default_rng(self.seed)
        for _ in range(self.number):
            drawn = (sample_uniform if self.uniform else sample)(space, rng)
            print(to_json(drawn) if self.json else to_text(drawn))
        return 0


@dataclass(frozen=True, slots=True)
class Check:
    """Prove that no architecture of a space has a shape error, or show one that has.

    With --compile, also compile a training step of some, without training, and say how long that
    took and how much memory a step needs.
    """

    space: SpaceName
    """A built-in name, module:function or path.py:function."""
    input: tuple[int, ...] = _DIGITS_SHAPE
    """The shape of one example: height width channels, such as 28 28 1, or a number of features."""
    data: str | None = None
    """Take shapes and the number of classes from data; named as for jarch search."""
    compile: bool = False
    """Also compile a training step of architectures drawn at random, without training them."""
    number: int = 1
    """With --compile: how many architectures, all different."""
    seed: int = 0
    """With --compile: decides which architectures are drawn."""
    batch_size: int = 32
    """With --compile: examples a training step."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value; num_classes follows from the data."""

    def run(self) -> int:
        """Print the verdict; exit with 1 where there is an error."""
        at_least(1, "--number", self.number)
        at_least(1, "--batch-size", self.batch_size)
        data = None if self.data is None else load_data(self.data)
        defaults = {} if data is None else {"num_classes": count_outputs(data)}
        space = find_space(self.space, self.space_args, defaults)
        shape = self.input if data is None else data.input_shape
        inputs = input_shapes(space.program.fragment.inputs, shape)
        broken = check(space, inputs)
        if broken is not None:
            print(broken)
            return 1
        print(f"{self.space}: no architecture has a shape error with input {shape}", flush=True)
        return 0 if not self.compile or self._compile(space, inputs, data) else 1

    def _compile(self, space: Space, inputs: Mapping[str, Shape], data: Dataset | None) -> bool:
        """Compile some and print a line on each; say whether all compiled."""
        if len(inputs) != 1:
            raise SpaceError(f"{self.space} has {len(inputs)} inputs; only one can be compiled")
        searcher, rng = make_searcher("random", space), np.random.default_rng(self.seed)
        regression = data is not None and data.num_classes is None
        targets = data.y_train.shape[1:] if data is not None and regression else None
        compiled = True
        for i in range(self.number):
            try:
                drawn = searcher.ask(rng).architecture
            except SpaceExhausted:
                print(f"there are no more than {i}")
                break
            try:
                planned = lowering.dry_run(drawn, inputs, self.batch_size, targets)
            except RuntimeError as error:  # as those of XLA are
                compiled, told = False, f"does not compile: {error}"
            else:
                told = f"compiled in {planned.seconds:.2f} s, {_memory(planned.bytes)}"
            print(f"values {' '.join(map(str, drawn.values))}: {told}", flush=True)
        return compiled


@dataclass(frozen=True, slots=True)
class Summary:
    """Print the layers of one architecture with shapes and parameters."""

    space: SpaceName
    """A built-in name, module:function or path.py:function."""
    values: tuple[str, ...] = ()
    """The values of its decisions, in order; without them an architecture is drawn at random."""
    seed: int = 0
    """Decides which architecture is drawn, where there are no --values."""
    input: tuple[int, ...] = _DIGITS_SHAPE
    """The shape of one example: height width channels, such as 28 28 1, or a number of features."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value."""

    def run(self) -> int:
        """Print the table."""
        space = find_space(self.space, self.space_args)
        chosen = choose_architecture(space, self.values, self.seed)
        print(lowering.lower(chosen).summary(input_shapes(chosen.inputs, self.input)))
        return 0


@dataclass(frozen=True, slots=True)
class Draw:
    """Draw a picture of a space, or of one architecture of it."""

    space: SpaceName
    """A built-in name, module:function or path.py:function."""
    values: tuple[str, ...] = ()
    """Values of its decisions, in order: all of them, to draw that architecture; by default the
    space."""
    output: Path | None = None
    """The file to write: .svg, .pdf, .png or .dot; by default SPACE.svg, in this folder."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value."""

    def run(self) -> int:
        """Write the picture and say where."""
        space = find_space(self.space, self.space_args)
        shown = replay(space, map(parse_value, self.values)) if self.values else space
        output = self.output or Path(f"{self.space.rpartition(':')[2]}.svg")
        print(draw(shown, output))
        return 0


def choose_architecture(space: Space, values: tuple[str, ...], seed: int) -> Architecture:
    """Return the architecture of the values, or a random one where there are none."""
    if values or space.next is None:
        return replay(space, [parse_value(value) for value in values])
    drawn = sample(space, np.random.default_rng(seed))
    print(f"values {' '.join(map(str, drawn.values))}", file=sys.stderr)
    return drawn


def _memory(size: int | None) -> str:
    """Say what a training step takes."""
    return "memory unknown" if size is None else f"a step takes {size / 2**20:,.1f} MiB"


def input_shapes(inputs: tuple[str, ...], shape: Shape) -> Mapping[str, Shape]:
    """Return the one shape for each of the inputs."""
    return {name: tuple(shape) for name in inputs}
