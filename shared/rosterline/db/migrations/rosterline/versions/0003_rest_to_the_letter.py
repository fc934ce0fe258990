"""Columns that queries ask by, and tables of what is written over OneRoster.

What stands in the read model gets its columns by a rebuild, until which the API says 503.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE v1p2.orgs
    ADD schools TEXT[] COLLATE "C";
ALTER TABLE v1p2.academic_sessions
    ADD schools TEXT[] COLLATE "C",
    ADD parent_id TEXT COLLATE "C";
ALTER TABLE v1p2.courses
    ADD schools TEXT[] COLLATE "C",
    ADD org_id TEXT COLLATE "C";
CREATE INDEX courses_by_org_id ON v1p2.courses (org_id, sourced_id);
ALTER TABLE v1p2.classes
    ADD schools TEXT[] COLLATE "C",
    ADD course_id TEXT COLLATE "C",
    ADD school_id TEXT COLLATE "C",
    ADD term_ids TEXT[] COLLATE "C";
CREATE INDEX classes_by_course_id ON v1p2.classes (course_id, sourced_id);
CREATE INDEX classes_by_school_id ON v1p2.classes (school_id, sourced_id);
CREATE INDEX classes_by_term_ids ON v1p2.classes USING gin (term_ids);
ALTER TABLE v1p2.users
    ADD schools TEXT[] COLLATE "C",
    ADD username TEXT COLLATE "C",
    ADD email TEXT COLLATE "C",
    ADD alternative_email TEXT COLLATE "C",
    ADD identifier TEXT COLLATE "C",
    ADD family_name TEXT COLLATE "C",
    ADD places TEXT[] COLLATE "C";
CREATE INDEX users_by_alternative_email
    ON v1p2.users (lower(alternative_email COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_email ON v1p2.users (lower(email COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_family_name
    ON v1p2.users (lower(family_name COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_identifier
    ON v1p2.users (lower(identifier COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_places ON v1p2.users USING gin (places);
CREATE INDEX users_by_schools ON v1p2.users USING gin (schools);
CREATE INDEX users_by_username ON v1p2.users (lower(username COLLATE "pg_c_utf8"), sourced_id);
ALTER TABLE v1p2.demographics
    ADD schools TEXT[] COLLATE "C";
ALTER TABLE v1p2.enrollments
    ADD schools TEXT[] COLLATE "C",
    ADD user_id TEXT COLLATE "C",
    ADD class_id TEXT COLLATE "C",
    ADD school_id TEXT COLLATE "C",
    ADD role TEXT COLLATE "C";
CREATE INDEX enrollments_by_class_id ON v1p2.enrollments (class_id, sourced_id);
CREATE INDEX enrollments_by_school_id ON v1p2.enrollments (school_id, sourced_id);
CREATE INDEX enrollments_by_user_id ON v1p2.enrollments (user_id, sourced_id);
ALTER TABLE v1p1.orgs
    ADD schools TEXT[] COLLATE "C";
ALTER TABLE v1p1.academic_sessions
    ADD schools TEXT[] COLLATE "C",
    ADD parent_id TEXT COLLATE "C";
ALTER TABLE v1p1.courses
    ADD schools TEXT[] COLLATE "C",
    ADD org_id TEXT COLLATE "C";
CREATE INDEX courses_by_org_id ON v1p1.courses (org_id, sourced_id);
ALTER TABLE v1p1.classes
    ADD schools TEXT[] COLLATE "C",
    ADD course_id TEXT COLLATE "C",
    ADD school_id TEXT COLLATE "C",
    ADD term_ids TEXT[] COLLATE "C";
CREATE INDEX classes_by_course_id ON v1p1.classes (course_id, sourced_id);
CREATE INDEX classes_by_school_id ON v1p1.classes (school_id, sourced_id);
CREATE INDEX classes_by_term_ids ON v1p1.classes USING gin (term_ids);
ALTER TABLE v1p1.users
    ADD schools TEXT[] COLLATE "C",
    ADD username TEXT COLLATE "C",
    ADD email TEXT COLLATE "C",
    ADD alternative_email TEXT COLLATE "C",
    ADD identifier TEXT COLLATE "C",
    ADD family_name TEXT COLLATE "C",
    ADD places TEXT[] COLLATE "C";
CREATE INDEX users_by_alternative_email
    ON v1p1.users (lower(alternative_email COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_email ON v1p1.users (lower(email COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_family_name
    ON v1p1.users (lower(family_name COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_identifier
    ON v1p1.users (lower(identifier COLLATE "pg_c_utf8"), sourced_id);
CREATE INDEX users_by_places ON v1p1.users USING gin (places);
CREATE INDEX users_by_schools ON v1p1.users USING gin (schools);
CREATE INDEX users_by_username ON v1p1.users (lower(username COLLATE "pg_c_utf8"), sourced_id);
ALTER TABLE v1p1.demographics
    ADD schools TEXT[] COLLATE "C";
ALTER TABLE v1p1.enrollments
    ADD schools TEXT[] COLLATE "C",
    ADD user_id TEXT COLLATE "C",
    ADD class_id TEXT COLLATE "C",
    ADD school_id TEXT COLLATE "C",
    ADD role TEXT COLLATE "C";
CREATE INDEX enrollments_by_class_id ON v1p1.enrollments (class_id, sourced_id);
CREATE INDEX enrollments_by_school_id ON v1p1.enrollments (school_id, sourced_id);
CREATE INDEX enrollments_by_user_id ON v1p1.enrollments (user_id, sourced_id);
CREATE TABLE v1p2.categories (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX categories_by_stamp ON v1p2.categories (date_last_modified, sourced_id);
CREATE TABLE v1p2.score_scales (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    class_id TEXT COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX score_scales_by_class_id ON v1p2.score_scales (class_id, sourced_id);
CREATE INDEX score_scales_by_stamp ON v1p2.score_scales (date_last_modified, sourced_id);
CREATE TABLE v1p2.line_items (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    class_id TEXT COLLATE "C",
    category_id TEXT COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX line_items_by_category_id ON v1p2.line_items (category_id, sourced_id);
CREATE INDEX line_items_by_class_id ON v1p2.line_items (class_id, sourced_id);
CREATE INDEX line_items_by_stamp ON v1p2.line_items (date_last_modified, sourced_id);
CREATE TABLE v1p2.results (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    line_item_id TEXT COLLATE "C",
    student_id TEXT COLLATE "C",
    class_id TEXT COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX results_by_class_id ON v1p2.results (class_id, sourced_id);
CREATE INDEX results_by_line_item_id ON v1p2.results (line_item_id, sourced_id);
CREATE INDEX results_by_stamp ON v1p2.results (date_last_modified, sourced_id);
CREATE INDEX results_by_student_id ON v1p2.results (student_id, sourced_id);
CREATE TABLE v1p2.assessment_line_items (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    parent_id TEXT COLLATE "C",
    class_id TEXT COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX assessment_line_items_by_class_id
    ON v1p2.assessment_line_items (class_id, sourced_id);
CREATE INDEX assessment_line_items_by_parent_id
    ON v1p2.assessment_line_items (parent_id, sourced_id);
CREATE INDEX assessment_line_items_by_stamp
    ON v1p2.assessment_line_items (date_last_modified, sourced_id);
CREATE TABLE v1p2.assessment_results (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    line_item_id TEXT COLLATE "C",
    student_id TEXT COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX assessment_results_by_line_item_id
    ON v1p2.assessment_results (line_item_id, sourced_id);
CREATE INDEX assessment_results_by_stamp
    ON v1p2.assessment_results (date_last_modified, sourced_id);
CREATE INDEX assessment_results_by_student_id
    ON v1p2.assessment_results (student_id, sourced_id);
CREATE TABLE v1p2.resources (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    class_ids TEXT[] COLLATE "C",
    course_ids TEXT[] COLLATE "C",
    user_ids TEXT[] COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX resources_by_class_ids ON v1p2.resources USING gin (class_ids);
CREATE INDEX resources_by_course_ids ON v1p2.resources USING gin (course_ids);
CREATE INDEX resources_by_stamp ON v1p2.resources (date_last_modified, sourced_id);
CREATE INDEX resources_by_user_ids ON v1p2.resources USING gin (user_ids);
CREATE TABLE v1p1.categories (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX categories_by_stamp ON v1p1.categories (date_last_modified, sourced_id);
CREATE TABLE v1p1.line_items (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    class_id TEXT COLLATE "C",
    category_id TEXT COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX line_items_by_category_id ON v1p1.line_items (category_id, sourced_id);
CREATE INDEX line_items_by_class_id ON v1p1.line_items (class_id, sourced_id);
CREATE INDEX line_items_by_stamp ON v1p1.line_items (date_last_modified, sourced_id);
CREATE TABLE v1p1.results (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    line_item_id TEXT COLLATE "C",
    student_id TEXT COLLATE "C",
    class_id TEXT COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX results_by_class_id ON v1p1.results (class_id, sourced_id);
CREATE INDEX results_by_line_item_id ON v1p1.results (line_item_id, sourced_id);
CREATE INDEX results_by_stamp ON v1p1.results (date_last_modified, sourced_id);
CREATE INDEX results_by_student_id ON v1p1.results (student_id, sourced_id);
CREATE TABLE v1p1.resources (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    schools TEXT[] COLLATE "C",
    class_ids TEXT[] COLLATE "C",
    course_ids TEXT[] COLLATE "C",
    user_ids TEXT[] COLLATE "C",
    PRIMARY KEY (sourced_id)
);
CREATE INDEX resources_by_class_ids ON v1p1.resources USING gin (class_ids);
CREATE INDEX resources_by_course_ids ON v1p1.resources USING gin (course_ids);
CREATE INDEX resources_by_stamp ON v1p1.resources (date_last_modified, sourced_id);
CREATE INDEX resources_by_user_ids ON v1p1.resources USING gin (user_ids);
CREATE INDEX users_active ON v1p2.users (sourced_id) WHERE status = 'active';
CREATE INDEX demographics_active ON v1p2.demographics (sourced_id) WHERE status = 'active';
CREATE INDEX enrollments_active ON v1p2.enrollments (sourced_id) WHERE status = 'active';
CREATE INDEX results_active ON v1p2.results (sourced_id) WHERE status = 'active';
CREATE INDEX assessment_results_active
    ON v1p2.assessment_results (sourced_id) WHERE status = 'active';
CREATE INDEX users_active ON v1p1.users (sourced_id) WHERE status = 'active';
CREATE INDEX demographics_active ON v1p1.demographics (sourced_id) WHERE status = 'active';
CREATE INDEX enrollments_active ON v1p1.enrollments (sourced_id) WHERE status = 'active';
CREATE INDEX results_active ON v1p1.results (sourced_id) WHERE status = 'active';
"""

