//! The client of the whole process: one test, for there is one of it.

use apmt_client::{Client, ErrorKind, Event, Policy, blocking};

use crate::support::LONG;

#[test]
fn init_comes_first_and_once() {
    let error = blocking::record_event(Event::decision("anne@sba.gov")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("init(url)"), "{error}");
    assert!(blocking::get_dossier("anne@sba.gov").is_err());
    assert!(apmt_client::init("apmt.db").is_err(), "a URL that is none leaves it as it was");

    let policy =
        Policy::from_yaml("p", "name: strict\nrules: [{id: any, when: [overrides >= 1], then: watch}]");
    let client = Client::builder().url("memory:").policy(policy.unwrap()).build().unwrap();
    apmt_client::init_with(client).unwrap();
    for error in [apmt_client::init("memory:"), apmt_client::init_with(Client::open("memory:").unwrap())] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("called before"), "{error}");
    }

    blocking::record_event(Event::override_of("anne@sba.gov")).unwrap();
    let dossier = futures_lite::future::block_on(apmt_client::get_dossier("anne@sba.gov")).unwrap();
    assert_eq!(dossier.status, apmt_client::Status::Watch);
    assert_eq!(dossier.policy.name, "strict");
    let report = futures_lite::future::block_on(apmt_client::client().unwrap().shutdown(LONG));
    assert!(report.is_clean());
    assert_eq!(blocking::get_dossier("anne@sba.gov").unwrap_err().kind(), ErrorKind::Closed);
}
