"""Tests of Rosterline; tests/README.md says what stands where."""
