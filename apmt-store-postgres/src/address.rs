//! The database's URL: what of it goes to the driver, and what the store reads itself.

use std::path::PathBuf;
use std::time::Duration;

use apmt_core::{Error, Invalid, Result};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

const RULE: &str = "must be a database's URL, such as postgres://apmt@db.example.org/apmt, with what is special in a \
    password or a name percent-encoded";

/// The schema that holds the tables, unless another is named.
const SCHEMA: &str = "apmt";

/// Where the database is, and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) schema: String,
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "read where there is TLS"))]
    pub(crate) encryption: Encryption,
}

/// What is asked of the way to the server.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "read where there is TLS"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encryption {
    pub(crate) verify: Verify,
    /// The authorities that are trusted, as PEM; `None` for those of this machine.
    pub(crate) authorities: Option<PathBuf>,
}

/// How much of the server's certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verify {
    Nothing,
    Authority,
    Everything,
}

impl Address {
    /// Errors never repeat the URL, which may hold a password.
    pub(crate) fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        // As the driver reads it: what comes before the first @ is the user's, question marks included.
        let from = text.find('@').unwrap_or(0);
        let question = text[from..].find('?').map_or(text.len(), |at| from + at);
        let (rest, query) = (&text[..question], text[question..].trim_start_matches('?'));
        let mut schema = SCHEMA.to_owned();
        let mut mode = None;
        let mut authorities = None;
        let mut others = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match form_urlencoded::parse(option.as_bytes()).next() {
                Some((name, value)) if name == "schema" => schema = value.into_owned(),
                Some((name, value)) if name == "sslmode" => mode = Some(value.into_owned()),
                Some((name, value)) if name == "sslrootcert" => authorities = Some(PathBuf::from(&*value)),
                _ => others.push(option),
            }
        }
        check_schema(&schema)?;
        let url = if others.is_empty() { rest.to_owned() } else { format!("{rest}?{}", others.join("&")) };
        let mut config: Config = url.parse().map_err(|error| refused(&error))?;
        if config.get_hosts().is_empty() {
            return Err(Invalid::missing(
                "url",
                "must name a host, or a socket's folder with ?host=/run/postgresql",
            )
            .into());
        }
        // Of several hosts, the one that may be written: a standby may be behind, and nobody would see it.
        let says_which = others.iter().any(|option| option.starts_with("target_session_attrs="));
        if config.get_hosts().len() > 1 && !says_which {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let (ssl, verify) = encryption(mode.as_deref(), authorities.is_some())?;
        config.ssl_mode(ssl);
        if config.get_application_name().is_none() {
            config.application_name("apmt");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        // A server that has gone without a word is noticed in seconds, not in hours.
        config.keepalives_idle(Duration::from_secs(10));
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(15));
        }
        Ok(Self { config, schema, encryption: Encryption { verify, authorities } })
    }

    pub(crate) fn set_schema(&mut self, schema: String) -> Result<()> {
        check_schema(&schema)?;
        self.schema = schema;
        Ok(())
    }

    /// The hosts and the database: what errors and logs may show.
    pub(crate) fn place(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(folder) => folder.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        format!("postgres://{hosts}/{}", self.config.get_dbname().unwrap_or_default())
    }
}

/// A schema's name goes into statements, so only what needs no quoting is taken.
fn check_schema(schema: &str) -> Result<()> {
    let mut letters = schema.bytes();
    let starts = letters.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let goes_on = letters.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if starts && goes_on && schema.len() <= 48 && !schema.starts_with("pg_") {
        return Ok(());
    }
    let rule =
        "must be a schema's name: at most 48 letters a to z, digits and _, not starting with a digit or pg_";
    Err(Invalid::new("schema", schema, rule).into())
}

fn encryption(mode: Option<&str>, has_authorities: bool) -> Result<(SslMode, Verify)> {
    let (ssl, verify) = match mode {
        None if has_authorities => (SslMode::Require, Verify::Everything),
        None | Some("prefer") => (SslMode::Prefer, Verify::Nothing),
        Some("disable") => (SslMode::Disable, Verify::Nothing),
        Some("verify-ca") => (SslMode::Require, Verify::Authority),
        Some("require" | "verify-full") => (SslMode::Require, Verify::Everything),
        Some(other) => {
            let modes = ["disable", "prefer", "require", "verify-ca", "verify-full"];
            let rule = "must be disable, prefer, require, verify-ca or verify-full";
            let nearest = apmt_core::event::nearest(other, modes);
            return Err(Invalid::new("sslmode", other, rule).with_nearest(nearest).into());
        }
    };
    Ok((ssl, verify))
}

