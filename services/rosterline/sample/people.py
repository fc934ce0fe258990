"""Rows of people and their logins."""

from datetime import date, timedelta
from random import Random

from rosterline.sample.draft import Draft
from rosterline.sample.names import Identity, plain_letters
from rosterline.sample.plan import Grade
from rosterline.sample.rows import PersonRow, UserAccountRow

STATE = "OR"
CITIES = (
    "Riverbend", "Portland", "Salem", "Eugene", "Gresham", "Hillsboro", "Bend", "Medford",
    "Corvallis", "Albany", "Tigard", "La Grande", "Coos Bay", "Klamath Falls",
)  # fmt: skip
ABROAD = (
    ("MX", "Guadalajara"), ("MX", "Mérida"), ("VN", "Hà Nội"), ("IN", "Pune"), ("CN", "Chengdu"),
    ("KR", "Busan"), ("PH", "Cebu"), ("GT", "Cobán"), ("SO", "Mogadishu"), ("UA", "Kharkiv"),
    ("ET", "Addis Ababa"), ("BR", "São Paulo"), ("DE", "Köln"), ("NG", "Lagos"),
)  # fmt: skip
# american_indian_or_alaska_native, asian, black, native_hawaiian_or_pacific_islander, white.
# Drawn apart from the names on purpose: a name says nothing about them.
ANSWERS: tuple[tuple[bool | None, ...], ...] = (
    (False, False, False, False, True),
    (False, False, True, False, False),
    (False, True, False, False, False),
    (True, False, False, False, False),
    (False, False, False, True, False),
    (False, False, True, False, True),
    (False, True, False, False, True),
    (True, False, False, False, True),
    (None, None, None, None, None),
)
ANSWER_WEIGHTS = (52, 64, 74, 77, 79, 84, 89, 91, 94)
PRONOUNS = {"F": "she/her", "M": "he/him", "X": "they/them"}
SUFFIXES = ("Jr.", "III", "II", "IV")


def phone(rng: Random) -> str:
    """A number of the block that is kept free for fiction."""
    return f"(503) 555-{rng.randrange(100, 200):04}"


def birthplace(rng: Random) -> tuple[str | None, str | None, str | None]:
    """Country, state and city; often nobody wrote it down."""
    chance = rng.random()
    if chance < 0.1:
        return None, None, None
    if chance < 0.85:
        return "US", STATE, CITIES[int(len(CITIES) * rng.random())]
    country, city = ABROAD[int(len(ABROAD) * rng.random())]
    return country, None, city


def birth_date(rng: Random, grade: Grade, start_year: int) -> date:
    """The birthday of a child in the grade: the cut-off is 1 September."""
    return date(start_year - grade.age - 1, 9, 1) + timedelta(days=int(365 * rng.random()))


def address(identity: Identity, person_id: int) -> str:
    """The part of a login or e-mail address that names the person."""
    given, family = plain_letters(identity.given), plain_letters(identity.family)
    return f"{given}.{family}{person_id}"


def add_student(draft: Draft, identity: Identity, born: date) -> int:
    """A student with a login; the person's id."""
    rng = draft.rng
    person_id = next(draft.ids.person)
    login = address(identity, person_id)
    native, asian, black, pacific, white = rng.choices(ANSWERS, cum_weights=ANSWER_WEIGHTS)[0]
    country, state, city = birthplace(rng)
    chance = rng.random()
    draft.batch.person.append(
        PersonRow(
            person_id,
            draft.guid(),
            identity.given,
            identity.middle,
            identity.family,
            identity.preferred,
            suffix=SUFFIXES[int(chance * 400)] if chance < 0.01 and identity.sex == "M" else None,
            student_number=str(1_000_000 + person_id),
            state_id=str(rng.randrange(10**9, 10**10)) if chance < 0.98 else None,
            email=f"{login}@students.{draft.domain}" if chance < 0.97 else None,
            secondary_email=f"{login}@mail.example" if chance < 0.2 else None,
            other_phone=phone(rng) if chance < 0.6 else None,
            cell_phone=phone(rng) if chance > 0.7 else None,
            pronouns=PRONOUNS[identity.sex] if chance < 0.08 or identity.sex == "X" else None,
            birth_date=born,
            sex=identity.sex if chance < 0.995 else None,
            american_indian_or_alaska_native=native,
            asian=asian,
            black_or_african_american=black,
            native_hawaiian_or_other_pacific_islander=pacific,
            white=white,
            hispanic_or_latino_ethnicity=rng.random() < 0.27 if chance < 0.96 else None,
            country_of_birth_code=country,
            state_of_birth=state,
            city_of_birth=city,
        )
    )
    add_account(draft, person_id, login)
    return person_id


def add_adult(draft: Draft, identity: Identity, *, staff: bool, login: bool = True) -> int:
    """A staff member, guardian or relative; the person's id."""
    rng = draft.rng
    person_id = next(draft.ids.person)
    name = address(identity, person_id)
    chance = rng.random()
    born = date(draft.this_year.start_year - 55, 1, 1) + timedelta(days=rng.randrange(30 * 365))
    draft.batch.person.append(
        PersonRow(
            person_id,
            draft.guid(),
            identity.given,
            identity.middle if staff else None,
            identity.family,
            identity.preferred,
            staff_number=f"E{person_id:07}" if staff else None,
            email=adult_email(name, draft.domain, chance, staff=staff),
            secondary_email=f"{name}@mail.example" if staff and chance < 0.3 else None,
            other_phone=phone(rng) if chance < 0.7 else None,
            cell_phone=phone(rng) if chance > 0.15 else None,
            pronouns=PRONOUNS[identity.sex] if chance < 0.05 else None,
            birth_date=born if staff else None,
            sex=identity.sex if staff else None,
        )
    )
    if login:
        add_account(draft, person_id, name)
    return person_id


def adult_email(name: str, domain: str, chance: float, *, staff: bool) -> str | None:
    """Staff have the district's address; some families gave none."""
    if staff:
        return f"{name}@{domain}"
    return f"{name}@mail.example" if chance < 0.85 else None


def add_account(draft: Draft, person_id: int, login: str) -> None:
    """The person's login, unless this is one who has none; a few have an old one besides."""
    if draft.is_case("without username"):
        return
    if draft.is_case("second account"):
        old = UserAccountRow(next(draft.ids.user_account), person_id, f"old.{login}", True)
        draft.batch.user_account.append(old)
    disabled = draft.is_case("disabled account")
    draft.batch.user_account.append(
        UserAccountRow(next(draft.ids.user_account), person_id, login, disabled)
    )
