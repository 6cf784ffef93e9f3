//! Several servers on one database: what one takes is with whoever follows the other.

use std::time::Duration;

use apmt_client::Client;
use apmt_server::serve::ServeOptions;

use super::viewer::Viewer;
use crate::database::Database;
use crate::raw::post;
use crate::support::Served;

fn serve(database: &Database, look_every: Duration) -> Served {
    let client = Client::builder().url(&database.url()).poll_interval(look_every).build().unwrap();
    Served::run(ServeOptions::new(client).with_address(Served::any()))
}

/// What each server takes reaches those who follow the other.
fn exchange(servers: &[Served; 2]) {
    let mut viewers = servers.each_ref().map(|served| Viewer::new(served.address, ""));
    // A server that still reads its first scoreboard does not know whether what another takes is in it, and says so.
    for served in servers {
        let event = r#"{"type":"DECISION","actor":"before@agency.gov"}"#;
        assert_eq!(post(served.address, "/event", event).ok()["ok"], true);
    }
    for viewer in &mut viewers {
        // Whatever the cursor: who learns of one event may read a dossier that has the other too, and then hears no more.
        viewer.read_until("before@agency.gov", |dossier| dossier["decisions"] == 2);
    }
    for round in 1..=5 {
        for (taking, following) in [(0, 1), (1, 0)] {
            let decisions = (round - 1) * 2 + taking as u64 + 1;
            let event = r#"{"type":"DECISION","actor":"anne@sba.gov"}"#;
            assert_eq!(post(servers[taking].address, "/event", event).ok()["ok"], true);
            let delta = viewers[following].delta();
            assert_eq!(
                (&delta["actor"], &delta["dossier"]["decisions"]),
                (&"anne@sba.gov".into(), &decisions.into())
            );
            assert_eq!(viewers[taking].delta()["dossier"]["decisions"], decisions);
        }
    }
}

#[test]
fn what_another_server_takes_is_told_of_by_the_database() {
    let database = Database::with_tables();
    // Too rarely to be found by looking.
    let never = Duration::from_secs(3600);
    exchange(&[serve(&database, never), serve(&database, never)]);
}

#[test]
fn without_a_word_from_the_database_it_is_found_by_looking() {
    let database = Database::with_tables();
    database.sql("REVOKE EXECUTE ON FUNCTION pg_notify FROM PUBLIC");
    // The superuser may call it all the same: these servers have a role of their own.
    let role = format!("quiet_of_{}", database.name());
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA apmt TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA apmt TO {role}; \
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA apmt TO {role}"
    ));
    let url = database.url().replace("postgres@", &format!("{role}@"));
    let serve = || {
        let client = Client::builder().url(&url).build().unwrap();
        Served::run(ServeOptions::new(client).with_address(Served::any()))
    };
    exchange(&[serve(), serve()]);
}
