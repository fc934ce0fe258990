"""Districts and schools as OneRoster orgs; the sourcedId is the SIS's GUID (DESIGN §4, Classes)."""

from rosterline.oneroster.v1p2 import Org, reference
from rosterline.oneroster.vocabulary import ACTIVE, Entity
from rosterline.projector.facts import Context
from rosterline.projector.rules.values import present
from rosterline.projector.rules.verdict import Verdict
from rosterline.projector.rules.visibility import district_kept_out, school_kept_out


def build_district(context: Context, district_guid: str) -> Verdict:
    """Seed 001, Orgs: "name and State [Number]"; the children are the schools that may be seen."""
    kept_out = district_kept_out(context, district_guid)
    if kept_out is not None:
        return kept_out
    district = context.reference.districts[district_guid]
    children = sorted(
        school.school_guid
        for school in context.reference.schools.values()
        if school.district_guid == district_guid
        and school_kept_out(context, school.school_guid) is None
    )
    return Org(
        sourced_id=district_guid,
        status=ACTIVE,
        name=district.name,
        type="district",
        identifier=present(district.state_number) or district_guid,
        children=tuple(reference(Entity.ORGS, guid) for guid in children) or None,
    )


def build_school(context: Context, school_guid: str) -> Verdict:
    """Seed 001, Orgs: "including the name and State School Number of the school"."""
    kept_out = school_kept_out(context, school_guid)
    if kept_out is not None:
        return kept_out
    school = context.reference.schools[school_guid]
    return Org(
        sourced_id=school_guid,
        status=ACTIVE,
        name=school.name,
        type="school",
        identifier=present(school.state_number) or school_guid,
        parent=reference(Entity.ORGS, school.district_guid),
    )
