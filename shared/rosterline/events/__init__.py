"""The events by which the services meet: source messages, change events, their subjects and schemas."""
