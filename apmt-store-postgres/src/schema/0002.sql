-- Working days that ended while the clock ran, and the case's track (trimmed, in lower case).
ALTER TABLE held ADD COLUMN working_days bigint NOT NULL DEFAULT 0, ADD COLUMN track text COLLATE "C";
