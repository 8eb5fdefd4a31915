"""Pictures: what is in them, what is highlighted, and what happens without Graphviz."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch import nn, spaces
from jarch.ir import Inference, Op, Source
from jarch.show import Drawing, draw, draw_evolution, engines, styles
from jarch.show.dots import Style, graph, shared
from jarch.show.labels import html, quoted, tooltip
from jarch.show.texts import constant_text, domain_text, module_title, shorten
from jarch.show.views import Changes, View, changes, uses, view
from jarch.testing import strategies

from .shown_spaces import BLOG_VALUES, SVG, double, small

GOLDEN = Path(__file__).parent / "golden"


def two_ended() -> ja.Fragment:
    """Two inputs, two outputs, a substitution with two of each, and a shared rate."""
    wiring = ja.Wiring(["image", "text"])
    rate = ja.Float(1e-4, 0.5, log=True, name="rate")
    made = {
        name: wiring.add(nn.dense(features=8), {"in": wiring.input(name)})["out"]
        for name in ("image", "text")
    }

    def fuse(swap: bool) -> ja.Fragment:
        inner = ja.Wiring(["a", "b"])
        names = ["b", "a"] if swap else ["a", "b"]
        return inner.build({f"out_{n}": inner.input(m) for n, m in zip("ab", names, strict=True)})

    pieces = ja.substitution(
        fuse, {"swap": ja.Bool("swap")}, ["a", "b"], ["out_a", "out_b"], "fuse"
    )
    fused = wiring.add(pieces, {"a": made["image"], "b": made["text"]})
    left = wiring.add(nn.dropout(rate=rate), {"in": fused["out_a"]})["out"]
    right = wiring.add(nn.dropout(rate=rate), {"in": fused["out_b"]})["out"]
    return wiring.build({"left": left, "right": right})


def check_golden(name: str, text: str) -> None:
    """Compare with tests/golden; to accept a change, delete the file and run again."""
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} did not exist; it is written now: look at it and run again")
    assert text == path.read_text(encoding="utf-8")


def highlighted(page: str) -> set[str]:
    """Return the names of the modules and hyperparameters drawn as new."""
    lines = [line for line in page.splitlines() if line.startswith('"') and "->" not in line]
    new = [line for line in lines if f'fillcolor="{styles.NEW}"' in line]
    return {re.match(r'"([^"]*)"', line).group(1) for line in new}  # type: ignore[union-attr]


def evolve(space: ja.Space, values: Sequence[object]) -> list[View]:
    views = [view(space)]
    for value in values:
        space = ja.assign(space, value)
        views.append(view(space))
    return views


# The view


def test_view_of_a_space_has_its_modules_and_hyperparameters() -> None:
    shown = view(ja.trace(small))
    assert [m.key for m in shown.modules] == ["conv", "optional", "relu", "repeat"]
    assert [m.substitution for m in shown.modules] == [False, True, False, True]
    assert [h.key for h in shown.hyperparameters] == ["width", "kernel", "norm", "discrete"]
    assert shown.outputs == (("out", Source("repeat", "out")),)
    assert shown.next == "discrete"


def test_view_steps_over_what_has_been_expanded() -> None:
    space = ja.trace(small)
    for key, value in (("norm", False), ("discrete", 2), ("width", 8)):
        space = ja.assign(space, value, key)
    shown = view(space)
    keys = [m.key for m in shown.modules]
    assert keys == ["conv", "relu", "repeat/dense", "repeat/dense-1"]
    assert shown.modules[1].inputs == (("in", Source("conv", "out")),)
    twice = shown.hyperparameters[-1]
    assert (twice.key, twice.parents, twice.value) == ("twice", (("width", "width"),), 16)


def test_view_of_the_last_space_and_of_its_architecture_agree() -> None:
    space = ja.trace(small)
    values = [2, True, 8, 5]
    for value in values:
        space = ja.assign(space, value)
    ours, theirs = view(space), view(ja.architecture(space))
    assert [m.key for m in ours.modules] == [m.key for m in theirs.modules]
    assert ours.edges == theirs.edges
    for mine, other in zip(ours.modules, theirs.modules, strict=True):
        assert [(p.name, p.value) for p in mine.properties] == [
            (p.name, p.value) for p in other.properties
        ]


def test_view_refuses_what_is_not_a_space() -> None:
    with pytest.raises(ja.SpaceError, match=r"jarch\.trace"):
        view(small)  # type: ignore[arg-type]


def test_uses_counts_properties_and_dependents() -> None:
    space = ja.assign(ja.trace(small), 2)  # two repetitions, both of which use `twice`
    assert uses(view(space)) == {"width": 2, "kernel": 1, "norm": 1, "twice": 2}
    assert shared(view(space)) == ["width", "twice"]


@settings(max_examples=settings().max_examples // 2)
@given(strategies.spaces(decide=True), st.data())
def test_changes_are_exactly_the_difference(space: ja.Space, data: st.DataObject) -> None:
    before = view(space)
    assert changes(before, before) == Changes()
    if space.next is None:
        return
    try:
        after = view(ja.assign(space, data.draw(strategies.values(space.next.domain))))
    except ja.InvalidArchitecture:
        return
    new = changes(before, after)
    assert {m.key for m in after.modules} == new.modules | (
        {m.key for m in after.modules} & {m.key for m in before.modules}
    )
    assert not new.modules & {m.key for m in before.modules}
    assert new.edges == after.edges - before.edges
    was_open = {h.key for h in before.hyperparameters if not h.assigned}
    assert new.assigned == {h.key for h in after.hyperparameters if h.assigned} & was_open


@settings(max_examples=settings().max_examples // 2)
@given(strategies.spaces(decide=True))
def test_every_end_of_an_edge_is_in_the_picture(space: ja.Space) -> None:
    page = draw(space).pages[0]
    names = set(re.findall(r'^"([^"]*)" \[', page, re.MULTILINE))
    ends = set(re.findall(r'^"([^"]*)" -> "([^"]*)"', page, re.MULTILINE))
    assert {end for pair in ends for end in pair} <= names


def test_view_of_a_deep_space_needs_no_recursion() -> None:
    def deep() -> ja.Fragment:
        width = ja.Discrete([1, 2], name="width")
        last: ja.ir.Hyperparameter = width
        pieces: list[ja.Fragment] = []
        for _ in range(2000):
            last = ja.Dependent(double, {"width": last})
            pieces.append(nn.relu())
        return ja.sequential(*pieces, nn.dense(features=last))

    shown = view(ja.trace(deep))
    assert (len(shown.modules), len(shown.hyperparameters)) == (2001, 2001)


# The graph


def test_golden_space() -> None:
    check_golden("small_space.dot", draw(ja.trace(small), caption="a small space").pages[0])


def test_golden_frame_with_what_is_new() -> None:
    space = ja.trace(small)
    check_golden("small_frame.dot", draw(ja.assign(space, 2), before=space).pages[0])


def test_golden_architecture() -> None:
    check_golden("small_architecture.dot", draw(ja.replay(ja.trace(small), [2, 1, 8, 5])).pages[0])


def test_golden_two_inputs_and_outputs() -> None:
    check_golden("two_ended.dot", draw(ja.trace(two_ended)).pages[0])


def test_highlight_is_exactly_on_what_is_new() -> None:
    space = ja.trace(small)
    after = ja.assign(space, 2)
    page = draw(after, before=space).pages[0]
    assert highlighted(page) == {"repeat/dense", "repeat/dense-1", "$twice"}
    assert highlighted(draw(after).pages[0]) == set()
    assert highlighted(draw(after, before=after).pages[0]) == set()


def test_a_value_just_assigned_is_highlighted_where_it_stands() -> None:
    space = ja.assign(ja.trace(small), 2)
    after = ja.assign(space, 5, "kernel")
    page = draw(after, before=space).pages[0]
    assert highlighted(page) == set()
    rows = [row for row in page.split("<TR>") if f'BGCOLOR="{styles.NEW_VALUE}"' in row]
    assert len(rows) == 1
    assert "kernel_size" in rows[0]
    assert ">5<" in rows[0]


def test_without_hyperparameters_only_modules_are_left() -> None:
    space = ja.assign(ja.trace(small), 2)
    page = draw(space, hyperparameters=False).pages[0]
    assert '"$' not in page
    assert "{3, 5}" not in page
    assert ">norm<" not in page
    assert page.count("->") == len(view(space).edges)
    decided = draw(ja.assign(space, 5, "kernel"), hyperparameters=False).pages[0]
    assert ">5<" in decided


def test_shared_hyperparameters_have_an_edge_for_each_use() -> None:
    page = draw(ja.trace(two_ended)).pages[0]
    assert page.count('"$rate" -> "') == 2
    assert '"$swap"' not in page  # used once: it stands in its module
    assert "{False, True}" in page


def test_dependents_have_edges_from_their_parents() -> None:
    page = draw(ja.assign(ja.trace(small), 2)).pages[0]
    assert '"$width" -> "$twice"' in page
    assert re.search(r'^"\$twice" \[.*dashed', page, re.MULTILINE)
    assert page.count('"$twice" -> "repeat/dense') == 2


def test_properties_at_their_defaults_are_only_in_the_tooltip() -> None:
    page = draw(ja.trace(lambda: nn.conv(features=8, kernel_size=3, padding="VALID"))).pages[0]
    assert ">strides<" not in page
    assert "strides = 1" in page
    assert ">padding<" in page
    assert ">VALID<" in page


def test_one_hyperparameter_has_one_colour_in_all_frames(tmp_path: Path) -> None:
    space = ja.trace(spaces.mobilenet_blog)  # those decided first are gone from later frames
    pages = draw_evolution(space, BLOG_VALUES[:4], tmp_path).pages
    found = [re.findall(r'^"\$([^"]*)" \[.*? color="(#\w+)"', page, re.MULTILINE) for page in pages]
    pairs = {pair for page in found for pair in page}
    keys = {key for key, _ in pairs}
    assert {"drop_opt", "bn_opt", "kernel_size"} <= keys
    assert len(pairs) == len(keys)


def test_inks_come_again_after_the_last() -> None:
    keys = [str(i) for i in range(len(styles.INKS) + 1)]
    assert styles.inks(keys)["0"] == styles.inks(keys)[keys[-1]]


@pytest.mark.parametrize("ink", [*styles.INKS, styles.INK, styles.MUTED])
@pytest.mark.parametrize("paper", [styles.PAPER, styles.SUBSTITUTION, styles.NEW, styles.NEW_VALUE])
def test_contrast_is_enough_to_read(ink: str, paper: str) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert (luminance(paper) + 0.05) / (luminance(ink) + 0.05) >= 4.5


# Words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("SAME", "SAME"),
        ("two words", "'two words'"),
        (None, "None"),
        ((1, 2), "(1, 2)"),
        ("", "''"),
    ],
)
def test_constant_text(value: ja.ir.Constant, text: str) -> None:
    assert constant_text(value) == text


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        (ja.ir.DiscreteDomain((True, "a", None)), "{True, a, None}"),
        (ja.ir.IntegerDomain(1, 64, log=True), "1..64 log"),
        (ja.ir.FloatDomain(0.0, 1.0), "[0, 1]"),
        (ja.ir.PermutationDomain(4), "orders of 4"),
    ],
)
def test_domain_text(domain: ja.ir.Domain, text: str) -> None:
    assert domain_text(domain) == text


def test_long_domains_are_shortened() -> None:
    text = domain_text(ja.ir.DiscreteDomain(tuple(range(1000))))
    assert len(text) <= 32
    assert text.startswith("{0, 1, 2")
    assert text.endswith("998, 999}")
    assert shorten("short") == "short"


def test_titles_name_the_operation_where_the_key_does_not() -> None:
    shown = view(ja.trace(lambda: ja.sequential(nn.conv(8, 3, name="stem"), nn.relu, nn.relu)))
    assert [module_title(m) for m in shown.modules] == [
        ("stem", "conv"),
        ("relu", ""),
        ("relu-1", ""),
    ]


NASTY = 'a"b\\c<d>&amp;\n{}|\\N'


def nasty() -> ja.Fragment:
    odd = ja.Discrete([NASTY, "λ → 層"], name="größe-1.x")
    op = Op("somewhere:<odd>", lambda properties, shapes: Inference({"out": shapes["in"]}))
    return ja.sequential(*[ja.basic(op, {"word": odd}, name="odd") for _ in range(2)])


def test_special_characters_reach_the_svg_as_they_are() -> None:
    space = ja.assign(ja.trace(nasty), NASTY)
    tree = ElementTree.fromstring(
        engines.render(draw(space, caption=NASTY).pages[0], ["svg"])["svg"]
    )
    texts = ["".join(node.itertext()) for node in tree.iter(f"{SVG}text")]
    assert f" = {constant_text(NASTY)}" in texts
    assert NASTY.replace("\n", " ") in texts
    titles = [
        value for node in tree.iter() for name, value in node.attrib.items() if "title" in name
    ]
    assert any(repr(NASTY) in title for title in titles)


def test_quoting() -> None:
    assert quoted('a"b\\N\n<') == '"a\\"b\\\\N\\n&lt;"'
    assert tooltip("a\\b") == '"a\\\\\\\\b"'
    assert html("<a & 'b'\n\\>") == "&lt;a &amp; &#x27;b&#x27; \\\\&gt;"


# Evolutions


def test_frames_highlight_exactly_their_difference(tmp_path: Path) -> None:
    space, values = ja.trace(small), [2, True, 8, 5]
    views = evolve(space, values)
    pages = draw_evolution(space, values, tmp_path).pages
    assert highlighted(pages[0]) == set()
    for before, after, page in zip(views[:-1], views[1:], pages[1:], strict=True):
        new = changes(before, after)
        boxed = {f"${key}" for key in (new.hyperparameters | new.assigned) & set(shared(after))}
        assert highlighted(page) == new.modules | boxed


def test_published_evolution_highlights_each_new_module_once(tmp_path: Path) -> None:
    space = ja.trace(spaces.mobilenet_blog)
    pages = draw_evolution(space, BLOG_VALUES, tmp_path).pages
    new = [name for page in pages for name in highlighted(page) if not name.startswith("$")]
    first = {m.key for m in view(space).modules}
    last = {m.key for m in view(ja.replay(space, BLOG_VALUES)).modules}
    assert len(new) == len(set(new))
    assert last <= set(new) | first


@settings(max_examples=settings().max_examples // 5)
@given(strategies.spaces(decide=True))
def test_every_space_can_be_drawn(space: ja.Space) -> None:
    drawing: Drawing = draw(space)
    assert engines.render(drawing.pages[0], ["json"])["json"]
    assert graph(view(space), Style()).to_string() == drawing.pages[0]
