//! The server's URL, and those of what is asked of it.

use apmt_core::{Error, ErrorKind, Invalid, Result};
use reqwest::Url;

const RULE: &str = "must be a server's URL, such as http://127.0.0.1:9300";

/// The URL that all others start with.
#[derive(Clone, Debug)]
pub(crate) struct Address(Url);

impl Address {
    /// Errors never repeat a URL with a password in it.
    pub(crate) fn new(text: &str) -> Result<Self> {
        let url = Url::parse(text.trim()).map_err(|error| {
            // What cannot be read may have a password anywhere.
            let shown = if text.contains('@') { "…" } else { text };
            Invalid::new("url", shown, format!("{RULE}: {error}"))
        })?;
        let scheme = url.scheme();
        if !matches!(scheme, "http" | "https") {
            return Err(Invalid::new("url", format!("{scheme}:"), RULE).into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            let rule = "must hold no user name or password: they would end up in logs";
            return Err(Invalid::missing("url", rule).into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Invalid::new("url", &url, "must end with the server's path, without ? or #").into());
        }
        if scheme == "https" && !cfg!(feature = "tls") {
            let message =
                "url: https: this build does not open it: build apmt-store-http with its feature tls";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(Self(url))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the server is on this machine, where no proxy stands between.
    pub(crate) fn is_local(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether whoever stands on the way can read what is sent.
    pub(crate) fn is_in_the_clear(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The URL of what lies under that path, with those parameters.
    pub(crate) fn of<'a>(&self, path: &[&str], query: impl IntoIterator<Item = (&'a str, String)>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut query = query.into_iter().peekable();
        if query.peek().is_some() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_are_encoded() {
        let of = |base: &str| {
            Address::new(base).unwrap().of(&["dossier"], [("actor", "é/..&a@b".to_owned())]).to_string()
        };
        assert_eq!(of("http://h:9300"), "http://h:9300/dossier?actor=%C3%A9%2F..%26a%40b");
        assert_eq!(of("http://h/apmt/"), of("http://h/apmt"));
        assert_eq!(of("http://h/apmt"), "http://h/apmt/dossier?actor=%C3%A9%2F..%26a%40b");
        let status = Address::new(" http://h ").unwrap().of(&["status"], []);
        assert_eq!(status.as_str(), "http://h/status");
    }

    #[test]
    fn what_is_no_servers_url_is_refused() {
        for text in ["", "127.0.0.1:9300", "sqlite:apmt.db", "http://", "http://h/?a=b", "http://h/#x"] {
            let error = Address::new(text).unwrap_err();
            assert_eq!(error.invalid().map(Invalid::field), Some("url"), "{text}");
        }
    }

    #[test]
    fn no_password_is_repeated() {
        for text in ["http://anne:secret@h/", "http://anne:secret@h:port/"] {
            let error = Address::new(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        let local = |text| Address::new(text).unwrap().is_local();
        assert!(local("http://127.0.0.1:9300") && local("http://[::1]:9300") && local("http://localhost"));
        assert!(!local("http://10.0.0.1") && !local("http://localhost.example"));
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn https_needs_the_feature() {
        assert_eq!(Address::new("https://h").unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
