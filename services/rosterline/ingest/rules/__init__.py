"""What may be written, and what follows of it, by seed 002 and the standard. Pure."""
