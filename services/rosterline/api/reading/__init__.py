"""Pages of records: a checked query and its viewer → SQL, rows, links and a body."""
