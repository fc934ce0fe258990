"""The reads of OneRoster 1.2 and 1.1: every row of the endpoint table. Pure.

1.1 has the same reads but for what it does not know: score scales, assessments, a class's
categories, a user's resources (ONEROSTER §2.4).
"""

from dataclasses import replace

from rosterline.api import relations
from rosterline.api.endpoints import Endpoint, Service, Shape
from rosterline.api.relations import (
    GRADING_PERIODS,
    SCHOOLS,
    STUDENTS,
    TEACHERS,
    TERMS,
    Relation,
    View,
)
from rosterline.oneroster.scopes import (
    ASSESSMENT,
    GRADEBOOK,
    GRADEBOOK_CORE,
    RESOURCE,
    RESOURCE_CORE,
    ROSTER,
    ROSTER_CORE,
    ROSTER_DEMOGRAPHICS,
    in_v1p1,
)
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version

CORE_SCOPES = {
    Service.ROSTERING: (ROSTER, ROSTER_CORE),
    Service.GRADEBOOK: (GRADEBOOK, GRADEBOOK_CORE),
    Service.RESOURCES: (RESOURCE, RESOURCE_CORE),
}

SESSIONS = Entity.ACADEMIC_SESSIONS
ROSTERING = Service.ROSTERING
GRADEBOOK_SERVICE = Service.GRADEBOOK
RESOURCES = Service.RESOURCES


def both(
    path: str,
    names: tuple[str, str],
    entity: Entity,
    service: Service = ROSTERING,
    *,
    view: View | None = None,
    scopes: tuple[str, ...] | None = None,
) -> tuple[Endpoint, Endpoint]:
    """A collection and each of its records."""
    allowed = scopes or CORE_SCOPES[service]
    every, one = names
    single = f"{path}/{{sourcedId}}"
    return (
        Endpoint("GET", path, every, entity, Shape.COLLECTION, allowed, view=view, service=service),
        Endpoint("GET", single, one, entity, Shape.SINGLE, allowed, view=view, service=service),
    )


def related(
    path: str, name: str, entity: Entity, relation: Relation, service: Service = ROSTERING
) -> Endpoint:
    """The records that belong to others; the core scopes do not suffice."""
    scopes = CORE_SCOPES[service][:1]
    return Endpoint(
        "GET", path, name, entity, Shape.COLLECTION, scopes, relation=relation, service=service
    )


ROSTERING_V1P2: tuple[Endpoint, ...] = (
    *both("/academicSessions", ("getAllAcademicSessions", "getAcademicSession"), SESSIONS),
    *both("/classes", ("getAllClasses", "getClass"), Entity.CLASSES),
    related(
        "/classes/{classSourcedId}/students",
        "getStudentsForClass",
        Entity.USERS,
        relations.STUDENTS_OF_CLASS,
    ),
    related(
        "/classes/{classSourcedId}/teachers",
        "getTeachersForClass",
        Entity.USERS,
        relations.TEACHERS_OF_CLASS,
    ),
    *both("/courses", ("getAllCourses", "getCourse"), Entity.COURSES),
    related(
        "/courses/{courseSourcedId}/classes",
        "getClassesForCourse",
        Entity.CLASSES,
        relations.CLASSES_OF_COURSE,
    ),
    *both(
        "/demographics",
        ("getAllDemographics", "getDemographics"),
        Entity.DEMOGRAPHICS,
        scopes=(ROSTER_DEMOGRAPHICS,),
    ),
    *both("/enrollments", ("getAllEnrollments", "getEnrollment"), Entity.ENROLLMENTS),
    *both(
        "/gradingPeriods",
        ("getAllGradingPeriods", "getGradingPeriod"),
        SESSIONS,
        view=GRADING_PERIODS,
    ),
    *both("/orgs", ("getAllOrgs", "getOrg"), Entity.ORGS),
    *both("/schools", ("getAllSchools", "getSchool"), Entity.ORGS, view=SCHOOLS),
    related(
        "/schools/{schoolSourcedId}/classes",
        "getClassesForSchool",
        Entity.CLASSES,
        relations.CLASSES_OF_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/classes/{classSourcedId}/enrollments",
        "getEnrollmentsForClassInSchool",
        Entity.ENROLLMENTS,
        relations.ENROLLMENTS_OF_CLASS_IN_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/classes/{classSourcedId}/students",
        "getStudentsForClassInSchool",
        Entity.USERS,
        relations.STUDENTS_OF_CLASS_IN_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/classes/{classSourcedId}/teachers",
        "getTeachersForClassInSchool",
        Entity.USERS,
        relations.TEACHERS_OF_CLASS_IN_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/courses",
        "getCoursesForSchool",
        Entity.COURSES,
        relations.COURSES_OF_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/enrollments",
        "getEnrollmentsForSchool",
        Entity.ENROLLMENTS,
        relations.ENROLLMENTS_OF_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/students",
        "getStudentsForSchool",
        Entity.USERS,
        relations.STUDENTS_OF_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/teachers",
        "getTeachersForSchool",
        Entity.USERS,
        relations.TEACHERS_OF_SCHOOL,
    ),
    related(
        "/schools/{schoolSourcedId}/terms",
        "getTermsForSchool",
        SESSIONS,
        relations.TERMS_OF_SCHOOL,
    ),
    *both("/students", ("getAllStudents", "getStudent"), Entity.USERS, view=STUDENTS),
    related(
        "/students/{studentSourcedId}/classes",
        "getClassesForStudent",
        Entity.CLASSES,
        relations.CLASSES_OF_STUDENT,
    ),
    *both("/teachers", ("getAllTeachers", "getTeacher"), Entity.USERS, view=TEACHERS),
    related(
        "/teachers/{teacherSourcedId}/classes",
        "getClassesForTeacher",
        Entity.CLASSES,
        relations.CLASSES_OF_TEACHER,
    ),
    *both("/terms", ("getAllTerms", "getTerm"), SESSIONS, view=TERMS),
    related(
        "/terms/{termSourcedId}/classes",
        "getClassesForTerm",
        Entity.CLASSES,
        relations.CLASSES_OF_TERM,
    ),
    related(
        "/terms/{termSourcedId}/gradingPeriods",
        "getGradingPeriodsForTerm",
        SESSIONS,
        relations.GRADING_PERIODS_OF_TERM,
    ),
    *both("/users", ("getAllUsers", "getUser"), Entity.USERS),
    related(
        "/users/{userSourcedId}/classes",
        "getClassesForUser",
        Entity.CLASSES,
        relations.CLASSES_OF_USER,
    ),
)

