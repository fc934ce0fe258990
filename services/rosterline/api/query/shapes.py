"""What the standard knows of each record, in both versions, filled by Rosterline or not. Pure.

A shape is a leaf, an object, or a list of one of them (a tuple of one). Our pydantic models are
narrower: they hold what Rosterline writes.
"""

from collections.abc import Mapping
from enum import Enum, auto

from rosterline.oneroster.vocabulary import Entity, Version


class Kind(Enum):
    """How the values of a leaf compare; see `rosterline.api.reading.conditions`."""

    ID = auto()
    ADDRESS = auto()
    ENUM = auto()
    TEXT = auto()
    DATE = auto()
    MOMENT = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    OPEN = auto()


Shape = Kind | Mapping[str, "Shape"] | tuple["Shape"]

SOURCED_ID = "sourcedId"
STATUS = "status"
DATE_LAST_MODIFIED = "dateLastModified"
METADATA = "metadata"

ID, ADDRESS, ENUM, TEXT = Kind.ID, Kind.ADDRESS, Kind.ENUM, Kind.TEXT
DATE, MOMENT, NUMBER, BOOLEAN = Kind.DATE, Kind.MOMENT, Kind.NUMBER, Kind.BOOLEAN
REFERENCE: Shape = {"href": ADDRESS, SOURCED_ID: ID, "type": ENUM}
RECORD: Mapping[str, Shape] = {
    SOURCED_ID: ID,
    STATUS: ENUM,
    DATE_LAST_MODIFIED: MOMENT,
    METADATA: Kind.OPEN,
}
PERIOD: Mapping[str, Shape] = {"beginDate": DATE, "endDate": DATE}
RACES = (
    "americanIndianOrAlaskaNative",
    "asian",
    "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander",
    "white",
    "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
)
SUBJECTS: Mapping[str, Shape] = {
    "grades": (TEXT,),
    "subjects": (TEXT,),
    "subjectCodes": (TEXT,),
    "resources": (REFERENCE,),
}
USER: Mapping[str, Shape] = {
    "username": TEXT,
    "userIds": ({"type": TEXT, "identifier": TEXT},),
    "enabledUser": BOOLEAN,
    "givenName": TEXT,
    "familyName": TEXT,
    "middleName": TEXT,
    "identifier": TEXT,
    "email": TEXT,
    "sms": TEXT,
    "phone": TEXT,
    "agents": (REFERENCE,),
    "grades": (TEXT,),
    "password": TEXT,
}
ROLE: Shape = {"roleType": ENUM, "role": ENUM, "org": REFERENCE, "userProfile": ID, **PERIOD}
USER_PROFILE: Shape = {
    "profileId": ID,
    "profileType": TEXT,
    "vendorId": ID,
    "applicationId": ID,
    "description": TEXT,
    "credentials": ({"type": TEXT, "username": TEXT, "password": TEXT},),
}
OBJECTIVES: Shape = ({"source": ENUM, "learningObjectiveIds": (ID,)},)
SCORED_OBJECTIVES: Shape = (
    {
        "source": ENUM,
        "learningObjectiveResults": (
            {"learningObjectiveId": ID, "score": NUMBER, "textScore": TEXT},
        ),
    },
)
LIMITS: Mapping[str, Shape] = {"resultValueMin": NUMBER, "resultValueMax": NUMBER}
LINE_ITEM: Mapping[str, Shape] = {
    "title": TEXT,
    "description": TEXT,
    "assignDate": MOMENT,
    "dueDate": MOMENT,
    "class": REFERENCE,
    "category": REFERENCE,
    "gradingPeriod": REFERENCE,
    **LIMITS,
}
# The standard's scoreDate is a date; senders give it a time, and it is returned as it was sent.
SCORE: Mapping[str, Shape] = {
    "student": REFERENCE,
    "scoreStatus": ENUM,
    "score": NUMBER,
    "scoreDate": MOMENT,
    "comment": TEXT,
}
SCORE_V1P2: Mapping[str, Shape] = {
    **SCORE,
    "scoreScale": REFERENCE,
    "textScore": TEXT,
    "learningObjectiveSet": SCORED_OBJECTIVES,
    "inProgress": BOOLEAN,
    "incomplete": BOOLEAN,
    "late": BOOLEAN,
    "missing": BOOLEAN,
}

