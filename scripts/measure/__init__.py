"""What `scripts/benchmark.py` measures; each section is a function that gives the lines of its table."""
