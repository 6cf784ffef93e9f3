-- First, for this locks the head: servers of earlier versions append nothing from here on, and what they derived is
-- derived anew.
UPDATE head SET fold_version = NULL;
ALTER TABLE head ADD COLUMN retraction bigint NOT NULL DEFAULT 0; -- the position of the newest event that retracts
UPDATE head SET retraction = coalesce((SELECT max(position) FROM retractions), 0);

-- Which cases there are: it outlives the partitions that their events were in.
CREATE TABLE cases (case_id text COLLATE "C" PRIMARY KEY);
INSERT INTO cases SELECT DISTINCT shard_key FROM events WHERE has_case;

-- An actor's day lies in parts, one of each append that added to it, until they are packed together. The positions in
-- a part count from its base.
ALTER TABLE days ADD COLUMN base bigint NOT NULL DEFAULT 0;
ALTER TABLE days DROP CONSTRAINT days_pkey, ADD PRIMARY KEY (actor, day, base);

-- The cases to which something was added between two places of the log, some more than once; NULL where that is not known, or too much to
-- tell. Retractions, which change cases that they do not name, are for the caller to look for.
CREATE FUNCTION cases_between(known bigint, stands bigint) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    found   bigint;
    changed text[];
BEGIN
    IF stands = known THEN
        RETURN '{}';
    ELSIF known IS NULL OR stands < known OR stands - known > 16384 THEN
        RETURN NULL;
    END IF;
    SELECT count(*), coalesce(array_agg(e.shard_key) FILTER (WHERE e.has_case), '{}') INTO found, changed
    FROM events e WHERE e.position > known AND e.position <= stands;
    -- Of months that were dropped, nothing is known.
    RETURN CASE WHEN found = stands - known THEN changed END;
END
$$;

-- Appends events, and what follows from them, behind whatever else the log holds by then: the positions in the
-- arguments count from there. Says where that was (`before`), and which other cases have changed since `known`.
--
-- Where it is not `locked`, nothing was read under the head's lock, but with the log standing at `known`. Then it fails if
-- any of that no longer holds: with the state AP001 if a case of the events has changed or an id is named by a retraction,
-- by a violation of their keys if an id or one of the new cases is there already. Both functions act with their callers'
-- rights, and find the tables by their callers' search path, which every connection of the store sets.
CREATE FUNCTION append(
    known bigint, locked boolean, of_calendar text, of_version bigint, channel text, newest bigint, retracting bigint,
    event_ids uuid[], keys text[], of_cases boolean[], times_recorded bigint[], times_occurred bigint[],
    are_retracted boolean[], payloads text[],
    changing text[], new_cases text[],
    day_actors text[], day_numbers integer[], day_tallies bytea[], day_entries bytea[],
    names text[], said_kinds text[], said_at bigint[], said_by bigint[],
    ended_actors text[], ended_cases text[],
    holders text[], held_cases text[], sinces bigint[], counts bigint[], runnings bigint[], changes bigint[],
    ended_days bigint[], their_tracks text[],
    OUT before bigint, OUT changed text[]
) LANGUAGE plpgsql SET plan_cache_mode TO force_generic_plan AS $$
DECLARE
    added     bigint := cardinality(event_ids);
    stood     bigint;
    retracted bigint;
    since     text[];
BEGIN
    IF NOT locked THEN
        -- What can be looked at before the lock is taken is not looked at under it.
        SELECT h.position INTO stood FROM head h WHERE h.one = 1;
        changed := cases_between(known, stood);
        IF changed IS NULL OR EXISTS (SELECT unnest(changing) INTERSECT SELECT unnest(changed)) THEN
            RAISE EXCEPTION 'cases have changed since they were read' USING ERRCODE = 'AP001';
        END IF;
    END IF;
    -- The lock that gives positions out, until the end of the transaction: whoever comes later waits here.
    UPDATE head h SET position = h.position + added, latest = greatest(h.latest, newest),
        retraction = CASE WHEN retracting > 0 THEN h.position + retracting ELSE h.retraction END
    WHERE h.one = 1 AND h.calendar = of_calendar AND h.fold_version = of_version
    RETURNING h.position - added, h.retraction INTO before, retracted;
    IF before IS NULL THEN
        RAISE EXCEPTION 'the derived tables are of another calendar or version' USING ERRCODE = 'AP001';
    END IF;
    IF NOT locked THEN
        since := cases_between(stood, before);
        IF since IS NULL OR retracted > known OR EXISTS (SELECT unnest(changing) INTERSECT SELECT unnest(since)) THEN
            RAISE EXCEPTION 'cases have changed since they were read' USING ERRCODE = 'AP001';
        ELSIF EXISTS (SELECT FROM unnest(event_ids) mine (k) JOIN retractions r ON r.id = mine.k) THEN
            RAISE EXCEPTION 'an event was retracted before it came' USING ERRCODE = 'AP001';
        END IF;
        changed := changed || since;
    END IF;

    INSERT INTO ids (id, position, recorded_at)
    SELECT k.id, before + k.nth, k.recorded
    FROM unnest(event_ids, times_recorded) WITH ORDINALITY k (id, recorded, nth);
    IF locked THEN
        -- One whose events were dropped with their months is there.
        INSERT INTO cases (case_id) SELECT * FROM unnest(new_cases) ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO cases (case_id) SELECT * FROM unnest(new_cases);
    END IF;
    INSERT INTO events (shard_key, has_case, position, recorded_at, occurred_at, id, retracted, payload)
    SELECT k.key, k.of_case, before + k.nth, k.recorded, k.occurred, k.id, k.gone, k.payload
    FROM unnest(keys, of_cases, times_recorded, times_occurred, event_ids, are_retracted, payloads)
        WITH ORDINALITY k (key, of_case, recorded, occurred, id, gone, payload, nth);

    IF cardinality(day_actors) > 0 THEN
        INSERT INTO days (actor, day, base, tally, entries)
        SELECT k.a, k.d, before, k.t, k.e FROM unnest(day_actors, day_numbers, day_tallies, day_entries) k (a, d, t, e);
    END IF;
    IF cardinality(names) > 0 THEN
        INSERT INTO actors AS a (name, kind, kind_at, kind_position)
        SELECT k.n, k.k, k.t, before + k.p FROM unnest(names, said_kinds, said_at, said_by) k (n, k, t, p)
        ON CONFLICT ON CONSTRAINT actors_pkey DO UPDATE
        SET kind = excluded.kind, kind_at = excluded.kind_at, kind_position = excluded.kind_position
        WHERE (a.kind_at, a.kind_position) < (excluded.kind_at, excluded.kind_position);
    END IF;
    -- In this order, for a case may go from one holder to another and back.
    IF cardinality(ended_actors) > 0 THEN
        DELETE FROM held h USING unnest(ended_actors, ended_cases) k (a, c) WHERE h.actor = k.a AND h.case_id = k.c;
    END IF;
    IF cardinality(holders) > 0 THEN
        INSERT INTO held (actor, case_id, since, counted_ms, running_since, changed_at, working_days, track)
        SELECT * FROM unnest(holders, held_cases, sinces, counts, runnings, changes, ended_days, their_tracks)
        ON CONFLICT ON CONSTRAINT held_pkey DO UPDATE
        SET since = excluded.since, counted_ms = excluded.counted_ms, running_since = excluded.running_since,
            changed_at = excluded.changed_at, working_days = excluded.working_days, track = excluded.track;
    END IF;
    IF channel IS NOT NULL THEN
        PERFORM pg_notify(channel, (before + added)::text);
    END IF;
END
$$;
