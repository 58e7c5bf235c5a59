-- +goose Up

-- Devices are looked for in the whole log too, and so are warnings and errors, which are few among a million.
CREATE INDEX events_of_any_device ON events (dev_eui, id) WHERE dev_eui <> '';
CREATE INDEX events_of_concern ON events (id, level) WHERE level <> 'info';
