"""OneRoster over HTTP: token, reads, deltas, errors, documentation."""
