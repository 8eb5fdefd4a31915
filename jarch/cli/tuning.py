"""The command that says which way of computing is fastest here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro

from jarch import lowering
from jarch.data import load_data
from jarch.ir import Architecture
from jarch.search import SpaceExhausted, make_searcher

from .naming import at_least, find_space
from .session import count_outputs


@dataclass(frozen=True, slots=True)
class Tune:
    """Measure which way depthwise convolutions are fastest, for some architectures of a space.

    Nothing changes by it: jarch search --depthwise takes what it found.
    """

    space: Annotated[str, tyro.conf.Positional]
    """A built-in name, module:function or path.py:function."""
    data: str = "digits"
    """What to take the shape of an example from; named as for jarch search."""
    number: int = 3
    """How many architectures to draw at random; all their convolutions are measured."""
    seed: int = 0
    """Decides which architectures are drawn."""
    batch_size: int = 32
    """Examples a training step."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value; num_classes follows from the data."""

    def run(self) -> int:
        """Print what each way takes, and which to choose."""
        at_least(1, "--number", self.number)
        data = load_data(self.data)
        space = find_space(self.space, self.space_args, {"num_classes": count_outputs(data)})
        searcher, rng = make_searcher("random", space), np.random.default_rng(self.seed)
        drawn: list[Architecture] = []
        try:
            while len(drawn) < self.number:
                drawn.append(searcher.ask(rng).architecture)
        except SpaceExhausted:
            pass
        found = lowering.measure_ways(drawn, data.input_shape, self.batch_size)
        if found is None:
            print(f"{self.space}: no depthwise convolutions, nothing to choose")
            return 0
        for way, seconds in sorted(found.seconds.items(), key=lambda item: item[1]):
            of = f"{found.convolutions} convolutions, with gradients"
            print(f"{way:8} {1e3 * seconds:10.3f} ms for {of}")
        print("measured now" if found.measured else "as measured before")
        if found.way == found.table:
            print(f"{found.way} is what jarch takes here")
        else:
            print(f"jarch takes {found.table} here; search with --depthwise {found.way}")
        return 0
