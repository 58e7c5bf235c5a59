-- +goose Up

-- Who sent a command by hand; empty where ThingsBoard did, and rpc_id and hash are its own.
ALTER TABLE commands ADD COLUMN actor TEXT NOT NULL DEFAULT '';
