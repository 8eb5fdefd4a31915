"""What holds for the whole suite.

One hypothesis profile: `JARCH_EXAMPLES=2000 pytest` tries harder. And every transition, in every
test, is followed by the verifier, which works out from first principles what a space remembers;
tests with very many or very large spaces are marked `unverified`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import jarch
from jarch.ir import Constant, IndependentHyperparameter, Space, transitions, verify
from jarch.ir.program import Program
from jarch.ir.state import State, advance

settings.register_profile(
    "jarch",
    deadline=None,  # times on shared machines vary too much to fail a test by
    max_examples=int(os.environ.get("JARCH_EXAMPLES", "100")),
    derandomize="CI" in os.environ,  # a change is judged by the same examples as the one before
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("jarch")


_PATCH = pytest.MonkeyPatch()


def advance_and_verify(
    program: Program, state: State, decision: IndependentHyperparameter, value: Constant
) -> None:
    advance(program, state, decision, value)
    verify(Space(program, state))


def pytest_runtest_setup(item: pytest.Item) -> None:
    verified = item.get_closest_marker("unverified") is None
    _PATCH.setattr(transitions, "advance", advance_and_verify if verified else advance)


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
