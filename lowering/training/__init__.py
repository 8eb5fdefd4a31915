"""Training with optax: configuration, losses and metrics, the loop, and what is kept of it.

Each module is imported by its own name; `jarch.lowering` lists what is public.
"""
