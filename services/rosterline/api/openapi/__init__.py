"""The OpenAPI documents of what is served, made from the endpoint table and the wire models."""
