"""The topology space of NAS-Bench-201: one cell, and the network that repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from jarch import nn
from jarch.combinators import Piece, choose, identity, residual, sequential
from jarch.ir import Discrete, Fragment, Property, Source, Wiring, basic

from .unpadding import UNPAD_AVERAGE, WINDOW

CELL_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""What an edge of the cell can be, in the order and under the names of the benchmark."""

CELL_EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""The cell's edges in the order of the benchmark: the node that an edge leads to, and from where.

Node 0 is the cell's input and node 3 its output.
"""

CELL_DECISIONS = tuple(f"node{to}_from{source}" for to, source in CELL_EDGES)
"""The keys of the six decisions, in the order of `CELL_EDGES`."""


def nasbench201_cell(channels: int = 16) -> Fragment:
    """Return the cell of NAS-Bench-201: four nodes, each the sum of an edge from every earlier one.

    The cell alone has all decisions of `nasbench201` and a tenth of its nodes, so that drawing one
    takes a tenth of the time: what to search where a table knows how the network does.

    Args:
        channels: Of the input and the output.

    Reference:
        Dong and Yang 2020, "NAS-Bench-201: extending the scope of reproducible neural architecture
        search".

    Example:
        >>> import jarch as ja
        >>> ja.count(ja.trace(nasbench201_cell))
        15625
    """
    return _cell(_decisions(), channels)


def nasbench201(num_classes: int = 10, cells: int = 5, channels: int = 16) -> Fragment:
    """Return the network of NAS-Bench-201: three stages of one cell, its six decisions shared.

    A convolution to `channels`, a stage of cells, and twice a residual block that halves height
    and width and doubles the channels, before another stage; then the means of the channels and a
    dense layer. For an input of (32, 32, 3) the trainable parameters are those of the benchmark.
    Its FLOPs count multiply-accumulates of convolutions and of the dense layer, zeros of padding
    among them, and nothing else; `jarch.analyze` counts two for each, leaves zeros of padding
    out, and counts all other operations too.

    All windows pad as JAX's "SAME" does: where one steps by two over an even length, zeros are on
    the right alone, where the benchmark has them on both sides.

    Args:
        num_classes: Size of the output, which is logits.
        cells: In each stage: 1 or more.
        channels: Of the first stage.

    Reference:
        Dong and Yang 2020, "NAS-Bench-201: extending the scope of reproducible neural architecture
        search".

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(nasbench201), ["skip_connect"] * 6)
        >>> ja.analyze(net, {"in": (32, 32, 3)}).trainable_parameters
        73306
    """
    decisions = _decisions()
    stem = sequential(nn.conv(channels, WINDOW, use_bias=False), _normalization(), name="stem")
    pieces: list[Piece] = [stem]
    for stage in range(3):
        features = channels * 2**stage
        if stage:
            pieces.append(sequential(_reduction(features), name=f"reduction{stage}"))
        cell = partial(_cell, decisions, features)
        pieces += [sequential(cell, name=f"stage{stage}_cell{i}") for i in range(cells)]
    head = [_normalization(), nn.relu(), nn.global_avg_pool(), nn.dense(num_classes)]
    return sequential(*pieces, *head)


def _decisions() -> dict[tuple[int, int], Property]:
    return {
        edge: Discrete(CELL_OPERATIONS, name)
        for edge, name in zip(CELL_EDGES, CELL_DECISIONS, strict=True)
    }


def _cell(decisions: Mapping[tuple[int, int], Property], channels: int) -> Fragment:
    operations: dict[str, Piece] = {
        "none": nn.zero,
        "skip_connect": identity,
        "nor_conv_1x1": partial(_convolution, channels, 1),
        "nor_conv_3x3": partial(_convolution, channels, WINDOW),
        "avg_pool_3x3": _average,
    }
    wiring = Wiring()
    nodes = [wiring.input()]
    for to in range(1, 4):
        ends: list[Source] = []
        for source in range(to):
            edge = choose(operations, decisions[to, source], name=f"from{source}")
            ends.append(wiring.add(edge, {"in": nodes[source]}, f"node{to}")["out"])
        nodes.append(_sum(wiring, ends, f"node{to}"))
    return wiring.build({"out": nodes[-1]})


def _sum(wiring: Wiring, ends: list[Source], name: str) -> Source:
    if len(ends) == 1:
        return ends[0]
    inputs = {f"in{i}": end for i, end in enumerate(ends)}
    return wiring.add(nn.add(len(ends)), inputs, name)["out"]


def _convolution(features: int, kernel_size: int, strides: int = 1) -> Fragment:
    return sequential(
        nn.relu(),
        nn.conv(features, kernel_size, strides, use_bias=False),
        _normalization(),
    )


def _reduction(features: int) -> Fragment:
    main = sequential(_convolution(features, WINDOW, 2), _convolution(features, WINDOW))
    halved = nn.avg_pool(window=2, padding="SAME")
    return residual(main, sequential(halved, nn.conv(features, 1, use_bias=False)))


def _normalization() -> Fragment:
    return nn.batch_norm(momentum=0.9)


def _average() -> Fragment:
    """Return the mean over windows of three by three in which padding does not count."""
    return sequential(
        nn.avg_pool(window=WINDOW, strides=1, padding="SAME"),
        basic(UNPAD_AVERAGE, {}, name="unpad"),
    )
