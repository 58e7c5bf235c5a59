-- +goose Up

-- From which address the request came that caused an event; '': no request did, or it was told before this column was.
ALTER TABLE events ADD COLUMN address TEXT NOT NULL DEFAULT '';