/// What the driver says of a URL may hold a part of a password that was not encoded, unless it is an option's name.
fn refused(error: &tokio_postgres::Error) -> Error {
    const OPTIONS: [&str; 19] = [
        "user",
        "password",
        "dbname",
        "options",
        "application_name",
        "sslnegotiation",
        "host",
        "hostaddr",
        "port",
        "connect_timeout",
        "tcp_user_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_retries",
        "target_session_attrs",
        "channel_binding",
        "load_balance_hosts",
        "schema",
    ];
    let said = error.to_string();
    let option = OPTIONS.iter().find(|option| said.contains(&format!("`{option}`")));
    match option {
        Some(option) => {
            Invalid::missing("url", format!("has an option that cannot be read: {option}")).into()
        }
        None => Invalid::missing("url", RULE).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_stores_is_taken_out() {
        let address =
            Address::new(" postgres://u:p@a:1,b:2/d?schema=x_1&sslmode=disable&connect_timeout=7 ").unwrap();
        assert_eq!(address.schema, "x_1");
        assert_eq!(address.place(), "postgres://a,b/d");
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(7)));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Disable);
        assert_eq!(Address::new("postgres://h/d").unwrap().schema, "apmt");
    }

    #[test]
    fn several_hosts_are_looked_through_for_the_primary() {
        let looks_for = |url: &str| Address::new(url).unwrap().config.get_target_session_attrs();
        assert_eq!(looks_for("postgres://a,b/d"), TargetSessionAttrs::ReadWrite);
        assert_eq!(looks_for("postgres://a,b/d?target_session_attrs=any"), TargetSessionAttrs::Any);
        assert_eq!(looks_for("postgres://a/d"), TargetSessionAttrs::Any);
    }

    #[test]
    fn a_socket_is_a_host() {
        let address = Address::new("postgresql:///d?host=/run/postgresql").unwrap();
        assert_eq!(address.place(), "postgres:///run/postgresql/d");
        let error = Address::new("postgres:///d").unwrap_err();
        assert!(error.to_string().contains("must name a host"), "{error}");
    }

    #[test]
    fn no_part_of_a_password_is_repeated() {
        for url in [
            "postgres://anne:secret@h:secret/d",
            "postgres://anne:secret@h/d?secret=1",
            "postgres://anne:secret@h/d?connect_timeout=secret",
            "anne:secret@h",
        ] {
            let error = Address::new(url).unwrap_err();
            assert_eq!(error.invalid().map(Invalid::field), Some("url"), "{url}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("sec"), "{shown}");
        }
        let address = Address::new("postgres://anne:secret?schema=x@h/d").unwrap();
        assert_eq!(
            (address.config.get_password(), &*address.schema),
            (Some(&b"secret?schema=x"[..]), "apmt")
        );
        assert!(!format!("{address:?} {}", address.place()).contains("secret"));
    }

    #[test]
    fn a_schema_needs_no_quoting() {
        for schema in ["", "Apmt", "a-b", "1a", "a;b", "pg_catalog", "a%20b"] {
            let error = Address::new(&format!("postgres://h/d?schema={schema}")).unwrap_err();
            assert_eq!(error.invalid().map(Invalid::field), Some("schema"), "{schema}");
        }
    }

    #[test]
    fn a_mode_that_nobody_knows_is_refused() {
        let error = Address::new("postgres://h/d?sslmode=verify_full").unwrap_err();
        assert!(error.to_string().contains("did you mean verify-full?"), "{error}");
    }

    #[test]
    fn what_is_required_is_verified() {
        let verify = |query: &str| Address::new(&format!("postgres://h/d{query}")).unwrap().encryption.verify;
        assert_eq!(verify(""), Verify::Nothing);
        assert_eq!(verify("?sslmode=require"), Verify::Everything);
        assert_eq!(verify("?sslmode=verify-full"), Verify::Everything);
        assert_eq!(verify("?sslmode=verify-ca"), Verify::Authority);
        assert_eq!(verify("?sslrootcert=/ca.pem"), Verify::Everything);
    }
}
