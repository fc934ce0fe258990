"""Handlers of HTTP requests: they join the pieces and hold no rules of their own."""
