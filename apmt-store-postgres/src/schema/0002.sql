-- Working days that ended while the clock ran, and the case's track (trimmed, in lower case).
ALTER TABLE held ADD COLUMN working_days bigint NOT NULL DEFAULT 0, ADD COLUMN track text COLLATE "C";

-- What servers keep in common besides the log, such as what has been mailed: each held by one of them at a time.
CREATE TABLE notes (
    name       text COLLATE "C" PRIMARY KEY,
    text       text NOT NULL,
    holder     uuid NOT NULL,
    held_until timestamptz NOT NULL            -- whoever comes later may take it
);
