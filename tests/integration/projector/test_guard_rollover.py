"""A school year's rollover: one SIS transaction that is held, and released works as a whole."""

from collections.abc import AsyncIterator, Iterable

import asyncpg
import pytest

from rosterline.projector.batch import Received, units
from rosterline.projector.effects import HeldError
from rosterline.projector.guard import Guard
from rosterline.projector.holds import fetch_hold, fetch_waiting, release
from tests.integration.projector.checks import (
    feed_faults,
    load_differences,
    mirror_differences,
    replay,
)
from tests.integration.projector.conftest import Loaded
from tests.support.projection import LIMITS, Chain, open_chain
from tests.support.servers import Databases

FURTHER = 100_000
# The active year's calendars and all that belongs to them, copied below a year that becomes active.
ROLLOVER = f"""
INSERT INTO sis.school_year (school_year_id, start_year, end_year, start_date, end_date)
SELECT school_year_id + {FURTHER}, 2025, 2026, '2025-10-01', '2026-09-30'
FROM sis.school_year WHERE active;
INSERT INTO sis.calendar
    (calendar_id, school_guid, school_year_id, name, start_date, end_date, lms_exclude)
SELECT calendar_id + {FURTHER}, school_guid, school_year_id + {FURTHER}, name || ' new',
       '2025-10-01', '2026-09-30', calendar.lms_exclude
FROM sis.calendar JOIN sis.school_year USING (school_year_id) WHERE active;
INSERT INTO sis.grade_level
    (grade_level_id, calendar_id, name, state_grade_code, nces_grade, lms_exclude)
SELECT grade_level_id + {FURTHER}, calendar_id + {FURTHER}, name, state_grade_code, nces_grade,
       lms_exclude
FROM sis.grade_level WHERE calendar_id + {FURTHER} IN (SELECT calendar_id FROM sis.calendar);
INSERT INTO sis.term (term_id, calendar_id, name, start_date, end_date, seq)
SELECT term_id + {FURTHER}, calendar_id + {FURTHER}, name, start_date + 60, end_date + 60, seq
FROM sis.term WHERE calendar_id + {FURTHER} IN (SELECT calendar_id FROM sis.calendar);
INSERT INTO sis.course (course_id, calendar_id, number, name, subject)
SELECT course_id + {FURTHER}, calendar_id + {FURTHER}, number, name, subject
FROM sis.course WHERE calendar_id + {FURTHER} IN (SELECT calendar_id FROM sis.calendar);
INSERT INTO sis.section (section_id, course_id, number, teacher_display_name, room, homeroom)
SELECT section_id + {FURTHER}, course_id + {FURTHER}, number, teacher_display_name, room, homeroom
FROM sis.section WHERE course_id + {FURTHER} IN (SELECT course_id FROM sis.course);
INSERT INTO sis.section_term (section_id, term_id, period)
SELECT section_id + {FURTHER}, term_id + {FURTHER}, period
FROM sis.section_term WHERE section_id + {FURTHER} IN (SELECT section_id FROM sis.section);
INSERT INTO sis.enrollment
    (enrollment_id, person_id, calendar_id, grade_level_id, service_type, start_date)
SELECT enrollment_id + {FURTHER}, person_id, calendar_id + {FURTHER}, grade_level_id + {FURTHER},
       service_type, '2025-10-01'
FROM sis.enrollment
WHERE end_date IS NULL AND calendar_id + {FURTHER} IN (SELECT calendar_id FROM sis.calendar);
INSERT INTO sis.roster (roster_id, section_id, person_id, start_date)
SELECT roster_id + {FURTHER}, section_id + {FURTHER}, person_id, '2025-10-01'
FROM sis.roster
WHERE end_date IS NULL AND section_id + {FURTHER} IN (SELECT section_id FROM sis.section);
INSERT INTO sis.section_staff (section_staff_id, section_id, person_id, role)
SELECT section_staff_id + {FURTHER}, section_id + {FURTHER}, person_id, role
FROM sis.section_staff WHERE section_id + {FURTHER} IN (SELECT section_id FROM sis.section);
UPDATE sis.school_year SET active = false WHERE active;
UPDATE sis.school_year SET active = true WHERE school_year_id > {FURTHER};
"""
# What a pull of one version shows: its classes and class enrollments, in one look.
SEEN = """
SELECT count(DISTINCT left(sourced_id, 1)) FROM (
    SELECT CASE WHEN length(sourced_id) >= 6 THEN 'new' ELSE 'old' END AS sourced_id
    FROM v1p2.classes WHERE status = 'active'
    UNION ALL
    SELECT CASE WHEN length(sourced_id) >= 7 THEN 'new' ELSE 'old' END
    FROM v1p2.enrollments WHERE status = 'active'
) AS records
"""


@pytest.fixture(params=[1000, 50])
async def guarded(
    request: pytest.FixtureRequest, copies: Databases, loaded: Loaded
) -> AsyncIterator[Chain]:
    """A guarded chain whose large transactions come whole or in parts."""
    async with open_chain(copies, part_rows=request.param) as opened:
        opened.store.events.extend(loaded.events)
        opened.store.projection.guard = Guard(share=0.2, records=5)
        yield opened


async def apply_watching(
    chain: Chain, messages: Iterable[Received], reader: asyncpg.Connection
) -> set[int]:
    """Apply messages; how many kinds of school years others saw after each of them."""
    seen: set[int] = set()
    for unit in units(messages, LIMITS):
        await chain.store.apply_unit(unit)
        seen.add(await reader.fetchval(SEEN))
    return seen


async def test_g10_a_released_rollover_becomes_visible_as_a_whole(guarded: Chain) -> None:
    store, told = guarded.store, len(guarded.store.events)
    before = await store.stored()
    async with guarded.sis.transaction():
        await guarded.sis.execute(ROLLOVER)
    await guarded.sis.execute("UPDATE sis.district SET name = 'after'")
    messages = await guarded.source.drain()
    with pytest.raises(HeldError) as held:
        await store.apply(messages)
    await store.projection.abandon(store.projection.sis)
    error = held.value
    await store.projection.keep(store.projection.sis, error.sequence, error.name, error.losses)
    assert await store.stored() == before
    (waiting,) = await fetch_waiting(store.reader)
    lost = {loss.collection for loss in waiting.losses}
    assert {"v1p2.classes", "v1p2.enrollments", "v1p2.academicSessions"} <= lost
    await release(store.reader, waiting.hold_id)
    await store.restart()
    projection = store.projection
    projection.guard = Guard(share=0.2, records=5)
    projection.sis.hold = await fetch_hold(projection.connection, projection.sis.stream.name, "one")
    behind = [one for one in messages if one.sequence > projection.sis.cursor.sequence]
    assert await apply_watching(guarded, behind, store.reader) == {1}
    events = [one for one in store.events[told:] if one.headers["ce-transactionid"] == error.name]
    assert len({event.headers["ce-time"] for event in events}) == 1
    assert {event.operation for event in events} >= {"created", "deleted"}
    assert '"after"' in store.events[-1].data
    assert await mirror_differences(guarded) == []
    assert await load_differences(guarded) == []
    assert feed_faults(store.events) == []
    assert replay(store.events) == await store.stored()
    active = await store.stored(only_active=True)
    classes = [key[2] for key in active if key[:2] == ("v1p2", "classes")]
    assert classes
    assert all(int(sourced_id) > FURTHER for sourced_id in classes)
    assert await store.reader.fetchval("SELECT ended_at FROM rosterline.hold") is not None
