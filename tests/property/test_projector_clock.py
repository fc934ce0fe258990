"""The clock of `dateLastModified`, whatever the machine's clock does."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rosterline.oneroster.stamps import format_stamp
from rosterline.projector.clock import ClockState, lead_for, next_stamp

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone
LEADS = st.timedeltas(timedelta(), timedelta(minutes=10))
STEPS = st.one_of(
    st.timedeltas(timedelta(), timedelta(microseconds=2500)),
    st.timedeltas(timedelta(), timedelta(seconds=30)),
    st.just(timedelta(hours=-1)),
    st.just(timedelta(hours=1)),
)


@given(MOMENTS, st.lists(STEPS, min_size=2), LEADS)
def test_stamps_rise_even_when_the_clock_is_set_back_an_hour(
    start: datetime, steps: list[timedelta], lead: timedelta
) -> None:
    clock = ClockState("e", start, 0, ready=True)
    now = start
    for step in steps:
        now += step
        stamp = next_stamp(clock.last_stamp, now, lead)
        assert stamp > clock.last_stamp
        assert stamp >= now + lead
        assert stamp.microsecond % 1000 == 0 or stamp - clock.last_stamp == timedelta(
            milliseconds=1
        )
        clock = clock.after(stamp, 1)
    assert clock.last_sequence == len(steps)


@given(MOMENTS, MOMENTS, LEADS)
def test_from_whole_milliseconds_come_whole_milliseconds(
    last: datetime, now: datetime, lead: timedelta
) -> None:
    whole = last.replace(microsecond=last.microsecond // 1000 * 1000)
    assert next_stamp(whole, now, lead).microsecond % 1000 == 0


@given(MOMENTS, LEADS)
def test_a_stamp_is_at_most_a_millisecond_later_than_it_must_be(
    now: datetime, lead: timedelta
) -> None:
    stamp = next_stamp(now - timedelta(days=1), now, lead)
    assert stamp - (now + lead) < timedelta(milliseconds=1)


@given(st.lists(MOMENTS, min_size=2), LEADS)
def test_no_two_stamps_look_the_same_as_text(moments: list[datetime], lead: timedelta) -> None:
    last = datetime(2000, 1, 1, tzinfo=UTC)
    texts = []
    for now in moments:
        last = next_stamp(last, now, lead)
        texts.append(format_stamp(last))
    assert texts == sorted(set(texts))


@given(st.integers(0, 1_000_000), st.integers(0, 1_000_000), st.floats(0, 60))
def test_the_lead_covers_the_setting_and_grows_with_the_records(
    fewer: int, more: int, seconds: float
) -> None:
    few, many = lead_for(min(fewer, more), seconds), lead_for(max(fewer, more), seconds)
    assert timedelta(seconds=seconds) <= few <= many
