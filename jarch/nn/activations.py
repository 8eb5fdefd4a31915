"""Activations: functions of each element, and softmax."""

from __future__ import annotations

from jarch.ir import Fragment, Property

from .pieces import piece


def activation(function: Property = "relu", name: str | None = None) -> Fragment:
    """Return the activation of a name, so that which one can be a hyperparameter.

    Args:
        function: One of the functions of this module that take no argument of their own, by name.
        name: The node's name.

    Raises:
        SpaceError: It can be a name that is none of these.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     return activation(ja.Discrete(["relu", "silu"]))
        >>> print(ja.replay(ja.trace(space), ["silu"]))
        architecture(@in) -> (out=%activation) {
          %activation = activation(@in) function='silu'
        }
    """
    return piece("activation", name, {"function": function})


def leaky_relu(negative_slope: Property = 0.01, name: str | None = None) -> Fragment:
    """Return x where it is positive, `negative_slope` * x elsewhere.

    Example:
        >>> print(leaky_relu())
        (@in) -> (out=%leaky_relu)
          %leaky_relu = leaky_relu(@in) negative_slope=0.01
    """
    return piece("leaky_relu", name, {"negative_slope": negative_slope})


def relu(name: str | None = None) -> Fragment:
    """Return max(x, 0).

    Example:
        >>> print(relu())
        (@in) -> (out=%relu)
          %relu = relu(@in)
    """
    return piece("relu", name, {})


def relu6(name: str | None = None) -> Fragment:
    """Return min(max(x, 0), 6).

    Example:
        >>> print(relu6())
        (@in) -> (out=%relu6)
          %relu6 = relu6(@in)
    """
    return piece("relu6", name, {})


def elu(name: str | None = None) -> Fragment:
    """Return x where it is positive, exp(x) - 1 elsewhere.

    Reference:
        Clevert, Unterthiner and Hochreiter 2016, "Fast and accurate deep network learning by
        exponential linear units".

    Example:
        >>> print(elu())
        (@in) -> (out=%elu)
          %elu = elu(@in)
    """
    return piece("elu", name, {})


def selu(name: str | None = None) -> Fragment:
    """Return a scaled `elu` that keeps mean 0 and variance 1.

    Reference:
        Klambauer et al. 2017, "Self-normalizing neural networks".

    Example:
        >>> print(selu())
        (@in) -> (out=%selu)
          %selu = selu(@in)
    """
    return piece("selu", name, {})


def gelu(name: str | None = None) -> Fragment:
    """Return x times the normal distribution function of x, approximated by tanh.

    Reference:
        Hendrycks and Gimpel 2016, "Gaussian error linear units".

    Example:
        >>> print(gelu())
        (@in) -> (out=%gelu)
          %gelu = gelu(@in)
    """
    return piece("gelu", name, {})


def silu(name: str | None = None) -> Fragment:
    """Return x * sigmoid(x), also called swish.

    Reference:
        Elfwing, Uchibe and Doya 2018, "Sigmoid-weighted linear units".

    Example:
        >>> print(silu())
        (@in) -> (out=%silu)
          %silu = silu(@in)
    """
    return piece("silu", name, {})


def tanh(name: str | None = None) -> Fragment:
    """Return the hyperbolic tangent.

    Example:
        >>> print(tanh())
        (@in) -> (out=%tanh)
          %tanh = tanh(@in)
    """
    return piece("tanh", name, {})


def sigmoid(name: str | None = None) -> Fragment:
    """Return 1 / (1 + exp(-x)).

    Example:
        >>> print(sigmoid())
        (@in) -> (out=%sigmoid)
          %sigmoid = sigmoid(@in)
    """
    return piece("sigmoid", name, {})


def hard_swish(name: str | None = None) -> Fragment:
    """Return x * relu6(x + 3) / 6.

    Reference:
        Howard et al. 2019, "Searching for MobileNetV3".

    Example:
        >>> print(hard_swish())
        (@in) -> (out=%hard_swish)
          %hard_swish = hard_swish(@in)
    """
    return piece("hard_swish", name, {})


def softplus(name: str | None = None) -> Fragment:
    """Return log(1 + exp(x)).

    Example:
        >>> print(softplus())
        (@in) -> (out=%softplus)
          %softplus = softplus(@in)
    """
    return piece("softplus", name, {})


def softmax(name: str | None = None) -> Fragment:
    """Return exp(x) divided by its sum over the last axis.

    Example:
        >>> print(softmax())
        (@in) -> (out=%softmax)
          %softmax = softmax(@in)
    """
    return piece("softmax", name, {})
