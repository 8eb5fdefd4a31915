"""Pictures as pages of a PDF file, from what Graphviz says in its JSON format about how to draw.

Written here because the Graphviz of the wheel makes no PDF and that of the PATH no PDF of several
pages, because what has to be drawn is little (lines, curves, ellipses, text in Helvetica), and
because the libraries that could do it instead are 2 to 8 MB. The pages are vectors, and their text
can be searched and copied. Characters that Helvetica's encoding lacks are written as Python
escapes them; the SVG has them as they are.

Reference: ISO 32000-1:2008, "Document management. Portable document format", sections 7 to 9;
https://graphviz.org/docs/outputs/canon/#xdot for the drawing operations.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

_FONTS = ("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique")
_CIRCLE = 0.5523  # how far the control points of a quarter circle are from its ends
_Operation: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class _Pen:
    """What Graphviz has set so far, for the operations that follow."""

    stroke: bool = True
    fill: bool = True
    face: int = 0
    size: float = 10.0
    ink: str = "0 0 0"


def pdf(pages: Iterable[bytes | str], title: str = "") -> bytes:
    """Return a PDF file.

    Args:
        pages: What `dot -Tjson` gives, for each page. Every page is as large as its picture.
        title: The document's title.
    """
    fonts = " ".join(f"/F{i} {4 + i} 0 R" for i in range(len(_FONTS)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", _information(title)]
    objects += [_font(name) for name in _FONTS]
    kids: list[str] = []
    for page in pages:
        drawing: _Operation = json.loads(page)
        left, bottom, right, top = _bounds(drawing)
        content = zlib.compress("\n".join(_drawn(drawing)).encode("latin-1"))
        size = f"/Length {len(content)} /Filter /FlateDecode"
        objects.append(b"<< %s >> stream\n%s\nendstream" % (size.encode(), content))
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{left} {bottom} {right} {top}] "
            f"/Contents {len(objects)} 0 R /Resources << /Font << {fonts} >> >> >>".encode()
        )
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    return _file(objects)


def _information(title: str) -> bytes:
    return b"<< /Producer (jarch) /Title %s >>" % _string(title)


def _font(name: str) -> bytes:
    return (
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
    )


def _file(objects: Sequence[bytes]) -> bytes:
    """Return the objects, numbered from 1, with the table that says where each begins."""
    result = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    starts: list[int] = []
    for number, body in enumerate(objects, 1):
        starts.append(len(result))
        result += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(result)
    result += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    result += b"".join(b"%010d 00000 n \n" % start for start in starts)
    result += b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\n" % (len(objects) + 1)
    result += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(result)


def _string(text: str) -> bytes:
    """Return a PDF string; it has the character set of Windows-1252."""
    plain = text.encode("cp1252", "backslashreplace")
    return b"(" + re.sub(rb"([\\()])", rb"\\\1", plain) + b")"


def _bounds(drawing: _Operation) -> tuple[float, float, float, float]:
    pad = 72 * float(drawing.get("pad", 0.0555))
    left, bottom, right, top = map(float, drawing["bb"].split(","))
    return left - pad, bottom - pad, right + pad, top + pad


def _drawn(drawing: _Operation) -> Iterable[str]:
    """Yield the content of a page: the background, then the edges below the nodes."""
    for part in (drawing, *drawing.get("edges", ()), *drawing.get("objects", ())):
        for name in sorted(name for name in part if re.fullmatch(r"_\w*draw_", name)):
            yield "q"
            pen = _Pen()
            for operation in part[name]:
                yield from _operation(operation, pen)
            yield "Q"


def _operation(operation: _Operation, pen: _Pen) -> Iterable[str]:
    """Yield what one drawing operation is in a page's content."""
    match operation["op"]:
        case "c":
            pen.stroke, pen.ink = _colour(operation["color"])
            yield f"{pen.ink} RG"
        case "C":
            pen.fill, ink = _colour(operation["color"])
            yield f"{ink} rg"
        case "S":
            yield from _line(operation["style"])
        case "F":
            pen.size = operation["size"]
        case "t":
            pen.face = operation["fontchar"] & 3
        case "T":
            yield _text(operation, pen)
        case "P" | "p" | "L":
            points = operation["points"]
            yield _path(points[0], [f"{x} {y} l" for x, y in points[1:]])
            yield _paint(pen, operation["op"] == "P", operation["op"] != "L")
        case "B" | "b":
            points = operation["points"]
            closed = points[0] == points[-1]  # filled or not: documents differ in the letter
            yield _path(points[0], _curves(points[1:]))
            yield _paint(pen, closed, closed)
        case "E" | "e":
            yield _ellipse(*operation["rect"])
            yield _paint(pen, operation["op"] == "E", True)
        case _:
            pass  # gradients and images: the pictures have none


def _colour(text: str) -> tuple[bool, str]:
    """Return whether a colour is to be seen, and its red, green and blue."""
    digits = text.removeprefix("#") if text.startswith("#") else "000000"
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return digits[6:8] != "00", f"{red:.3f} {green:.3f} {blue:.3f}"


def _line(style: str) -> Iterable[str]:
    if width := re.fullmatch(r"setlinewidth\(([\d.]+)\)", style):
        yield f"{width[1]} w"
    elif style in ("solid", "dashed", "dotted"):
        yield {"solid": "[] 0 d", "dashed": "[5 2] 0 d", "dotted": "[1 5] 0 d"}[style]


def _text(operation: _Operation, pen: _Pen) -> str:
    x, y = operation["pt"]
    x -= operation["width"] * {"l": 0, "c": 0.5, "r": 1}[operation["align"]]
    text = operation["text"].replace("\\\\", "\\")  # Graphviz writes backslashes twice here
    shown = _string(text).decode("latin-1")
    place = f"{x:.2f} {y:.2f} Td {shown} Tj"
    return f"q {pen.ink} rg BT /F{pen.face} {pen.size:g} Tf {place} ET Q"


def _path(start: Sequence[float], rest: Iterable[str]) -> str:
    return " ".join([f"{start[0]} {start[1]} m", *rest])


def _curves(points: Sequence[Sequence[float]]) -> Iterable[str]:
    for i in range(0, len(points) - 2, 3):
        yield " ".join(f"{x} {y}" for x, y in points[i : i + 3]) + " c"


def _ellipse(x: float, y: float, width: float, height: float) -> str:
    """Return an ellipse about (x, y) with half axes `width` and `height`."""
    w, h = width * _CIRCLE, height * _CIRCLE
    right, up, left, down = (x + width, y), (x, y + height), (x - width, y), (x, y - height)
    points = [
        *((x + width, y + h), (x + w, y + height), up),
        *((x - w, y + height), (x - width, y + h), left),
        *((x - width, y - h), (x - w, y - height), down),
        *((x + w, y - height), (x + width, y - h), right),
    ]
    return _path(right, _curves(points))


def _paint(pen: _Pen, fill: bool, close: bool) -> str:
    """Return the operator that paints the path, after the pen."""
    if fill and pen.fill:
        return "b" if pen.stroke else "f"
    if not pen.stroke:
        return "n"
    return "s" if close else "S"
