//! The outbox's tables.

use apmt_store_sqlite::file::Schema;

/// `APMO` in ASCII marks the file as an outbox.
pub(super) const SCHEMA: Schema = Schema::new(0x4150_4d4f, "outbox", MIGRATIONS);

/// Released ones are never changed.
const MIGRATIONS: &[&str] = &[r"
CREATE TABLE waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which they were put in; none is used twice
    id     BLOB NOT NULL UNIQUE,               -- the UUID's 16 bytes
    put_at INTEGER NOT NULL,                   -- milliseconds since 1970
    event  TEXT NOT NULL                       -- the event's JSON, with its id and instant
) STRICT;

CREATE TABLE dead (
    number  INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they died
    id      BLOB NOT NULL UNIQUE,
    put_at  INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    reason  TEXT NOT NULL,                     -- refused, too_old
    field   TEXT,                              -- the field that was refused
    rule    TEXT NOT NULL,                     -- why, in words
    event   TEXT NOT NULL
) STRICT;

CREATE TABLE head (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    waiting         INTEGER NOT NULL DEFAULT 0, -- kept by the triggers
    bytes           INTEGER NOT NULL DEFAULT 0, -- of the events that wait, kept by the triggers
    dead            INTEGER NOT NULL DEFAULT 0, -- kept by the triggers
    delivered       INTEGER NOT NULL DEFAULT 0, -- since the file was made, as the following
    duplicates      INTEGER NOT NULL DEFAULT 0,
    rejected        INTEGER NOT NULL DEFAULT 0,
    dropped         INTEGER NOT NULL DEFAULT 0,
    error_kind      TEXT,                       -- of the last attempt that failed
    error           TEXT,
    error_at        INTEGER,
    next_attempt_at INTEGER                     -- while it is waited for
) STRICT;
INSERT INTO head (one) VALUES (1);

-- So that a million events need not be counted to know how many wait.
CREATE TRIGGER waiting_more AFTER INSERT ON waiting BEGIN
    UPDATE head SET waiting = waiting + 1, bytes = bytes + octet_length(new.event);
END;
CREATE TRIGGER waiting_less AFTER DELETE ON waiting BEGIN
    UPDATE head SET waiting = waiting - 1, bytes = bytes - octet_length(old.event);
END;
CREATE TRIGGER dead_more AFTER INSERT ON dead BEGIN
    UPDATE head SET dead = dead + 1;
END;
CREATE TRIGGER dead_less AFTER DELETE ON dead BEGIN
    UPDATE head SET dead = dead - 1;
END;
"];
