"""Small spaces for images of 8 by 8 pixels, such as scikit-learn's digits."""

from __future__ import annotations

from jarch import nn
from jarch.combinators import choose, optional, repeat, sequential
from jarch.ir import Bool, Discrete, Fragment, substitution


def digits_dense(num_classes: int = 10) -> Fragment:
    """Return perceptrons with one to three hidden layers of one width and one activation.

    Args:
        num_classes: Size of the output, which is logits.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(digits_dense)
        >>> ja.count(space)
        36
        >>> ja.analyze(ja.replay(space, [1, 32, "relu"]), {"in": (8, 8, 1)}).parameters
        2410
    """

    def hidden(depth: int, width: int) -> Fragment:
        function = Discrete(["relu", "gelu", "tanh"], "activation")
        return sequential(
            *[sequential(nn.dense(features=width), nn.activation(function)) for _ in range(depth)]
        )

    depth, width = Discrete([1, 2, 3], "depth"), Discrete([16, 32, 64, 128], "width")
    return sequential(
        nn.flatten,
        substitution(hidden, {"depth": depth, "width": width}, name="hidden"),
        nn.dense(features=num_classes),
    )


def digits_conv(num_classes: int = 10) -> Fragment:
    """Return convolutional networks of two stages of which each has its own width and kernel.

    A stage is one or two convolutions, with batch normalisation or without, and halves height and
    width; a dense layer follows upon all that is left or upon the means of its channels.

    Args:
        num_classes: Size of the output, which is logits.

    Example:
        >>> import jarch as ja
        >>> ja.count(ja.trace(digits_conv))
        4608
    """
    normalize = Bool("normalize")
    function = Discrete(["relu", "silu"], "activation")

    def stage(name: str) -> Fragment:
        features = Discrete([8, 16, 32], f"{name}_features")
        kernel_size = Discrete([3, 5], f"{name}_kernel_size")
        layer = sequential(
            nn.conv(features=features, kernel_size=kernel_size),
            optional(nn.batch_norm, normalize, name="normalize"),
            nn.activation(function),
        )
        depth = Discrete([1, 2], f"{name}_depth")
        pool = Discrete(["max_pool", "avg_pool"], f"{name}_pool")
        pools = {"max_pool": nn.max_pool(window=2), "avg_pool": nn.avg_pool(window=2)}
        return sequential(repeat(layer, depth, name=name), choose(pools, pool, name=f"{name}_pool"))

    heads = {"flatten": nn.flatten, "mean": nn.global_avg_pool}
    return sequential(
        stage("first"),
        stage("second"),
        choose(heads, Discrete(list(heads), "head"), name="head"),
        nn.dense(features=num_classes),
    )
