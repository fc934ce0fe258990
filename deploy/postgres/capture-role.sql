-- What Rosterline needs of a SIS database. Run as its owner, on the SIS database itself:
--   psql --set=password=... --file=capture-role.sql
-- The role may read schema sis and its WAL; it can write nothing.
CREATE ROLE rosterline_capture LOGIN REPLICATION PASSWORD :'password';
GRANT USAGE ON SCHEMA sis TO rosterline_capture;
GRANT SELECT ON ALL TABLES IN SCHEMA sis TO rosterline_capture;
ALTER DEFAULT PRIVILEGES IN SCHEMA sis GRANT SELECT ON TABLES TO rosterline_capture;
