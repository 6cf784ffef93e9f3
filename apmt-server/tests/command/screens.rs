//! What people see.

use crate::Folder;

const END: &str = "2026-03-02T15:00:00Z";

#[test]
fn a_dossier_is_a_page_with_the_reasons_in_words() {
    let folder = Folder::new();
    folder.run(&["demo", "--store", "sqlite:d.db", "--as-of", END]).succeeded();
    let store = ["--store", "sqlite:d.db", "--as-of", END];
    let page = folder.run(&[&["dossier", "officer_anne@sba.gov"], &store[..]].concat()).succeeded().out;
    for part in [
        "officer_anne@sba.gov  ✖ pip\n",
        "human · 90 days up to 2026-03-02 15:00:00 UTC · policy default",
        "rule chronic-override holds → ✖ pip",
        "override rate 42 % is above 30 %",
        "mean satisfaction 2.1 ★ is below 3 ★",
        "21 of 50   42.0 %   (95 % interval 29.4 to 55.8 %)",
        "Processing time, in hours (n = 50)",
        "Satisfaction (n = 20)",
        "7 (oldest 23 d",
    ] {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
    let agent = folder.run(&[&["dossier", "triage-model"], &store[..]].concat()).succeeded().out;
    assert!(agent.contains("agent · ") && agent.contains("Advice"), "{agent}");
    let nobody = folder.run(&[&["dossier", "nobody"], &store[..]].concat()).succeeded().out;
    assert!(nobody.contains("kind unknown") && nobody.contains("—"), "{nobody}");
}

#[test]
fn a_dossier_names_the_cases_that_its_rules_rest_upon() {
    let folder = Folder::new();
    folder.run(&["demo", "--store", "sqlite:d.db", "--as-of", END]).succeeded();
    let ask = |more: &[&str]| {
        let store = ["dossier", "officer_anne@sba.gov", "--store", "sqlite:d.db", "--as-of", END];
        folder.run(&[&store[..], more].concat()).succeeded().out
    };
    let page = ask(&["--grounds"]);
    for part in [
        "    Behind the override rate are 21 entries, the first of them: ",
        "    Behind the mean satisfaction are ",
    ] {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
    assert!(!ask(&[]).contains("Behind the"));
    let json: serde_json::Value = serde_json::from_str(&ask(&["--grounds", "--json"])).unwrap();
    let [overrides, stars] = json["grounds"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!((&overrides["metric"], &overrides["count"]), (&"override_rate".into(), &21.into()));
    assert_eq!(overrides["cases"].as_array().unwrap().len(), 20);
    assert!(page.contains(overrides["cases"][0]["case_id"].as_str().unwrap()));
    assert_eq!(stars["metric"], "sat_score_mean");
    assert_eq!(json["status"], "pip");
    // Whoever is not raised rests upon nothing.
    let good = ["dossier", "nobody", "--store", "sqlite:d.db", "--grounds", "--json"];
    assert_eq!(folder.json(&good)["grounds"], serde_json::json!([]));
    let plain: serde_json::Value = serde_json::from_str(&ask(&["--json"])).unwrap();
    assert!(plain.get("grounds").is_none());
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let folder = Folder::new();
    folder.run(&["demo", "--store", "sqlite:d.db", "--as-of", END]).succeeded();
    let arguments = ["scoreboard", "--store", "sqlite:d.db", "--as-of", END];
    let with = |variables: &[(&str, &str)]| {
        let output = folder.command(&arguments).envs(variables.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!with(&[]).contains('\u{1b}'));
    assert!(with(&[("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
    assert!(!with(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "0")]).contains('\u{1b}'));
    assert!(!with(&[("NO_COLOR", "1")]).contains('\u{1b}'));
}

#[test]
fn columns_line_up_and_what_is_absent_is_a_dash() {
    let folder = Folder::new();
    let log = "{\"type\": \"DECISION\", \"actor\": \"田中\"}\n{\"type\": \"SAT_SCORE\", \"actor\": \"bo\", \"value\": 5}";
    folder.run_with(&["import", "-"], log.as_bytes()).succeeded();
    let page = folder.run(&["scoreboard"]).succeeded().out;
    let rows: Vec<&str> = page.lines().filter(|line| line.ends_with("✔ good")).collect();
    assert_eq!(rows.len(), 2, "{page}");
    assert!(rows[0].starts_with("bo     —             0           —          —"), "{page}");
    assert!(rows[1].starts_with("田中   —             1         0.0          —"), "{page}");
    let empty = folder.run(&["scoreboard", "--as-of", "2000-01-01T00:00:00Z"]).succeeded().out;
    assert!(empty.contains("Nobody has a contribution in this window"), "{empty}");
    assert_eq!(
        folder.json(&["scoreboard", "--json", "--as-of", "2000-01-01T00:00:00Z"]),
        serde_json::json!([])
    );
}
