//! The scoreboard as a page and as a file: what it says of whom, however long nobody has looked.

use std::sync::Arc;

use apmt_client::Client;
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_core::{Event, Policy};
use apmt_server::serve::ServeOptions;
use futures_lite::future::block_on;

use crate::raw::get;
use crate::support::Served;

fn client(policy: &str) -> Client {
    let policy = Policy::from_yaml("policy.yaml", policy).unwrap();
    let clock = Arc::new(ManualClock::at(now()));
    Client::builder().url("memory:").clock(clock).policy(policy).build().unwrap()
}

fn served(client: &Client) -> Served {
    Served::run(ServeOptions::new(client.clone()).with_address(Served::any()))
}

fn record(client: &Client, event: impl apmt_client::IntoEvent) {
    block_on(client.record_event(event)).unwrap();
}

fn text(served: &Served, path: &str) -> String {
    let answer = get(served.address, path);
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body).unwrap()
}

/// The row of an actor on the scoreboard.
fn row(served: &Served, actor: &str) -> String {
    let page = text(served, "/");
    let start = page.find(&format!("data-actor=\"{actor}\"")).unwrap_or_else(|| panic!("{actor}: {page}"));
    page[start..].split("</tr>").next().unwrap().to_owned()
}

const POLICY: &str = "
name: careful
rules:
  - {id: reversed, when: [override_rate > 0.3], min: {decisions: 3}, then: review}
  - {id: unhappy, when: [sat_score_mean < 3], then: pip}
";

/// A person's job can hang on it.
#[test]
fn nothing_but_a_recommended_plan_is_called_one() {
    let client = client(POLICY);
    for _ in 0..3 {
        record(&client, Event::override_of("anne"));
    }
    record(&client, Event::override_of("bob"));
    record(&client, Event::sat_score(1).actor("carla"));
    let served = served(&client);
    for (actor, words) in
        [("anne", "Review the work"), ("bob", "Too little to say"), ("carla", "Plan recommended")]
    {
        let row = row(&served, actor);
        assert!(row.contains(words), "{row}");
        assert_eq!(row.contains("Plan recommended"), actor == "carla", "{row}");
        let dossier = text(&served, &format!("/actor?actor={actor}"));
        assert_eq!(dossier.contains("An improvement plan is recommended"), actor == "carla", "{dossier}");
    }
    assert!(text(&served, "/actor?actor=anne").contains("A review of the work is recommended"));
    assert!(text(&served, "/actor?actor=bob").contains("there is too little to go by"));
    let reviewed = text(&served, "/scoreboard.csv?status=review");
    let lines: Vec<&str> = reviewed.split("\r\n").collect();
    assert!(lines.len() == 3 && lines[1].starts_with("anne,,,review,reversed,3,3,1,"), "{reviewed}");
}

/// The board is read ahead and followed from the first page on: in between, nothing is missed.
#[test]
fn what_happens_before_the_first_page_is_on_it() {
    let client = client(POLICY);
    record(&client, Event::decision("anne"));
    let served = served(&client);
    let decisions = |actor: &str| {
        let file = text(&served, &format!("/scoreboard.csv?q={actor}"));
        file.split("\r\n").nth(1).and_then(|line| line.split(',').nth(5)).unwrap_or_default().to_owned()
    };
    // With whatever of this the board has been read ahead: the first page has all of it.
    for _ in 0..20 {
        record(&client, Event::decision("bob"));
    }
    assert_eq!(decisions("bob"), "20");
    // Later ones have what happens a moment after it does.
    record(&client, Event::decision("bob"));
    assert!((0..10_000).any(|_| decisions("bob") == "21"));
    assert_eq!(decisions("anne"), "1");
}

#[test]
fn an_open_plan_is_on_the_page_and_in_the_file() {
    let client = client(POLICY);
    record(&client, Event::decision("anne"));
    let served = served(&client);
    assert!(!row(&served, "anne").contains("Plan:"));
    // Recorded by another program, without a notice: nobody knows when it ends.
    record(&client, Event::plan_started("anne").by("Dana Reyes"));
    let open = row(&served, "anne");
    assert!(open.contains("Plan: open") && !open.contains("plan/notice"), "{open}");
    let dossier = text(&served, "/actor?actor=anne");
    assert!(
        dossier.contains("An improvement plan is open") && dossier.contains("by Dana Reyes"),
        "{dossier}"
    );
    assert!(dossier.contains("action=\"/plan/close\""), "what has no notice is closed here: {dossier}");
    assert!(text(&served, "/scoreboard.csv").contains(",2026-03-31T12:00:00Z,,,2026-03-31T12:00:00Z,90,"));
    // The past knows nothing of plans.
    assert!(!text(&served, "/?as_of=2026-03-31T12:00:00Z").contains("Plan: open"));
    // Whoever has one is there, even who has done nothing in the window.
    record(&client, Event::plan_started("dora"));
    assert!(row(&served, "dora").contains("Plan: open"));
    record(&client, Event::plan_closed("anne"));
    assert!(!row(&served, "anne").contains("Plan:"));
}
