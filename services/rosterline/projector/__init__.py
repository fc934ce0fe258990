"""Turns SIS rows into OneRoster records: mirror, rules, read model, outbox and clock."""
