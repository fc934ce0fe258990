"""The events by which the services meet: their models, subjects and schemas."""
