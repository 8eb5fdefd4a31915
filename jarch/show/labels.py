"""What stands inside the shapes, in Graphviz's HTML-like language, and how text is escaped."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape

from . import styles
from .texts import constant_text, domain_text, is_redundant, last_part, module_title
from .views import HyperparameterView, ModuleView, PropertyView


def quoted(text: str) -> str:
    """Return a quoted string of the DOT language, for names and attributes."""
    plain = escape(text, quote=False).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + plain.replace("\n", "\\n").replace("\r", "") + '"'


def tooltip(text: str) -> str:
    """Return a quoted string for a tooltip, where Graphviz looks for escapes twice."""
    return quoted(text.replace("\\", "\\\\"))


def html(text: str) -> str:
    """Return the text for an HTML-like label; there, too, a backslash escapes what follows it."""
    return escape(text).replace("\\", "\\\\").replace("\n", " ").replace("\r", " ")


def font(text: str, colour: str, size: str = styles.TEXT_SIZE) -> str:
    """Return the text in a colour and a size, for an HTML-like label."""
    return f'<FONT COLOR="{colour}" POINT-SIZE="{size}">{html(text)}</FONT>'


def caption_label(caption: str, detail: str) -> str:
    """Return the lines above a picture."""
    if not caption:
        return quoted("")
    below = f'<BR ALIGN="LEFT"/>{font(detail, styles.MUTED)}' if detail else ""
    return f'<<B>{html(caption)}</B>{below}<BR ALIGN="LEFT"/>>'


def hyperparameter_label(h: HyperparameterView) -> str:
    """Return the name, and the value or the domain."""
    name = f"<B>{html(last_part(h.key))}</B>"
    if h.assigned:
        return f"<{name} = {html(constant_text(h.value))}>"
    if h.domain is None:
        return f"<{name}>"
    return f"<{name}<BR/>{html(domain_text(h.domain))}>"


def module_label(
    module: ModuleView,
    properties: Collection[PropertyView],
    known: Mapping[str, HyperparameterView],
    inks: Mapping[str, str],
    assigned: Collection[str],
) -> str:
    """Return the title of a module and a row for each property.

    Args:
        module: The module.
        properties: Which of its properties to show.
        known: All hyperparameters by key.
        inks: Colours of the hyperparameters that have a node of their own.
        assigned: Keys of the hyperparameters whose value is new.
    """
    name, computes = module_title(module)
    title = f"<B>{html(name)}</B>" + (" " + font(computes, styles.MUTED) if computes else "")
    if not properties:
        return f"<{title}>"
    rows = "".join(
        _row(item.name, *_value(item, known, inks), item.hyperparameter in assigned)
        for item in properties
    )
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">'
        f'<TR><TD COLSPAN="3">{title}</TD></TR>{rows}</TABLE>>'
    )


def _row(name: str, text: str, ink: str, new: bool) -> str:
    background = f' BGCOLOR="{styles.NEW_VALUE}"' if new else ""
    return (
        f'<TR><TD ALIGN="LEFT"{background}>{font(name, styles.MUTED)}</TD>'
        f'<TD WIDTH="6"{background}></TD>'
        f'<TD ALIGN="RIGHT"{background}>{font(text, ink)}</TD></TR>'
    )


def _value(
    item: PropertyView, known: Mapping[str, HyperparameterView], inks: Mapping[str, str]
) -> tuple[str, str]:
    """Return what stands for a property's value, and its colour."""
    if item.hyperparameter is None:
        return constant_text(item.value), styles.INK
    h = known[item.hyperparameter]
    ink = inks.get(h.key, styles.INK)
    if h.assigned:
        return constant_text(h.value), ink
    name = last_part(h.key)
    if h.key in inks or h.domain is None:
        return name, ink
    domain = domain_text(h.domain)
    return (domain if is_redundant(h.key, item.name) else f"{name} {domain}"), ink
