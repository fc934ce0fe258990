"""Office work on people's own data: names and addresses.

The rules of `enrolling` hold here too: one transaction of the caller, a few words or None.
"""

from rosterline.sample.district import DOMAIN
from rosterline.sample.names import draw, draw_given, draw_tradition, plain_letters
from rosterline.sample.registrar import PERSON, Registrar


async def rename_person(office: Registrar) -> str | None:
    """Another family name, or another name to be called by."""
    person = await office.pick(PERSON)
    if person is None:
        return None
    tradition = draw_tradition(office.rng)
    if office.rng.random() < 0.5:
        column, name = "family_name", draw(office.rng, tradition.family)
        if office.rng.random() < 0.4:
            name = f"{person['family_name'].split('-')[0]}-{name}"
    else:
        column, name = "preferred_given_name", draw_given(office.rng, tradition, "X")
    await office.connection.execute(
        f"UPDATE sis.person SET {column} = $2 WHERE person_id = $1", person["person_id"], name
    )
    return "renamed a person" if column == "family_name" else "noted a preferred name"


async def change_email(office: Registrar) -> str | None:
    """Another e-mail address."""
    person = await office.pick(PERSON)
    if person is None:
        return None
    kind = "students." if person["student_number"] else ""
    domain = f"{kind}{DOMAIN}" if kind or person["staff_number"] else "mail.example"
    name = f"{plain_letters(person['given_name'])}.{plain_letters(person['family_name'])}"
    await office.connection.execute(
        "UPDATE sis.person SET email = $2 WHERE person_id = $1",
        person["person_id"],
        f"{name}.{office.rng.randrange(10**6)}@{domain}",
    )
    return "changed an e-mail address"
