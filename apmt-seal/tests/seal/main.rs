//! The tree against others' arithmetic, proofs against a verifier in another language, and whole logs against hands that
//! change them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod erasing;
mod proofs;
mod support;
mod tampering;
mod tree;
mod verifying;
