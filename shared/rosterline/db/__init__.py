"""PostgreSQL: tables, migrations, connections. A service's own SQL stands in its `store`."""
