"""What a vendor sees: its switches and schools, and what they make of each collection. Pure."""
