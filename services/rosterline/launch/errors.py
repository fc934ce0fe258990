"""What the command reports as one line on standard error, with exit code 1."""


class LaunchError(Exception):
    """Something that the operator can mend; the message says what is wrong and what to do."""


class UsageError(LaunchError):
    """A setting or argument that cannot be right: exit code 2."""
