-- +goose Up

-- Figures of one connection must be found by the connection. SQLite took the primary key instead, which leads through the
-- rows of every connection in that time, for the index held too little to answer by itself.
DROP INDEX figures_of_connection;
CREATE INDEX figures_of_connection
  ON figures (connection_id, span_minutes, start_at, uplinks, delivered, downlinks, rejected, parked, expired);

-- Lists are searched in memory.
ALTER TABLE connections DROP COLUMN search;

-- A kind that is rare among a million events, and lies long back, was looked for in all of them.
CREATE INDEX events_of_kind ON events (kind, id);
