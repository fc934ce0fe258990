"""Health: `live` says that the process answers, `ready` that records can be read.

`held` says that changes wait until an operator releases them; what was there before is served.
"""

from contextlib import suppress

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.errors import RETRY_SECONDS, ApiError
from rosterline.api.readiness import Readiness


def health_routes(readiness: Readiness) -> list[Route]:
    """`/health/live`, `/health/ready`, and `/health` with both and with what is held."""

    async def live(_: Request) -> Response:
        return _answer(200, {"live": True})

    async def ready(_: Request) -> Response:
        state = await _state(readiness)
        return _answer(
            200 if state == "ready" else 503, {"ready": state == "ready", "state": state}
        )

    async def whole(_: Request) -> Response:
        state = await _state(readiness)
        is_ready = state == "ready"
        body: dict[str, object] = {"live": True, "ready": is_ready, "state": state}
        with suppress(ApiError):
            holds = await readiness.count_holds()
            body |= {"held": holds > 0, "holds": holds}
        return _answer(200 if is_ready else 503, body)

    return [
        Route("/health/live", live, name="live"),
        Route("/health/ready", ready, name="ready"),
        Route("/health", whole, name="health"),
    ]


async def _state(readiness: Readiness) -> str:
    try:
        is_ready = await readiness.check()
        await readiness.require_database()
    except ApiError:
        return "database unreachable"
    return "ready" if is_ready else "loading"


def _answer(status: int, body: dict[str, object]) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return Response(
        orjson.dumps(body), status_code=status, media_type="application/json", headers=headers
    )
