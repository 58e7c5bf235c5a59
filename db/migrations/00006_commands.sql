-- +goose Up

-- Commands that were posted to ThingPark, or were about to be: the row is on disk before the downlink leaves.
CREATE TABLE commands (
  id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  connection_id  INTEGER NOT NULL REFERENCES connections (id),
  dev_eui        TEXT    NOT NULL,
  rpc_id         INTEGER NOT NULL,
  hash           TEXT    NOT NULL, -- of method and parameters
  f_port         INTEGER NOT NULL,
  correlation_id TEXT    NOT NULL,
  state          TEXT    NOT NULL,
  sentence       TEXT    NOT NULL,
  came_at        INTEGER NOT NULL,
  settled_at     INTEGER NOT NULL -- 0: not yet
) STRICT;

CREATE INDEX commands_of_connection ON commands (connection_id, id);
CREATE INDEX commands_of_device ON commands (connection_id, dev_eui, id);
CREATE INDEX commands_by_rpc ON commands (connection_id, dev_eui, rpc_id);
CREATE INDEX commands_by_correlation ON commands (connection_id, correlation_id);
CREATE INDEX commands_by_time ON commands (came_at);
CREATE INDEX commands_under_way ON commands (came_at) WHERE state = 'sending';

-- Attributes that ThingsBoard shares with devices, as last pushed.
CREATE TABLE shared_attributes (
  connection_id INTEGER NOT NULL REFERENCES connections (id),
  dev_eui       TEXT    NOT NULL,
  key           TEXT    NOT NULL,
  value         TEXT    NOT NULL, -- JSON
  updated_at    INTEGER NOT NULL,
  PRIMARY KEY (connection_id, dev_eui, key)
) STRICT, WITHOUT ROWID;
