"""The parts of `benchmarks/gpu.py`: what is trained, how it is timed, and what must be equal."""
