-- +goose Up

CREATE TABLE operators (
  id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  email           TEXT    NOT NULL UNIQUE, -- in lower case
  password_hash   TEXT    NOT NULL,        -- argon2id in PHC form
  role            TEXT    NOT NULL,
  created_at      INTEGER NOT NULL,
  last_sign_in_at INTEGER NOT NULL
) STRICT;

-- Browser sessions by the SHA-256 of the id in the cookie.
CREATE TABLE sessions (
  hash         BLOB    NOT NULL PRIMARY KEY,
  operator_id  INTEGER REFERENCES operators (id) ON DELETE CASCADE, -- NULL: nobody has signed in
  data         BLOB    NOT NULL,
  created_at   INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_operator ON sessions (operator_id);

-- Links that give somebody a password, by the SHA-256 of the token.
CREATE TABLE setup_tokens (
  hash        BLOB    NOT NULL PRIMARY KEY,
  operator_id INTEGER REFERENCES operators (id) ON DELETE CASCADE, -- NULL: makes the first operator
  expires_at  INTEGER NOT NULL,
  used_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
