//! Seals APMT's log: whoever changes, removes, inserts or reorders an event afterwards is found out.
//!
//! # In five minutes
//! Each event becomes a leaf of a Merkle tree ([RFC 6962](https://www.rfc-editor.org/rfc/rfc6962#section-2.1), SHA-256).
//! The tree's root stands for all of the log: with one byte of one event it would be another. The operator signs it from
//! time to time, together with the number of events (ed25519): a [`Checkpoint`], a text of five lines that fits into a
//! mail. Whoever keeps one can hold the log against it for ever.
//!
//! - [`Sealer`] turns new events into leaves. It follows the log in batches, so appending costs what it did.
//! - [`checkpoint()`] signs what is sealed, and keeps the note in the store.
//! - [`verify()`] goes through the whole log: each event against its leaf, the tree against its nodes, the root against every
//!   checkpoint, those that somebody has kept elsewhere included. It names the first event that is wrong and says what
//!   happened to it.
//! - [`Inclusion`] proves that one event is in the log of a checkpoint, and [`Consistency`] that a longer log has only
//!   grown out of a shorter one. Both are checked without the store.
//! - [`erase()`] takes away what events say, where the law asks for it, and the tree verifies as before.
//!
//! ```
//! use apmt_core::{Event, MemoryStore, Store};
//! use apmt_seal::{SealKey, Sealer, checkpoint, prove_inclusion, verify};
//! # futures_lite::future::block_on(async {
//! let store = MemoryStore::new();
//! for case in ["C-1", "C-2", "C-3"] {
//!     store.append(vec![Event::override_of("anne@sba.gov").case(case).build()?]).await?;
//! }
//! let kept = store.seal().expect("this store keeps a seal");
//! let key = SealKey::generate("sba.gov/apmt")?;
//! Sealer::default().catch_up(kept, &mut |_| ()).await?;
//! let note = checkpoint(kept, &key).await?.expect("there is something to sign");
//!
//! let verified = verify(kept, &[key.verifier().clone()], &[note.clone()], &mut |_, _| ()).await?;
//! assert!(verified.is_sound() && verified.signed == 3);
//!
//! let proof = prove_inclusion(kept, 2, note.size).await?;
//! proof.check(&note)?; // needs the proof and the note, and nothing else
//! # Ok::<(), apmt_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! # What a seal proves, and what not
//! - A log that verifies against a checkpoint that **you** have kept is, up to its size, the very log that was signed then.
//! - Whoever has the signing key and the database can rewrite all that came after the last checkpoint that somebody else
//!   has kept, and sign it anew. So send checkpoints away: to an auditor, a union, a public page. The note is in the format
//!   of C2SP, which [witnesses](https://c2sp.org/tlog-witness) take.
//! - What is recorded between two checkpoints is sealed, but not signed yet: [`Verified::signed`] says up to where.
//! - A seal says that an event was recorded, and when it was by the store's clock; not that it is true.
//! - What is derived (tallies, dossiers) is not sealed: it follows from the log, and can be made again.
//!
//! # The bytes
//! So that anybody can write a verifier of their own. All numbers are big-endian, instants are milliseconds since 1970,
//! UTC, as signed 64-bit numbers.
//!
//! | what | bytes |
//! |---|---|
//! | payload | the event's JSON without `id` and `occurred_at`, as the store has it ([`Event::to_payload`](apmt_core::Event::to_payload)), UTF-8 |
//! | commitment (32) | SHA-256 of: salt (16, random, made when the event is sealed), `occurred_at` (8), payload |
//! | leaf (65) | version 1 (1), position (8), id (16), `recorded_at` (8), commitment (32) |
//! | leaf's hash | SHA-256 of: 0 (1), leaf; as in RFC 6962 |
//! | node's hash | SHA-256 of: 1 (1), left hash (32), right hash (32); as in RFC 6962 |
//!
//! The event of position `p` is leaf `p − 1` of the tree. All that may be personal is in the payload, so an erased one leaves
//! nothing but its id, its place and its time of recording; and without the salt, nobody can find out by trying whether a
//! payload that they can think of is the one that was there. `tests/data/verify_inclusion.py` is such a verifier, of thirty
//! lines.
//!
//! # Erasing
//! What an event says is erased with its salt; its commitment stays, so the leaf's hash does. An event of type
//! `X_ERASURE` is recorded and sealed first, with who, why and which positions, and [`verify()`] accepts no gap that such a
//! record does not name. The erased event counts no more, is in no answer, and leaves its position empty; its id stays
//! known, so that an outbox that sends it again does not bring it back. Names in the records themselves (`by`) are not
//! erased.
//!
//! A copy of the log in another store, such as the target of a migration, has a seal of its own.

mod checkpoint;
mod erase;
mod key;
mod leaf;
mod proof;
mod sealer;
mod tree;
pub mod verify;

pub use checkpoint::{Checkpoint, checkpoint};
pub use erase::{Erasure, Record, erase, seal_of};
pub use key::{SealKey, SealVerifier};
pub use leaf::{LEAF_BYTES, Leaf, commitment};
pub use proof::{Consistency, Inclusion, Opening, prove_consistency, prove_inclusion};
pub use sealer::Sealer;
pub use tree::Tree;
pub use verify::{Finding, Verified, Wrong, verify};
