"""What jarch takes, measured against what runs beside it; `python -m benchmarks.core` runs all."""
