"""Convolutions over one, two or three spatial axes; channels are the last axis."""

from __future__ import annotations

from jarch.ir import Fragment, Property

from .pieces import piece


def conv(
    features: Property,
    kernel_size: Property,
    strides: Property = 1,
    padding: Property = "SAME",
    dilation: Property = 1,
    groups: Property = 1,
    use_bias: Property = True,
    name: str | None = None,
) -> Fragment:
    """Return a convolution: (…, channels) to (…, features), with one to three axes before.

    Args:
        features: Channels of the output.
        kernel_size: Of the window: an integer for all axes, or a tuple of one for each.
        strides: Steps of the window, an integer or a tuple.
        padding: "SAME": with zeros, so that a length n becomes ceil(n / stride); or "VALID": none.
        dilation: Steps between the elements that the window sees, an integer or a tuple.
        groups: Parts that the channels are divided into, each with its own features; divides both.
        use_bias: Whether to add a constant to each feature.
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: conv(features=16, kernel_size=3, strides=2)), [])
        >>> ja.analyze(net, {"in": (28, 28, 1)}).shapes["conv"]
        (14, 14, 16)
    """
    return piece(
        "conv",
        name,
        {
            "features": features,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
            "use_bias": use_bias,
        },
    )


def depthwise_conv(
    kernel_size: Property,
    multiplier: Property = 1,
    strides: Property = 1,
    padding: Property = "SAME",
    dilation: Property = 1,
    use_bias: Property = True,
    name: str | None = None,
) -> Fragment:
    """Return a convolution of each channel on its own.

    Args:
        kernel_size: Of the window: an integer for all axes, or a tuple of one for each.
        multiplier: Features made of each channel.
        strides: Steps of the window, an integer or a tuple.
        padding: "SAME" or "VALID", as in `conv`.
        dilation: Steps between the elements that the window sees, an integer or a tuple.
        use_bias: Whether to add a constant to each feature.
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: depthwise_conv(kernel_size=3)), [])
        >>> ja.analyze(net, {"in": (8, 8, 16)}).parameters  # 3 * 3 * 16 + 16
        160
    """
    return piece(
        "depthwise_conv",
        name,
        {
            "kernel_size": kernel_size,
            "multiplier": multiplier,
            "strides": strides,
            "padding": padding,
            "dilation": dilation,
            "use_bias": use_bias,
        },
    )


def separable_conv(
    features: Property,
    kernel_size: Property,
    multiplier: Property = 1,
    strides: Property = 1,
    padding: Property = "SAME",
    dilation: Property = 1,
    use_bias: Property = True,
    name: str | None = None,
) -> Fragment:
    """Return a depthwise convolution and a pointwise one (kernel size 1) after it, as one node.

    Nothing stands between the two; the depthwise one has no bias, which the pointwise one's
    would make redundant.

    Args:
        features: Channels of the output.
        kernel_size: Of the depthwise window: an integer for all axes, or a tuple of one for each.
        multiplier: Features that the depthwise convolution makes of each channel.
        strides: Steps of the depthwise window, an integer or a tuple.
        padding: "SAME" or "VALID", as in `conv`.
        dilation: Steps between the elements that the window sees, an integer or a tuple.
        use_bias: Whether the pointwise convolution adds a constant to each feature.
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Reference:
        Chollet 2017, "Xception: deep learning with depthwise separable convolutions".

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: separable_conv(features=32, kernel_size=3)), [])
        >>> ja.analyze(net, {"in": (8, 8, 16)}).parameters  # 3 * 3 * 16 + 16 * 32 + 32
        688
    """
    return piece(
        "separable_conv",
        name,
        {
            "features": features,
            "kernel_size": kernel_size,
            "multiplier": multiplier,
            "strides": strides,
            "padding": padding,
            "dilation": dilation,
            "use_bias": use_bias,
        },
    )
