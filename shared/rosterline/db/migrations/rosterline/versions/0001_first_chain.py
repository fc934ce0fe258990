"""Mirror, written records, read model 1.2, and the product's own state."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UP = """
CREATE SCHEMA IF NOT EXISTS mirror;
CREATE SCHEMA IF NOT EXISTS records;
CREATE SCHEMA IF NOT EXISTS v1p2;
CREATE SCHEMA IF NOT EXISTS rosterline;
CREATE TABLE mirror.calendar (
    calendar_id INTEGER NOT NULL,
    school_guid UUID,
    school_year_id INTEGER,
    name TEXT,
    start_date DATE,
    end_date DATE,
    lms_exclude BOOLEAN,
    PRIMARY KEY (calendar_id)
);
CREATE INDEX ix_mirror_calendar_school_guid ON mirror.calendar (school_guid);
CREATE INDEX ix_mirror_calendar_school_year_id ON mirror.calendar (school_year_id);
CREATE TABLE mirror.course (
    course_id INTEGER NOT NULL,
    calendar_id INTEGER,
    number TEXT,
    name TEXT,
    subject TEXT,
    PRIMARY KEY (course_id)
);
CREATE INDEX ix_mirror_course_calendar_id ON mirror.course (calendar_id);
CREATE TABLE mirror.district (
    district_guid UUID NOT NULL,
    name TEXT,
    state_number TEXT,
    lms_exclude BOOLEAN,
    PRIMARY KEY (district_guid)
);
CREATE TABLE mirror.district_assignment (
    assignment_id BIGINT NOT NULL,
    person_id BIGINT,
    school_guid UUID,
    start_date DATE,
    end_date DATE,
    teacher BOOLEAN,
    other_roles TEXT[],
    lms_exclude BOOLEAN,
    PRIMARY KEY (assignment_id)
);
CREATE INDEX ix_mirror_district_assignment_person_id ON mirror.district_assignment (person_id);
CREATE INDEX ix_mirror_district_assignment_school_guid ON mirror.district_assignment (school_guid);
CREATE TABLE mirror.enrollment (
    enrollment_id BIGINT NOT NULL,
    person_id BIGINT,
    calendar_id INTEGER,
    grade_level_id INTEGER,
    service_type TEXT,
    start_date DATE,
    end_date DATE,
    no_show BOOLEAN,
    lms_exclude BOOLEAN,
    PRIMARY KEY (enrollment_id)
);
CREATE INDEX ix_mirror_enrollment_calendar_id ON mirror.enrollment (calendar_id);
CREATE INDEX ix_mirror_enrollment_grade_level_id ON mirror.enrollment (grade_level_id);
CREATE INDEX ix_mirror_enrollment_person_id ON mirror.enrollment (person_id);
CREATE TABLE mirror.grade_level (
    grade_level_id INTEGER NOT NULL,
    calendar_id INTEGER,
    name TEXT,
    state_grade_code TEXT,
    nces_grade TEXT,
    lms_exclude BOOLEAN,
    PRIMARY KEY (grade_level_id)
);
CREATE INDEX ix_mirror_grade_level_calendar_id ON mirror.grade_level (calendar_id);
CREATE TABLE mirror.person (
    person_id BIGINT NOT NULL,
    person_guid UUID,
    given_name TEXT,
    middle_name TEXT,
    family_name TEXT,
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
    PRIMARY KEY (person_id)
);
CREATE TABLE mirror.relationship (
    relationship_id BIGINT NOT NULL,
    student_person_id BIGINT,
    related_person_id BIGINT,
    guardian BOOLEAN,
    portal BOOLEAN,
    start_date DATE,
    end_date DATE,
    PRIMARY KEY (relationship_id)
);
CREATE INDEX ix_mirror_relationship_related_person_id ON mirror.relationship (related_person_id);
CREATE INDEX ix_mirror_relationship_student_person_id ON mirror.relationship (student_person_id);
CREATE TABLE mirror.roster (
    roster_id BIGINT NOT NULL,
    section_id INTEGER,
    person_id BIGINT,
    start_date DATE,
    end_date DATE,
    PRIMARY KEY (roster_id)
);
CREATE INDEX ix_mirror_roster_person_id ON mirror.roster (person_id);
CREATE INDEX ix_mirror_roster_section_id ON mirror.roster (section_id);
CREATE TABLE mirror.school (
    school_guid UUID NOT NULL,
    district_guid UUID,
    name TEXT,
    state_number TEXT,
    lms_exclude BOOLEAN,
    PRIMARY KEY (school_guid)
);
CREATE INDEX ix_mirror_school_district_guid ON mirror.school (district_guid);
CREATE TABLE mirror.school_year (
    school_year_id INTEGER NOT NULL,
    start_year INTEGER,
    end_year INTEGER,
    start_date DATE,
    end_date DATE,
    active BOOLEAN,
    PRIMARY KEY (school_year_id)
);
CREATE TABLE mirror.section (
    section_id INTEGER NOT NULL,
    course_id INTEGER,
    number TEXT,
    teacher_display_name TEXT,
    room TEXT,
    homeroom BOOLEAN,
    PRIMARY KEY (section_id)
);
CREATE INDEX ix_mirror_section_course_id ON mirror.section (course_id);
CREATE TABLE mirror.section_staff (
    section_staff_id BIGINT NOT NULL,
    section_id INTEGER,
    person_id BIGINT,
    role TEXT,
    start_date DATE,
    end_date DATE,
    PRIMARY KEY (section_staff_id)
);
CREATE INDEX ix_mirror_section_staff_person_id ON mirror.section_staff (person_id);
CREATE INDEX ix_mirror_section_staff_section_id ON mirror.section_staff (section_id);
CREATE TABLE mirror.section_term (
    section_id INTEGER NOT NULL,
    term_id INTEGER NOT NULL,
    period TEXT NOT NULL,
    PRIMARY KEY (section_id, term_id, period)
);
CREATE INDEX ix_mirror_section_term_term_id ON mirror.section_term (term_id);
CREATE TABLE mirror.term (
    term_id INTEGER NOT NULL,
    calendar_id INTEGER,
    name TEXT,
    start_date DATE,
    end_date DATE,
    seq INTEGER,
    PRIMARY KEY (term_id)
);
CREATE INDEX ix_mirror_term_calendar_id ON mirror.term (calendar_id);
CREATE TABLE mirror.user_account (
    user_account_id BIGINT NOT NULL,
    person_id BIGINT,
    username TEXT,
    disabled BOOLEAN,
    PRIMARY KEY (user_account_id)
);
CREATE INDEX ix_mirror_user_account_person_id ON mirror.user_account (person_id);
CREATE TABLE records.document (
    collection TEXT NOT NULL,
    sourced_id TEXT NOT NULL,
    body JSONB NOT NULL,
    PRIMARY KEY (collection, sourced_id)
);
CREATE TABLE v1p2.academic_sessions (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX academic_sessions_by_stamp ON v1p2.academic_sessions (date_last_modified, sourced_id);
CREATE TABLE v1p2.classes (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX classes_by_stamp ON v1p2.classes (date_last_modified, sourced_id);
CREATE TABLE v1p2.courses (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX courses_by_stamp ON v1p2.courses (date_last_modified, sourced_id);
CREATE TABLE v1p2.demographics (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX demographics_by_stamp ON v1p2.demographics (date_last_modified, sourced_id);
CREATE TABLE v1p2.enrollments (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX enrollments_by_stamp ON v1p2.enrollments (date_last_modified, sourced_id);
CREATE TABLE v1p2.orgs (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX orgs_by_stamp ON v1p2.orgs (date_last_modified, sourced_id);
CREATE TABLE v1p2.users (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    is_student BOOLEAN NOT NULL,
    is_teacher BOOLEAN NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX users_by_stamp ON v1p2.users (date_last_modified, sourced_id);
CREATE INDEX users_students ON v1p2.users (sourced_id) WHERE is_student;
CREATE INDEX users_teachers ON v1p2.users (sourced_id) WHERE is_teacher;
CREATE TABLE rosterline.clock (
    id SMALLINT NOT NULL,
    epoch TEXT NOT NULL,
    last_stamp TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    last_sequence BIGINT NOT NULL,
    ready BOOLEAN NOT NULL,
    evaluated_on DATE,
    server TEXT,
    PRIMARY KEY (id)
);
CREATE TABLE rosterline.connection (
    app TEXT NOT NULL,
    client_id TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    version TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    schools TEXT[],
    created_at TIMESTAMP(3) WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (app),
    UNIQUE (client_id)
);
CREATE TABLE rosterline.cursor (
    stream TEXT NOT NULL,
    created TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    position TEXT NOT NULL,
    loading BOOLEAN NOT NULL,
    applied_at TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    committed_at TIMESTAMP(3) WITH TIME ZONE,
    epoch INTEGER DEFAULT 0 NOT NULL,
    PRIMARY KEY (stream)
);
CREATE TABLE rosterline.progress (
    task TEXT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (task)
);
CREATE TABLE rosterline.signing_key (
    key_id TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at TIMESTAMP(3) WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (key_id)
);
INSERT INTO rosterline.clock (id, epoch, last_stamp, last_sequence, ready)
VALUES (1, substr(md5(gen_random_uuid()::text), 1, 8), to_timestamp(0), 0, false);
"""

DOWN = """
DROP SCHEMA mirror CASCADE;
DROP SCHEMA records CASCADE;
DROP SCHEMA v1p2 CASCADE;
DROP SCHEMA rosterline CASCADE;
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them, and all that they hold."""
    op.execute(DOWN)
