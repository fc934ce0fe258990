"""The composition root: the command, the supervisor, the embedded servers.

Alone may import all services.
"""
