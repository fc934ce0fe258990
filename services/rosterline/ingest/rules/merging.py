"""A patch and what it is merged into (TIMEBACK: "fields not given stay"), after RFC 7396. Pure."""

from collections.abc import Mapping
from typing import Any


def merged(stored: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396: null takes a member away, objects are merged, all else takes its place."""
    result = dict(stored)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = value
    return result
