"""What may be written, and what follows of it: the sentences of seed 002 and of the standard. Pure."""
