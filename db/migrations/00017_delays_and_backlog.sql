-- +goose Up

-- How long deliveries took, from an event's acceptance to ThingsBoard's acknowledgement: how many within each of these
-- times and beyond the one before, so that spans and connections can be added up.
ALTER TABLE figures ADD COLUMN took_10ms   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_25ms   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_50ms   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_100ms  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_250ms  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_500ms  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_1s     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_2500ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_5s     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_10s    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_30s    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_1m     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_5m     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_15m    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_1h     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_6h     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN took_longer INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN longest_ms  INTEGER NOT NULL DEFAULT 0;

-- The most that waited when that was looked at, and for how long the oldest did.
ALTER TABLE figures ADD COLUMN backlog     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN oldest_ms   INTEGER NOT NULL DEFAULT 0;

-- Figures of one connection are read by this index alone, as before.
DROP INDEX figures_of_connection;
CREATE INDEX figures_of_connection
  ON figures (connection_id, span_minutes, start_at, uplinks, delivered, downlinks, rejected, parked, expired,
              took_10ms, took_25ms, took_50ms, took_100ms, took_250ms, took_500ms, took_1s, took_2500ms, took_5s, took_10s, took_30s,
              took_1m, took_5m, took_15m, took_1h, took_6h, took_longer, longest_ms, backlog, oldest_ms);

-- What happened on all connections in a minute: a sum, kept while it grows, so that the first page adds up nothing.
CREATE TABLE minutes_of_all (
  start_at  INTEGER NOT NULL PRIMARY KEY,
  uplinks   INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  downlinks INTEGER NOT NULL,
  rejected  INTEGER NOT NULL,
  parked    INTEGER NOT NULL,
  expired   INTEGER NOT NULL,
  watched   INTEGER NOT NULL, -- 1: the backlog was looked at
  backlog   INTEGER NOT NULL,
  oldest_ms INTEGER NOT NULL
) STRICT;

-- The last two hours, which is more than any page shows of it.
INSERT INTO minutes_of_all
SELECT start_at, SUM(uplinks), SUM(delivered), SUM(downlinks), SUM(rejected), SUM(parked), SUM(expired), 0, 0, 0
FROM figures
WHERE span_minutes = 1 AND start_at > (SELECT MAX(start_at) FROM figures WHERE span_minutes = 1) - 7200000
GROUP BY start_at;
