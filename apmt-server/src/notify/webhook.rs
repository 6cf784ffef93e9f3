//! Webhooks: signed JSON, as Standard Webhooks has it.

use std::fmt;
use std::time::Duration;

use apmt_core::Invalid;
use apmt_core::time::{Clock, SystemClock};
use async_trait::async_trait;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{StatusCode, Url, redirect};
use sha2::Sha256;

use super::message::Message;
use super::{Notifier, NotifyError};

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The fewest bytes that a secret may have: as many as a signature that nobody can guess needs.
const MIN_SECRET: usize = 16;

/// Sends messages as signed JSON: see [the module](super) for the headers.
pub struct WebhookNotifier {
    name: String,
    url: Url,
    key: Vec<u8>,
    http: reqwest::Client,
}

impl fmt::Debug for WebhookNotifier {
    /// Without the secret, and without the URL, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookNotifier").field("name", &self.name).finish_non_exhaustive()
    }
}

impl WebhookNotifier {
    /// A webhook of that name, which is its own among a server's notifiers, signed with that secret.
    ///
    /// # Errors
    /// [`Invalid`] for a name that is empty, a URL that is none of HTTP, and a secret of less than 16 bytes.
    pub fn new(name: &str, url: &str, secret: &str) -> Result<Self, Invalid> {
        if name.trim().is_empty() {
            return Err(Invalid::missing("name", "must not be empty"));
        }
        let rule = "must begin with https:// or http://";
        let url = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Invalid::missing("url", rule))?;
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("apmt/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Invalid::new("url", error, "must be reachable by this build"))?;
        Ok(Self { name: name.trim().to_owned(), url, key: key(secret)?, http })
    }

    fn signature(&self, id: &str, timestamp: i64, body: &str) -> Result<String, NotifyError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key)
            .map_err(|error| NotifyError::away("the secret is no key").with_source(error))?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Ok(format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes())))
    }
}

/// The key that a secret stands for. What is wrong is not repeated.
fn key(secret: &str) -> Result<Vec<u8>, Invalid> {
    let secret = secret.trim();
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => BASE64
            .decode(encoded.as_bytes())
            .map_err(|_| Invalid::missing("secret", "must be Base64 after whsec_"))?,
        None => secret.as_bytes().to_vec(),
    };
    if key.len() < MIN_SECRET {
        return Err(Invalid::missing(
            "secret",
            "must have at least 16 bytes, such as openssl rand -hex 32 makes",
        ));
    }
    Ok(key)
}

#[async_trait]
impl Notifier for WebhookNotifier {
    fn name(&self) -> &str {
        &self.name
    }

    async fn notify(&self, message: &Message) -> Result<(), NotifyError> {
        let body = serde_json::to_string(message)
            .map_err(|error| NotifyError::refused("it cannot be written").with_source(error))?;
        let (id, timestamp) = (message.id().to_string(), SystemClock.now().millis().div_euclid(1000));
        let request = self
            .http
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-signature", self.signature(&id, timestamp, &body)?)
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .body(body);
        let response = request.send().await.map_err(|error| {
            // The URL may hold a secret.
            NotifyError::away("the receiver cannot be reached").with_source(error.without_url())
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let text = format!("the receiver answers {status}");
        let later = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        Err(if later { NotifyError::away(text) } else { NotifyError::refused(text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_standard_says() {
        // The example of the specification's libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let hook = WebhookNotifier::new("example", "https://example.com", secret).unwrap();
        let signature =
            hook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(!format!("{hook:?}").contains("MfKQ"));
    }

    #[test]
    fn what_is_wrong_is_refused_without_the_secret() {
        for (url, secret) in
            [("ftp://a", "0123456789abcdef"), ("https://a", "short"), ("https://a", "whsec_?")]
        {
            let error = WebhookNotifier::new("a", url, secret).unwrap_err().to_string();
            assert!(!error.contains(secret), "{error}");
        }
    }
}
