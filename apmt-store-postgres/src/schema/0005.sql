-- The nodes of the tree over the log: 2 (position - 1) is the number of an event's leaf. See apmt_core::store::seal.
CREATE TABLE seal (
    number     bigint PRIMARY KEY,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    salt       bytea,                          -- of a leaf whose event is not erased
    commitment bytea,                          -- of a leaf whose event is erased
    erasure    bigint,                         -- the position of the event that says why
    CHECK (number % 2 = 0 OR (salt IS NULL AND commitment IS NULL AND erasure IS NULL))
);

-- What was signed.
CREATE TABLE checkpoints (
    size bigint NOT NULL,                      -- how many events were signed
    note text COLLATE "C" NOT NULL,
    PRIMARY KEY (size, note)
);

