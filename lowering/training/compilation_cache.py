"""Compile each distinct program once, ever: where programs are kept, and how many bytes of them.

In the folder lies JAX's persistent compilation cache, which saves compiling, and beside it, in
`programs`, what this package keeps of its own, which saves tracing too.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import jax

from .errors import TrainConfigError

VARIABLE = "JARCH_CACHE"
SIZE_VARIABLE = "JARCH_CACHE_BYTES"
DEFAULT_SIZE = 2 << 30
_OFF = {"0", "false", "no", "none", "off"}
_MINIMAL_COMPILE_SECONDS = 0.1  # reading an entry takes about 0.02 s
_JAX_ENTRIES = "*-cache"
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(?:([KMGT])(I)?)?B?", re.IGNORECASE)

_set_here: Path | None = None


def enable_compilation_cache(folder: str | Path | None = None) -> Path | None:
    """Keep compiled programs in a folder, for this process and later ones; return the folder.

    `fit` calls it without arguments. A cache that is set already, through JAX's configuration or
    its environment variable `JAX_COMPILATION_CACHE_DIR`, is left as it is; what JAX keeps there
    grows without bound unless its option `jax_compilation_cache_max_size` is set. Programs ready to
    run lie in its `programs`. They and, in a folder that is set here, what JAX keeps take no more
    than `JARCH_CACHE_BYTES`, by default 2 GiB; it may be written as `500MB` or `1.5GiB`. The folder
    may be deleted any time. It must be the user's own: what is in it is run.

    Args:
        folder: Where; None means the environment variable `JARCH_CACHE`, or `jarch/xla` in the
            user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`). `JARCH_CACHE=off` turns it off.

    Returns:
        The folder in use, or None where there is no cache.

    Raises:
        TrainConfigError: `JARCH_CACHE_BYTES` is no number of bytes.
    """
    global _set_here
    size_limit()  # a wrong one is told now, and not after the first program was compiled
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
    _set_here = wanted
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


def programs_folder() -> Path | None:
    """Return where programs are kept ready to run, or None where there is no cache."""
    config: Any = jax.config
    kept: str | None = config.jax_compilation_cache_dir
    if not config.jax_enable_compilation_cache or default_folder() is None or not kept:
        return None
    if "://" in kept:  # a bucket of a cloud, which JAX writes to and we do not
        return None
    return Path(kept) / "programs"


def jax_entries() -> list[Path]:
    """Return the files of JAX's cache, if it lies in a folder of ours and does not bound itself."""
    config: Any = jax.config
    ours = _set_here is not None and config.jax_compilation_cache_dir == str(_set_here)
    if _set_here is None or not ours or config.jax_compilation_cache_max_size != -1:
        return []
    return list(_set_here.glob(_JAX_ENTRIES))


def size_limit() -> int:
    """Return how many bytes the programs may take: of `JARCH_CACHE_BYTES`, by default 2 GiB.

    Raises:
        TrainConfigError: It is no number of bytes, such as `3000000`, `"500 MB"` or `"1.5GiB"`.
    """
    named = os.environ.get(SIZE_VARIABLE, "").strip()
    if not named:
        return DEFAULT_SIZE
    found = _SIZE.fullmatch(named)
    if found is None:
        raise TrainConfigError(
            f"{SIZE_VARIABLE} is {named!r}; it must be a number of bytes such as 3000000, 500MB or "
            "1.5GiB"
        )
    number, letter, binary = found.groups()
    power = " KMGT".index((letter or " ").upper())
    return int(float(number) * (1024 if binary else 1000) ** power)


def _writable(folder: Path) -> bool:
    """Return whether the folder is there, or could be made, and can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False  # a read-only home, say; training works without a cache
    return os.access(folder, os.W_OK)
