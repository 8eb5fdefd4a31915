"""What a compiled program depends on beside itself: the machine, the versions, the options."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import os
import platform
from collections.abc import Hashable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import jax

from jarch.lowering.rules.choices import choices_made

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")
_OPTIONS = (
    "jax_allow_f16_reductions",
    "jax_default_device",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_disable_most_optimizations",
    "jax_enable_x64",
    "jax_error_checking_behavior_divide",
    "jax_error_checking_behavior_nan",
    "jax_error_checking_behavior_oob",
    "jax_exec_time_optimization_effort",
    "jax_high_dynamic_range_gumbel",
    "jax_memory_fitting_effort",
    "jax_memory_fitting_level",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_optimization_level",
    "jax_random_seed_offset",
    "jax_softmax_custom_jvp",
    "jax_threefry_partitionable",
    "jax_use_direct_linearize",
)
"""Of JAX: those by which a program computes otherwise, or may not be traced at all."""
_SOURCES = Path(__file__).parent.parent


def environment() -> Mapping[str, Any]:
    """Return all that has to be the same for a program to be run again, as plain data."""
    device: Any = cast(Any, jax.devices()[0])
    return {
        "backend": jax.default_backend(),
        "device": device.device_kind,
        "devices": jax.device_count(),
        "runtime": device.client.platform_version,
        "machine": _machine(),
        "versions": _versions(),
        "sources": _sources(),
        "convolutions": choices_made(),
        "flags": [os.environ.get("XLA_FLAGS", ""), *(str(value) for value in jax_options())],
    }


def jax_options() -> tuple[Hashable, ...]:
    """Return the options of JAX that a program depends on, as they are in this thread now.

    That takes some microseconds: what is remembered of programs is told apart by them.
    """
    return tuple([getattr(jax.config, name, None) for name in _OPTIONS])


@cache
def _versions() -> Mapping[str, str]:
    return {name: version(name) for name in _PACKAGES}


@cache
def _machine() -> str:
    """Return the kind of processor with its instruction sets: machine code does not run on all."""
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = {
        line
        for line in described.splitlines()
        if line.startswith(("model name", "flags", "Features", "CPU part"))
    }
    return f"{platform.machine()} {sorted(kept)} {os.cpu_count()}"


@cache
def _sources() -> str:
    """Return the hash of the code that makes programs, so that an edit of it makes others."""
    found = sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
