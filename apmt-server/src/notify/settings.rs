//! The settings of notifications, as YAML.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use apmt_core::yaml::{self, Fields, Node, Wrong, YamlError};
use apmt_core::{Error, ErrorKind, Invalid, Result};

use super::digest::Schedule;
use super::{EmailNotifier, Options, WebhookNotifier};

/// Where what has been told is kept if nothing is said.
const STATE: &str = "apmt-notify.json";

/// The settings of notifications, read and checked: see [the module](super) for what they may say.
///
/// [`to_options`](Self::to_options) reads the files that they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    link: Option<String>,
    state: PathBuf,
    to: Vec<String>,
    alerts: bool,
    mail: Option<Mail>,
    webhooks: Vec<Webhook>,
    digest: Option<(Schedule, Vec<String>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mail {
    server: String,
    from: String,
    login: Option<(String, Secret)>,
    authority: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Webhook {
    name: String,
    url: Url,
    secret: Secret,
}

/// A URL that may hold a secret.
#[derive(Clone, PartialEq, Eq)]
struct Url(String);

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Url(..)")
    }
}

/// Where a secret is: never in the settings themselves, which people pass around.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Secret {
    File(PathBuf),
    Variable(String),
}

impl Settings {
    /// Reads settings. `file` is the name by which errors call it; nothing is opened.
    ///
    /// # Errors
    /// Whatever is wrong, with line and column, what was expected, and the nearest name.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, YamlError> {
        yaml::read(file, text, settings)
    }

    /// What a [`Watcher`](super::Watcher) runs with. Files are looked for in `folder`: that of the settings.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a server, a sender, a URL or a secret that is none, and
    /// [`Io`](ErrorKind::Io) for a file that cannot be read, or a variable that is not there.
    pub fn to_options(&self, folder: &Path) -> Result<Options> {
        let mut options = Options::new(folder.join(&self.state))
            .with_alerts(self.alerts)
            .with_fallback(self.to.iter().map(String::as_str));
        if let Some(link) = &self.link {
            options = options.with_link(link);
        }
        if let Some(Mail { server, from, login, authority }) = &self.mail {
            let login = login.as_ref().map(|(user, secret)| Ok::<_, Error>((user, secret.read(folder)?)));
            let login = login.transpose()?;
            let login = login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            let authority = authority.as_ref().map(|path| read(&folder.join(path))).transpose()?;
            let mail = EmailNotifier::new(server, from, login, authority.as_deref())?;
            options = options.with_notifier(Arc::new(mail));
        }
        for Webhook { name, url, secret } in &self.webhooks {
            let hook = WebhookNotifier::new(name, &url.0, &secret.read(folder)?)?;
            options = options.with_notifier(Arc::new(hook));
        }
        if let Some((schedule, to)) = &self.digest {
            options = options.with_digest(schedule.clone(), to.iter().map(String::as_str));
        }
        Ok(options)
    }
}

impl Secret {
    fn read(&self, folder: &Path) -> Result<String> {
        match self {
            Self::File(path) => {
                let bytes = read(&folder.join(path))?;
                let text = String::from_utf8(bytes)
                    .map_err(|_| Error::new(ErrorKind::Io, format!("{}: must be UTF-8", path.display())))?;
                // Editors end a file with a line break.
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            Self::Variable(name) => std::env::var(name).map_err(|error| {
                Error::new(ErrorKind::Io, format!("the environment variable {name}: {error}"))
            }),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot read {}: {error}", path.display())).with_source(error)
    })
}

fn settings(root: &Node) -> Result<Settings, Wrong> {
    let known = ["link", "state", "to", "alerts", "mail", "webhooks", "digest"];
    let fields = root.fields("the settings of notifications", &known)?;
    let alerts = match fields.get("alerts") {
        Some(node) => node.as_bool().ok_or_else(|| node.expected("true or false"))?,
        None => true,
    };
    let state = text(&fields, "state", "a file")?.unwrap_or_else(|| STATE.to_owned());
    Ok(Settings {
        link: fields.get("link").map(link).transpose()?,
        state: state.into(),
        to: addresses(&fields, "to")?,
        alerts,
        mail: fields.get("mail").map(mail).transpose()?,
        webhooks: webhooks(&fields)?,
        digest: fields.get("digest").map(digest).transpose()?,
    })
}

fn link(node: &Node) -> Result<String, Wrong> {
    let what = "the server's address, beginning with https:// or http://";
    let text = node.text(what)?;
    let is_link = reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_link { Ok(text.to_owned()) } else { Err(node.expected(what)) }
}

fn mail(node: &Node) -> Result<Mail, Wrong> {
    let known = ["server", "from", "user", "password_file", "password_env", "ca_file"];
    let fields = node.fields("the mail", &known)?;
    let server = fields.require("server", "a server, such as smtp://mail.agency.gov:587")?;
    let from = fields.require("from", "the sender, such as APMT <apmt@agency.gov>")?;
    let mail = Mail {
        server: server.text("a server, such as smtp://mail.agency.gov:587")?.to_owned(),
        from: from.text("the sender, such as APMT <apmt@agency.gov>")?.to_owned(),
        login: match (text(&fields, "user", "the user")?, secret(&fields, "password")?) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(_), None) => return Err(node.wrong("a user without password_file or password_env")),
            (None, Some(_)) => return Err(node.wrong("a password without a user")),
        },
        authority: text(&fields, "ca_file", "a file")?.map(PathBuf::from),
    };
    // What is wrong is said here, with its place. Files are read later.
    EmailNotifier::new(&mail.server, &mail.from, None, None)
        .map_err(|invalid| if invalid.field() == "from" { from } else { server }.wrong(said(&invalid)))?;
    Ok(mail)
}

