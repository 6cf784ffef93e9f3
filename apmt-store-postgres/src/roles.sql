-- Run by the tables' owner, once the owner has opened the store for the first time.
CREATE ROLE apmt_server NOLOGIN;
GRANT USAGE ON SCHEMA apmt TO apmt_server;
GRANT SELECT ON apmt.migrations TO apmt_server;
GRANT SELECT, UPDATE ON apmt.head TO apmt_server;
GRANT SELECT, INSERT ON apmt.events, apmt.ids, apmt.cases, apmt.retractions TO apmt_server;
GRANT UPDATE (retracted) ON apmt.events TO apmt_server;
GRANT SELECT, INSERT, UPDATE ON apmt.actors, apmt.notes TO apmt_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON apmt.days, apmt.held TO apmt_server;
GRANT SELECT, INSERT ON apmt.seal, apmt.checkpoints TO apmt_server;
GRANT SELECT, UPDATE, DELETE ON apmt.incoming TO apmt_server;
GRANT SELECT, INSERT ON apmt.refused TO apmt_server;
GRANT EXECUTE ON FUNCTION apmt.make_partition TO apmt_server;

CREATE ROLE apmt_reader NOLOGIN;
GRANT USAGE ON SCHEMA apmt TO apmt_reader;
GRANT SELECT ON apmt.migrations, apmt.head, apmt.events, apmt.ids, apmt.cases, apmt.retractions, apmt.actors, apmt.days, apmt.held,
    apmt.refused, apmt.seal, apmt.checkpoints TO apmt_reader;

CREATE ROLE apmt_record NOLOGIN;
GRANT USAGE ON SCHEMA apmt TO apmt_record;
GRANT INSERT (event) ON apmt.incoming TO apmt_record;
