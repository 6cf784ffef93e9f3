//! A bundle as a file: writing it with its links, and verifying one.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{About, Bundle, Difference, Flaw, calendar};
use crate::case::FOLD_VERSION;
use crate::dossier::Dossier;
use crate::policy::Policy;
use crate::store::{Activity, Recorded};
use crate::yaml::sha256_hex;

/// The version of the format that is written and read.
pub const VERSION: u64 = 1;

/// A bundle whose events come to its dossier, to the byte.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// The dossier.
    pub dossier: Dossier,
    /// The bundle's seal: compare it with the one that was printed when the bundle was made.
    pub seal: String,
    /// How many events were folded.
    pub events: usize,
    /// Of how many peers the tallies were taken on trust.
    pub peers: usize,
    /// The version of APMT that made the bundle.
    pub apmt: String,
}

/// A link of the chain: the SHA-256 of the link before and a text.
#[derive(Default)]
struct Chain(String);

impl Chain {
    fn add(&mut self, text: &str) -> &str {
        self.0.push_str(text);
        self.0 = sha256_hex(&self.0);
        &self.0
    }
}

impl Bundle {
    /// Writes the bundle, one event a line, and says its seal.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, mut out: impl Write) -> io::Result<String> {
        let about = serde_json::to_string_pretty(&self.about)?;
        let mut chain = Chain::default();
        write!(
            out,
            "{{\n\"apmt_evidence\": {VERSION},\n\"about\": {about},\n\"dossier\": {},\n",
            self.dossier
        )?;
        write_list(&mut out, &mut chain, "event", &self.events)?;
        write_list(&mut out, &mut chain, "peer", &self.peers)?;
        chain.add(&about);
        let seal = chain.add(&self.dossier);
        writeln!(out, "\"seal\": \"{seal}\"\n}}")?;
        out.flush()?;
        Ok(seal.to_owned())
    }
}

fn write_list<T: Serialize>(
    out: &mut impl Write,
    chain: &mut Chain,
    name: &str,
    items: &[T],
) -> io::Result<()> {
    write!(out, "\"{name}s\": [")?;
    for (index, item) in items.iter().enumerate() {
        let item = serde_json::to_string(item)?;
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}\n{{\"{name}\":{item},\"link\":\"{}\"}}", chain.add(&item))?;
    }
    writeln!(out, "],")
}

#[derive(Deserialize)]
struct AnyVersion {
    apmt_evidence: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(rename = "apmt_evidence")]
    _version: u64,
    #[serde(borrow)]
    about: &'a RawValue,
    #[serde(borrow)]
    dossier: &'a RawValue,
    #[serde(borrow)]
    events: Vec<Linked<'a>>,
    #[serde(borrow)]
    peers: Vec<Linked<'a>>,
    seal: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linked<'a> {
    #[serde(borrow, rename = "event", alias = "peer")]
    item: &'a RawValue,
    link: String,
}

/// Recomputes the dossier of a bundle from its events, its policy and its calendar, and compares: the text is that of the
/// whole file.
///
/// # Errors
/// The first thing that is wrong; in this order: the format, events and peers, the policy and the calendar, the dossier,
/// the seal.
pub async fn verify(text: &str) -> Result<Verified, Flaw> {
    let no_bundle = |error: serde_json::Error| Flaw::NoBundle(error.to_string());
    let AnyVersion { apmt_evidence: found } = serde_json::from_str(text).map_err(no_bundle)?;
    if found != VERSION {
        return Err(Flaw::Version { found });
    }
    let file: File<'_> = serde_json::from_str(text).map_err(no_bundle)?;
    let about: About = serde_json::from_str(file.about.get()).map_err(no_bundle)?;
    if about.fold != FOLD_VERSION {
        return Err(Flaw::Fold { found: about.fold, apmt: about.apmt });
    }

    let mut chain = Chain::default();
    if let Some(index) = first_broken(&mut chain, &file.events) {
        let item = file.events.get(index).map_or("", |linked| linked.item.get());
        let id = serde_json::from_str(item).ok().map(|recorded: Recorded| recorded.id);
        return Err(Flaw::Event { number: index + 1, of: file.events.len(), id });
    }
    if let Some(index) = first_broken(&mut chain, &file.peers) {
        return Err(Flaw::Peer { number: index + 1, of: file.peers.len() });
    }
    chain.add(file.about.get());
    let seal = chain.add(file.dossier.get()).to_owned();

    let policy = Policy::from_yaml("policy", &about.policy.text)?;
    if policy.digest() != about.policy.digest {
        return Err(Flaw::Policy { stated: about.policy.digest, found: policy.digest().to_owned() });
    }
    let calendar = calendar(&about.calendar.text)?;
    if calendar.digest() != about.calendar.digest {
        return Err(Flaw::Calendar { stated: about.calendar.digest, found: calendar.digest() });
    }

    let events: Vec<Recorded> = read_all(&file.events).map_err(no_bundle)?;
    let peers: Vec<Activity> = read_all(&file.peers).map_err(no_bundle)?;
    let bundle = Bundle { about, dossier: file.dossier.get().to_owned(), events, peers };
    let dossier = bundle.recompute(&policy, calendar).await?;
    if let Some(difference) = Difference::between(&bundle.dossier, &dossier.to_json()) {
        return Err(Flaw::Dossier(difference));
    }
    if seal != file.seal {
        return Err(Flaw::Seal { stated: file.seal, found: seal });
    }
    Ok(Verified {
        dossier,
        seal,
        events: bundle.events.len(),
        peers: bundle.peers.len(),
        apmt: bundle.about.apmt,
    })
}

/// The first whose link is not what it comes to.
fn first_broken(chain: &mut Chain, items: &[Linked<'_>]) -> Option<usize> {
    items.iter().position(|Linked { item, link }| chain.add(item.get()) != link)
}

fn read_all<'a, T: Deserialize<'a>>(items: &[Linked<'a>]) -> serde_json::Result<Vec<T>> {
    items.iter().map(|linked| serde_json::from_str(linked.item.get())).collect()
}
