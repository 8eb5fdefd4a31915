"""What imports what: JAX stays out until it is needed, and arrows only point down."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEED_JAX = ("jax", "jaxlib", "flax", "optax", "orbax")
BESIDE_THE_LOWERING: tuple[str, ...] = (
    "jarch.search.policies",
    "jarch.surrogates.networks",
    "jarch.surrogates.zero_cost",
)
"""Packages above the lowering that need JAX themselves: nothing else imports them when loaded."""
SLOW = (*NEED_JAX, "sklearn", "optuna", "matplotlib")
"""What takes long to import: not before it is needed."""
LAYERS = {"jarch.ir": 0, "jarch.lowering": 1, "jarch": 2}


def run(program: str) -> str:
    """Return what a program prints in a fresh interpreter in which `jarch` is this checkout."""
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not found.returncode, found.stderr
    return found.stdout


def test_no_module_above_the_lowering_imports_jax() -> None:
    names = [name for _, name in modules() if layer(name) != LAYERS["jarch.lowering"]]
    names = [name for name in names if not name.endswith("__main__")]
    names = [name for name in names if not within(name, BESIDE_THE_LOWERING)]
    assert {"jarch.nn.custom", "jarch.ir.ops", "jarch.combinators"} <= set(names)
    program = f"""
import importlib
for name in ["jarch.lowering", *{names!r}]:
    importlib.import_module(name)
print(*sys.modules)
"""
    loaded = run(program).split()
    assert [name for name in loaded if within(name, NEED_JAX)] == []


def test_what_takes_long_to_import_waits_until_it_is_used() -> None:
    program = """
import sys
import jarch, jarch.cli, jarch.search
print(*sys.modules)
"""
    loaded = run(program).split()
    assert "jarch.search.catalogue" in loaded
    assert [name for name in loaded if within(name, (*SLOW, *BESIDE_THE_LOWERING))] == []


def test_making_one_searcher_does_not_load_what_another_needs() -> None:
    program = """
import sys
import jarch
space = jarch.trace(jarch.spaces.digits_dense)
for name in ("random", "exhaustive", "evolution", "local", "mcts"):
    jarch.make_searcher(name, space)
print(*sys.modules)
"""
    loaded = run(program).split()
    assert [name for name in loaded if within(name, (*SLOW, *BESIDE_THE_LOWERING))] == []


def test_lowering_is_loaded_by_the_first_use_of_a_name() -> None:
    program = """
import jarch
assert "jax" not in sys.modules
jarch.lower
assert "jax" in sys.modules and "optax" not in sys.modules
print("lower" in dir(jarch), "Model" in dir(jarch.lowering))
"""
    assert run(program).split() == ["True", "True"]


def test_packages_are_loaded_by_their_first_use() -> None:
    program = """
import jarch
assert "jarch.search" not in sys.modules
print(jarch.search.SEARCHERS[0], jarch.tabular.__name__)
"""
    assert run(program).split() == ["random", "jarch.tabular"]


def test_unknown_names_are_attribute_errors() -> None:
    import jarch

    for module in (jarch, jarch.lowering):
        with pytest.raises(AttributeError, match="lowr"):
            getattr(module, "lowr")  # noqa: B009 -- checkers would complain of the attribute


@pytest.mark.parametrize(
    ("package", "table"),
    [
        ("jarch", "_LAZY"),
        ("jarch.lowering", "_MODULES"),
        ("jarch.search", "_LAZY"),
        ("jarch.evaluate", "_LAZY"),
        ("jarch.surrogates", "_LAZY"),
    ],
)
def test_every_lazy_name_is_there_and_seen_by_checkers(package: str, table: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    for_checkers = {
        alias.asname
        for guarded in ast.parse(Path(module.__file__).read_text()).body
        if isinstance(guarded, ast.If) and ast.unparse(guarded.test) == "TYPE_CHECKING"
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    lazy: dict[str, str] = getattr(module, table)
    assert for_checkers == set(lazy)
    for name in lazy:
        assert getattr(module, name) is not None


def within(module: str, packages: Iterable[str]) -> bool:
    """Say whether a module is one of these packages, or in one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def layer(module: str) -> int:
    """Return how high a module of ours stands."""
    parts = module.split(".")
    return LAYERS.get(".".join(parts[:2]), LAYERS["jarch"])


def imports_of(path: Path, module: str) -> Iterator[str]:
    """Yield the full names of all that a file imports, inside of functions too."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def modules() -> Iterator[tuple[Path, str]]:
    """Yield each file of ours and its import name."""
    for folder, package in (("ir", "jarch.ir"), ("lowering", "jarch.lowering"), ("jarch", "jarch")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if folder == "jarch" and parts[0] in ("ir", "lowering"):
                continue  # the links
            yield path, ".".join([package, *(part for part in parts if part != "__init__")])


def test_arrows_only_point_down() -> None:
    found = list(modules())
    assert {layer(name) for _, name in found} == {0, 1, 2}
    upwards = [
        f"{name} imports {imported}"
        for path, name in found
        for imported in imports_of(path, name)
        if imported.split(".")[0] == "jarch" and layer(imported) > layer(name)
    ]
    assert upwards == []


def test_folders_are_imported_by_one_name() -> None:
    wrong = [
        f"{name} imports {imported}"
        for path, name in modules()
        for imported in imports_of(path, name)
        if imported.split(".")[0] in ("ir", "lowering")
    ]
    assert wrong == []


@pytest.mark.slow
def test_import_takes_less_than_half_of_what_jax_takes() -> None:
    program = """
import subprocess, sys, time
def seconds(name):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import " + name], check=True)
    return time.perf_counter() - start
pairs = [(seconds("jarch"), seconds("jax")) for _ in range(5)]
print(sorted(ours / theirs for ours, theirs in pairs)[2])
"""
    environment = f"import os; os.environ['PYTHONPATH'] = {str(ROOT)!r}\n"
    assert float(run(environment + program)) < 0.5
