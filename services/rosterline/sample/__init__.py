"""A realistic district for demos, tests and benchmarks; it writes only to the SIS database."""
