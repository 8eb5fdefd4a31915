"""Training of many candidates at once: those of one program run as one, with other numbers."""