GRADEBOOK_V1P2: tuple[Endpoint, ...] = (
    *both(
        "/assessmentLineItems",
        ("getAllAssessmentLineItems", "getAssessmentLineItem"),
        Entity.ASSESSMENT_LINE_ITEMS,
        GRADEBOOK_SERVICE,
        scopes=(ASSESSMENT,),
    ),
    *both(
        "/assessmentResults",
        ("getAllAssessmentResults", "getAssessmentResult"),
        Entity.ASSESSMENT_RESULTS,
        GRADEBOOK_SERVICE,
        scopes=(ASSESSMENT,),
    ),
    *both("/categories", ("getAllCategories", "getCategory"), Entity.CATEGORIES, GRADEBOOK_SERVICE),
    related(
        "/classes/{classSourcedId}/categories",
        "getCategoriesForClass",
        Entity.CATEGORIES,
        relations.CATEGORIES_OF_CLASS,
        GRADEBOOK_SERVICE,
    ),
    related(
        "/classes/{classSourcedId}/lineItems",
        "getLineItemsForClass",
        Entity.LINE_ITEMS,
        relations.LINE_ITEMS_OF_CLASS,
        GRADEBOOK_SERVICE,
    ),
    related(
        "/classes/{classSourcedId}/lineItems/{lineItemSourcedId}/results",
        "getResultsForLineItemForClass",
        Entity.RESULTS,
        relations.RESULTS_OF_LINE_ITEM,
        GRADEBOOK_SERVICE,
    ),
    related(
        "/classes/{classSourcedId}/results",
        "getResultsForClass",
        Entity.RESULTS,
        relations.RESULTS_OF_CLASS,
        GRADEBOOK_SERVICE,
    ),
    related(
        "/classes/{classSourcedId}/scoreScales",
        "getScoreScalesForClass",
        Entity.SCORE_SCALES,
        relations.SCORE_SCALES_OF_CLASS,
        GRADEBOOK_SERVICE,
    ),
    related(
        "/classes/{classSourcedId}/students/{studentSourcedId}/results",
        "getResultsForStudentForClass",
        Entity.RESULTS,
        relations.RESULTS_OF_STUDENT,
        GRADEBOOK_SERVICE,
    ),
    *both("/lineItems", ("getAllLineItems", "getLineItem"), Entity.LINE_ITEMS, GRADEBOOK_SERVICE),
    *both("/results", ("getAllResults", "getResult"), Entity.RESULTS, GRADEBOOK_SERVICE),
    related(
        "/schools/{schoolSourcedId}/scoreScales",
        "getScoreScalesForSchool",
        Entity.SCORE_SCALES,
        relations.SCORE_SCALES_OF_SCHOOL,
        GRADEBOOK_SERVICE,
    ),
    *both(
        "/scoreScales",
        ("getAllScoreScales", "getScoreScale"),
        Entity.SCORE_SCALES,
        GRADEBOOK_SERVICE,
    ),
)

RESOURCES_V1P2: tuple[Endpoint, ...] = (
    related(
        "/classes/{classSourcedId}/resources",
        "getResourcesForClass",
        Entity.RESOURCES,
        relations.RESOURCES_OF_CLASS,
        RESOURCES,
    ),
    related(
        "/courses/{courseSourcedId}/resources",
        "getResourcesForCourse",
        Entity.RESOURCES,
        relations.RESOURCES_OF_COURSE,
        RESOURCES,
    ),
    *both("/resources", ("getAllResources", "getResource"), Entity.RESOURCES, RESOURCES),
    related(
        "/users/{userSourcedId}/resources",
        "getResourcesForUser",
        Entity.RESOURCES,
        relations.RESOURCES_OF_USER,
        RESOURCES,
    ),
)

V1P2: tuple[Endpoint, ...] = (*ROSTERING_V1P2, *GRADEBOOK_V1P2, *RESOURCES_V1P2)
UNKNOWN_IN_V1P1 = frozenset({"getCategoriesForClass", "getResourcesForUser"})


def _is_in_v1p1(endpoint: Endpoint) -> bool:
    is_written = endpoint.service is not ROSTERING
    if is_written and endpoint.entity not in WRITTEN[Version.V1P1]:
        return False
    return endpoint.operation_id not in UNKNOWN_IN_V1P1


V1P1: tuple[Endpoint, ...] = tuple(
    replace(row, version=Version.V1P1, scopes=in_v1p1(row.scopes))
    for row in V1P2
    if _is_in_v1p1(row)
)
