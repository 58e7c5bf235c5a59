-- +goose Up

-- AUTOINCREMENT: an id is never used again. A deleted connection keeps its row, without secrets, as a tombstone.
CREATE TABLE connections (
  id                      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  connector_id            TEXT    NOT NULL,
  name                    TEXT    NOT NULL,
  active                  INTEGER NOT NULL,
  description             TEXT    NOT NULL,
  host_name               TEXT    NOT NULL,
  username                TEXT    NOT NULL,
  create_devices          INTEGER NOT NULL,
  send_metadata           INTEGER NOT NULL,
  send_raw_decoded_format INTEGER NOT NULL,
  uplink_time_validity    TEXT    NOT NULL, -- as written: 72h; empty: without limit
  telemetry_format        TEXT    NOT NULL,
  device_type             TEXT    NOT NULL,
  verify_uplink_token     INTEGER NOT NULL,
  downlink_enabled        INTEGER NOT NULL,
  downlink_as_id          TEXT    NOT NULL,
  downlink_port           INTEGER NOT NULL, -- 0: none
  downlink_url            TEXT    NOT NULL,
  protocol                TEXT    NOT NULL,
  rest_url                TEXT    NOT NULL,
  mqtt_host_name          TEXT    NOT NULL,
  ca_certificate          TEXT    NOT NULL,
  reconnect_strategy      TEXT    NOT NULL,
  alarms                  TEXT    NOT NULL, -- JSON

  -- Sealed with the key of that id: version byte, nonce, ciphertext. Empty: not set.
  key_id                  TEXT    NOT NULL,
  password                BLOB    NOT NULL,
  downlink_as_key         BLOB    NOT NULL,
  uplink_key              BLOB    NOT NULL,

  version                 INTEGER NOT NULL,
  credential_version      INTEGER NOT NULL,
  restart_request         INTEGER NOT NULL,
  gateway_device_id       TEXT    NOT NULL,
  search                  TEXT    NOT NULL, -- what a search looks at, in lower case
  created_at              INTEGER NOT NULL,
  updated_at              INTEGER NOT NULL,
  deleted_at              INTEGER NOT NULL DEFAULT 0,
  purged_at               INTEGER NOT NULL DEFAULT 0 -- when nothing of a deleted one was left
) STRICT;

-- How links stood when they last changed; a start shows it until the links report anew.
CREATE TABLE statuses (
  connection_id     INTEGER NOT NULL PRIMARY KEY REFERENCES connections (id),
  state             TEXT    NOT NULL,
  since             INTEGER NOT NULL,
  reason_code       TEXT    NOT NULL,
  reason            TEXT    NOT NULL,
  hint              TEXT    NOT NULL,
  attempt           INTEGER NOT NULL,
  next_attempt_at   INTEGER NOT NULL,
  lost_at           INTEGER NOT NULL,
  startup_time      INTEGER NOT NULL,
  owner             TEXT    NOT NULL,
  last_delivered_at INTEGER NOT NULL
) STRICT;

-- Sign-ins made with one version of a connection's credentials since the last success.
CREATE TABLE credential_tries (
  connection_id      INTEGER NOT NULL REFERENCES connections (id),
  credential_version INTEGER NOT NULL,
  tries              INTEGER NOT NULL,
  allowance          INTEGER NOT NULL,
  last_at            INTEGER NOT NULL,
  PRIMARY KEY (connection_id, credential_version)
) STRICT, WITHOUT ROWID;
