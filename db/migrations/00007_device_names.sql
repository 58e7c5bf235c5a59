-- +goose Up

-- What ThingsBoard calls devices that were renamed there; the others are called by their DevEUI. Names belong to the
-- ThingsBoard that has the gateway device.
CREATE TABLE device_names (
  connection_id     INTEGER NOT NULL REFERENCES connections (id),
  gateway_device_id TEXT    NOT NULL,
  dev_eui           TEXT    NOT NULL,
  name              TEXT    NOT NULL,
  PRIMARY KEY (connection_id, gateway_device_id, dev_eui)
) STRICT, WITHOUT ROWID;
