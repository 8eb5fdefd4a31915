"""All proxies by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jarch.surrogates.surrogate import SurrogateError

from .counts import flop_count, parameter_count
from .fisher import fisher_information
from .grad_norm import gradient_norms
from .grasp import gradient_signal_preservation
from .jacov import correlation_score, input_gradients
from .naswot import code_kernel, log_determinant
from .proxy import Proxy
from .snip import connection_sensitivity
from .synflow import synaptic_flow

_BASELINE = "the baselines of Abdelfattah et al. 2021"

_ALL = (
    Proxy("synflow", "linearized", synaptic_flow, "Tanaka et al. 2020"),
    Proxy("snip", "network", connection_sensitivity, "Lee et al. 2019"),
    Proxy("grasp", "network", gradient_signal_preservation, "Wang et al. 2020"),
    Proxy("fisher", "network", fisher_information, "Turner et al. 2020"),
    Proxy("grad_norm", "network", gradient_norms, "Abdelfattah et al. 2021"),
    Proxy(
        "jacov", "network", input_gradients, "Mellor et al. 2020", correlation_score, floating=True
    ),
    Proxy("naswot", "network", code_kernel, "Mellor et al. 2021", log_determinant),
    Proxy("parameters", "analysis", parameter_count, _BASELINE),
    Proxy("flops", "analysis", flop_count, _BASELINE),
)

PROXIES: Mapping[str, Proxy] = {proxy.name: proxy for proxy in _ALL}
"""The proxies by name; of each, a larger score is better."""


def find_proxies(names: Iterable[str] | None, floating: bool) -> tuple[Proxy, ...]:
    """Return proxies by their names.

    Args:
        names: Of those wanted; None for all that the inputs allow.
        floating: Whether the inputs are floating-point numbers.

    Raises:
        SurrogateError: A name is unknown, or its proxy needs other inputs.
    """
    if names is None:
        return tuple(proxy for proxy in _ALL if floating or not proxy.floating)
    wanted = tuple(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in PROXIES]
    if unknown:
        raise SurrogateError(f"proxy {unknown[0]!r} is none of {', '.join(PROXIES)}")
    found = tuple(PROXIES[name] for name in wanted)
    refused = [proxy.name for proxy in found if proxy.floating and not floating]
    if refused:
        raise SurrogateError(
            f"{refused[0]} differentiates by the inputs, which are integers here; take another one"
        )
    return found
