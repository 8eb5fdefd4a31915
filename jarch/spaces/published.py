"""The MobileNet space of the original system's published example, decision for decision."""

from __future__ import annotations

from functools import partial

from jarch import nn
from jarch.combinators import optional, repeat, sequential
from jarch.ir import Dependent, Discrete, Fragment, Hyperparameter, Property, substitution


def mobilenet_blog(num_classes: int = 1000) -> Fragment:
    """Return the published example: a sequence of values made for it replays here.

    Strides, the kernel size of pointwise convolutions and the like are decisions among one value,
    and take a transition each; `mobilenet` describes the same architectures without them.

    Args:
        num_classes: Size of the output, which is logits.

    Example:
        >>> import jarch as ja
        >>> values = [2, 0, 1, 16, 3, 2, 1, 1, 1, 1, 3, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
        >>> net = ja.replay(ja.trace(mobilenet_blog), values)
        >>> analysis = ja.analyze(net, {"in": (224, 224, 3)})
        >>> analysis.parameters, analysis.trainable_parameters
        (19752, 19464)
    """
    drop_rate = Discrete([0.5, 0.25, 0.125, 0.0625], "drop_rate")
    drop_opt, bn_opt = Discrete([0, 1], "drop_opt"), Discrete([0, 1], "bn_opt")
    initial_filters = Discrete([16, 32, 64, 128], "initial_filters")
    initial_kernel_size = Discrete([3, 5, 7], "initial_kernel_size")
    filter_multiplier = Discrete([1, 2, 4], "filter_multiplier")
    num_reductions = Discrete([2, 3], "num_reductions")
    kernel_size = Discrete([3, 5], "kernel_size")

    def regularized() -> Fragment:
        return sequential(
            optional(nn.batch_norm, bn_opt),
            optional(lambda: nn.dropout(rate=drop_rate), drop_opt),
            nn.relu,
        )

    def convolution(filters: Property, kernel_size: Property, stride: int) -> Fragment:
        return nn.conv(filters, kernel_size, Discrete([stride], "strides"))

    def mobile_block(filters: Property, stride: int, name: str = "") -> Fragment:
        return sequential(
            nn.depthwise_conv(kernel_size, strides=Discrete([stride], "strides")),
            regularized,
            convolution(filters, Discrete([1], "kernel_size"), 1),
            regularized,
            name=name,
        )

    def block_chain(num_reductions: int) -> Fragment:
        pieces: list[Fragment] = []
        filters: Hyperparameter = initial_filters
        for i in range(num_reductions):
            pieces.append(mobile_block(filters, 2, f"reduction{i}"))
            pieces.append(repeat(partial(mobile_block, filters, 1), Discrete([1, 3], "repeats")))
            parents = {"filters": filters, "multiplier": filter_multiplier}
            filters = Dependent(_product, parents, "filters")
        return sequential(*pieces)

    return sequential(
        sequential(convolution(initial_filters, initial_kernel_size, 2), regularized, name="stem"),
        substitution(block_chain, {"num_reductions": num_reductions}, name="block_chain"),
        nn.global_avg_pool,
        nn.dense(features=num_classes),
    )


def _product(filters: int, multiplier: int) -> int:
    return filters * multiplier
