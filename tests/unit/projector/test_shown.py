"""What written records show of the roster: noted when it comes or moves, and only then."""

from rosterline.oneroster.vocabulary import TO_BE_DELETED, Collection, Entity, Status, Version
from rosterline.projector.draft import Draft
from rosterline.projector.rules.schools import Reach
from rosterline.projector.shown import Shown
from rosterline.projector.wanted import CLASSES, OLDER_USERS, SESSIONS, USERS, Wanted
from rosterline.projector.writes import EVERY_SCHOOL, Spool, Stored, Write, decide

SCALES = Collection(Version.V1P2, Entity.ASSESSMENT_LINE_ITEMS)


def draft(
    collection: Collection,
    sourced_id: str,
    schools: tuple[str, ...] | None = ("a",),
    status: Status = "active",
    **columns: object,
) -> Draft:
    """A draft of which only this matters."""
    return Draft(collection, sourced_id, status, "{}", b"new", dict(columns), Reach(schools))


def shown(*drafts: Draft, stored: Stored | None = None) -> Shown:
    """What a spool notes of the drafts, where `stored` is what was there."""
    with Spool({0: "a"}) as spool:
        for each in drafts:
            before = {} if stored is None else {each.sourced_id: stored}
            writes, _ = decide(Wanted(each.collection, {each.sourced_id: (each, 0)}), before)
            spool.add(writes)
        return spool.shown


def test_what_comes_is_noted() -> None:
    found = shown(
        draft(CLASSES, "c", school_id="a"),
        draft(USERS, "guid"),
        draft(OLDER_USERS, "s7", is_student=True),
        draft(OLDER_USERS, "t7", is_student=False),
        draft(SESSIONS, "1", type="term", parent_id="sy1"),
        draft(SESSIONS, "gp1", type="gradingPeriod", parent_id="1"),
    )
    assert found == Shown({"c": "a"}, {"guid": ("a",)}, {"s7"}, {"gp1": "gp1", "1": "gp1"})


def test_another_email_address_is_not_noted() -> None:
    assert not shown(draft(USERS, "guid"), stored=Stored("active", b"old", ("a",)))


def test_another_school_is_noted_and_so_is_the_end_of_one() -> None:
    stored = Stored("active", b"old", ("a", "b"))
    assert shown(draft(USERS, "guid"), stored=stored).student_schools == {"guid": ("a",)}
    moved = shown(draft(CLASSES, "c", ("b",), school_id="b"), stored=Stored("active", b"", ("a",)))
    assert moved.class_schools == {"c": "b"}


def test_who_goes_and_comes_back_where_it_was_is_not_noted() -> None:
    gone = draft(USERS, "guid", status=TO_BE_DELETED)
    assert not shown(gone, stored=Stored("active", b"old", ("a",)))
    assert not shown(draft(USERS, "guid"), stored=Stored(TO_BE_DELETED, b"old", ("a",)))


def moved(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> Write:
    """The write of a record that changes its schools."""
    each = draft(SCALES, "test", new)
    writes, _ = decide(Wanted(SCALES, {"test": (each, 0)}), {"test": Stored("active", b"", old)})
    return writes[0]


def test_what_stood_everywhere_leaves_every_school_but_its_own() -> None:
    assert (moved(None, ("a",)).left, moved(None, ("a",)).entered) == (EVERY_SCHOOL, ())
    assert (moved(("a",), None).left, moved(("a",), None).entered) == ((), EVERY_SCHOOL)
    assert (moved(None, None).left, moved(None, None).entered) == ((), ())
    assert (moved(("a",), ("b",)).left, moved(("a",), ("b",)).entered) == (("a",), ("b",))
