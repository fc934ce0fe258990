"""Written records with their keys, their mirror, and the commands by which they are written."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = """
CREATE SEQUENCE rosterline.revision;
ALTER TABLE records.document
    ADD is_deleted BOOLEAN NOT NULL DEFAULT false,
    ADD revision BIGINT NOT NULL DEFAULT 0,
    ADD app TEXT,
    ADD line_item_id TEXT,
    ADD parent_id TEXT,
    ADD student_id TEXT,
    ADD class_id TEXT,
    ADD category_id TEXT,
    ADD score_scale_id TEXT,
    ADD session_id TEXT,
    ADD minute TIMESTAMP WITH TIME ZONE;
CREATE UNIQUE INDEX one_result_of_a_minute
    ON records.document (student_id, line_item_id, minute)
    WHERE collection = 'assessmentResults' AND NOT is_deleted;
CREATE INDEX document_by_line_item_id ON records.document (line_item_id)
    WHERE line_item_id IS NOT NULL;
CREATE INDEX document_by_parent_id ON records.document (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX document_by_student_id ON records.document (student_id) WHERE student_id IS NOT NULL;
CREATE INDEX document_by_class_id ON records.document (class_id) WHERE class_id IS NOT NULL;
CREATE INDEX document_by_category_id ON records.document (category_id)
    WHERE category_id IS NOT NULL;
CREATE INDEX document_by_score_scale_id ON records.document (score_scale_id)
    WHERE score_scale_id IS NOT NULL;
CREATE INDEX document_by_session_id ON records.document (session_id) WHERE session_id IS NOT NULL;
CREATE TABLE mirror.document (
    collection TEXT NOT NULL,
    sourced_id TEXT NOT NULL,
    body JSONB,
    is_deleted BOOLEAN,
    revision BIGINT,
    app TEXT,
    line_item_id TEXT,
    parent_id TEXT,
    student_id TEXT,
    class_id TEXT,
    category_id TEXT,
    score_scale_id TEXT,
    session_id TEXT,
    minute TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (collection, sourced_id)
);
CREATE INDEX ix_mirror_person_person_guid ON mirror.person (person_guid);
CREATE INDEX ix_mirror_document_student_id ON mirror.document (student_id)
    WHERE student_id IS NOT NULL;
CREATE INDEX ix_mirror_document_class_id ON mirror.document (class_id) WHERE class_id IS NOT NULL;
CREATE INDEX ix_mirror_document_line_item_id ON mirror.document (line_item_id)
    WHERE line_item_id IS NOT NULL;
CREATE INDEX ix_mirror_document_session_id ON mirror.document (session_id)
    WHERE session_id IS NOT NULL;
ALTER TABLE rosterline.cursor ADD revision BIGINT NOT NULL DEFAULT 0;
CREATE TABLE rosterline.command (
    app TEXT NOT NULL,
    command_id TEXT NOT NULL,
    state TEXT NOT NULL,
    lines INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    rejections JSONB NOT NULL,
    status INTEGER,
    revision BIGINT,
    batch_id TEXT,
    first_line INTEGER NOT NULL DEFAULT 1,
    number BIGINT,
    is_told BOOLEAN NOT NULL DEFAULT false,
    accepted_at TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
    decided_at TIMESTAMP(3) WITH TIME ZONE,
    PRIMARY KEY (app, command_id)
);
CREATE INDEX command_by_batch ON rosterline.command (app, batch_id) WHERE batch_id IS NOT NULL;
CREATE UNIQUE INDEX command_by_number ON rosterline.command (app, number)
    WHERE number IS NOT NULL;
CREATE INDEX command_by_moment ON rosterline.command (decided_at);
CREATE TABLE rosterline.command_batch (
    app TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    lines INTEGER NOT NULL,
    commands INTEGER NOT NULL,
    accepted_at TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
    PRIMARY KEY (app, batch_id)
);
CREATE TABLE rosterline.waiting_line (
    app TEXT NOT NULL,
    command_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    place BIGINT GENERATED ALWAYS AS IDENTITY,
    operation TEXT NOT NULL,
    collection TEXT NOT NULL,
    sourced_id TEXT NOT NULL,
    body JSONB,
    received_at TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    until TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    PRIMARY KEY (app, command_id, line)
);
CREATE INDEX waiting_line_by_record ON rosterline.waiting_line (collection, sourced_id);
CREATE TABLE rosterline.dead_letter (
    letter_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app TEXT NOT NULL,
    command_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    headers JSONB NOT NULL,
    data BYTEA NOT NULL,
    received_at TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    revision BIGINT NOT NULL,
    died_at TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
    sent_again_at TIMESTAMP(3) WITH TIME ZONE
);
CREATE TABLE rosterline.attempt (
    stream TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (stream, sequence)
);
"""

DOWN = """
DROP INDEX mirror.ix_mirror_person_person_guid;
DROP TABLE rosterline.attempt, rosterline.dead_letter, rosterline.waiting_line,
    rosterline.command_batch, rosterline.command, mirror.document;
ALTER TABLE rosterline.cursor DROP revision;
ALTER TABLE records.document
    DROP is_deleted, DROP revision, DROP app, DROP line_item_id, DROP parent_id, DROP student_id,
    DROP class_id, DROP category_id, DROP score_scale_id, DROP session_id, DROP minute;
DROP SEQUENCE rosterline.revision;
"""


def upgrade() -> None:
    """Make the tables; documents that were written before name nothing."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them, and all that they hold."""
    op.execute(DOWN)
