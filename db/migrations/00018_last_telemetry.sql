-- +goose Up

-- What ThingsBoard acknowledged last of each device, for people to look at. A document that is too long to show is kept
-- by its size alone.
CREATE TABLE last_telemetry (
  connection_id INTEGER NOT NULL REFERENCES connections (id),
  dev_eui       TEXT    NOT NULL,
  ts            INTEGER NOT NULL,
  sent_at       INTEGER NOT NULL,
  size          INTEGER NOT NULL,
  document      TEXT    NOT NULL,
  PRIMARY KEY (connection_id, dev_eui)
) STRICT, WITHOUT ROWID;
