"""The query language: what a request asks for, text → checked values. Pure."""
