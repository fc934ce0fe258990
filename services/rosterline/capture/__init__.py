"""Reads committed changes out of PostgreSQL and puts them on JetStream, each once, in order."""
