"""The policy: an LSTM over the choices so far, which scores the answers of the next."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jarch.surrogates.hashing import stable_hash

from .trajectory import Trajectory, power_of_two

Weights: TypeAlias = dict[str, NDArray[np.float32]]
"""By name: `table` (V, 2U + 1), and for each layer its `kernel` (2U, 4U) and `bias` (4U,).

V tokens, U units. A row of the table is what stands for a token when it is read, by what the state
is multiplied to score it as an answer, and what is added to that."""

SMALLEST = 256  # rows of a table; it doubles where more are needed
_BEGIN = ""  # the token of the answer before the first question


@dataclass(slots=True)
class Network:
    """A policy over choices that differ in number and in their answers, which have names.

    Every name is a token with a row in a table, made when it is first met from the seed and the
    name alone. So the policy works on any space, and two names never share a row.

    Choices are made here, in NumPy and in double precision; only updates need JAX.

    Attributes:
        seed: Of the weights that it begins with.
        layers: Of LSTM, at least 0.
        units: Of each layer; without layers there are none.
        scale: Weights begin uniform between minus and plus this.
        tokens: The row of each token, in the order of being met.
        weights: In single precision, as they are updated.
        mean: The first moments of Adam, shaped as the weights.
        square: The second ones.
        updates: How many there were.

    Example:
        >>> network, rng = Network(seed=0, layers=1, units=8, scale=0.1), np.random.default_rng(0)
        >>> walk = network.begin()
        >>> depth = walk.pick("depth", ["depth=1", "depth=2"], rng)
        >>> width = walk.pick("width", ["width=8", "width=16", "width=32"], rng)
        >>> list(network.tokens)[1:4], walk.trajectory.chosen == [depth, width]
        (['depth', 'depth=1', 'depth=2'], True)
    """

    seed: int
    layers: int
    units: int
    scale: float
    tokens: dict[str, int] = field(init=False, default_factory=dict[str, int], repr=False)
    weights: Weights = field(init=False, repr=False)
    mean: Weights = field(init=False, repr=False)
    square: Weights = field(init=False, repr=False)
    updates: int = field(init=False, default=0)
    _wide: dict[str, NDArray[np.float64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make weights at random."""
        self.units = self.units if self.layers else 0
        shapes: dict[str, tuple[int, ...]] = {"table": (SMALLEST, 2 * self.units + 1)}
        for i in range(self.layers):
            shapes[f"kernel{i}"] = 2 * self.units, 4 * self.units
            shapes[f"bias{i}"] = (4 * self.units,)
        self.weights = {
            name: np.zeros(shape, np.float32) if name == "table" else self._drawn(name, shape)
            for name, shape in shapes.items()
        }
        self.mean = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        self.square = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        self._widen()
        self.token(_BEGIN)

    def token(self, name: str) -> int:
        """Return the row of a name, made where it is new."""
        row = self.tokens.get(name)
        if row is None:
            row = self.tokens[name] = len(self.tokens)
            if row == len(self.weights["table"]):
                self._resize(2 * row)
            self.weights["table"][row] = self._drawn(f"token {name}", (2 * self.units + 1,))
            self._wide["table"][row] = self.weights["table"][row]
        return row

    def update(self, weights: Weights, mean: Weights, square: Weights, updates: int) -> None:
        """Take the weights, and the moments, after so many updates."""
        self.weights, self.mean, self.square = weights, mean, square
        self.updates = updates
        self._widen()

    def begin(self) -> Walk:
        """Return a walk without choices."""
        return Walk(self, np.zeros((self.layers, 2, self.units)))

    def scores(
        self, state: NDArray[np.float64], previous: int, question: int, answers: Sequence[int]
    ) -> NDArray[np.float64]:
        """Advance the state of a walk by a question; return what its answers score.

        Args:
            state: Output and memory of each layer, shape (layers, 2, U); changed.
            previous: The token of the answer before.
            question: The token of the question.
            answers: The tokens of its answers.
        """
        wide, units = self._wide, self.units
        table = wide["table"]
        read = table[question, :units] + table[previous, :units]
        for i in range(self.layers):
            gates = np.concatenate([read, state[i, 0]]) @ wide[f"kernel{i}"] + wide[f"bias{i}"]
            enter, keep, new, show = (gates[j * units : (j + 1) * units] for j in range(4))
            state[i, 1] = _sigmoid(keep) * state[i, 1] + _sigmoid(enter) * np.tanh(new)
            state[i, 0] = read = _sigmoid(show) * np.tanh(state[i, 1])
        rows = table[answers]
        found: NDArray[np.float64] = rows[:, units : 2 * units] @ read + rows[:, 2 * units]
        return found

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data; arrays as base64 of their bytes."""
        trees = {"weights": self.weights, "mean": self.mean, "square": self.square}
        arrays = {
            kind: {name: _to_text(self._known(name, array)) for name, array in tree.items()}
            for kind, tree in trees.items()
        }
        return {"seed": self.seed, "updates": self.updates, "tokens": list(self.tokens), **arrays}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` returned, of a network with as many layers and units."""
        self.tokens = {name: row for row, name in enumerate(state["tokens"])}
        self._resize(power_of_two(len(self.tokens), SMALLEST))
        for kind, tree in (("weights", self.weights), ("mean", self.mean), ("square", self.square)):
            for name, array in tree.items():
                array[...] = 0
                self._known(name, array).reshape(-1)[:] = _from_text(state[kind][name])
        self.updates = state["updates"]
        self._widen()

    def _known(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part of an array that is in use."""
        return array[: len(self.tokens)] if name == "table" else array

    def _resize(self, rows: int) -> None:
        for tree in (self.weights, self.mean, self.square):
            old = tree["table"]
            tree["table"] = np.zeros((rows, old.shape[1]), np.float32)
            tree["table"][: len(old)] = old[:rows]
        self._widen()

    def _widen(self) -> None:
        self._wide = {name: array.astype(np.float64) for name, array in self.weights.items()}

    def _drawn(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        rng = np.random.default_rng([self.seed, stable_hash(name)])
        return rng.uniform(-self.scale, self.scale, shape).astype(np.float32)


@dataclass(slots=True)
class Walk:
    """Choices made by a network one after another.

    Attributes:
        network: Makes them.
        state: Output and memory of each layer, shape (layers, 2, U).
        trajectory: What was chosen so far.
    """

    network: Network
    state: NDArray[np.float64]
    trajectory: Trajectory = field(default_factory=Trajectory)
    _previous: int = 0

    def pick(self, question: str, answers: Sequence[str], rng: np.random.Generator) -> int:
        """Draw an answer by the probabilities that the network gives them; return its position."""
        network = self.network
        asked, tokens = network.token(question), [network.token(answer) for answer in answers]
        scores = network.scores(self.state, self._previous, asked, tokens)
        scores -= scores.max()
        sums = np.cumsum(np.exp(scores))
        below = np.count_nonzero(sums <= rng.random() * sums[-1])
        chosen = min(int(below), len(tokens) - 1)
        self.trajectory.add(asked, tokens, chosen, float(scores[chosen]) - math.log(sums[-1]))
        self._previous = tokens[chosen]
        return chosen


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # which never overflows


def _to_text(array: NDArray[np.float32]) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode("ascii")


def _from_text(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)
