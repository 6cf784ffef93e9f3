//! The tables, and how a file of an earlier version becomes one of this.
//!
//! `events` is the record; everything else is derived from it, or finds things in it. An erased event is a row without
//! payload, instant and case.
//!
//! | table | what | why so |
//! |---|---|---|
//! | `events` | the log: a row an event, in log order | appended to at one end |
//! | `retractions` | the ids that retractions name | an event that comes after its retraction must find it |
//! | `cases`, `actors` | a number a name | the numbers are what the other tables repeat |
//! | `case_events` | which events are a case's | written some hundred events at a time: see `settle` |
//! | `days` | an actor's day: its tallies, one a track, and its entries | the key has the day in front, so that what is written today lies in one place however many actors there are |
//! | `held` | the clocks that run: who holds what | a dossier's open cases |
//! | `seal` | the nodes of the tree over the log: the leaves have even numbers, and the salts | see `apmt_core::store::seal` |
//! | `checkpoints` | what was signed | |
//! | `head` | the latest instant, what the derived tables were made with, and up to where the log is settled | |

use crate::file::Schema;

/// `APMT` in ASCII marks the file as a store.
pub(crate) const SCHEMA: Schema = Schema::new(0x4150_4d54, "store", MIGRATIONS);

/// One SQL script a version; the place in the list is the version that it makes. Scripts that have been released are
/// never changed.
const MIGRATIONS: &[&str] = &[
    r"
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,  -- 1, 2, 3 … without gaps
    id          BLOB NOT NULL,        -- the UUID's 16 bytes
    occurred_at INTEGER NOT NULL,     -- milliseconds since 1970
    recorded_at INTEGER NOT NULL,
    case_no     INTEGER,              -- cases.no
    payload     TEXT NOT NULL         -- the event's JSON without id and occurred_at
) STRICT;
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_case ON events (case_no) WHERE case_no IS NOT NULL;

CREATE TABLE retractions (
    id       BLOB PRIMARY KEY,        -- the event that is retracted
    position INTEGER NOT NULL         -- the first retraction that names it
) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    no      INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE actors (
    no            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,  -- trimmed, in lower case; empty: nobody
    kind          TEXT,                  -- what was said last: HUMAN or AGENT
    kind_at       INTEGER,               -- when it was said
    kind_position INTEGER
) STRICT;

CREATE TABLE days (
    key     INTEGER PRIMARY KEY,      -- the UTC day since 1970, times 2^32, plus actors.no
    tally   BLOB NOT NULL,
    entries BLOB NOT NULL
) STRICT;

CREATE TABLE held (
    actor_no      INTEGER NOT NULL,
    case_no       INTEGER NOT NULL,
    since         INTEGER NOT NULL,
    counted_ms    INTEGER NOT NULL,
    running_since INTEGER,            -- NULL while paused
    changed_at    INTEGER NOT NULL,
    case_id       TEXT NOT NULL,      -- as in cases, so that a dossier need not look each up
    PRIMARY KEY (actor_no, case_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    latest   INTEGER,                 -- the latest instant at which any event occurred
    calendar TEXT,                    -- the digest of the calendar that days and held were made with
    derived  INTEGER                  -- the version of the fold that they were made with
) STRICT;
INSERT INTO head (one) VALUES (1);
",
    r"
ALTER TABLE held ADD COLUMN working_days INTEGER NOT NULL DEFAULT 0;  -- that ended while the clock ran
ALTER TABLE held ADD COLUMN track TEXT;                               -- the case's, trimmed, in lower case
",
    r"
CREATE TABLE case_events (
    case_no  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (case_no, position)
) STRICT, WITHOUT ROWID;
INSERT INTO case_events SELECT case_no, position FROM events WHERE case_no IS NOT NULL ORDER BY case_no, position;
DROP INDEX events_by_case;
-- Up to where case_events has the log, and actors knows when a kind was said last.
ALTER TABLE head ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
UPDATE head SET settled = (SELECT coalesce(max(position), 0) FROM events);
",
    r"
CREATE TABLE seal (
    number     INTEGER PRIMARY KEY,   -- of the node: 2 (position - 1) for an event's leaf
    hash       BLOB NOT NULL,
    salt       BLOB,                  -- of a leaf whose event is not erased
    commitment BLOB,                  -- of a leaf whose event is erased
    erasure    INTEGER,               -- the position of the event that says why
    CHECK (length(hash) = 32),
    CHECK (number % 2 = 0 OR (salt IS NULL AND commitment IS NULL AND erasure IS NULL))
) STRICT;

CREATE TABLE checkpoints (
    size INTEGER NOT NULL,            -- how many events were signed
    note TEXT NOT NULL,
    PRIMARY KEY (size, note)
) STRICT, WITHOUT ROWID;
",
];
