-- Run once by the container of PostgreSQL, as its superuser, in the database `los`: makes the login that migrates. It
-- owns the database and makes the services' logins, and is no superuser.
\set password `cat /run/secrets/migrate_database_password`
CREATE ROLE los_owner LOGIN CREATEROLE PASSWORD :'password';
ALTER DATABASE los OWNER TO los_owner;
-- Whoever has a login may otherwise enter these, and look around.
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
