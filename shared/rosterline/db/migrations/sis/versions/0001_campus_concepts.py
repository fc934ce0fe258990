"""The SIS contract: schema `sis`."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UP = """
CREATE SCHEMA IF NOT EXISTS sis;
CREATE TABLE sis.district (
    district_guid UUID NOT NULL,
    name TEXT NOT NULL,
    state_number TEXT,
    lms_exclude BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (district_guid)
);
CREATE TABLE sis.person (
    person_id BIGSERIAL NOT NULL,
    person_guid UUID NOT NULL,
    given_name TEXT NOT NULL,
    middle_name TEXT,
    family_name TEXT NOT NULL,
    preferred_given_name TEXT,
    suffix TEXT,
    student_number TEXT,
    state_id TEXT,
    staff_number TEXT,
    email TEXT,
    secondary_email TEXT,
    other_phone TEXT,
    cell_phone TEXT,
    pronouns TEXT,
    birth_date DATE,
    sex TEXT,
    american_indian_or_alaska_native BOOLEAN,
    asian BOOLEAN,
    black_or_african_american BOOLEAN,
    native_hawaiian_or_other_pacific_islander BOOLEAN,
    white BOOLEAN,
    hispanic_or_latino_ethnicity BOOLEAN,
    country_of_birth_code TEXT,
    state_of_birth TEXT,
    city_of_birth TEXT,
    PRIMARY KEY (person_id),
    UNIQUE (person_guid)
);
CREATE TABLE sis.school_year (
    school_year_id SERIAL NOT NULL,
    start_year INTEGER NOT NULL,
    end_year INTEGER NOT NULL,
    start_date DATE,
    end_date DATE,
    active BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (school_year_id),
    CONSTRAINT school_year_order CHECK (end_year >= start_year)
);
CREATE UNIQUE INDEX school_year_one_active ON sis.school_year (active) WHERE active;
CREATE TABLE sis.relationship (
    relationship_id BIGSERIAL NOT NULL,
    student_person_id BIGINT NOT NULL,
    related_person_id BIGINT NOT NULL,
    guardian BOOLEAN DEFAULT false NOT NULL,
    portal BOOLEAN DEFAULT false NOT NULL,
    start_date DATE,
    end_date DATE,
    PRIMARY KEY (relationship_id),
    FOREIGN KEY(student_person_id) REFERENCES sis.person (person_id),
    FOREIGN KEY(related_person_id) REFERENCES sis.person (person_id)
);
CREATE INDEX ix_sis_relationship_related_person_id ON sis.relationship (related_person_id);
CREATE INDEX ix_sis_relationship_student_person_id ON sis.relationship (student_person_id);
CREATE TABLE sis.school (
    school_guid UUID NOT NULL,
    district_guid UUID NOT NULL,
    name TEXT NOT NULL,
    state_number TEXT,
    lms_exclude BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (school_guid),
    FOREIGN KEY(district_guid) REFERENCES sis.district (district_guid)
);
CREATE INDEX ix_sis_school_district_guid ON sis.school (district_guid);
CREATE TABLE sis.user_account (
    user_account_id BIGSERIAL NOT NULL,
    person_id BIGINT NOT NULL,
    username TEXT NOT NULL,
    disabled BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (user_account_id),
    FOREIGN KEY(person_id) REFERENCES sis.person (person_id)
);
CREATE INDEX ix_sis_user_account_person_id ON sis.user_account (person_id);
CREATE TABLE sis.calendar (
    calendar_id SERIAL NOT NULL,
    school_guid UUID NOT NULL,
    school_year_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    start_date DATE NOT NULL,
    end_date DATE NOT NULL,
    lms_exclude BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (calendar_id),
    FOREIGN KEY(school_guid) REFERENCES sis.school (school_guid),
    FOREIGN KEY(school_year_id) REFERENCES sis.school_year (school_year_id)
);
CREATE INDEX ix_sis_calendar_school_guid ON sis.calendar (school_guid);
CREATE INDEX ix_sis_calendar_school_year_id ON sis.calendar (school_year_id);
CREATE TABLE sis.district_assignment (
    assignment_id BIGSERIAL NOT NULL,
    person_id BIGINT NOT NULL,
    school_guid UUID NOT NULL,
    start_date DATE NOT NULL,
    end_date DATE,
    teacher BOOLEAN DEFAULT false NOT NULL,
    other_roles TEXT[] DEFAULT '{}' NOT NULL,
    lms_exclude BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (assignment_id),
    FOREIGN KEY(person_id) REFERENCES sis.person (person_id),
    FOREIGN KEY(school_guid) REFERENCES sis.school (school_guid)
);
CREATE INDEX ix_sis_district_assignment_person_id ON sis.district_assignment (person_id);
CREATE INDEX ix_sis_district_assignment_school_guid ON sis.district_assignment (school_guid);
CREATE TABLE sis.course (
    course_id SERIAL NOT NULL,
    calendar_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    name TEXT NOT NULL,
    subject TEXT,
    PRIMARY KEY (course_id),
    FOREIGN KEY(calendar_id) REFERENCES sis.calendar (calendar_id)
);
CREATE INDEX ix_sis_course_calendar_id ON sis.course (calendar_id);
CREATE TABLE sis.grade_level (
    grade_level_id SERIAL NOT NULL,
    calendar_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    state_grade_code TEXT,
    nces_grade TEXT,
    lms_exclude BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (grade_level_id),
    FOREIGN KEY(calendar_id) REFERENCES sis.calendar (calendar_id)
);
CREATE INDEX ix_sis_grade_level_calendar_id ON sis.grade_level (calendar_id);
CREATE TABLE sis.term (
    term_id SERIAL NOT NULL,
    calendar_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    start_date DATE NOT NULL,
    end_date DATE NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (term_id),
    FOREIGN KEY(calendar_id) REFERENCES sis.calendar (calendar_id)
);
CREATE INDEX ix_sis_term_calendar_id ON sis.term (calendar_id);
CREATE TABLE sis.enrollment (
    enrollment_id BIGSERIAL NOT NULL,
    person_id BIGINT NOT NULL,
    calendar_id INTEGER NOT NULL,
    grade_level_id INTEGER NOT NULL,
    service_type TEXT NOT NULL,
    start_date DATE NOT NULL,
    end_date DATE,
    no_show BOOLEAN DEFAULT false NOT NULL,
    lms_exclude BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (enrollment_id),
    CONSTRAINT enrollment_service_type CHECK (service_type IN ('P', 'S')),
    FOREIGN KEY(person_id) REFERENCES sis.person (person_id),
    FOREIGN KEY(calendar_id) REFERENCES sis.calendar (calendar_id),
    FOREIGN KEY(grade_level_id) REFERENCES sis.grade_level (grade_level_id)
);
CREATE INDEX ix_sis_enrollment_calendar_id ON sis.enrollment (calendar_id);
CREATE INDEX ix_sis_enrollment_grade_level_id ON sis.enrollment (grade_level_id);
CREATE INDEX ix_sis_enrollment_person_id ON sis.enrollment (person_id);
CREATE TABLE sis.section (
    section_id SERIAL NOT NULL,
    course_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    teacher_display_name TEXT,
    room TEXT,
    homeroom BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (section_id),
    FOREIGN KEY(course_id) REFERENCES sis.course (course_id)
);
CREATE INDEX ix_sis_section_course_id ON sis.section (course_id);
CREATE TABLE sis.roster (
    roster_id BIGSERIAL NOT NULL,
    section_id INTEGER NOT NULL,
    person_id BIGINT NOT NULL,
    start_date DATE,
    end_date DATE,
    PRIMARY KEY (roster_id),
    FOREIGN KEY(section_id) REFERENCES sis.section (section_id),
    FOREIGN KEY(person_id) REFERENCES sis.person (person_id)
);
CREATE INDEX ix_sis_roster_person_id ON sis.roster (person_id);
CREATE INDEX ix_sis_roster_section_id ON sis.roster (section_id);
CREATE TABLE sis.section_staff (
    section_staff_id BIGSERIAL NOT NULL,
    section_id INTEGER NOT NULL,
    person_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    start_date DATE,
    end_date DATE,
    PRIMARY KEY (section_staff_id),
    CONSTRAINT section_staff_role CHECK (role IN ('primary', 'teacher', 'staff')),
    FOREIGN KEY(section_id) REFERENCES sis.section (section_id),
    FOREIGN KEY(person_id) REFERENCES sis.person (person_id)
);
CREATE INDEX ix_sis_section_staff_person_id ON sis.section_staff (person_id);
CREATE INDEX ix_sis_section_staff_section_id ON sis.section_staff (section_id);
CREATE TABLE sis.section_term (
    section_id INTEGER NOT NULL,
    term_id INTEGER NOT NULL,
    period TEXT NOT NULL,
    PRIMARY KEY (section_id, term_id, period),
    FOREIGN KEY(section_id) REFERENCES sis.section (section_id),
    FOREIGN KEY(term_id) REFERENCES sis.term (term_id)
);
CREATE INDEX ix_sis_section_term_term_id ON sis.section_term (term_id);
"""

DOWN = """
DROP SCHEMA sis CASCADE;
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them, and all that they hold."""
    op.execute(DOWN)
