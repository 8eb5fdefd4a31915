"""A space of MobileNet-like networks, as one would write it today."""

from __future__ import annotations

from functools import partial

from jarch import nn
from jarch.combinators import optional, repeat, sequential
from jarch.ir import Bool, Dependent, Discrete, Fragment, Hyperparameter, Property, substitution


def mobilenet(num_classes: int = 10) -> Fragment:
    """Return small networks of depthwise separable convolutions without shortcuts.

    A convolution, then two or three stages that halve height and width each. Whether there is
    batch normalisation or dropout after the convolutions, and how much dropout, is one decision
    for the whole network; so is the size of the depthwise kernels.

    The 8,640 architectures are those of `mobilenet_blog`; what can only have one value is a
    constant here instead of a decision. All windows pad, so any input (height, width, channels)
    will do.

    Args:
        num_classes: Size of the output, which is logits.

    Reference:
        Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision
        applications".

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(mobilenet)
        >>> ja.count(space)
        8640
        >>> net = ja.replay(space, [2, False, True, 16, 3, 1, 1, 3, 1])
        >>> ja.analyze(net, {"in": (8, 8, 1)}).parameters
        2634
    """
    normalize, drop = Bool("normalize"), Bool("drop")
    drop_rate = Discrete([0.0625, 0.125, 0.25, 0.5], "drop_rate")
    filters = Discrete([16, 32, 64, 128], "filters")
    multiplier = Discrete([1, 2, 4], "multiplier")
    kernel_size = Discrete([3, 5], "kernel_size")

    def regularized() -> Fragment:
        return sequential(
            optional(nn.batch_norm, normalize, name="normalize"),
            optional(lambda: nn.dropout(rate=drop_rate), drop, name="drop"),
            nn.relu,
        )

    def block(features: Property, strides: int, name: str = "") -> Fragment:
        return sequential(
            nn.depthwise_conv(kernel_size=kernel_size, strides=strides),
            regularized,
            nn.conv(features=features, kernel_size=1),
            regularized,
            name=name,
        )

    def stages(reductions: int) -> Fragment:
        pieces: list[Fragment] = []
        features: Hyperparameter = filters
        for stage in (f"stage{i}" for i in range(reductions)):
            pieces.append(block(features, 2, stage))
            repeats = Discrete([1, 3], f"{stage}_repeats")
            pieces.append(repeat(partial(block, features, 1), repeats, name=f"{stage}_rest"))
            parents = {"features": features, "multiplier": multiplier}
            features = Dependent(_product, parents, "features")
        return sequential(*pieces)

    stem_kernel_size = Discrete([3, 5, 7], "stem_kernel_size")
    return sequential(
        sequential(nn.conv(filters, stem_kernel_size, strides=2), regularized, name="stem"),
        substitution(stages, {"reductions": Discrete([2, 3], "reductions")}, name="stages"),
        nn.global_avg_pool,
        nn.dense(features=num_classes),
    )


def _product(features: int, multiplier: int) -> int:
    return features * multiplier
