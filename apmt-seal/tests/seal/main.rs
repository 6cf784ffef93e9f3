//! The tree against others' arithmetic, proofs against a verifier in another language, and whole logs against hands that
//! change them.

mod erasing;
mod proofs;
mod support;
mod tampering;
mod tree;
mod verifying;
