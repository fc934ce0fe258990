"""Benchmarks: programs that print a table; run by `make bench`, never part of the tests."""
