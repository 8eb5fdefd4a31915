"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a crash leaves the old one or the new one, never a half."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Append a line to a file in one write, and wait until the disk has it."""
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        _sync_folder(path.parent)


def read_whole_lines(path: Path, repair: bool = False) -> list[str]:
    """Return the lines of a file to which `append_line` wrote.

    A last line without its end is what a crash in the middle of a write leaves; it is left out.

    Args:
        path: A file; one that is not there has no lines.
        repair: Also cut such a last line off the file, so that it can be appended to.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if repair and len(whole) < len(content):
        os.truncate(path, len(whole))
    return whole.decode("utf-8").splitlines()


def _sync_folder(folder: Path) -> None:
    """Wait until the disk knows of the folder's new entries, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
