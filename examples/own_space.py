"""Write a space with an operation of one's own, then count it, sample it and draw it.

    python examples/own_space.py [FOLDER FOR THE PICTURES]

The command line takes the space, too: `jarch search examples/own_space.py:space --data digits`.
"""

import sys
import tempfile
from pathlib import Path

import jax
import numpy as np

import jarch as ja
from jarch import nn


@nn.op
def soft_clip(x: jax.Array, *, limit: float = 1.0) -> jax.Array:
    """An activation of our own, with a property that a space may leave open."""
    return limit * jax.numpy.tanh(x / limit)


def divide(number: int, by: int) -> int:
    """What a hyperparameter that depends on others is computed by."""
    return number // by


def space(num_classes: int = 10) -> ja.Fragment:
    """A bottleneck whose width follows from that of the layers around it."""
    width = ja.Discrete([16, 32, 64], name="width")
    by = ja.Discrete([2, 4], name="by")
    narrow = ja.Dependent(divide, {"number": width, "by": by}, name="narrow")
    limit = ja.Discrete([0.5, 1.0, 2.0], name="limit")

    def bottleneck() -> ja.Fragment:
        squeeze = ja.sequential(nn.dense(narrow), soft_clip(limit=limit), nn.dense(width))
        return ja.residual(squeeze)

    return ja.sequential(
        nn.flatten,
        nn.dense(width),
        ja.repeat(bottleneck, ja.Discrete([1, 2, 4], name="blocks")),
        ja.optional(lambda: nn.dropout(0.2), ja.Bool("dropout")),
        nn.dense(num_classes),
    )


def main(folder: Path) -> None:
    """Look at the space from all sides."""
    whole = ja.trace(space)
    print(f"{ja.count(whole)} architectures; {ja.check(whole, {'in': (8, 8, 1)}) or 'all fit'}")

    wide = ja.assign(whole, 64, key="width")
    print(f"{ja.count(wide)} of them are 64 wide")

    architecture = ja.sample_uniform(wide, np.random.default_rng(0))
    print(ja.to_text(architecture))
    print(ja.analyze(architecture, {"in": (8, 8, 1)}))

    for name, drawable in (("space", whole), ("architecture", architecture)):
        print(*ja.draw(drawable, folder / f"{name}.svg").files)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
