"""What the README shows is what happens."""

import doctest
import pathlib
import re

import pytest

import jarch as ja

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_session_gives_what_it_shows() -> None:
    definition = block("python").partition("\ndata =")[0]
    names: dict[str, object] = {}
    exec(definition, names)
    session = doctest.DocTestParser().get_doctest(block("pycon"), names, "README", "README.md", 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(session, out=report.append)
    assert not runner.failures, "".join(report)
    assert runner.tries > 5


@pytest.mark.slow
def test_the_search_runs() -> None:
    names: dict[str, object] = {}
    exec(block("python"), names)
    trained = names["trained"]
    assert isinstance(trained, ja.Trained)
    data = ja.load_data("digits")
    assert trained.evaluate(data.x_test, data.y_test)["accuracy"] > 0.9


def test_names_in_the_table_exist() -> None:
    table = README.partition("| decisions |")[2].partition("Sharing a decision")[0]
    names = set(re.findall(r"`([A-Za-z_]+)`", table)) - {"jarch"}
    assert len(names) > 35
    missing = [name for name in sorted(names) if not hasattr(ja, name)]
    assert not missing
