"""G9: until the first load is whole, and while the database is away, 503 and never a short list."""

import psycopg
import pytest

from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.api import ONE_OF_EACH, serving
from tests.support.servers import Databases


@pytest.mark.parametrize("path", ["/users", "/users/student-1", "/demographics"])
async def test_g9_records_are_refused_until_the_first_load_is_whole(
    databases: Databases, path: str
) -> None:
    async with serving(databases.dsn, ready=False) as served:
        await served.authorize()
        await served.read_model.write(*ONE_OF_EACH)
        early = await served.get(path)
        assert (early.status_code, early.headers["Retry-After"]) == (503, "5")
        assert "server_busy" in early.text
        await served.read_model.become_ready()
        assert (await served.get(path)).status_code == 200


async def test_health_tells_live_from_ready(databases: Databases) -> None:
    async with serving(databases.dsn, ready=False) as served:
        assert (await served.http.get("/health/live")).status_code == 200
        loading = await served.http.get("/health/ready")
        assert (loading.status_code, loading.json()["state"]) == (503, "loading")
        assert (await served.http.get("/health")).status_code == 503
        await served.read_model.become_ready()
        assert (await served.http.get("/health/ready")).json() == {"ready": True, "state": "ready"}
        assert (await served.http.get("/health")).status_code == 200


async def test_health_shows_what_waits_for_an_operator(databases: Databases) -> None:
    async with serving(databases.dsn) as served:
        for released_at, ended_at, holds in (
            (None, None, 1),
            ("2026-11-21T08:00:00Z", None, 1),
            (None, "2026-11-21T08:00:00Z", 1),
            (None, None, 2),
        ):
            await served.connection.execute(
                "INSERT INTO rosterline.hold "
                "(stream, created, sequence, transaction, losses, held_at, released_at, ended_at) "
                "VALUES ('SIS', 'x', 1, 'x', '[]', now(), $1::text::timestamptz, "
                "$2::text::timestamptz)",
                released_at,
                ended_at,
            )
            health = await served.http.get("/health")
            assert health.status_code == 200
            assert (health.json()["held"], health.json()["holds"]) == (True, holds)
        await served.connection.execute("UPDATE rosterline.hold SET released_at = now()")
        health = await served.http.get("/health")
        assert (health.json()["held"], health.json()["holds"]) == (False, 0)


def allow_connections(server: EmbeddedPostgres, dsn: str, *, allowed: bool) -> None:
    """Shut a database and throw everyone out, or open it again."""
    name = dsn.rpartition("/")[2]
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {str(allowed).lower()}")
        if not allowed:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                [name],
            )


async def test_g9_while_the_database_is_away_the_answer_is_503(
    postgres_server: EmbeddedPostgres, databases: Databases
) -> None:
    async with serving(databases.dsn) as served:
        await served.read_model.write(*ONE_OF_EACH)
        await served.authorize()
        assert (await served.get("/users")).status_code == 200
        allow_connections(postgres_server, databases.dsn, allowed=False)
        for _ in range(3):
            away = await served.get("/users")
            assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
        assert (await served.ask_token({})).status_code == 503
        health = await served.http.get("/health")
        assert (health.status_code, health.json()["state"]) == (503, "database unreachable")
        assert "held" not in health.json()
        allow_connections(postgres_server, databases.dsn, allowed=True)
        assert len((await served.get("/users")).json()["users"]) == 2
