//! E-mail, through any SMTP server.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
#[cfg(feature = "tls")]
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use apmt_core::Invalid;

use super::message::Message;
use super::{Notifier, NotifyError, render};

/// How long a mail server may take for one command.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Sends messages as e-mail, in text and HTML, to each address that a message is to.
///
/// It opens a connection for each message: there are few.
pub struct EmailNotifier {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: Server,
    from: Mailbox,
}

impl fmt::Debug for EmailNotifier {
    /// Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailNotifier").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A mail server: `smtp://HOST[:587]` (STARTTLS), `smtps://HOST[:465]` (TLS) or `smtp+plain://HOST[:25]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    security: Security,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    StartTls,
    Tls,
    None,
}

impl Server {
    fn parse(url: &str) -> Result<Self, Invalid> {
        let rule = "must be smtp://HOST:PORT (STARTTLS), smtps://HOST:PORT (TLS) or smtp+plain://HOST:PORT, without \
                    a user: the login has fields of its own";
        // What is wrong is not repeated: it may hold a password.
        let wrong = || Invalid::missing("server", rule);
        let url = reqwest::Url::parse(url.trim()).map_err(|_| wrong())?;
        let (security, usual) = match url.scheme() {
            "smtp" => (Security::StartTls, 587),
            "smtps" => (Security::Tls, 465),
            "smtp+plain" => (Security::None, 25),
            _ => return Err(wrong()),
        };
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || !matches!(url.path(), "" | "/") {
            return Err(wrong());
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port().unwrap_or(usual), security })
    }

    fn is_this_machine(&self) -> bool {
        let address: Option<std::net::IpAddr> = self.host.parse().ok();
        self.host == "localhost" || address.is_some_and(|address| address.is_loopback())
    }
}

impl EmailNotifier {
    /// Mail through that server, from that sender (`APMT <apmt@agency.gov>`), with a login of user and password where
    /// the server asks for one, and trusting the certificate authorities of the PEM `authority` besides the system's.
    ///
    /// # Errors
    /// [`Invalid`] for a server or a sender that is none, a login that would go to another machine without TLS, an
    /// authority that is no certificate, and for TLS in a build without the feature `tls`.
    pub fn new(
        server: &str,
        from: &str,
        login: Option<(&str, &str)>,
        authority: Option<&[u8]>,
    ) -> Result<Self, Invalid> {
        let server = Server::parse(server)?;
        let from: Mailbox = from.parse().map_err(|_| {
            Invalid::new("from", from, "must be an e-mail address, such as APMT <apmt@agency.gov>")
        })?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .timeout(Some(TIMEOUT))
            .hello_name(ClientId::default());
        if server.security != Security::None {
            builder = with_tls(builder, &server, authority)?;
        }
        if let Some((user, password)) = login {
            if server.security == Security::None && !server.is_this_machine() {
                let rule = "must be smtp:// or smtps:// where there is a login: without TLS everybody on the way reads it";
                return Err(Invalid::new("server", &server.host, rule));
            }
            builder = builder.credentials(Credentials::new(user.to_owned(), password.to_owned()));
        }
        Ok(Self { transport: builder.build(), server, from })
    }

    fn message(&self, message: &Message) -> Result<lettre::Message, NotifyError> {
        let refused = |what: &str| NotifyError::refused(what);
        let domain = self.from.email.domain();
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(message.subject())
            .message_id(Some(format!("<{}@{domain}>", message.id())))
            .header(AutoSubmitted);
        for address in message.to() {
            let mailbox = address.parse::<Mailbox>();
            mail = mail.to(mailbox.map_err(|error| refused("an address is none").with_source(error))?);
        }
        let html =
            render::html(message).map_err(|error| refused("it cannot be written").with_source(error))?;
        let part = |kind, body| SinglePart::builder().header(kind).body(body);
        let both = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, render::text(message)))
            .singlepart(part(ContentType::TEXT_HTML, html));
        mail.multipart(both).map_err(|error| refused("it cannot be written").with_source(error))
    }
}

#[cfg(feature = "tls")]
fn with_tls(
    builder: lettre::transport::smtp::AsyncSmtpTransportBuilder,
    server: &Server,
    authority: Option<&[u8]>,
) -> Result<lettre::transport::smtp::AsyncSmtpTransportBuilder, Invalid> {
    let rule = "must be a certificate in PEM";
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(authority) = authority {
        let certificate = Certificate::from_pem(authority);
        let certificate = certificate.map_err(|_| Invalid::missing("ca_file", rule))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters =
        parameters.build().map_err(|error| Invalid::new("server", error, "must have a name for TLS"))?;
    Ok(builder.tls(match server.security {
        Security::Tls => Tls::Wrapper(parameters),
        _ => Tls::Required(parameters),
    }))
}

#[cfg(not(feature = "tls"))]
fn with_tls(
    _: lettre::transport::smtp::AsyncSmtpTransportBuilder,
    server: &Server,
    _: Option<&[u8]>,
) -> Result<lettre::transport::smtp::AsyncSmtpTransportBuilder, Invalid> {
    let rule = "must be smtp+plain:// in this build, which has no TLS: build it with the feature tls";
    Err(Invalid::new("server", &server.host, rule))
}

#[async_trait]
impl Notifier for EmailNotifier {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn is_addressed(&self) -> bool {
        true
    }

    async fn notify(&self, message: &Message) -> Result<(), NotifyError> {
        let mail = self.message(message)?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            // 5yz (RFC 5321, 4.2.1), but for a login that was refused: that is the server's word to all mail.
            Err(error) if error.is_permanent() && error.status().map(u16::from) != Some(535) => {
                Err(NotifyError::refused("the mail server refuses it").with_source(error))
            }
            Err(error) => Err(NotifyError::away("the mail server does not take it").with_source(error)),
        }
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no holiday notices, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers() {
        let parsed = |url| Server::parse(url).map(|server| (server.host, server.port, server.security));
        assert_eq!(
            parsed("smtp://mail.agency.gov"),
            Ok(("mail.agency.gov".to_owned(), 587, Security::StartTls))
        );
        assert_eq!(
            parsed("smtps://mail.agency.gov:4650"),
            Ok(("mail.agency.gov".to_owned(), 4650, Security::Tls))
        );
        assert_eq!(parsed("smtp+plain://[::1]/"), Ok(("::1".to_owned(), 25, Security::None)));
        for wrong in [
            "mail.agency.gov",
            "http://mail",
            "smtp://",
            "smtp://a:secret@mail",
            "smtp://mail?tls=none",
            "smtp://mail/x",
        ] {
            let error = Server::parse(wrong).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_login_needs_tls_or_this_machine() {
        let mail = |server| EmailNotifier::new(server, "apmt@agency.gov", Some(("apmt", "secret")), None);
        assert!(mail("smtp+plain://mail.agency.gov").is_err());
        let here = mail("smtp+plain://127.0.0.1:2525").unwrap();
        assert!(!format!("{here:?}").contains("secret"), "{here:?}");
        assert!(EmailNotifier::new("smtp+plain://mail.agency.gov", "apmt", None, None).is_err());
    }
}
