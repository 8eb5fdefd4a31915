"""For testing search spaces and searchers with hypothesis; needs the `test` extra."""

from . import laws as laws, strategies as strategies
from .searchers import check_searcher as check_searcher
