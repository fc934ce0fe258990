"""What an operator can mend: of an installation, its settings, or what a command was asked."""


class OperatorError(Exception):
    """Told in one line, without a traceback; the message says what is wrong and what to do."""
