"""A view as a graph in Graphviz's language, by pydot. Nothing runs here.

Data flows from top to bottom. A hyperparameter that one property alone uses stands in the
module, with its domain or its value; one that is shared, or that others are computed from, is a
node of its own beside the modules, with an edge to each of its users. So the edges say who shares
what, and none says what a word in the module can.

Edges run at right angles: many that leave one hyperparameter then lie side by side like the lines
of a tube map, where curves tangle. It is also what Graphviz does fastest: a graph of 400 modules
and 400 such edges took 2 s; with curves 14 to 59 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pydot

from . import styles
from .defaults import goes_without_saying
from .labels import caption_label, hyperparameter_label, module_label, quoted, tooltip
from .texts import hyperparameter_tooltip, module_tooltip
from .views import Changes, Edge, HyperparameterView, ModuleView, PropertyView, View, uses


@dataclass(frozen=True, slots=True)
class Style:
    """How a view is drawn.

    Attributes:
        caption: A line above the picture; none where empty.
        detail: A second, smaller line.
        new: What to highlight.
        hyperparameters: Draw them; else the modules alone.
        inks: Colours of hyperparameters by key; by default those that the picture needs.
    """

    caption: str = ""
    detail: str = ""
    new: Changes = field(default_factory=Changes)
    hyperparameters: bool = True
    inks: Mapping[str, str] | None = None


def shared(shown: View) -> list[str]:
    """Return the keys of the hyperparameters that have nodes of their own."""
    count = uses(shown)
    parents = {key for h in shown.hyperparameters for _, key in h.parents}
    return [
        h.key
        for h in shown.hyperparameters
        if h.domain is None or count[h.key] > 1 or h.key in parents
    ]


def graph(shown: View, style: Style | None = None) -> pydot.Dot:
    """Return the picture of a view as a graph.

    Example:
        >>> import jarch as ja
        >>> from jarch.show.views import view
        >>> print(graph(view(ja.trace(lambda: ja.nn.relu()))).to_string())  # doctest: +ELLIPSIS
        digraph architecture {
        ...
        "%in" -> "relu" [...];
        "relu" -> "=out" [...];
        }
        <BLANKLINE>
    """
    style = style or Style()
    inks = style.inks or styles.inks(shared(shown))
    own = {key: inks[key] for key in shared(shown)} if style.hyperparameters else {}
    result = _empty(style)
    for name in shown.inputs:
        result.add_node(_terminal(f"%{name}", name, "input"))
    for h in shown.hyperparameters:
        if h.key in own:
            result.add_node(_hyperparameter(h, own[h.key], style.new))
    known = {h.key: h for h in shown.hyperparameters}
    for module in shown.modules:
        result.add_node(_module(module, known, own, style))
    for name, _ in shown.outputs:
        result.add_node(_terminal(f"={name}", name, "output"))
    _add_flow(result, shown, style.new)
    _add_uses(result, shown, own, style.new)
    return result


def _empty(style: Style) -> pydot.Dot:
    """Return the graph with what all its parts have in common."""
    font = {"fontname": quoted(styles.FONT), "fontcolor": quoted(styles.INK)}
    result = pydot.Dot(
        "architecture",
        graph_type="digraph",
        rankdir="TB",
        splines="ortho",
        nodesep="0.25",
        ranksep="0.2",
        pad="0.2",
        outputorder="edgesfirst",
        bgcolor=quoted(styles.PAPER),
        label=caption_label(style.caption, style.detail),
        labelloc="t",
        labeljust="l",
        fontsize="13",
        tooltip=tooltip(style.caption or "architecture"),
        **font,
    )
    result.set_node_defaults(
        **font, fontsize=styles.TITLE_SIZE, height="0.28", width="0.6", margin=quoted("0.11,0.04")
    )
    result.set_edge_defaults(
        color=quoted(styles.MUTED),
        penwidth=styles.MEDIUM,
        arrowsize="0.6",
        fontname=quoted(styles.FONT),
        fontsize=styles.SMALL_SIZE,
        fontcolor=quoted(styles.MUTED),
    )
    return result


def _terminal(identity: str, name: str, kind: str) -> pydot.Node:
    """Return an input or an output of the whole."""
    return pydot.Node(
        quoted(identity),
        label=quoted(name),
        tooltip=tooltip(f"{kind} {name}"),
        shape="box",
        style=quoted("rounded,filled"),
        fillcolor=quoted(styles.TERMINAL),
        color=quoted(styles.TERMINAL),
        fontcolor=quoted(styles.PAPER),
    )


def _hyperparameter(h: HyperparameterView, ink: str, new: Changes) -> pydot.Node:
    changed = h.key in new.hyperparameters or h.key in new.assigned
    return pydot.Node(
        quoted(f"${h.key}"),
        label=hyperparameter_label(h),
        tooltip=tooltip(hyperparameter_tooltip(h)),
        shape="box",
        style=quoted("rounded,filled,dashed" if h.domain is None else "rounded,filled"),
        color=quoted(ink),
        fontcolor=quoted(ink),
        fillcolor=quoted(styles.NEW if changed else styles.PAPER),
        penwidth=styles.THICK if changed else styles.THIN,
        fontsize=styles.TEXT_SIZE,
    )


def _module(
    module: ModuleView,
    known: Mapping[str, HyperparameterView],
    own: Mapping[str, str],
    style: Style,
) -> pydot.Node:
    new = module.key in style.new.modules
    paper = styles.SUBSTITUTION if module.substitution else styles.PAPER
    properties = [item for item in module.properties if _is_shown(module, item, known, style)]
    assigned = style.new.assigned if style.hyperparameters else ()
    extra: dict[str, Any] = {"margin": quoted("0,0")} if module.substitution else {}
    return pydot.Node(
        quoted(module.key),
        label=module_label(module, properties, known, own, assigned),
        tooltip=tooltip(module_tooltip(module)),
        shape="octagon" if module.substitution else "box",
        style=quoted("filled,dashed" if module.substitution else "rounded,filled"),
        fillcolor=quoted(styles.NEW if new else paper),
        color=quoted(styles.NEW_OUTLINE if new else styles.OUTLINE),
        penwidth=styles.THICK if new else styles.MEDIUM,
        **extra,
    )


def _is_shown(
    module: ModuleView,
    item: PropertyView,
    known: Mapping[str, HyperparameterView],
    style: Style,
) -> bool:
    if item.hyperparameter is not None and not style.hyperparameters:
        return known[item.hyperparameter].assigned
    return not goes_without_saying(module, item)


def _add_flow(result: pydot.Dot, shown: View, new: Changes) -> None:
    """Add the edges along which data flows."""
    outputs = {module.key: module.outputs for module in shown.modules}
    into: list[tuple[Edge, str, str]] = [
        ((module.key, name, source), module.key, f"{name} of {module.key}")
        for module in shown.modules
        for name, source in module.inputs
    ]
    into += [(("", name, source), f"={name}", f"output {name}") for name, source in shown.outputs]
    for edge, head, what in into:
        source = edge[2]
        several = len(outputs.get(source.node, ())) > 1
        attributes: dict[str, Any] = {}
        if several:
            attributes["taillabel"] = quoted(f" {source.output} ")
        if edge in new.edges:
            attributes |= {"color": quoted(styles.NEW_OUTLINE), "penwidth": styles.THICK}
        tail = source.node or f"%{source.output}"
        result.add_edge(
            pydot.Edge(
                quoted(tail),
                quoted(head),
                tooltip=tooltip(f"{source} is {what}"),
                weight="20",
                **attributes,
            )
        )


def _add_uses(result: pydot.Dot, shown: View, own: Mapping[str, str], new: Changes) -> None:
    """Add the edges from hyperparameters to what takes their values.

    Those to modules do not push the modules down.
    """
    for h in shown.hyperparameters if own else ():
        for name, parent in h.parents:
            result.add_edge(_use(parent, f"${h.key}", name, own[parent], new, True))
    for module in shown.modules:
        for item in module.properties:
            key = item.hyperparameter
            if key is not None and key in own:
                result.add_edge(_use(key, module.key, item.name, own[key], new, False))


def _use(key: str, head: str, name: str, ink: str, new: Changes, constraint: bool) -> pydot.Edge:
    return pydot.Edge(
        quoted(f"${key}"),
        quoted(head),
        tooltip=tooltip(f"{key} is {name} of {head.removeprefix('$')}"),
        color=quoted(ink),
        penwidth="1.8" if key in new.assigned else "0.9",
        arrowhead="dot",
        arrowsize="0.45",
        constraint="true" if constraint else "false",
    )
