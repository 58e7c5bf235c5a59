-- +goose Up

-- API keys. Of a key itself there is the SHA-256 alone. The owner is the operator who made it; the key is refused when that
-- operator is gone, and may be there longer, so owner_id refers to nothing.
CREATE TABLE api_keys (
  id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  public_id      TEXT    NOT NULL UNIQUE,
  digest         BLOB    NOT NULL,
  name           TEXT    NOT NULL,
  scopes         TEXT    NOT NULL, -- JSON
  networks       TEXT    NOT NULL, -- JSON; empty: from everywhere
  owner_id       INTEGER NOT NULL, -- 0: the environment's key made it
  owner          TEXT    NOT NULL,
  created_at     INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL, -- 0: never
  last_used_at   INTEGER NOT NULL,
  last_used_from TEXT    NOT NULL,
  ended_at       INTEGER NOT NULL -- 0: it has not been revoked
) STRICT;

CREATE UNIQUE INDEX api_keys_by_name ON api_keys (lower(name)) WHERE ended_at = 0;

-- The uplink key that was renewed and is still accepted, sealed like the one in use; empty: there is none.
ALTER TABLE connections ADD COLUMN old_uplink_key BLOB NOT NULL DEFAULT x'';
ALTER TABLE connections ADD COLUMN old_uplink_key_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN old_uplink_key_used_at INTEGER NOT NULL DEFAULT 0;
