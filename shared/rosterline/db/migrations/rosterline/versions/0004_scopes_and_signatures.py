"""Records within the scope of schools, and requests that are signed (OAuth 1.0a).

What an older database holds gets its columns from its documents, but stands in no school's scope.
The projector computes all of it anew, and until then the API says 503.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE rosterline.departed (
    collection TEXT NOT NULL,
    school TEXT COLLATE "C" NOT NULL,
    sourced_id TEXT COLLATE "C" NOT NULL,
    date_last_modified TIMESTAMP(3) WITH TIME ZONE NOT NULL,
    document TEXT NOT NULL,
    alternative TEXT,
    PRIMARY KEY (collection, school, sourced_id)
);
CREATE INDEX departed_by_stamp
    ON rosterline.departed (collection, school, date_last_modified, sourced_id);
CREATE TABLE rosterline.nonce (
    client_id TEXT NOT NULL,
    moment BIGINT NOT NULL,
    nonce TEXT NOT NULL,
    PRIMARY KEY (client_id, moment, nonce)
);
CREATE INDEX nonce_by_moment ON rosterline.nonce (moment);
ALTER TABLE rosterline.connection ADD signing_key_id TEXT, ADD signing_salt TEXT;
"""

# A document as it looks within the scope of some schools: lists lose the references to what stands
# in none of them; those of a tombstone keep what has gone with it, too. Texts stay as they are
# written, but for what is cut out.
NARROWED = """
CREATE FUNCTION {schema}.stands_in(reference json, kept text[], gone boolean) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE reference ->> 'type'
        WHEN 'org' THEN EXISTS (SELECT FROM {schema}.orgs
            WHERE sourced_id = reference ->> 'sourcedId' AND schools && kept)
        WHEN 'user' THEN EXISTS (SELECT FROM {schema}.users
            WHERE sourced_id = reference ->> 'sourcedId' AND schools && kept
        ) OR gone AND EXISTS (SELECT FROM rosterline.departed
            WHERE collection = '{schema}.users' AND school = ANY (kept)
                AND sourced_id = reference ->> 'sourcedId')
        WHEN 'academicSession' THEN EXISTS (SELECT FROM {schema}.academic_sessions
            WHERE sourced_id = reference ->> 'sourcedId' AND schools && kept)
        ELSE true
    END
$$;
CREATE FUNCTION {schema}.narrowed(
    document text, kept text[], gone boolean DEFAULT false
) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT '{{' || string_agg(to_json(name) || ':' || shown, ',' ORDER BY place) || '}}'
    FROM (
        SELECT name, place, CASE
            WHEN name IN ('agents', 'children', 'orgs', 'roles') THEN (
                SELECT '[' || string_agg(part::text, ',' ORDER BY number) || ']'
                FROM json_array_elements(value) WITH ORDINALITY AS parts (part, number)
                WHERE {schema}.stands_in(coalesce(part -> 'org', part), kept, gone)
            )
            WHEN name = 'primaryOrg' AND NOT {schema}.stands_in(value, kept, gone) THEN NULL
            ELSE value::text
        END AS shown
        FROM json_each(document::json) WITH ORDINALITY AS members (name, value, place)
    ) AS cut
    WHERE shown IS NOT NULL
$$;
"""

# Nothing stands in any school until the projector comes: connections that are limited to schools
# could see nothing before, so nothing may depart from them either. Without a digest every record
# differs from what it should be.
FILLED = """
UPDATE {schema}.orgs SET digest = '', schools = '{{}}';
UPDATE {schema}.academic_sessions
SET digest = '', schools = '{{}}', parent_id = document::json #>> '{{parent,sourcedId}}';
UPDATE {schema}.courses
SET digest = '', schools = '{{}}', org_id = document::json #>> '{{org,sourcedId}}';
UPDATE {schema}.classes
SET digest = '', schools = '{{}}', course_id = document::json #>> '{{course,sourcedId}}',
    school_id = document::json #>> '{{school,sourcedId}}',
    term_ids = ARRAY(SELECT term ->> 'sourcedId'
        FROM json_array_elements(document::json -> 'terms') AS term);
UPDATE {schema}.users
SET digest = '', schools = '{{}}', username = document::json ->> 'username',
    email = document::json ->> 'email',
    alternative_email = alternative::json ->> 'email',
    identifier = document::json ->> 'identifier',
    family_name = document::json ->> 'familyName',
    places = ARRAY(SELECT {role} || '@' || {org}
        FROM json_array_elements(document::json -> '{orgs}') AS place);
UPDATE {schema}.demographics SET digest = '', schools = '{{}}';
UPDATE {schema}.enrollments
SET digest = '', schools = '{{}}', user_id = document::json #>> '{{user,sourcedId}}',
    class_id = document::json #>> '{{class,sourcedId}}',
    school_id = document::json #>> '{{school,sourcedId}}',
    role = document::json ->> 'role';
"""
ROLES = {
    "v1p2": {
        "orgs": "roles",
        "org": "(place #>> '{org,sourcedId}')",
        "role": "(place ->> 'role')",
    },
    "v1p1": {
        "orgs": "orgs",
        "org": "(place ->> 'sourcedId')",
        "role": "(document::json ->> 'role')",
    },
}
# Without a day for which the records hold, the projector computes all of them anew.
UNREADY = "UPDATE rosterline.clock SET ready = false, evaluated_on = NULL WHERE ready"

DOWN = """
ALTER TABLE rosterline.connection DROP signing_key_id, DROP signing_salt;
DROP TABLE rosterline.departed, rosterline.nonce;
DROP FUNCTION v1p2.narrowed, v1p2.stands_in, v1p1.narrowed, v1p1.stands_in;
"""


def upgrade() -> None:
    """Make the tables and the functions that narrow documents; fill what 0003 added."""
    op.execute(UP)
    for schema, words in ROLES.items():
        op.execute(NARROWED.format(schema=schema))
        op.execute(FILLED.format(schema=schema, **words))
    op.execute(UNREADY)


def downgrade() -> None:
    """Drop them, and all that they hold."""
    op.execute(DOWN)
