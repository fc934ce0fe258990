"""The pieces of which OpenAPI documents are put together; they fit versions 3.0 and 3.1. Pure."""

Node = dict[str, object]
TEXT: Node = {"type": "string"}


def refer(kind: str, name: str) -> Node:
    """A reference to a component of the same document."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json_body(schema: Node, examples: dict[str, Node] | None = None) -> Node:
    """The content of a JSON body; examples by what they are called."""
    media: Node = {"schema": schema}
    if examples:
        media["examples"] = examples
    return {"application/json": media}


def example(value: object, summary: str | None = None) -> Node:
    """One example, and what it shows."""
    return {"value": value} if summary is None else {"summary": summary, "value": value}


def header(description: str, shown: object, schema: Node | None = None) -> Node:
    """A header of an answer, with an example."""
    return {"description": description, "schema": schema or TEXT, "example": shown}


def upper_first(name: str) -> str:
    """The name as a type is called."""
    return name[0].upper() + name[1:]
