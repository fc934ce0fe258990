#!/bin/sh
# Run once by the postgres image when its volume is empty: both databases and capture's role.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
CREATE DATABASE sis;
CREATE DATABASE rosterline;
SQL
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=sis --command='CREATE SCHEMA sis'
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=sis \
  --set=password="$CAPTURE_PASSWORD" --file=/etc/rosterline/capture-role.sql
