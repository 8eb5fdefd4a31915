"""The choices that led to an architecture, and many of them as arrays of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHORTEST = 16  # choices to which trajectories are padded at least
FEWEST = 8  # answers to which choices are padded at least


@dataclass(slots=True)
class Trajectory:
    """The choices on the way to an architecture, in order. Tokens are rows of a network's table.

    Attributes:
        questions: The token of each question.
        answers: The tokens of the answers that there were.
        chosen: The position of the one that was taken.
        logs: The logarithm of the probability with which it was.
    """

    questions: list[int] = field(default_factory=list[int])
    answers: list[list[int]] = field(default_factory=list[list[int]])
    chosen: list[int] = field(default_factory=list[int])
    logs: list[float] = field(default_factory=list[float])

    def add(self, question: int, answers: Sequence[int], chosen: int, log: float) -> None:
        """Add a choice."""
        self.questions.append(question)
        self.answers.append(list(answers))
        self.chosen.append(chosen)
        self.logs.append(log)

    def to_data(self) -> list[Any]:
        """Return it for JSON."""
        answers = [list(tokens) for tokens in self.answers]
        return [list(self.questions), answers, list(self.chosen), list(self.logs)]

    @staticmethod
    def from_data(data: Sequence[Any]) -> Trajectory:
        """Return what `to_data` described."""
        questions, answers, chosen, logs = data
        return Trajectory(list(questions), [list(a) for a in answers], list(chosen), list(logs))


class Batch(NamedTuple):
    """B trajectories, padded to T choices among A answers.

    Attributes:
        questions: The tokens of the questions, int32, shape (B, T).
        previous: The tokens of the answers before them, int32, shape (B, T).
        answers: The tokens of the answers, int32, shape (B, T, A).
        real: Which answers are no padding, bool, shape (B, T, A).
        chosen: The positions of those taken, int32, shape (B, T).
        logs: The logarithms of their probabilities at that time, float32, shape (B, T).
        advantages: By how much rewards were above the baseline, float32, shape (B,).
    """

    questions: NDArray[np.int32]
    previous: NDArray[np.int32]
    answers: NDArray[np.int32]
    real: NDArray[np.bool_]
    chosen: NDArray[np.int32]
    logs: NDArray[np.float32]
    advantages: NDArray[np.float32]


def pad(trajectories: Sequence[Trajectory], advantages: Sequence[float]) -> Batch:
    """Return trajectories as a batch; T and A are powers of two, so that there are few shapes."""
    number = len(trajectories)
    length = power_of_two(max(len(t.questions) for t in trajectories), SHORTEST)
    most = max((len(a) for t in trajectories for a in t.answers), default=1)
    width = power_of_two(most, FEWEST)
    batch = Batch(
        np.zeros((number, length), np.int32),
        np.zeros((number, length), np.int32),
        np.zeros((number, length, width), np.int32),
        np.zeros((number, length, width), np.bool_),
        np.zeros((number, length), np.int32),
        np.zeros((number, length), np.float32),
        np.array(advantages, np.float32),
    )
    for i, trajectory in enumerate(trajectories):
        end = len(trajectory.questions)
        batch.questions[i, :end] = trajectory.questions
        batch.chosen[i, :end] = trajectory.chosen
        batch.logs[i, :end] = trajectory.logs
        for t, tokens in enumerate(trajectory.answers):
            batch.answers[i, t, : len(tokens)] = tokens
            batch.real[i, t, : len(tokens)] = True
            if t + 1 < end:
                batch.previous[i, t + 1] = tokens[trajectory.chosen[t]]
    return batch


def power_of_two(number: int, least: int) -> int:
    """Return the least power of two that is at least the number, and at least so much."""
    return max(least, 1 << max(number - 1, 0).bit_length())
