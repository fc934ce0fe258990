"""Table definitions (SQLModel), a module for each schema. Alembic's migrations are compared with them."""
