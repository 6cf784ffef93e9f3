//! `demo`: the two officers at their figures, and an agency that is stored once.

use serde_json::json;

use crate::Folder;

const END: &str = "2026-03-02T15:00:00Z";
const ANNE: &str = "officer_anne@sba.gov";
const BOB: &str = "officer_bob@sba.gov";

#[test]
fn anne_and_bob_stand_at_their_figures_now() {
    let folder = Folder::new();
    let run =
        folder.run(&["demo"]).succeeded().says(&["sqlite:apmt-demo.db: ", "events stored, 0 there already"]);
    assert!(
        run.out.contains("Next: apmt dossier officer_anne@sba.gov --store sqlite:apmt-demo.db"),
        "{}",
        run.out
    );
    let row = |name: &str| run.out.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let words = |name: &str| row(name).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(ANNE)[1..5], ["human", "50", "42.0", "54.2"], "{}", row(ANNE));
    assert!(row(ANNE).contains("2.1  20") && row(ANNE).ends_with("✖ pip"), "{}", row(ANNE));
    assert_eq!(words(BOB)[1..5], ["human", "50", "8.0", "12.3"], "{}", row(BOB));
    assert!(row(BOB).contains("4.4  20") && row(BOB).ends_with("✔ good"), "{}", row(BOB));

    for (actor, rate, hours, stars, status) in
        [(ANNE, 0.42, 54.2, 2.1, "pip"), (BOB, 0.08, 12.3, 4.4, "good")]
    {
        for as_of in ["now", "latest"] {
            let store = ["--store", "sqlite:apmt-demo.db"];
            let dossier =
                folder.json(&[&["dossier", actor, "--json", "--as-of", as_of], &store[..]].concat());
            assert_eq!(dossier["override_rate"], json!(rate), "{dossier}");
            assert_eq!(dossier["avg_processing_hours"], json!(hours), "{dossier}");
            assert_eq!(dossier["sat_score_mean"], json!(stars), "{dossier}");
            assert_eq!(dossier["status"], json!(status), "{dossier}");
            assert_eq!(dossier["pip_recommended"], json!(status == "pip"), "{dossier}");
        }
    }
    let board = folder.json(&["scoreboard", "--json", "--store", "sqlite:apmt-demo.db"]);
    let actors: Vec<&str> = board.as_array().unwrap().iter().map(|d| d["actor"].as_str().unwrap()).collect();
    assert_eq!(actors.len(), 40);
    assert!(actors.is_sorted());
}

#[test]
fn the_same_agency_is_stored_once() {
    let folder = Folder::new();
    let arguments = ["demo", "--store", "sqlite:d.db", "--as-of", END];
    let first = folder.run(&arguments).succeeded().says(&[", 0 there already"]);
    let again = folder.run(&arguments).succeeded().says(&[": 0 events stored, "]);
    assert_eq!(first.out, again.out);
    // Without the end, it is the agency that is there.
    folder.run(&["demo", "--store", "sqlite:d.db"]).succeeded().says(&[": 0 events stored, "]);
    let other = ["demo", "--store", "sqlite:d.db", "--as-of", "2026-03-03T15:00:00Z"];
    folder.run(&other).ended_with(2).says(&["holds the agency as of 2026-03-02T15:00:00Z already"]);
}

#[test]
fn made_up_records_do_not_mix_with_real_ones() {
    let folder = Folder::new();
    folder.run(&["record", r#"{"type": "OVERRIDE", "actor": "a"}"#]).succeeded();
    let run = folder.run(&["demo", "--store", "sqlite:apmt.db"]).ended_with(2);
    run.says(&["sqlite:apmt.db holds records already", "--store sqlite:another.db"]);
}

#[test]
fn in_memory_it_is_shown_and_gone() {
    let folder = Folder::new();
    let run = folder.run(&["demo", "--store", "memory:", "--as-of", END]).succeeded();
    assert!(run.out.contains("Nothing of this is kept."), "{}", run.out);
    assert_eq!(std::fs::read_dir(folder.path(".")).unwrap().count(), 0);
}
