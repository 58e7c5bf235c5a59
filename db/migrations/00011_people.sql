-- +goose Up

-- An operator without a password hash is invited and has not come yet.
ALTER TABLE operators ADD COLUMN disabled_at INTEGER NOT NULL DEFAULT 0; -- 0: is not
ALTER TABLE operators ADD COLUMN version     INTEGER NOT NULL DEFAULT 1; -- grows with each change but a sign-in

-- A link made at the server's own console opens also the account of somebody who is disabled, and enables it.
ALTER TABLE setup_tokens ADD COLUMN enables INTEGER NOT NULL DEFAULT 0;

CREATE INDEX setup_tokens_of_operator ON setup_tokens (operator_id);
