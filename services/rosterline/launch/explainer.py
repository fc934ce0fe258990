"""Gives the API the projector's explainer: services may not import each other, launch may both."""

from datetime import date
from typing import cast, get_args

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from rosterline.api.routes.explain import Explainer, InvalidQuestionError, UnknownSubjectError
from rosterline.config.settings import Settings
from rosterline.launch.explain import today_of
from rosterline.projector.explain import subjects
from rosterline.projector.explain.explainer import explain
from rosterline.projector.explain.model import Kind

KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


def explainer_for(settings: Settings) -> Explainer:
    """An explainer for a district whose days are those of the settings' time zone."""

    async def answer(
        connection: PoolConnectionProxy,
        kind: str,
        subject: str,
        *,
        app: str | None,
        day: date | None,
    ) -> bytes:
        if kind not in KINDS:
            raise UnknownSubjectError(
                f"{kind[:40]!r} cannot be explained: ask for {', '.join(KINDS)}"
            )
        question = subjects.Question(KINDS[kind], subject, app, day)
        # A pool's proxy does all that a connection does, but the stubs do not say so.
        lent = cast("asyncpg.Connection", connection)
        try:
            explanation = await explain(lent, question, today_of(settings))
        except subjects.InvalidQuestionError as error:
            raise InvalidQuestionError(str(error)) from error
        except subjects.ExplainError as error:
            raise UnknownSubjectError(str(error)) from error
        return explanation.model_dump_json().encode()

    return answer