DOWN = """
DROP TABLE v1p2.categories,
    v1p2.score_scales,
    v1p2.line_items,
    v1p2.results,
    v1p2.assessment_line_items,
    v1p2.assessment_results,
    v1p2.resources,
    v1p1.categories,
    v1p1.line_items,
    v1p1.results,
    v1p1.resources;
DROP INDEX v1p2.users_active,
    v1p2.demographics_active,
    v1p2.enrollments_active,
    v1p1.users_active,
    v1p1.demographics_active,
    v1p1.enrollments_active;
ALTER TABLE v1p2.orgs DROP schools;
ALTER TABLE v1p2.academic_sessions DROP schools, DROP parent_id;
ALTER TABLE v1p2.courses DROP schools, DROP org_id;
ALTER TABLE v1p2.classes DROP schools, DROP course_id, DROP school_id, DROP term_ids;
ALTER TABLE v1p2.users DROP schools, DROP username, DROP email, DROP alternative_email,
    DROP identifier, DROP family_name, DROP places;
ALTER TABLE v1p2.demographics DROP schools;
ALTER TABLE v1p2.enrollments DROP schools, DROP user_id, DROP class_id, DROP school_id, DROP role;
ALTER TABLE v1p1.orgs DROP schools;
ALTER TABLE v1p1.academic_sessions DROP schools, DROP parent_id;
ALTER TABLE v1p1.courses DROP schools, DROP org_id;
ALTER TABLE v1p1.classes DROP schools, DROP course_id, DROP school_id, DROP term_ids;
ALTER TABLE v1p1.users DROP schools, DROP username, DROP email, DROP alternative_email,
    DROP identifier, DROP family_name, DROP places;
ALTER TABLE v1p1.demographics DROP schools;
ALTER TABLE v1p1.enrollments DROP schools, DROP user_id, DROP class_id, DROP school_id, DROP role;
"""


def upgrade() -> None:
    """Make and change the tables; the projector fills the new columns from the mirror."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them, and all that they hold."""
    op.execute(DOWN)
