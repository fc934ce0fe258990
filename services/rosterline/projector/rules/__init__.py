"""The rules: pure functions from facts of the SIS to OneRoster records, or the reason for none."""
