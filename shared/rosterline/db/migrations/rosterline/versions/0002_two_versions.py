"""Read model 1.1, days that flip, holds, operators' requests, and connections' switches."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
CREATE SCHEMA v1p1;
CREATE INDEX ix_mirror_district_assignment_end_date ON mirror.district_assignment (end_date)
    WHERE end_date IS NOT NULL;
CREATE INDEX ix_mirror_enrollment_end_date ON mirror.enrollment (end_date)
    WHERE end_date IS NOT NULL;
CREATE INDEX ix_mirror_relationship_end_date ON mirror.relationship (end_date)
    WHERE end_date IS NOT NULL;
CREATE INDEX ix_mirror_relationship_start_date ON mirror.relationship (start_date)
    WHERE start_date IS NOT NULL;
CREATE INDEX ix_mirror_roster_end_date ON mirror.roster (end_date) WHERE end_date IS NOT NULL;
CREATE INDEX ix_mirror_section_staff_end_date ON mirror.section_staff (end_date)
    WHERE end_date IS NOT NULL;
ALTER TABLE v1p2.users ADD is_agent BOOLEAN NOT NULL DEFAULT false, ADD alternative TEXT;
ALTER TABLE v1p2.users ALTER is_agent DROP DEFAULT;
UPDATE v1p2.users SET is_agent = true WHERE document !~ '"role":"(student|teacher|aide)"';
CREATE TABLE v1p1.academic_sessions (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX academic_sessions_by_stamp ON v1p1.academic_sessions (date_last_modified, sourced_id);
CREATE TABLE v1p1.classes (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX classes_by_stamp ON v1p1.classes (date_last_modified, sourced_id);
CREATE TABLE v1p1.courses (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX courses_by_stamp ON v1p1.courses (date_last_modified, sourced_id);
CREATE TABLE v1p1.demographics (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX demographics_by_stamp ON v1p1.demographics (date_last_modified, sourced_id);
CREATE TABLE v1p1.enrollments (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX enrollments_by_stamp ON v1p1.enrollments (date_last_modified, sourced_id);
CREATE TABLE v1p1.orgs (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX orgs_by_stamp ON v1p1.orgs (date_last_modified, sourced_id);
CREATE TABLE v1p1.users (
    sourced_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    is_student BOOLEAN NOT NULL,
    is_teacher BOOLEAN NOT NULL,
    is_agent BOOLEAN NOT NULL,
    alternative TEXT,
    PRIMARY KEY (sourced_id)
);
CREATE INDEX users_by_stamp ON v1p1.users (date_last_modified, sourced_id);
CREATE INDEX users_students ON v1p1.users (sourced_id) WHERE is_student;
CREATE INDEX users_teachers ON v1p1.users (sourced_id) WHERE is_teacher;
ALTER TABLE rosterline.clock ADD switches JSONB;
ALTER TABLE rosterline.connection
    ADD secondary_email BOOLEAN DEFAULT false NOT NULL,
    ADD gradebook_sync BOOLEAN DEFAULT false NOT NULL,
    ADD tombstones BOOLEAN DEFAULT false NOT NULL,
    ADD sees_agents BOOLEAN DEFAULT true NOT NULL,
    ADD switched_at TIMESTAMP(3) WITH TIME ZONE,
    ADD first_token_at TIMESTAMP(3) WITH TIME ZONE;
UPDATE rosterline.connection SET first_token_at = created_at;
CREATE TABLE rosterline.hold (
    hold_id BIGINT GENERATED ALWAYS AS IDENTITY,
    stream TEXT NOT NULL,
    created TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    transaction TEXT NOT NULL,
    losses JSONB NOT NULL,
    held_at TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    released_at TIMESTAMP(3) WITH TIME ZONE,
    ended_at TIMESTAMP(3) WITH TIME ZONE,
    PRIMARY KEY (hold_id)
);
CREATE TABLE rosterline.request (
    request_id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    asked_at TIMESTAMP(3) WITH TIME ZONE DEFAULT now() NOT NULL,
    ended_at TIMESTAMP(3) WITH TIME ZONE,
    outcome JSONB,
    PRIMARY KEY (request_id)
);
CREATE TABLE rosterline.withdrawn (
    app TEXT NOT NULL,
    collection TEXT NOT NULL,
    sourced_id TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (app, collection, sourced_id)
);
"""

DOWN = """
DROP TABLE rosterline.withdrawn, rosterline.request, rosterline.hold;
ALTER TABLE rosterline.connection DROP secondary_email, DROP gradebook_sync, DROP tombstones,
    DROP sees_agents, DROP switched_at, DROP first_token_at;
ALTER TABLE rosterline.clock DROP switches;
DROP SCHEMA v1p1 CASCADE;
ALTER TABLE v1p2.users DROP is_agent, DROP alternative;
DROP INDEX mirror.ix_mirror_district_assignment_end_date,
    mirror.ix_mirror_enrollment_end_date,
    mirror.ix_mirror_relationship_end_date,
    mirror.ix_mirror_relationship_start_date,
    mirror.ix_mirror_roster_end_date,
    mirror.ix_mirror_section_staff_end_date;
"""


def upgrade() -> None:
    """Make and change the tables; the projector fills the new ones from the mirror."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them, and all that they hold."""
    op.execute(DOWN)
