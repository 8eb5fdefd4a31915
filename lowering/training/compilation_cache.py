"""Compile each distinct program once, ever: JAX's persistent compilation cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax

VARIABLE = "JARCH_CACHE"
_OFF = {"0", "false", "no", "none", "off"}
_MINIMAL_COMPILE_SECONDS = 0.1  # reading an entry takes about 0.02 s


def enable_compilation_cache(folder: str | Path | None = None) -> Path | None:
    """Keep compiled programs in a folder, for this process and later ones; return the folder.

    `fit` calls it without arguments. A cache that is set already, through JAX's configuration or
    its environment variable `JAX_COMPILATION_CACHE_DIR`, is left as it is. The folder grows without
    bound unless JAX's option `jax_compilation_cache_max_size` is set; it may be deleted any time.

    Args:
        folder: Where; None means the environment variable `JARCH_CACHE`, or `jarch/xla` in the
            user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`). `JARCH_CACHE=off` turns it off.

    Returns:
        The folder in use, or None where there is no cache.
    """
    config: Any = jax.config  # whose annotations do not list the options
    if not config.jax_enable_compilation_cache:
        return None
    current: str | None = config.jax_compilation_cache_dir
    if current:
        return Path(current)
    wanted = Path(folder) if folder is not None else default_folder()
    if wanted is None or not _writable(wanted):
        return None
    config.update("jax_compilation_cache_dir", str(wanted))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        name = "jax_persistent_cache_min_compile_time_secs"
        config.update(name, _MINIMAL_COMPILE_SECONDS)
    return wanted


def default_folder() -> Path | None:
    """Return where programs are kept if nothing else is said, or None if that is turned off."""
    named = os.environ.get(VARIABLE, "").strip()
    if named.lower() in _OFF:
        return None
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "jarch" / "xla"


def _writable(folder: Path) -> bool:
    """Return whether the folder is there, or could be made, and can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False  # a read-only home, say; training works without a cache
    return os.access(folder, os.W_OK)
