//! Which URLs open a store, and what is said of the others.

use apmt_client::{Client, ErrorKind, MemoryStore, Policy};
use std::sync::Arc;

fn refused(url: &str) -> (ErrorKind, String) {
    let error = Client::open(url).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn memory_opens() {
    for url in ["memory:", "MEMORY:", " memory: ", "memory://"] {
        assert!(Client::open(url).is_ok(), "{url}");
    }
    let (kind, message) = refused("memory:apmt");
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.contains("with nothing after it"), "{message}");
}

#[test]
fn a_bare_path_is_told_how_to_be_a_url() {
    let (kind, message) = refused("apmt.db");
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.ends_with("did you mean sqlite:apmt.db?"), "{message}");
    let (_, message) = refused(r"C:\data\apmt.db");
    assert!(message.ends_with(r"did you mean sqlite:C:\data\apmt.db?"), "{message}");
    let (_, message) = refused("memory");
    assert!(message.ends_with("did you mean memory:?"), "{message}");
}

#[test]
fn sqlite_needs_a_path() {
    for url in ["sqlite:", "sqlite://"] {
        let (kind, message) = refused(url);
        assert_eq!(kind, ErrorKind::Invalid);
        assert!(message.contains("sqlite:apmt.db"), "{message}");
    }
    let (_, message) = refused("sqlite:apmt.db?mode=ro");
    assert!(message.contains("the builder has read_only"), "{message}");
    let (_, message) = refused("sqlite::memory:");
    assert!(message.contains("a store in memory is memory:"), "{message}");
}

#[test]
#[cfg(not(feature = "sqlite"))]
fn sqlite_names_its_feature() {
    let (kind, message) = refused("sqlite:apmt.db");
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(message.contains("feature sqlite"), "{message}");
}

#[test]
#[cfg(not(all(feature = "http", feature = "postgres")))]
fn what_this_build_lacks_is_named() {
    let lacks = |url: &str, names: &str| {
        let (kind, message) = refused(url);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(message.contains(names), "{message}");
        assert!(!message.contains("secret"), "{message}");
    };
    #[cfg(not(feature = "postgres"))]
    lacks("postgres://anne:secret@apmt.sba.gov/apmt", "feature postgres");
    #[cfg(not(feature = "http"))]
    lacks("http://anne:secret@apmt.sba.gov", "feature http");
}

#[test]
#[cfg(feature = "postgres")]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    // Port 1 of this machine: nobody listens there.
    let (kind, message) = refused("postgres://anne:secret@127.0.0.1:1/apmt");
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(message.contains("postgres://127.0.0.1/apmt") && !message.contains("secret"), "{message}");
    let (kind, message) = refused("postgresql://anne:secret@h/apmt?sslmode=verified");
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.contains("sslmode") && !message.contains("secret"), "{message}");
}

#[test]
#[cfg(feature = "http")]
fn a_server_chooses_its_own_calendar() {
    let builder = || Client::builder().url("http://localhost:9300");
    assert!(builder().build().is_ok());
    let error = builder().calendar(apmt_client::Calendar::us_federal()).build().unwrap_err();
    assert_eq!(error.invalid().map(apmt_client::Invalid::field), Some("calendar"));
    let error = builder().read_only(true).build().unwrap_err();
    assert_eq!(error.invalid().map(apmt_client::Invalid::field), Some("read_only"));
    let (kind, message) = refused("http://anne:secret@apmt.sba.gov");
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn a_key_is_for_a_server_and_is_never_shown() {
    let builder = || Client::builder().key("apmt_secret");
    assert!(!format!("{:?}", builder()).contains("secret"));
    let memory = Arc::new(MemoryStore::new());
    for wrong in [builder().url("memory:"), builder().url("sqlite:apmt.db"), builder().store(memory)] {
        let error = wrong.build().unwrap_err();
        assert_eq!(error.invalid().map(apmt_client::Invalid::field), Some("key"));
        assert!(!format!("{error:?}").contains("secret"));
    }
    #[cfg(feature = "http")]
    {
        let client = builder().url("http://localhost:9300").build().unwrap();
        assert!(!format!("{client:?}").contains("secret"));
        let error = Client::builder().url("http://localhost:9300").key("a secret").build().unwrap_err();
        assert!(
            error.to_string().contains("visible ASCII") && !error.to_string().contains("secret"),
            "{error}"
        );
    }
}

#[test]
fn an_unknown_scheme_gets_the_known_ones_and_the_nearest() {
    let (kind, message) = refused("sqlit:apmt.db");
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(message.contains("memory:, sqlite:PATH, http://, https:// or postgres://"), "{message}");
    assert!(message.ends_with("did you mean sqlite:?"), "{message}");
    let (_, message) = refused("mongodb://anne:secret@there");
    assert!(!message.contains("did you mean") && !message.contains("secret"), "{message}");
}

#[test]
fn a_builder_needs_one_store() {
    let memory = Arc::new(MemoryStore::new());
    let wrong = [
        Client::builder().build(),
        Client::builder().url("memory:").store(memory.clone()).build(),
        Client::builder().store(memory.clone()).calendar(apmt_client::Calendar::Always).build(),
        Client::builder().store(memory.clone()).read_only(true).build(),
        Client::builder().url("memory:").read_only(true).build(),
        Client::builder().url("memory:").queue_capacity(0).build(),
        Client::builder().url("memory:").live_buffer(0).build(),
    ];
    for result in wrong {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert!(Client::builder().store(memory).policy(Policy::default()).build().is_ok());
}
