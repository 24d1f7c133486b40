"""Planted mutants: one plausible mistake at a time, which the suites must notice.

`lists/*.toml` is the list, chosen by hand; `catalogue` reads it, `runner` plants one and runs the
suites that should kill it, `python -m tests.mutants` (or `make mutants`) runs all and counts.
"""
