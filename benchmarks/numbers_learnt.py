"""How well surrogates learn from numbers: Kendall's tau on scores with a formula.

`python -m benchmarks.numbers_learnt` prints the table of `docs/surrogates.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.stats import kendalltau

import jarch as ja
from jarch import nn
from jarch.surrogates import make_surrogate

NAMES = ("ridge", "gp-wl", "gp-rbf", "forest", "boosting")
OBSERVATIONS, JUDGED, REPEATS = 100, 200, 2


def _rate(name: str = "rate") -> ja.Fragment:
    return nn.dropout(ja.Float(0.0, 0.9, name=name))


def _four_rates() -> ja.Fragment:
    return ja.sequential(*[_rate(f"rate{i}") for i in range(4)])


def _layer(i: int) -> ja.Fragment:
    function = ja.Discrete(["relu", "tanh", "gelu"], f"function{i}")
    width = ja.Integer(8, 512, log=True, name=f"width{i}")
    return ja.sequential(nn.dense(width), nn.activation(function), _rate(f"rate{i}"))


def _layers() -> ja.Fragment:
    return ja.sequential(*[_layer(i) for i in range(3)])


def _of(net: ja.Architecture, op: str, name: str) -> list[Any]:
    """Return a property of all modules of an operation."""
    return [ja.ir.properties(node)[name] for _, node in net.nodes if node.op.name == op]


def _layers_score(net: ja.Architecture) -> float:
    shares = zip((1.0, 0.5, 0.2), _of(net, "dense", "features"), strict=True)
    rates = sum((rate - 0.3) ** 2 for rate in _of(net, "dropout", "rate"))
    relus = _of(net, "activation", "function").count("relu")
    widths = sum(share * math.log(width) for share, width in shares)
    return float(widths - 3 * rates + 0.5 * relus)


def _mobilenet_score(net: ja.Architecture) -> float:
    rates = _of(net, "dropout", "rate")
    parameters = ja.analyze(net, {"in": (32, 32, 3)}).parameters
    return -abs(math.log(parameters) - 11) - 2 * (rates[0] if rates else 0.3)


def _optimum(net: ja.Architecture) -> float:
    values: Any = net.values
    return -float(sum((value - 0.3) ** 2 for value in values))


CASES: Mapping[str, tuple[Callable[[], ja.Fragment], Callable[[Any], float]]] = {
    "one rate, its value": (_rate, lambda net: net.values[0]),
    "one rate by its logarithm, with an optimum": (
        lambda: nn.dropout(ja.Float(1e-5, 0.9, log=True, name="rate")),
        lambda net: -((math.log(net.values[0]) + 5) ** 2),
    ),
    "`Integer(1, 512)`, its value": (
        lambda: nn.dense(ja.Integer(1, 512, name="width")),
        lambda net: net.values[0],
    ),
    "four rates, with an optimum": (_four_rates, _optimum),
    "three layers: width, activation, rate": (_layers, _layers_score),
    "`mobilenet`: parameters near a size, rate": (ja.spaces.mobilenet, _mobilenet_score),
}


def tau(name: str, case: str, seed: int) -> float:
    """Return how well a surrogate orders architectures that it has not seen; 0 for not at all."""
    make, score = CASES[case]
    space, rng = ja.trace(make), np.random.default_rng(seed)
    nets = [ja.sample(space, rng) for _ in range(OBSERVATIONS + JUDGED)]
    scores = np.array([float(score(net)) for net in nets])
    seen = nets[:OBSERVATIONS], scores[:OBSERVATIONS]
    fitted = make_surrogate(name).fit(*seen, np.random.default_rng(seed))
    found: Any = kendalltau(fitted.predict(nets[OBSERVATIONS:]).mean, scores[OBSERVATIONS:])
    return 0.0 if math.isnan(found[0]) else float(found[0])


def main() -> None:
    """Print the mean over repeats for each surrogate."""
    print("| space and score |", " | ".join(f"`{name}`" for name in NAMES), "|")
    print("|---" * (len(NAMES) + 1) + "|")
    for case in CASES:
        means = [np.mean([tau(name, case, seed) for seed in range(REPEATS)]) for name in NAMES]
        print(f"| {case} |", " | ".join(f"{mean:.2f}" for mean in means), "|", flush=True)


if __name__ == "__main__":
    main()
