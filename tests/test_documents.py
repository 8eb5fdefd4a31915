"""What the documents show is what happens.

The ```python blocks of a page run from top to bottom, in one module and in an empty folder, and its
```pycon blocks are sessions that must print what they show. Comments before a block, which readers
do not see, say where that is not so:

    <!-- needs optuna -->      ends the page here where the module cannot be imported
    <!-- not run: reason -->   leaves out the next block, for example for the data that it needs
    <!-- slow -->              anywhere: the page runs with `-m slow`
"""

import doctest
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import jarch as ja
from jarch.search import SEARCHERS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))


class Block(NamedTuple):
    """What stands between fences.

    Attributes:
        language: After the opening fence.
        source: Between the fences.
        line: How many lines of the page stand before the source.
        needs: The module without which it cannot run, or "".
        runs: Whether it is to run.
    """

    language: str
    source: str
    line: int
    needs: str
    runs: bool


BLOCK = re.compile(
    r"(?:^<!-- (?:needs (?P<needs>[\w.]+)|(?P<not>not run: [^\n]+)) -->\n+)?"
    r"^```(?P<language>\w*)\n(?P<source>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page in order."""
    for found in BLOCK.finditer(page):
        line = page.count("\n", 0, found.start("source"))
        runs = found["not"] is None
        yield Block(found["language"], found["source"], line, found["needs"] or "", runs)


def run_page(path: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """Run what a page shows; return the module in which its names are."""
    module = ModuleType(f"page_{path.stem.replace('-', '_')}")
    patch.setitem(sys.modules, module.__name__, module)
    for block in blocks(path.read_text()):
        if block.needs and importlib.util.find_spec(block.needs) is None:
            pytest.skip(f"from line {block.line} on, {path.name} needs {block.needs}")
        if block.runs and block.language == "python":
            source = "\n" * block.line + block.source  # errors then name the line of the page
            exec(compile(source, str(path), "exec"), module.__dict__)
        elif block.runs and block.language == "pycon":
            run_session(block, path, module.__dict__)
    return module


def run_session(block: Block, path: Path, names: dict[str, object]) -> int:
    """Run a session; return how many lines were entered."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    session = parser.get_doctest(block.source, names, path.stem, str(path), block.line)
    report: list[str] = []
    runner.run(session, out=report.append, clear_globs=False)
    names.update(session.globs)
    assert not runner.failures, "".join(report)
    return runner.tries


def marked(path: Path) -> object:
    """Return a page as a parameter, slow where it says so."""
    marks = [pytest.mark.slow] if "<!-- slow -->" in path.read_text() else []
    return pytest.param(path, marks=marks, id=str(path.relative_to(ROOT / "docs")))


@pytest.mark.parametrize("path", [marked(path) for path in PAGES])
def test_what_a_page_shows_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(path, monkeypatch)


@pytest.mark.parametrize("path", [README, *PAGES], ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [README]
    while waiting:
        page = waiting.pop()
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text())
        found = {(page.parent / link).resolve() for link in links if "://" not in link}
        waiting += found - reached
        reached |= found
    assert set(PAGES) <= reached


def test_every_searcher_has_a_row_among_the_searchers() -> None:
    page = (ROOT / "docs" / "searchers" / "README.md").read_text()
    rows = page.partition("## Which one")[2].partition("\n## ")[0].splitlines()
    first = [row.split("|")[1] for row in rows if row.startswith("|")]
    named = [name for cell in first for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(SEARCHERS)


PAGE = """
```python
x = 1
```
<!-- needs no_such_module -->
```python
import no_such_module
```
<!-- not run: the table is the reader's -->

```python
open("table.csv")
```
```pycon
>>> x
1
>>> x + 1
3
```
"""


def test_a_page_that_is_wrong_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(pytest.skip.Exception, match="needs no_such_module"):
        run_page(page, monkeypatch)
    page.write_text(PAGE.replace("needs no_such_module", "needs json"))
    with pytest.raises(ModuleNotFoundError) as caught:
        run_page(page, monkeypatch)
    assert caught.traceback[-1].lineno + 1 == 7
    page.write_text(PAGE.replace("import no_such_module", "").replace("no_such_module", "json"))
    with pytest.raises(AssertionError, match=r"Expected:\s+3\s+Got:\s+2"):
        run_page(page, monkeypatch)
    page.write_text(page.read_text().replace("3\n", "2\n"))
    assert run_page(page, monkeypatch).x == 1


# The README


def block_of_the_readme(language: str) -> Block:
    return next(block for block in blocks(README.read_text()) if block.language == language)


def test_the_session_of_the_readme_gives_what_it_shows() -> None:
    """Without the search, which takes long."""
    names: dict[str, object] = {}
    exec(block_of_the_readme("python").source.partition("\ndata =")[0], names)
    assert run_session(block_of_the_readme("pycon"), README, names) > 5


@pytest.mark.slow
def test_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trained = run_page(README, monkeypatch).trained
    assert isinstance(trained, ja.Trained)
    data = ja.load_data("digits")
    assert trained.evaluate(data.x_test, data.y_test)["accuracy"] > 0.9


def test_names_in_the_table_of_the_readme_exist() -> None:
    table = README.read_text().partition("| decisions |")[2].partition("Sharing a decision")[0]
    names = set(re.findall(r"`([A-Za-z_]+)`", table)) - {"jarch"}
    assert len(names) > 35
    missing = [name for name in sorted(names) if not hasattr(ja, name)]
    assert not missing
