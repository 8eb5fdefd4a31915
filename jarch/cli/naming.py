"""From what stands on the command line to space functions and values."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, TypeVar, cast

from jarch import ir, spaces
from jarch.ir import Fragment, Space, SpaceError, trace

T = TypeVar("T")
AnySpaceFunction: TypeAlias = Callable[..., Fragment]

_WORDS: Mapping[str, object] = {"true": True, "false": False, "none": None}
_NOT_THE_USERS = (
    Path(spaces.__file__).parents[1],
    Path(ir.__file__).resolve().parent,
    Path(sysconfig.get_path("stdlib")),
    Path(sysconfig.get_path("purelib")),
)


def find_space(
    name: str, arguments: Sequence[str] = (), defaults: Mapping[str, object] | None = None
) -> Space:
    """Return the space of a name.

    Args:
        name: Of a function in `jarch.spaces`, or "module:function", or "path.py:function".
        arguments: What the function is called with, each "name=value".
        defaults: Arguments that the function gets where it takes them and they are not given.

    Raises:
        SpaceError: There is no such space, or it does not take the arguments.
    """
    function = find_space_function(name)
    given = parse_arguments(arguments, "space")
    signature = inspect.signature(function)
    takes = signature.parameters
    known = {k: v for k, v in (defaults or {}).items() if k in takes}
    try:
        signature.bind(**{**known, **given})
    except TypeError as error:
        raise SpaceError(
            f"space {name}: {error}; it takes ({', '.join(takes)}), "
            "given as --space-args name=value"
        ) from error
    return _guarded(f"space {name}", lambda: trace(function, **{**known, **given}))


def find_space_function(name: str) -> AnySpaceFunction:
    """Return the space function of a name.

    Raises:
        SpaceError: There is none.
    """
    where, colon, attribute = name.rpartition(":")
    if not colon:
        functions = built_in_spaces()
        if name not in functions:
            raise SpaceError(
                f"space {name!r} is none of {', '.join(functions)}; for a space of your own write "
                "module:function or path.py:function"
            )
        return functions[name]
    module = _module_at(Path(where)) if where.endswith(".py") else _module_named(where)
    found: Any = getattr(module, attribute, None)
    if not callable(found):
        raise SpaceError(
            f"space {name!r}: {where} has no function {attribute!r}; it has "
            f"{', '.join(_functions_of(module)) or 'none'}"
        )
    return cast(AnySpaceFunction, found)


def built_in_spaces() -> dict[str, AnySpaceFunction]:
    """Return the functions of `jarch.spaces` by name."""
    return {
        name: value
        for name, value in sorted(vars(spaces).items())
        if inspect.isfunction(value) and not name.startswith("_")
    }


def parse_value(text: str) -> object:
    """Return a Python literal, or the text itself where it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def at_least(least: int, option: str, value: float) -> None:
    """Check a number of the command line.

    Raises:
        SpaceError: It is less than that.
    """
    if not value >= least:  # NaN is not
        raise SpaceError(f"{option} is {value:g}; it must be {least} or more")


def parse_arguments(texts: Sequence[str], what: str) -> dict[str, object]:
    """Return what is written as name=value, by name.

    A value is a Python literal, or the words true, false and none in small letters; what is neither
    is a text. The words themselves are meant in quotes.

    Args:
        texts: Each "name=value".
        what: It is an argument of, for the message.

    Raises:
        SpaceError: A text is not written so.

    Example:
        >>> parse_arguments(["repeats=false", "population=10", "surrogate=gp-wl"], "searcher")
        {'repeats': False, 'population': 10, 'surrogate': 'gp-wl'}
        >>> parse_arguments(["operation='none'"], "space")
        {'operation': 'none'}
    """
    return dict(_argument(text, what) for text in texts)


def _argument(text: str, what: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise SpaceError(f"{what} argument {text!r}: write it as name=value")
    return name, _WORDS[value] if value in _WORDS else parse_value(value)


def _module_named(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    return _guarded(f"importing {name}", lambda: importlib.import_module(name))


def _module_at(path: Path) -> ModuleType:
    """Import a file as `python path.py` would see it: beside its neighbours, under its own name."""
    path = path.resolve()
    if not path.is_file():
        raise SpaceError(f"space file {path} does not exist")
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    name = path.stem if known is None else f"{path.stem} at {path}"
    return _guarded(f"importing {path}", lambda: _load(name, path))


def _load(name: str, path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # so that its operations can be found by name
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _guarded(what: str, run: Callable[[], T]) -> T:
    """Run the user's code; what goes wrong there is told on one line, with the user's line."""
    try:
        return run()
    except Exception as error:
        told = str(error) if isinstance(error, SpaceError) else f"{type(error).__name__}: {error}"
        raise SpaceError(f"{what}: {told}{_users_line(error)}") from error


def _users_line(error: Exception) -> str:
    """Return the innermost place outside of jarch and of what is installed, if there is one."""
    outside = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(Path(frame.filename).is_relative_to(folder) for folder in _NOT_THE_USERS)
        and not frame.filename.startswith("<")
    ]
    return f" ({Path(outside[-1].filename).name}, line {outside[-1].lineno})" if outside else ""


def _functions_of(module: ModuleType) -> list[str]:
    members: dict[str, Any] = vars(module)
    return [
        name
        for name, value in members.items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]
