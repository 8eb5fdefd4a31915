"""Hypothesis strategies and laws for testing search spaces; needs the `test` extra."""

from . import laws as laws, strategies as strategies
