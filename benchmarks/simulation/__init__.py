"""Thousands of studies at once: what `benchmarks/statistics.py` is made of. `statistics.py` says how it is run."""
