#!/bin/sh
# Run once by the image, on an empty folder of data: each service gets a database that only its own user may enter.
set -eu
for service in user-svc counseling-svc payment-svc; do
    psql --username "${POSTGRES_USER:-postgres}" --set ON_ERROR_STOP=1 --set name="$service" --set password="$(cat "/run/secrets/$service-database.password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
