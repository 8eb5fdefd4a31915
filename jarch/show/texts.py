"""The words in a picture: short, with the long form left to tooltips."""

from __future__ import annotations

import re

from jarch.ir import (
    Constant,
    DiscreteDomain,
    Domain,
    FloatDomain,
    IntegerDomain,
    PermutationDomain,
)
from jarch.ir.constants import format_constant

from .views import HyperparameterView, ModuleView, View

_LONGEST = 30  # characters of a value or a domain before the middle is left out
_UNNAMED = re.compile(r"(discrete|bool|one_of_k|permutation|integer|float|dependent)(-\d+)?")

_NUMBER = re.compile(r"-\d+$")


def last_part(key: str) -> str:
    """Return what follows the last slash of a key."""
    return key.rpartition("/")[2]


def is_unnamed(key: str) -> bool:
    """Say whether a hyperparameter has the name that it gets when none is given."""
    return _UNNAMED.fullmatch(last_part(key)) is not None


def is_redundant(key: str, name: str) -> bool:
    """Say whether a hyperparameter's name adds nothing to that of the property."""
    return is_unnamed(key) or _NUMBER.sub("", last_part(key)) == name


def shorten(text: str, longest: int = _LONGEST) -> str:
    """Return the text, with its middle left out where it is long."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def constant_text(value: Constant) -> str:
    """Return a value as a literal; a plain word goes without quotes."""
    if isinstance(value, str) and value.isidentifier():
        return shorten(value)
    return shorten(format_constant(value))


def domain_text(domain: Domain) -> str:
    """Return a domain in few characters.

    Example:
        >>> domain_text(DiscreteDomain((3, 5))), domain_text(FloatDomain(1e-4, 0.1, log=True))
        ('{3, 5}', '[0.0001, 0.1] log')
    """
    match domain:
        case DiscreteDomain():
            return "{" + shorten(", ".join(map(constant_text, domain.values))) + "}"
        case IntegerDomain():
            return f"{domain.low}..{domain.high}" + (" log" if domain.log else "")
        case FloatDomain():
            return f"[{domain.low:g}, {domain.high:g}]" + (" log" if domain.log else "")
        case PermutationDomain():
            return f"orders of {domain.n}"
        case _:
            return shorten(str(domain))


def module_title(module: ModuleView) -> tuple[str, str]:
    """Return the title of a module, and what it computes where its name does not say so."""
    name = last_part(module.key)
    if module.substitution or re.fullmatch(re.escape(module.label) + r"(-\d+)?", name):
        return name, ""
    return name, module.label


def module_tooltip(module: ModuleView) -> str:
    """Return all about a module, a line a property."""
    kind = f"substitution {module.label}" if module.substitution else module.label
    lines = [f"{module.key}: {kind}"]
    for item in module.properties:
        origin = f"  [{item.hyperparameter}]" if item.hyperparameter else ""
        lines.append(f"{item.name} = {format_constant(item.value)}{origin}")
    return "\n".join(lines)


def hyperparameter_tooltip(h: HyperparameterView) -> str:
    """Return all about a hyperparameter: key, value, domain or parents."""
    value = f" = {format_constant(h.value)}" if h.assigned else ""
    if h.domain is not None:
        return f"{h.key}{value}\none of {h.domain}"
    parents = ", ".join(f"{name}={key}" for name, key in h.parents)
    return f"{h.key}{value}\ncomputed from {parents}"


def decision_text(shown: View) -> str:
    """Return the last decision as `key = value`, or that there is none yet."""
    if not shown.decisions:
        return "nothing decided"
    key, value = shown.decisions[-1]
    return f"{key} = {constant_text(value)}"
