"""The scores of one candidate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jarch.ir import Architecture, analyze

from .batches import Batch, Examples, check_fits, draw_batch
from .catalogue import find_proxies
from .network import network_of
from .programs import measured, measured_linear


def zero_cost_scores(
    architecture: Architecture,
    data: Examples,
    proxies: Iterable[str] | None = None,
    batch_size: int = 64,
    seed: int = 0,
) -> Mapping[str, float]:
    """Return what zero-cost proxies say of an architecture: of each, larger is better.

    Its weights are as a training would begin with them, and are not trained. They depend on the
    seed and on the graph alone: names of nodes change no score. Dropout is off, and batch
    normalisation uses the batch. What is compiled serves all architectures of the same graph.

    Args:
        architecture: With one input and one output.
        data: The data set of which training examples are taken, or a pair of inputs and targets.
            Targets that are integers are classes.
        proxies: Their names, of `jarch.surrogates.zero_cost.PROXIES`; None for all that the
            inputs allow: jacov cannot do with integers. Fewer take less time to compile.
        batch_size: Examples that are measured on.
        seed: Of the weights, and of the draw of the examples.

    Returns:
        Scores by name. naswot is minus infinity where two examples cannot be told apart.

    Raises:
        LoweringError: An operation has no rule for Flax.
        ShapeError: The architecture does not fit the data.
        SurrogateError: A proxy is unknown or takes other inputs, or the batch is of no use.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> data = ja.load_data("digits")
        >>> net = ja.sample(ja.trace(ja.spaces.digits_dense), np.random.default_rng(0))
        >>> scores = ja.zero_cost_scores(net, data, ["naswot", "synflow", "parameters"])
        >>> sorted(scores), scores["synflow"] > 0
        (['naswot', 'parameters', 'synflow'], True)
    """
    return score_on(architecture, draw_batch(data, batch_size, seed), proxies, seed)


def score_on(
    architecture: Architecture, batch: Batch, proxies: Iterable[str] | None, seed: int
) -> dict[str, float]:
    """Return the scores of an architecture on a batch, with weights drawn by the seed."""
    wanted = find_proxies(proxies, batch.floating)
    check_fits(architecture, batch)
    found: dict[str, float] = {}
    for linear, measure in ((False, measured), (True, measured_linear)):
        chosen = [p for p in wanted if p.on == ("linearized" if linear else "network")]
        if chosen:
            network = network_of(architecture, batch.shape, linear)
            values = measure(network, chosen, batch, seed)
            found |= {proxy.name: proxy.finish(values[proxy.name]) for proxy in chosen}
    analysis = analyze(architecture, {architecture.inputs[0]: batch.shape})
    found |= {p.name: float(p.measure(analysis)) for p in wanted if p.on == "analysis"}
    return {proxy.name: found[proxy.name] for proxy in wanted}
