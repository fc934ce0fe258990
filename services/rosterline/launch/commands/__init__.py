"""The commands, a module each; its `app` is the command."""
