"""PostgreSQL: tables, migrations, connections. SQL of a service stands in that service's `store`."""
