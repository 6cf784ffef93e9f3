-- Events that programs which may not read put here with plain SQL. Servers take them into the log, and remove them.
CREATE TABLE incoming (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid NOT NULL DEFAULT gen_random_uuid(), -- the event's, unless its JSON has one
    received_at bigint NOT NULL DEFAULT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    event       text NOT NULL CHECK (octet_length(event) <= 131072) -- its JSON
);

-- What of it broke a rule, and which.
CREATE TABLE refused (
    number      bigint PRIMARY KEY,
    received_at bigint NOT NULL,
    refused_at  bigint NOT NULL,
    reason      text NOT NULL,
    event       text NOT NULL
);
