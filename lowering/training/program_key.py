"""The key of a program: equal exactly when the same compiled code serves."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jarch.ir import Architecture, to_json
from jarch.lowering.flax_module import ArchitectureModule
from jarch.lowering.normal_form import NormalForm, normal_form

from .environment import environment


def digest(description: Mapping[str, Any]) -> str:
    """Return the sha256 of plain data, and of all that it depends on beside, as 64 digits."""
    written = json.dumps([description, environment()], sort_keys=True, default=str)
    return sha256(written.encode()).hexdigest()


def form_of(module: ArchitectureModule) -> NormalForm:
    """Return the normal form of what a module computes."""
    return normal_form(module.architecture)


def describe_module(module: ArchitectureModule) -> dict[str, Any]:
    """Return what shapes the program of a module, as plain data; without the user's own rules."""
    return {
        "architecture": _text(form_of(module).architecture),
        "dtype": None if module.dtype is None else str(jnp.dtype(module.dtype)),
        "param_dtype": str(jnp.dtype(module.param_dtype)),
    }


def own_rules(module: ArchitectureModule) -> Hashable:
    """Return the rules of the user's own operations, or None: code that has no lasting name."""
    return module.rules or None


def describe_arguments(arguments: Any) -> list[Any]:
    """Return the tree of arguments with shapes and types, as plain data."""
    leaves: list[Any] = jax.tree.leaves(arguments)
    tree = cast(Any, jax.tree.structure(arguments))
    return [str(tree), [[list(np.shape(leaf)), str(jnp.result_type(leaf))] for leaf in leaves]]


@lru_cache(1024)
def _text(architecture: Architecture) -> str:
    return to_json(architecture)
