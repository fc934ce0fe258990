"""OneRoster's own words: vocabularies and wire models. Pydantic only; imports nothing of ours."""
