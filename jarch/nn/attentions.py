"""Attention: among positions, and to channels."""

from __future__ import annotations

from jarch.ir import Fragment, Property

from .pieces import piece


def attention(
    num_heads: Property,
    qkv_features: Property = None,
    dropout_rate: Property = 0.0,
    name: str | None = None,
) -> Fragment:
    """Return multi-head self-attention: (length, channels) to (length, channels).

    Args:
        num_heads: How many heads; divides `qkv_features`.
        qkv_features: Features of queries, keys and values, all heads together; None for as many
            as there are channels.
        dropout_rate: Of the attention weights, at least 0 and below 1.
        name: The node's name.

    Raises:
        SpaceError: A property can take a value that it must not have.

    Reference:
        Vaswani et al. 2017, "Attention is all you need".

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: attention(num_heads=4)), [])
        >>> ja.analyze(net, {"in": (10, 16)}).parameters  # 4 * (16 * 16 + 16)
        1088
    """
    return piece(
        "attention",
        name,
        {"num_heads": num_heads, "qkv_features": qkv_features, "dropout_rate": dropout_rate},
    )


def squeeze_excite(ratio: Property = 4, name: str | None = None) -> Fragment:
    """Return the input with each channel weighted by what all channels' means say.

    The means pass a dense layer of max(1, channels // ratio) features, relu, a dense layer of as
    many features as channels, and sigmoid; the result multiplies the input.

    Args:
        ratio: Channels for each feature between the two dense layers.
        name: The node's name.

    Raises:
        SpaceError: The ratio can be less than 1.

    Reference:
        Hu, Shen and Sun 2018, "Squeeze-and-excitation networks".

    Example:
        >>> print(squeeze_excite())
        (@in) -> (out=%squeeze_excite)
          %squeeze_excite = squeeze_excite(@in) ratio=4
    """
    return piece("squeeze_excite", name, {"ratio": ratio})
