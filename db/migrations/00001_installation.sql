-- Times are milliseconds since 1970 in UTC, 0 where there is none. Truth values are 0 and 1.

-- +goose Up

-- What is known of this installation as a whole: 'id', and 'needs', the version of Boardlink that its schema is for.
CREATE TABLE installation (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Keys that secrets are sealed with. The canary is a known text, sealed: it tells a wrong key before any harm is done.
CREATE TABLE seal_keys (
  id         TEXT    NOT NULL PRIMARY KEY,
  canary     BLOB    NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
