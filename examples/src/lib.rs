//! One file a thing that one does with APMT. Each runs with one command, which its head names.
//!
//! | file | shows |
//! |---|---|
//! | `log_events.rs` | recording what happened, from JSON and from builders |
//! | `peek_dossier.rs` | asking for an actor's dossier |
//! | `agent.rs` | an AI agent that records from a hot loop without waiting |
//! | `outbox.rs` | a kiosk that goes on while the network does not |
//! | `form.rs` | a citizen's form that records from code without async |
//! | `in_memory.rs` | an integration test of one's own code, with the store in memory |
//! | `own_store.rs` | a store of one's own that passes the conformance suite |
//! | `custom_policy.rs` | rules of one's own, in YAML |
