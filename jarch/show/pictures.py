"""Pictures of spaces and architectures, and of how the one becomes the other."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import cast

from jarch.ir import Space, SpaceError, assign

from . import styles
from .dots import Style, graph, shared
from .engines import GraphvizError, render
from .pdfs import pdf
from .texts import decision_text
from .views import Changes, Drawable, View, changes, view

SUFFIXES = (".svg", ".pdf", ".png", ".dot")


class DrawingWarning(UserWarning):
    """A picture could not be drawn; the message names the DOT file that was written instead.

    Example:
        >>> import tempfile
        >>> import jarch as ja
        >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        ...     warnings.simplefilter("error", DrawingWarning)  # raise it: a DOT file will not do
        ...     drawing = ja.draw(ja.trace(ja.nn.relu), Path(folder) / "relu.svg")
        >>> drawing.files[0].name
        'relu.svg'
    """


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture, or several that belong together. A notebook shows the last.

    Attributes:
        pages: Each picture in Graphviz's DOT language.
        files: What was written.

    Example:
        >>> import jarch as ja
        >>> drawing = ja.draw(ja.trace(ja.nn.relu))
        >>> drawing.files, str(drawing).splitlines()[0]
        ((), 'digraph architecture {')
    """

    pages: tuple[str, ...]
    files: tuple[Path, ...] = ()

    def __str__(self) -> str:
        """Name the files; without any, return the DOT text."""
        return "\n".join(map(str, self.files or self.pages))

    def _repr_svg_(self) -> str | None:
        """Return the last picture as SVG for notebooks; None without Graphviz."""
        try:
            return render(self.pages[-1], ["svg"])["svg"].decode()
        except GraphvizError:
            return None


def draw(
    drawable: Drawable,
    path: str | PathLike[str] | None = None,
    hyperparameters: bool = True,
    *,
    caption: str = "",
    before: Drawable | None = None,
) -> Drawing:
    """Draw a space or an architecture.

    Modules are boxes, those that something else will replace octagons, with their properties:
    decided ones by value, open ones by domain. A hyperparameter that is shared, computed from
    others or needed to compute others has a box of its own, dashed where it is computed, with
    edges from its parents and to the modules that use it. Properties at the default of their
    constructor are left out; in an SVG the pointer over a module shows all of them.

    Args:
        drawable: What to draw.
        path: The file to write: `.svg`, `.pdf`, `.png` or `.dot`; none by default. Where there is
            no Graphviz the DOT text is written beside it, with a `DrawingWarning`.
        hyperparameters: Draw them; else the modules alone, with the values that are decided.
        caption: A line above the picture.
        before: Highlight what is new since then.

    Returns:
        The picture; a notebook shows it.

    Raises:
        SpaceError: The suffix is none of those, or `drawable` cannot be drawn.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(features=ja.Discrete([8, 16], "width")))
        >>> "{8, 16}" in draw(space).pages[0]
        True
    """
    shown = view(drawable)
    new = Changes() if before is None else changes(view(before), shown)
    style = Style(caption, new=new, hyperparameters=hyperparameters)
    page = graph(shown, style).to_string()
    if path is None:
        return Drawing((page,))
    return Drawing((page,), _write(page, _checked(Path(path))))


def draw_evolution(
    space: Space,
    values: Iterable[object] | Mapping[str, object],
    folder: str | PathLike[str],
    hyperparameters: bool = True,
) -> Drawing:
    """Draw a space and what it becomes with each value assigned; highlight what is new each time.

    Args:
        space: Where to begin.
        values: What to assign: in the order of the space, or by key, as `jarch.replay` takes them.
        folder: Where to write `frame_00.svg`, `frame_01.svg`, … and all of them as the pages of
            `evolution.pdf`. Where there is no Graphviz, `frame_00.dot`, … with a `DrawingWarning`.
        hyperparameters: Draw them; else the modules alone.

    Returns:
        The frames, one more than values.

    Raises:
        AssignmentError: A value does not fit.
        InvalidArchitecture: A function of the space refused the values.

    Example:
        >>> import tempfile
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], "width"), ja.Bool("bias")))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     drawing = draw_evolution(space, [8, True], folder)
        >>> [file.name for file in drawing.files]
        ['frame_00.svg', 'frame_01.svg', 'frame_02.svg', 'evolution.pdf']
    """
    pages = _frames(_views(space, values), hyperparameters)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(2, len(str(len(pages) - 1)))
    names = [folder / f"frame_{i:0{digits}}.svg" for i in range(len(pages))]
    try:
        drawn = [render(page, ["svg", "json"]) for page in pages]
    except GraphvizError as error:
        files = [_write_dot(page, name) for page, name in zip(pages, names, strict=True)]
        _warn(error, f"{folder}/*.dot")
        return Drawing(tuple(pages), tuple(files))
    for name, formats in zip(names, drawn, strict=True):
        name.write_bytes(formats["svg"])
    book = folder / "evolution.pdf"
    book.write_bytes(pdf((formats["json"] for formats in drawn), "evolution"))
    return Drawing(tuple(pages), (*names, book))


def _views(space: Space, values: Iterable[object] | Mapping[str, object]) -> list[View]:
    pairs: Iterable[tuple[str | None, object]]
    if isinstance(values, Mapping):
        pairs = cast("Mapping[str, object]", values).items()
    else:
        pairs = ((None, value) for value in values)
    views = [view(space)]
    for key, value in pairs:
        space = assign(space, value, key)
        views.append(view(space))
    return views


def _frames(views: list[View], hyperparameters: bool) -> list[str]:
    """Return a page for each view; a hyperparameter has one colour in all of them."""
    inks = styles.inks(key for shown in views for key in shared(shown))
    pages: list[str] = []
    for i, shown in enumerate(views):
        new = changes(views[i - 1], shown) if i else Changes()
        detail = f"step {i} of {len(views) - 1}"
        if shown.next is not None:
            detail += f"; next {shown.next}"
        style = Style(decision_text(shown), detail, new, hyperparameters, inks)
        pages.append(graph(shown, style).to_string())
    return pages


def _checked(path: Path) -> Path:
    if path.suffix not in SUFFIXES:
        raise SpaceError(f"{path}: cannot draw {path.suffix!r}; use one of {', '.join(SUFFIXES)}")
    return path


def _write(page: str, path: Path) -> tuple[Path]:
    """Write a picture in the format that the suffix says; return what was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".dot":
        return (_write_dot(page, path),)
    wanted = "json" if path.suffix == ".pdf" else path.suffix[1:]
    try:
        content = render(page, [wanted])[wanted]
    except GraphvizError as error:
        written = _write_dot(page, path)
        _warn(error, str(written))
        return (written,)
    path.write_bytes(pdf([content], path.stem) if path.suffix == ".pdf" else content)
    return (path,)


def _write_dot(page: str, path: Path) -> Path:
    path = path.with_suffix(".dot")
    path.write_text(page, encoding="utf-8")
    return path


def _warn(error: GraphvizError, written: str) -> None:
    message = f"the picture is not drawn, its DOT text is in {written}: {error}"
    warnings.warn(message, DrawingWarning, stacklevel=4)
