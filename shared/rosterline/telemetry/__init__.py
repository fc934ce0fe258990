"""Logging, failpoints: what tells operators and tests what happens inside."""
