-- Where the log stands. Its one row is the lock under which positions are given out.
CREATE TABLE head (
    one          smallint PRIMARY KEY CHECK (one = 1),
    position     bigint NOT NULL,              -- of the newest event; 0 if there is none
    latest       bigint,                       -- the latest instant at which any event occurred
    calendar     text,                         -- the digest of the calendar that days and held were made with
    fold_version bigint                        -- the version of the fold that they were made with
);
INSERT INTO head (one, position) VALUES (1, 0);

-- The log. Instants are milliseconds since 1970, UTC.
CREATE TABLE events (
    shard_key   text COLLATE "C" NOT NULL,     -- the case, else the actor, else nothing
    has_case    boolean NOT NULL,              -- whether shard_key is a case
    position    bigint NOT NULL,               -- 1, 2, 3 … without gaps
    recorded_at bigint NOT NULL,
    occurred_at bigint NOT NULL,
    id          uuid NOT NULL,
    retracted   boolean NOT NULL,              -- whether a retraction has named it
    payload     text NOT NULL,                 -- the event's JSON without id and occurred_at
    PRIMARY KEY (shard_key, position, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX events_by_position ON events (position);

-- Where each id is: it outlives the partition that its event was in.
CREATE TABLE ids (
    id          uuid PRIMARY KEY,
    position    bigint NOT NULL,
    recorded_at bigint NOT NULL
);

-- The ids that retractions name: an event that comes after its retraction must find it.
CREATE TABLE retractions (
    id       uuid PRIMARY KEY,
    position bigint NOT NULL                   -- the first retraction that names it
);

-- What was said last of an actor's kind.
CREATE TABLE actors (
    name          text COLLATE "C" PRIMARY KEY, -- trimmed, in lower case
    kind          text NOT NULL,                -- HUMAN or AGENT
    kind_at       bigint NOT NULL,              -- when it was said
    kind_position bigint NOT NULL
);

-- An actor's day: its tally, and its entries.
CREATE TABLE days (
    actor   text COLLATE "C" NOT NULL,         -- empty: nobody
    day     integer NOT NULL,                  -- the UTC day since 1970
    tally   bytea NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (actor, day)
) WITH (fillfactor = 80);
CREATE INDEX days_by_day ON days (day, actor);
-- They are packed already.
ALTER TABLE days ALTER tally SET STORAGE EXTERNAL, ALTER entries SET STORAGE EXTERNAL;

-- The clocks that run: who holds what.
CREATE TABLE held (
    actor         text COLLATE "C" NOT NULL,
    case_id       text COLLATE "C" NOT NULL,
    since         bigint NOT NULL,
    counted_ms    bigint NOT NULL,
    running_since bigint,                      -- NULL while paused
    changed_at    bigint NOT NULL,
    PRIMARY KEY (actor, case_id)
);

-- Makes the month's partition in which an event recorded then lies, if it is not there, and says where it begins and
-- ends. It is attached, not created in place, so that nobody who reads has to wait; callers hold the head's lock.
CREATE FUNCTION make_partition(recorded_at bigint, OUT lower bigint, OUT upper bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    month timestamp := date_trunc('month', to_timestamp(recorded_at / 1000.0) AT TIME ZONE 'UTC');
    name  text := 'events_' || to_char(month, 'YYYY_MM');
BEGIN
    lower := extract(epoch FROM month)::bigint * 1000;
    upper := extract(epoch FROM month + interval '1 month')::bigint * 1000;
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, lower, upper);
    END IF;
END
$$;
-- It acts with its owner's rights, so that whoever appends needs none to make tables; who may call it is granted.
REVOKE ALL ON FUNCTION make_partition FROM PUBLIC;

-- Drops the months that ended before then, and says how many. For the tables' owner.
CREATE FUNCTION drop_partitions(before bigint) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    name    text;
    dropped integer := 0;
BEGIN
    -- As everyone who changes the tables does first.
    PERFORM 1 FROM head WHERE one = 1 FOR UPDATE;
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'events'::regclass
        AND extract(epoch FROM to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') * 1000 <= before
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION drop_partitions FROM PUBLIC;