fn webhooks(fields: &Fields<'_>) -> Result<Vec<Webhook>, Wrong> {
    let Some(node) = fields.get("webhooks") else { return Ok(Vec::new()) };
    let mut webhooks: Vec<Webhook> = Vec::new();
    for node in node.list("a list of webhooks, each with a name, a url and a secret_file")? {
        let fields = node.fields("a webhook", &["name", "url", "secret_file", "secret_env"])?;
        let name_node = fields.require("name", "a name of its own")?;
        let name = name_node.text("a name of its own")?.to_owned();
        if name == "mail" || webhooks.iter().any(|other| other.name == name) {
            return Err(name_node.wrong(format!("{name} is taken; expected a name of its own")));
        }
        let url_node = fields.require("url", "where to send")?;
        let url = url_node.text("where to send")?.to_owned();
        WebhookNotifier::new(&name, &url, "checked when it is read")
            .map_err(|invalid| url_node.wrong(said(&invalid)))?;
        let secret = secret(&fields, "secret")?;
        let secret = secret.ok_or_else(|| node.wrong("a webhook without secret_file or secret_env"))?;
        webhooks.push(Webhook { name, url: Url(url), secret });
    }
    Ok(webhooks)
}

fn digest(node: &Node) -> Result<(Schedule, Vec<String>), Wrong> {
    let fields = node.fields("the digest", &["every", "on", "at", "time_zone", "to"])?;
    let every = fields.require("every", "daily or weekly")?;
    let at = text(&fields, "at", "a time of day, such as '08:00'")?.unwrap_or_else(|| "08:00".to_owned());
    let zone = text(&fields, "time_zone", "an IANA time zone")?.unwrap_or_else(|| "UTC".to_owned());
    let on = text(&fields, "on", "a day of the week, such as monday")?;
    let schedule = match (every.text("daily or weekly")?, on) {
        ("daily", None) => Schedule::daily(&at, &zone),
        ("daily", Some(_)) => return Err(node.wrong("a daily digest with a day of the week")),
        ("weekly", on) => Schedule::weekly(on.as_deref().unwrap_or("monday"), &at, &zone),
        (other, _) => return Err(every.expected("daily or weekly").or_nearest(other, ["daily", "weekly"])),
    };
    let schedule = schedule.map_err(|invalid| {
        let place = fields.get(invalid.field()).unwrap_or(node);
        place.wrong(said(&invalid))
    })?;
    Ok((schedule, addresses(&fields, "to")?))
}

fn addresses(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, Wrong> {
    let Some(node) = fields.get(name) else { return Ok(Vec::new()) };
    let what = "an e-mail address, such as hr@agency.gov";
    let nodes = node.list("a list of e-mail addresses, such as [hr@agency.gov]")?;
    let address = |node: &Node| match node.text(what)? {
        text if text.parse::<lettre::Address>().is_ok() => Ok(text.to_owned()),
        _ => Err(node.expected(what)),
    };
    nodes.iter().map(address).collect()
}

/// Where a secret is: `NAME_file` or `NAME_env`.
fn secret(fields: &Fields<'_>, name: &str) -> Result<Option<Secret>, Wrong> {
    let (file, variable) = (format!("{name}_file"), format!("{name}_env"));
    match (fields.get(&file), fields.get(&variable)) {
        (Some(node), None) => Ok(Some(Secret::File(node.text("a file")?.into()))),
        (None, Some(node)) => Ok(Some(Secret::Variable(node.text("the name of a variable")?.to_owned()))),
        (None, None) => Ok(None),
        (Some(node), Some(_)) => Err(node.wrong(format!("{file} and {variable}; expected one of the two"))),
    }
}

fn text(fields: &Fields<'_>, name: &str, expected: &str) -> Result<Option<String>, Wrong> {
    fields.get(name).map(|node| Ok(node.text(expected)?.to_owned())).transpose()
}

fn said(invalid: &Invalid) -> String {
    invalid.to_string()
}
