-- +goose Up

-- What a person is shown of a session, by an id that opens nothing, and when the password was last given in it.
ALTER TABLE sessions ADD COLUMN id           INTEGER NOT NULL DEFAULT 0;  -- public, random
ALTER TABLE sessions ADD COLUMN role         TEXT    NOT NULL DEFAULT ''; -- of its operator when it got its cookie
ALTER TABLE sessions ADD COLUMN user_agent   TEXT    NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address      TEXT    NOT NULL DEFAULT ''; -- that it was started from
ALTER TABLE sessions ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;

UPDATE sessions SET id = (random() & 4611686018427387903) + 1;

CREATE UNIQUE INDEX sessions_by_id ON sessions (id);

-- Browsers in which an operator has signed in before, by the SHA-256 of their cookie: strangers who try passwords do not
-- slow these down.
CREATE TABLE known_browsers (
  hash        BLOB    NOT NULL PRIMARY KEY,
  operator_id INTEGER NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
  seen_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX known_browsers_of_operator ON known_browsers (operator_id, seen_at);
