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
from jarch.ir import (
    Architecture,
    Shape,
    Space,
    check,
    count,
    replay,
    sample,
    sample_uniform,
    to_json,
    to_text,
)
from jarch.show import draw

from .naming import find_space, parse_value

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
    """Two draws with the same seed are the same."""
    number: int = 1
    """How many."""
    uniform: bool = False
    """Draw uniformly over architectures; else each decision is drawn uniformly."""
    json: bool = False
    """Print JSON, a line an architecture."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value."""

    def run(self) -> int:
        """Print the architectures."""
        space = find_space(self.space, self.space_args)
        rng = np.random.default_rng(self.seed)
        for _ in range(self.number):
            drawn = (sample_uniform if self.uniform else sample)(space, rng)
            print(to_json(drawn) if self.json else to_text(drawn))
        return 0


@dataclass(frozen=True, slots=True)
class Check:
    """Prove that no architecture of a space has a shape error, or show the decisions of one."""

    space: SpaceName
    """A built-in name, module:function or path.py:function."""
    input: tuple[int, ...] = _DIGITS_SHAPE
    """The shape of one example, such as 8 8 1."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value."""

    def run(self) -> int:
        """Print the verdict; exit with 1 where there is an error."""
        space = find_space(self.space, self.space_args)
        broken = check(space, input_shapes(space.program.fragment.inputs, self.input))
        if broken is None:
            print(f"{self.space}: no architecture has a shape error with input {self.input}")
            return 0
        print(broken)
        return 1


@dataclass(frozen=True, slots=True)
class Summary:
    """Print the layers of one architecture with shapes and parameters."""

    space: SpaceName
    """A built-in name, module:function or path.py:function."""
    values: tuple[str, ...] = ()
    """The values of its decisions, in order; without them one is drawn."""
    seed: int = 0
    """Seeds the draw."""
    input: tuple[int, ...] = _DIGITS_SHAPE
    """The shape of one example, such as 8 8 1."""
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
    """Draw the architecture that these values of the decisions, in order, lead to."""
    output: Path | None = None
    """The picture: .svg, .pdf, .png or .dot; by default the name of the space, .svg."""
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


def input_shapes(inputs: tuple[str, ...], shape: Shape) -> Mapping[str, Shape]:
    """Return the one shape for each of the inputs."""
    return {name: tuple(shape) for name in inputs}
