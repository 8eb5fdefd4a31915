"""The command `jarch`."""

from .application import main as main
