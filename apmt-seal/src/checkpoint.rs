//! Checkpoints: how large the tree was and what its root, signed.

use std::fmt;

use apmt_core::store::SealStore;
use apmt_core::store::seal::{Hash, KeptCheckpoint};
use apmt_core::{Error, ErrorKind, Result};
use data_encoding::BASE64;

use crate::key::{SealKey, SealVerifier};
use crate::tree::Tree;

/// What begins a line with a signature.
const SIGNATURE: &str = "\u{2014} ";

/// What a log was, as its operator signed it: a note of [C2SP's tlog-checkpoint](https://c2sp.org/tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many events it had.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// What is signed: the note's first part.
    text: String,
    /// Who signed, and what: the key's name, its id and the signature.
    signatures: Vec<(String, Vec<u8>)>,
}

impl Checkpoint {
    /// A checkpoint of a tree, signed. The log's name is the key's.
    pub fn sign(tree: &Tree, key: &SealKey) -> Self {
        let (origin, size, root) = (key.verifier().name().to_owned(), tree.size(), tree.root());
        let text = format!("{origin}\n{size}\n{}\n", BASE64.encode(&root));
        let signature = [&key.verifier().id()[..], &key.sign(&text)].concat();
        Self { signatures: vec![(origin.clone(), signature)], origin, size, root, text }
    }

    /// Reads a note. Who signed it is not yet verified.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if it is no checkpoint.
    pub fn parse(note: &str) -> Result<Self> {
        let parsed = || {
            let (text, signatures) = note.split_at(note.rfind("\n\n")? + 1);
            let signatures = signatures.strip_prefix('\n')?.strip_suffix('\n')?;
            let signatures = signatures.split('\n').map(signature).collect::<Option<Vec<_>>>()?;
            // Control characters have no place in a note.
            if note.contains(|c: char| c.is_ascii_control() && c != '\n') {
                return None;
            }
            let mut lines = text.split('\n');
            let (origin, size, root) = (lines.next()?.to_owned(), lines.next()?, lines.next()?);
            if origin.is_empty() || (size.len() > 1 && size.starts_with('0')) || size.starts_with('+') {
                return None;
            }
            let root = BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?;
            Some(Self { origin, size: size.parse().ok()?, root, text: text.to_owned(), signatures })
        };
        parsed().ok_or_else(|| {
            let message = "this is no checkpoint: it should have the log's name, the number of its events, its root, an \
                           empty line, and a signature";
            Error::new(ErrorKind::Invalid, message)
        })
    }

    /// Whether that key has signed it. Signatures of others, such as witnesses, are passed over.
    pub fn is_signed_by(&self, key: &SealVerifier) -> bool {
        self.origin == key.name()
            && self.signatures.iter().any(|(name, signature)| {
                name == key.name()
                    && signature.strip_prefix(&key.id()).is_some_and(|sig| key.has_signed(&self.text, sig))
            })
    }
}

fn signature(line: &str) -> Option<(String, Vec<u8>)> {
    let (name, signature) = line.strip_prefix(SIGNATURE)?.split_once(' ')?;
    let signature = BASE64.decode(signature.as_bytes()).ok()?;
    (!name.is_empty() && signature.len() > 4).then(|| (name.to_owned(), signature))
}

impl fmt::Display for Checkpoint {
    /// The note, with a newline at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for (name, signature) in &self.signatures {
            writeln!(f, "{SIGNATURE}{name} {}", BASE64.encode(signature))?;
        }
        Ok(())
    }
}

/// Signs a checkpoint of all that is sealed, and keeps it in the store; where the newest one that is kept is the same, that
/// one. `None` where nothing is sealed.
///
/// Before it signs, it makes sure that the tree has grown out of the one that it signed last.
///
/// # Errors
/// [`Corrupt`](ErrorKind::Corrupt) if it has not, or a node is gone; and as the store meets them.
pub async fn checkpoint(store: &dyn SealStore, key: &SealKey) -> Result<Option<Checkpoint>> {
    let size = store.sealed().await?;
    if let Some(newest) = store.newest_checkpoint().await? {
        let signed = Checkpoint::parse(&newest.note).ok().filter(|note| note.is_signed_by(key.verifier()));
        if let Some(signed) = signed {
            let same = size >= signed.size && Tree::read(store, signed.size).await?.root() == signed.root;
            if !same {
                let message = format!(
                    "the log is not any more what was signed when it had {} events: see apmt verify, and keep the \
                     checkpoint that it shows",
                    signed.size
                );
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
            if size == signed.size {
                return Ok(Some(signed));
            }
        }
    }
    if size == 0 {
        return Ok(None);
    }
    let signed = Checkpoint::sign(&Tree::read(store, size).await?, key);
    store.keep_checkpoint(KeptCheckpoint { size, note: signed.to_string() }).await?;
    Ok(Some(signed))
}
