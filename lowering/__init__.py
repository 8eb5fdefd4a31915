"""From an architecture to a program that runs: Flax models, their training, their checkpoints.

The names below are loaded on first use, so that importing jarch does not import JAX.
"""
