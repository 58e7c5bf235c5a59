-- +goose Up

-- What happened on a connection in a span of 1 or 60 minutes. Hours are kept beside the minutes so that the totals of a
-- day for all connections are a short read.
CREATE TABLE figures (
  span_minutes  INTEGER NOT NULL,
  start_at      INTEGER NOT NULL,
  connection_id INTEGER NOT NULL REFERENCES connections (id),
  uplinks       INTEGER NOT NULL,
  delivered     INTEGER NOT NULL,
  downlinks     INTEGER NOT NULL,
  rejected      INTEGER NOT NULL,
  parked        INTEGER NOT NULL,
  expired       INTEGER NOT NULL,
  PRIMARY KEY (span_minutes, start_at, connection_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX figures_of_connection ON figures (connection_id, span_minutes, start_at);

CREATE TABLE devices (
  connection_id  INTEGER NOT NULL REFERENCES connections (id),
  dev_eui        TEXT    NOT NULL,
  name           TEXT    NOT NULL,
  last_uplink_at INTEGER NOT NULL,
  uplinks        INTEGER NOT NULL,
  downlinks      INTEGER NOT NULL,
  PRIMARY KEY (connection_id, dev_eui)
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_by_uplink ON devices (connection_id, last_uplink_at);
