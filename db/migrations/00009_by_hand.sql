-- +goose Up

-- Who sent a command by hand; empty where ThingsBoard did, and rpc_id and hash are its own.
ALTER TABLE commands ADD COLUMN actor TEXT NOT NULL DEFAULT '';

-- Requests that must be carried out once. The id is a hash of who asks and the key they gave; what they asked is a hash too,
-- sealed, since it covers passwords. The answer holds no secret.
CREATE TABLE once (
  id       TEXT    NOT NULL PRIMARY KEY,
  key_id   TEXT    NOT NULL,
  request  BLOB    NOT NULL,
  began_at INTEGER NOT NULL,
  status   INTEGER NOT NULL, -- of HTTP; 0: not answered yet
  header   TEXT    NOT NULL, -- JSON
  body     BLOB    NOT NULL
) STRICT;

CREATE INDEX once_by_time ON once (began_at);
