//! What a URL says: names in its path, parameters in its query.

use std::str::FromStr;

use apmt_core::{ActorName, AsOf, Invalid, Timestamp};
use axum::extract::{FromRequestParts, Path};
use axum::http::Uri;
use axum::http::request::Parts;

use super::problem::Problem;

/// The most entries that a page has.
pub(crate) const MAX_PAGE: usize = 1000;
/// How many it has where nothing is said.
pub(crate) const PAGE: usize = 100;
/// The most activities that a page has: each holds ninety days.
pub(crate) const MAX_ACTIVITIES: usize = 100;

/// The one name in a path, with its percent signs decoded.
#[derive(Debug)]
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| {
            Invalid::new("path", parts.uri.path(), "must be UTF-8 once its percent signs are decoded")
        })?;
        Ok(Self(name))
    }
}

/// The parameters of a query.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters, all of which must be among the known ones: a misspelt `as_of` must not answer as of now.
    pub(crate) fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        for (index, (name, value)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let rule = match known {
                    [] => "is no parameter: there are none here".to_owned(),
                    known => format!("is no parameter here: there are {}", known.join(", ")),
                };
                return Err(Invalid::new("query", name, rule).into());
            }
            if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Invalid::new(name.as_str(), value, "must be given once").into());
            }
        }
        Ok(Self(pairs))
    }

    /// A parameter's text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter that is `true` or `false` is true; false where it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Invalid::new(name, other, "must be true or false").into()),
        }
    }

    /// A parameter that reads itself.
    pub(crate) fn parsed<T: FromStr<Err = Invalid>>(&self, name: &str) -> Result<Option<T>, Problem> {
        Ok(self.text(name).map(str::parse).transpose()?)
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Invalid::new(name, text, "must be a whole number").into())
    }

    /// How many entries are asked for, and at most `most`.
    pub(crate) fn limit(&self, most: usize) -> Result<usize, Problem> {
        let asked = self.number("limit")?;
        Ok(asked.map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX)).min(most))
    }

    /// `as_of`, now where it is not there.
    pub(crate) fn as_of(&self) -> Result<AsOf, Problem> {
        let Some(text) = self.text("as_of") else { return Ok(AsOf::Now) };
        Ok(text.parse().or_else(|invalid| with_plus(text).parse().map_err(|_: Invalid| invalid))?)
    }

    /// An instant.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().or_else(|_| with_plus(text).parse()).map(Some).map_err(
            |error: apmt_core::time::ParseTimestampError| Invalid::new(name, text, error.to_string()).into(),
        )
    }

    /// An actor's key, as a store has it: an empty one is nobody's.
    pub(crate) fn actor(&self, name: &'static str) -> Result<ActorName, Problem> {
        let Some(text) = self.text(name) else {
            return Err(Invalid::missing(name, "is missing: the query must name an actor").into());
        };
        if text.is_empty() { Ok(ActorName::nobody()) } else { Ok(ActorName::new(text)?) }
    }
}

/// A plus in a query means a blank, and people write offsets such as +02:00 as they are: the last blank was one.
fn with_plus(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((instant, offset)) => format!("{instant}+{offset}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str, known: &[&str]) -> Result<Params, Problem> {
        Params::of(&format!("/x?{query}").parse().unwrap(), known)
    }

    #[test]
    fn names_and_values_are_decoded() {
        let params = params("actor=anne%40sba.gov&after=a+b%2B%C3%A9", &["actor", "after"]).unwrap();
        assert_eq!((params.text("actor"), params.text("after")), (Some("anne@sba.gov"), Some("a b+é")));
    }

    #[test]
    fn what_is_not_known_or_comes_twice_is_refused() {
        assert!(params("as_off=latest", &["as_of"]).is_err());
        assert!(params("as_of=latest&as_of=now", &["as_of"]).is_err());
        assert!(params("as_of=latest", &[]).is_err());
    }

    #[test]
    fn instants_with_a_plus_need_no_encoding() {
        let params = params("as_of=2026-03-31T12:00:00+02:00", &["as_of"]).unwrap();
        assert_eq!(params.as_of().unwrap(), AsOf::At("2026-03-31T10:00:00Z".parse().unwrap()));
        assert_eq!(params.instant("as_of").unwrap(), Some("2026-03-31T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn limits_are_held_to_the_most() {
        let limit = |query| params(query, &["limit"]).unwrap().limit(MAX_PAGE);
        assert_eq!(limit("").unwrap(), PAGE);
        assert_eq!(limit("limit=0").unwrap(), 0);
        assert_eq!(limit("limit=18446744073709551615").unwrap(), MAX_PAGE);
        assert!(limit("limit=-1").is_err() && limit("limit=many").is_err());
    }

    #[test]
    fn an_empty_actor_is_nobody() {
        let actor = |query| params(query, &["actor"]).unwrap().actor("actor");
        assert!(actor("actor=").unwrap().is_nobody());
        assert_eq!(actor("actor=Anne%40SBA.gov").unwrap().as_str(), "anne@sba.gov");
        assert!(actor("").is_err() && actor("actor=+").is_err());
    }
}
