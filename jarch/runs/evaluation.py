"""One line of a run: a candidate, what it scored, or why it failed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from jarch.ir import Constant, as_constant

Status: TypeAlias = Literal["ok", "failed", "invalid"]
Scores: TypeAlias = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A candidate that was evaluated. Plain data: what a line of `evaluations.jsonl` holds.

    Attributes:
        index: Its place in the search, from 0.
        seed: What the evaluator was seeded with; follows from the search's seed and the trial, or
            the index where there is no trial.
        decisions: Keys and values, in the order assigned.
        fingerprint: Of the architecture; equal models have equal ones.
        status: "ok"; "invalid", where the space or the shapes refused it; else "failed".
        metrics: By name; None where a number was not finite. Unless "ok", what is known all the
            same, such as costs.
        reason: Why it is not "ok".
        seconds: How long the evaluation took, wall clock. Not compared.
        invalid_draws: Architectures that were drawn before it and refused as invalid.
        fidelity: How thorough it was, in the evaluator's units, such as epochs; None in full.
        trial: The same number for all evaluations of one candidate; None where it has one only.

    Example:
        >>> done = Evaluation(0, 7, (("width", 16),), "d41d8cd9", "ok", {"accuracy": 0.9})
        >>> read = Evaluation.from_line(done.to_line())
        >>> read == done, read.values, read.score("accuracy"), read.score("loss")
        (True, (16,), 0.9, None)
    """

    index: int
    seed: int
    decisions: tuple[tuple[str, Constant], ...]
    fingerprint: str
    status: Status
    metrics: Scores = field(default_factory=dict[str, float | None], hash=False)
    reason: str = ""
    seconds: float = field(default=0.0, compare=False)
    invalid_draws: int = 0
    fidelity: int | None = None
    trial: int | None = None

    @property
    def values(self) -> tuple[Constant, ...]:
        """The values assigned, in the order assigned: what `replay` takes."""
        return tuple(value for _, value in self.decisions)

    def score(self, objective: str) -> float | None:
        """Return a metric, or None where it failed or has no finite number for it."""
        return self.metrics.get(objective) if self.status == "ok" else None

    def to_line(self) -> str:
        """Return the evaluation as one line of JSON, without the end of line."""
        rung = {"fidelity": self.fidelity, "trial": self.trial}
        return json.dumps(
            {
                "index": self.index,
                "seed": self.seed,
                "values": self.values,
                "decisions": dict(self.decisions),
                "fingerprint": self.fingerprint,
                "status": self.status,
                "metrics": dict(self.metrics),
                "reason": self.reason,
                "seconds": round(self.seconds, 3),
                "invalid_draws": self.invalid_draws,
                **{name: number for name, number in rung.items() if number is not None},
            },
            allow_nan=False,
        )

    @staticmethod
    def from_line(line: str) -> Evaluation:
        """Return the evaluation that a line holds.

        Raises:
            ValueError: The line is no such JSON.
        """
        try:
            read: dict[str, Any] = json.loads(line)
            decisions = tuple((k, as_constant(v, k)) for k, v in read["decisions"].items())
            return Evaluation(
                read["index"],
                read["seed"],
                decisions,
                read["fingerprint"],
                read["status"],
                read["metrics"],
                read["reason"],
                read["seconds"],
                read["invalid_draws"],
                read.get("fidelity"),
                read.get("trial"),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no evaluation: {error!r}") from error


def finite_scores(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """Return metrics as Python numbers, with None for those that are not finite.

    Raises:
        TypeError: A metric is not a number, or there is no mapping.

    Example:
        >>> import numpy as np
        >>> finite_scores({"accuracy": np.float32(0.5), "loss": math.inf})
        {'accuracy': 0.5, 'loss': None}
    """
    if not isinstance(metrics, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"the evaluator returned {metrics!r}, not metrics by name")
    scores: dict[str, float | None] = {}
    for name, value in metrics.items():
        number: Any = value.item() if hasattr(value, "item") else value
        if not isinstance(number, (int, float)):
            raise TypeError(f"metric {name!r} is {number!r}, not a number")
        scores[str(name)] = number if math.isfinite(number) else None
    return scores
