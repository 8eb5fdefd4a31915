"""One hypothesis profile for the whole suite; `JARCH_EXAMPLES=2000 pytest` tries harder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import jarch

settings.register_profile(
    "jarch",
    deadline=None,  # times on shared machines vary too much to fail a test by
    max_examples=int(os.environ.get("JARCH_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("jarch")


def fresh_environment(seed: int) -> dict[str, str]:
    """Return an environment in which Python hashes by `seed` and finds the jarch under test."""
    parent = str(Path(jarch.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": parent, "PYTHONHASHSEED": str(seed)}


@pytest.fixture(scope="session")
def run_python() -> Callable[..., str]:
    """Return a function that runs a program in another process and returns what it prints."""

    def run(program: str, *arguments: str, seed: int = 1) -> str:
        found = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=fresh_environment(seed),
            capture_output=True,
            text=True,
            check=False,
        )
        assert not found.returncode, found.stderr
        return found.stdout

    return run
