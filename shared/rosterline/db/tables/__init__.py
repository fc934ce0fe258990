"""Table definitions (SQLModel), a module for each schema; the migrations are compared with them."""
