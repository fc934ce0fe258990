"""Values of a statement, which never stand in its text. Pure."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Parameters:
    """The parameters of a statement, $1 first; a name holds one for several uses."""

    values: list[object] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, value: object, type_name: str) -> str:
        """A new parameter, as it stands in the text."""
        self.values.append(value)
        return f"${len(self.values)}::{type_name}"

    def once(self, name: str, value: object, type_name: str) -> str:
        """The parameter of this name."""
        if name not in self.names:
            self.names[name] = self.add(value, type_name)
        return self.names[name]
