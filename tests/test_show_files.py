"""Picture files: formats, evolutions, PDF pages, and what happens without Graphviz."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

import jarch as ja
from jarch import spaces
from jarch.show import DrawingWarning, draw, draw_evolution, engines
from jarch.show.pdfs import pdf
from jarch.show.styles import FAMILY
from jarch.show.views import view

from .shown_spaces import BLOG_VALUES, SVG, small

# Files


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png", ".dot"])
def test_draw_writes_what_the_suffix_says(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / f"picture{suffix}"
    drawing = draw(ja.trace(small), path)
    assert drawing.files == (path,)
    assert str(drawing) == str(path)
    begins = {".svg": b"<?xml", ".pdf": b"%PDF-1.4", ".png": b"\x89PNG", ".dot": b"digraph"}
    assert path.read_bytes().startswith(begins[suffix])


def test_draw_refuses_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(ja.SpaceError, match=r"\.svg, \.pdf, \.png, \.dot"):
        draw(ja.trace(small), tmp_path / "picture.jpeg")


def test_notebooks_get_an_svg() -> None:
    picture = draw(ja.trace(small))._repr_svg_()  # pyright: ignore[reportPrivateUsage]
    assert picture is not None
    tree = ElementTree.fromstring(picture)
    families = {text.get("font-family") for text in tree.iter(f"{SVG}text")}
    assert families == {FAMILY}
    assert any(text.text == "kernel {3, 5}" for text in tree.iter(f"{SVG}text"))


def test_evolution_writes_a_frame_a_value_and_a_book(tmp_path: Path) -> None:
    drawing = draw_evolution(ja.trace(small), [2, True, 8, 5], tmp_path / "frames")
    names = [f"frame_0{i}.svg" for i in range(5)]
    assert [file.name for file in drawing.files] == [*names, "evolution.pdf"]
    assert len(drawing.pages) == 5
    for file in drawing.files[:-1]:
        ElementTree.parse(file)
    assert (tmp_path / "frames" / "evolution.pdf").read_bytes().count(b"/Type /Page ") == 5


def test_evolution_takes_values_by_key(tmp_path: Path) -> None:
    by_key = draw_evolution(ja.trace(small), {"discrete": 2, "norm": True}, tmp_path)
    in_order = draw_evolution(ja.trace(small), [2, True], tmp_path)
    assert by_key.pages == in_order.pages


def test_evolution_refuses_a_bad_value_before_it_draws(tmp_path: Path) -> None:
    with pytest.raises(ja.AssignmentError):
        draw_evolution(ja.trace(small), [2, 7], tmp_path / "frames")
    assert not (tmp_path / "frames").exists()


# The published example


def test_published_evolution_has_23_frames(tmp_path: Path) -> None:
    space = ja.trace(spaces.mobilenet_blog)
    drawing = draw_evolution(space, BLOG_VALUES, tmp_path)
    assert len(drawing.pages) == 23
    assert len(list(tmp_path.glob("frame_*.svg"))) == 23
    for frame, value in zip(
        sorted(tmp_path.glob("frame_*.svg")), [*BLOG_VALUES, None], strict=True
    ):
        titles = {title.text for title in ElementTree.parse(frame).iter(f"{SVG}title")}
        assert {module.key for module in view(space).modules} <= titles
        space = space if value is None else ja.assign(space, value)
    assert (tmp_path / "evolution.pdf").read_bytes().count(b"/Type /Page ") == 23


# PDF


def page_text(content: bytes) -> str:
    streams = re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)
    return "\n".join(zlib.decompress(stream).decode("latin-1") for stream in streams)


def test_pdf_holds_the_text_and_its_table_is_right() -> None:
    page = engines.render(draw(ja.trace(small), caption="a (small) \\ space").pages[0], ["json"])
    content = pdf([page["json"]], title="λ (1)")
    text = page_text(content)
    assert r"(a \(small\) \\ space) Tj" in text
    assert "(kernel {3, 5}) Tj" in text
    assert rb"/Title (\\u03bb \(1\))" in content
    table = int(re.search(rb"startxref\n(\d+)", content).group(1))  # type: ignore[union-attr]
    assert content[table:].startswith(b"xref\n0 ")
    starts = [int(n) for n in re.findall(rb"(\d{10}) 00000 n", content[table:])]
    for number, start in enumerate(starts, 1):
        assert content[start:].startswith(b"%d 0 obj" % number)


def test_pdf_writes_each_backslash_once() -> None:
    page = engines.render(draw(ja.trace(small), caption="\\").pages[0], ["json"])["json"]
    assert r"(\\) Tj" in page_text(pdf([page]))  # escaped once, by PDF's rules


def test_pdf_paints_what_it_is_told() -> None:
    operations = [
        {"op": "c", "color": "#ff0000"},
        {"op": "C", "color": "#00ff0000"},
        {"op": "S", "style": "setlinewidth(2)"},
        {"op": "S", "style": "dashed"},
        {"op": "P", "points": [[0, 0], [1, 0], [1, 1]]},
        {"op": "B", "points": [[0, 0], [1, 0], [1, 1], [2, 2]]},
        {"op": "e", "rect": [5, 5, 2, 1]},
        {"op": "F", "size": 10.0},
        {"op": "t", "fontchar": 1},
        {"op": "T", "pt": [10, 20], "align": "c", "width": 8, "text": "é€"},
    ]
    drawing = {"bb": "0,0,9,8", "pad": "0.5", "_draw_": operations}
    content = pdf([json.dumps(drawing)])
    assert b"/MediaBox [-36.0 -36.0 45.0 44.0]" in content
    lines = page_text(content).splitlines()
    assert lines[:5] == ["q", "1.000 0.000 0.000 RG", "0.000 1.000 0.000 rg", "2 w", "[5 2] 0 d"]
    assert lines[5:9] == ["0 0 m 1 0 l 1 1 l", "s", "0 0 m 1 0 1 1 2 2 c", "S"]
    assert lines[9].startswith("7 5 m")
    assert "BT /F1 10 Tf 6.00 20.00 Td (\xe9\x80) Tj ET" in lines[11]


# Graphviz missing or broken


@pytest.fixture
def no_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "engines", list[str])


@pytest.mark.usefixtures("no_graphviz")
@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_without_graphviz_the_dot_text_is_written(suffix: str, tmp_path: Path) -> None:
    with pytest.warns(DrawingWarning, match=r"picture\.dot.*pip install graphviz-pure"):
        drawing = draw(ja.trace(small), tmp_path / f"picture{suffix}")
    assert drawing.files == (tmp_path / "picture.dot",)
    assert drawing.files[0].read_text() == drawing.pages[0]
    assert drawing._repr_svg_() is None  # pyright: ignore[reportPrivateUsage]


@pytest.mark.usefixtures("no_graphviz")
def test_without_graphviz_every_frame_is_dot_text(tmp_path: Path) -> None:
    with pytest.warns(DrawingWarning) as caught:
        drawing = draw_evolution(ja.trace(small), [2, True], tmp_path)
    assert len(caught) == 1
    assert [file.name for file in drawing.files] == [f"frame_0{i}.dot" for i in range(3)]


@pytest.mark.usefixtures("no_graphviz")
def test_dot_files_need_no_graphviz(tmp_path: Path) -> None:
    assert draw(ja.trace(small), tmp_path / "picture.dot").files == (tmp_path / "picture.dot",)


def test_a_dot_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = tmp_path / "dot"
    for program in (dot, tmp_path / "graphviz-pure"):
        program.write_text("#!/bin/sh\nexit 3\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if sys.platform != "win32":
        assert engines.engines()[0] == str(dot)
    assert any("graphviz-pure" in path for path in engines.engines())


def test_a_broken_dot_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    working = engines.engines()
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no layout >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(engines, "engines", lambda: [str(tmp_path / "none"), str(broken), *working])
    assert engines.render("digraph { a }", ["svg"])["svg"].startswith(b"<?xml")
    monkeypatch.setattr(engines, "engines", lambda: [str(broken)])
    with pytest.raises(engines.GraphvizError, match=r"no layout.*install"):
        engines.render("digraph { a }", ["svg"])


def test_importing_jarch_does_not_import_pydot(run_python: Callable[..., str]) -> None:
    loaded = "print('pydot' in sys.modules)"
    printed = run_python(f"import sys, jarch; {loaded}; jarch.draw; {loaded}")
    assert printed.split() == ["False", "True"]
