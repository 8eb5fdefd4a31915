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

_CLEARLY = 0.95  # of the time that is taken now; what is measured varies by some hundredths
_OPERATIONS = {
    "depthwise_conv": ("depthwise convolutions", "--depthwise"),
    "conv": ("other convolutions", "--conv"),
}
"""What has a choice: its name, and the option of jarch search that makes it."""


@dataclass(frozen=True, slots=True)
class Tune:
    """Measure which way convolutions are fastest, for some architectures of a space.

    Nothing changes by it: jarch search takes what it found by --depthwise and --conv.
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
        told = False
        for operation, named in _OPERATIONS.items():
            shape, size = data.input_shape, self.batch_size
            tuned = lowering.measure_ways(drawn, shape, size, operation=operation)
            if tuned is not None:
                _tell(*named, tuned)
                told = True
        if not told:
            print(f"{self.space}: no convolutions, nothing to choose")
        return 0


def _tell(name: str, option: str, tuned: lowering.Tuned) -> None:
    when = "measured now" if tuned.measured else "as measured before"
    print(f"{name}: {tuned.convolutions} with their gradients, {when}")
    for way, seconds in sorted(tuned.seconds.items(), key=lambda item: item[1]):
        print(f"  {way:8} {1e3 * seconds:10.3f} ms")
    if tuned.seconds[tuned.way] > _CLEARLY * tuned.seconds[tuned.table]:
        print(f"  {tuned.table} is what jarch takes here, and none is clearly faster")
    else:
        print(f"  jarch takes {tuned.table} here; search with {option} {tuned.way}")
