-- +goose Up

-- An event outlives its connection, so connection_id refers to nothing. Pages go down the ids.
CREATE TABLE events (
  id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  time          INTEGER NOT NULL,
  level         TEXT    NOT NULL,
  kind          TEXT    NOT NULL,
  actor         TEXT    NOT NULL,
  connection_id INTEGER NOT NULL, -- 0: about none
  dev_eui       TEXT    NOT NULL, -- '': about none
  message       TEXT    NOT NULL
) STRICT;

CREATE INDEX events_of_connection ON events (connection_id, id);
CREATE INDEX events_by_time ON events (time);
