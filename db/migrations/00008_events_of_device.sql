-- +goose Up

-- The page of a device shows its events; most events are about none.
CREATE INDEX events_of_device ON events (connection_id, dev_eui, id) WHERE dev_eui <> '';