BOTH: Mapping[Entity, Mapping[str, Shape]] = {
    Entity.ORGS: {
        "name": TEXT,
        "type": ENUM,
        "identifier": TEXT,
        "parent": REFERENCE,
        "children": (REFERENCE,),
    },
    Entity.ACADEMIC_SESSIONS: {
        "title": TEXT,
        "startDate": DATE,
        "endDate": DATE,
        "type": ENUM,
        "parent": REFERENCE,
        "children": (REFERENCE,),
        "schoolYear": TEXT,
    },
    Entity.COURSES: {
        "title": TEXT,
        "schoolYear": REFERENCE,
        "courseCode": TEXT,
        "org": REFERENCE,
        **SUBJECTS,
    },
    Entity.CLASSES: {
        "title": TEXT,
        "classCode": TEXT,
        "classType": ENUM,
        "location": TEXT,
        "course": REFERENCE,
        "school": REFERENCE,
        "terms": (REFERENCE,),
        "periods": (TEXT,),
        **SUBJECTS,
    },
    Entity.DEMOGRAPHICS: {
        "birthDate": DATE,
        "sex": ENUM,
        **dict.fromkeys(RACES, BOOLEAN),
        "countryOfBirthCode": TEXT,
        "stateOfBirthAbbreviation": TEXT,
        "cityOfBirth": TEXT,
        "publicSchoolResidenceStatus": TEXT,
    },
    Entity.ENROLLMENTS: {
        "user": REFERENCE,
        "class": REFERENCE,
        "school": REFERENCE,
        "role": ENUM,
        "primary": BOOLEAN,
        **PERIOD,
    },
    Entity.RESOURCES: {
        "title": TEXT,
        "roles": (ENUM,),
        "importance": ENUM,
        "vendorResourceId": TEXT,
        "vendorId": ID,
        "applicationId": ID,
    },
}
SHAPES: Mapping[Version, Mapping[Entity, Mapping[str, Shape]]] = {
    Version.V1P1: {
        **BOTH,
        Entity.USERS: {**USER, "role": ENUM, "orgs": (REFERENCE,)},
        Entity.CATEGORIES: {"title": TEXT},
        Entity.LINE_ITEMS: LINE_ITEM,
        Entity.RESULTS: {"lineItem": REFERENCE, **SCORE},
    },
    Version.V1P2: {
        **BOTH,
        Entity.USERS: {
            **USER,
            "userMasterIdentifier": TEXT,
            "preferredFirstName": TEXT,
            "preferredMiddleName": TEXT,
            "preferredLastName": TEXT,
            "pronouns": TEXT,
            "roles": (ROLE,),
            "userProfiles": (USER_PROFILE,),
            "primaryOrg": REFERENCE,
            "resources": (REFERENCE,),
        },
        Entity.CATEGORIES: {"title": TEXT, "weight": NUMBER},
        Entity.SCORE_SCALES: {
            "title": TEXT,
            "type": TEXT,
            "course": REFERENCE,
            "class": REFERENCE,
            "scoreScaleValue": ({"itemValueLHS": TEXT, "itemValueRHS": TEXT},),
        },
        Entity.LINE_ITEMS: {
            **LINE_ITEM,
            "school": REFERENCE,
            "academicSession": REFERENCE,
            "scoreScale": REFERENCE,
            "learningObjectiveSet": OBJECTIVES,
        },
        Entity.RESULTS: {"lineItem": REFERENCE, "class": REFERENCE, **SCORE_V1P2},
        Entity.ASSESSMENT_LINE_ITEMS: {
            "title": TEXT,
            "description": TEXT,
            "class": REFERENCE,
            "parentAssessmentLineItem": REFERENCE,
            "scoreScale": REFERENCE,
            **LIMITS,
            "learningObjectiveSet": OBJECTIVES,
        },
        Entity.ASSESSMENT_RESULTS: {
            "assessmentLineItem": REFERENCE,
            "scorePercentile": NUMBER,
            **SCORE_V1P2,
        },
    },
}
