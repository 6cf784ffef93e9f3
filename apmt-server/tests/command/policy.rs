//! `policy check`, `policy test`, `policy replay`, and judging by a policy of one's own.

use serde_json::{Value, json};

use crate::Folder;

const STRICT: &str = "
name: strict
rules:
  - id: any-override
    when: [override_rate > 0, decisions >= 2]
    then: watch
  - id: disliked
    when: [sat_score_mean < 3]
    then: pip
";

const TESTS: &str = "
policy: strict.yaml
tests:
  - name: two decisions, one an override
    events:
      - {type: DECISION, actor: anne@sba.gov, occurred_at: 2026-03-01T09:00:00Z}
      - {type: OVERRIDE, actor: anne@sba.gov, occurred_at: 2026-03-02T09:00:00Z}
    expect:
      - {at: 2026-03-01T12:00:00Z, actor: anne@sba.gov, status: good, rules: []}
      - at: 2026-03-03T00:00:00Z
        actor: Anne@SBA.gov
        status: watch
        rules: [any-override]
        metrics: {override_rate: 0.5, decisions: 2, sat_score_mean: null}
  - name: repeated
    events:
      - repeat: 10
        every: 1d
        events:
          - {type: CASE_OPENED, case_id: 'C-{n}', occurred_at: 2026-03-01T08:00:00Z}
          - {type: ASSIGNED, case_id: 'C-{n}', actor: bob, occurred_at: 2026-03-01T09:00:00Z}
          - {type: DECISION, case_id: 'C-{n}', actor: bob, occurred_at: 2026-03-01T12:00:00Z}
    expect:
      - {at: 2026-03-05T10:00:00Z, actor: bob, metrics: {decisions: 4, avg_processing_hours: 3, open.count: 1}}
";

#[test]
fn check_names_the_digest_or_the_place() {
    let folder = Folder::new();
    folder.write("strict.yaml", STRICT);
    let run = folder.run(&["policy", "check", "strict.yaml"]).succeeded();
    assert!(run.out.starts_with("strict.yaml: ok: strict, 2 rules, window 90 days, digest "), "{}", run.out);
    folder.write("wrong.yaml", STRICT.replace("sat_score_mean", "sat_score_men"));
    let run = folder.run(&["policy", "check", "strict.yaml", "wrong.yaml"]).ended_with(1);
    let run = run.says(&["wrong.yaml:8:12: \"sat_score_men\" is no metric; did you mean sat_score_mean?"]);
    assert!(run.out.starts_with("strict.yaml: ok"), "{}", run.out);
    folder.run(&["policy", "check", "missing.yaml"]).ended_with(2).says(&["cannot read missing.yaml"]);
    folder
        .run(&["scoreboard", "--store", "memory:", "--policy", "wrong.yaml"])
        .ended_with(2)
        .says(&["wrong.yaml:8:12"]);
}

#[test]
fn check_warns_of_what_flags_by_chance() {
    let folder = Folder::new();
    folder.write("bare.yaml", "{name: bare, rules: [{id: r, when: [override_rate > 0.3], then: pip}]}");
    folder.run(&["policy", "check", "bare.yaml"]).succeeded().says(&[
        "bare.yaml: warning: rule r: override_rate > 0.3 compares a rate with a bare threshold: at a true rate of 25 % \
         and 30 cases, chance alone puts 20 % on the wrong side of it; {metric: override_rate, above: 0.3, bound: \
         wilson_lower}, with min: {decisions: 20}, asks for evidence",
        "bare.yaml: warning: rule r: is raised at the first evaluation at which it holds",
    ]);
    let guarded = "{name: g, rules: [{id: r, when: [{metric: override_rate, above: 0.3, bound: wilson_lower}], \
                   min: {decisions: 20}, for: 30d, then: pip}]}";
    folder.write("guarded.yaml", guarded);
    let run = folder.run(&["policy", "check", "guarded.yaml"]).succeeded();
    assert_eq!(run.err, "");
}

#[test]
fn the_schema_is_one() {
    let schema = Folder::new().json(&["policy", "schema"]);
    assert_eq!(schema["properties"]["rules"]["items"]["required"], json!(["id", "when", "then"]));
}

#[test]
fn a_dossier_says_why_and_what_would_clear_it() {
    let folder = Folder::new();
    let policy = "{name: p, rules: [{id: many, when: [overrides >= 2], min: {decisions: 3}, for: 2d, clear_after: 1d, \
                  critical_element: CE-2, advise: training, then: review}]}";
    folder.write("p.yaml", policy);
    let log = [1, 2, 3].map(|day| {
        json!({"type": "OVERRIDE", "actor": "anne", "occurred_at": format!("2026-03-0{day}T09:00:00Z")})
            .to_string()
    });
    let log = log.join("\n");
    folder.run_with(&["import", "-"], log.as_bytes()).succeeded();
    let ask = |as_of: &str| {
        folder.run(&["dossier", "anne", "--policy", "p.yaml", "--as-of", as_of]).succeeded().out
    };
    let few = ask("2026-03-02T12:00:00Z");
    assert!(few.contains("? insufficient data"), "{few}");
    assert!(few.contains("There are 2 decisions, which is too few: at least 3 are needed."), "{few}");
    let pending = ask("2026-03-04T12:00:00Z");
    assert!(pending.contains("✔ good"), "{pending}");
    assert!(
        pending
            .contains("since 2026-03-03T23:59:59.999Z, for 0 days; it counts once it has held for 2 days."),
        "{pending}"
    );
    let raised = ask("2026-03-06T12:00:00Z");
    assert!(
        raised.contains("rule many holds → ◆ review\n    number of overrides 3 is at or above 2\n"),
        "{raised}"
    );
    for sentence in [
        "It clears once it has not held for 1 day.",
        "If nothing more happened, it would no longer count from 2026-05-31T23:59:59.999Z on.",
        "It bears on the critical element CE-2.",
        "Advised: training.",
    ] {
        assert!(raised.contains(sentence), "{sentence}: {raised}");
    }
}

#[test]
fn tests_pass_or_say_what_was_expected_and_what_came() {
    let folder = Folder::new();
    folder.write("strict.yaml", STRICT);
    folder.write("strict.test.yaml", TESTS);
    let run = folder.run(&["policy", "test", "strict.test.yaml"]).succeeded();
    assert_eq!(run.out, "strict.test.yaml: 2 tests, passed\n");

    let wrong =
        TESTS.replace("status: watch", "status: pip").replace("override_rate: 0.5", "override_rate: 0.4");
    folder.write("wrong.test.yaml", wrong.replace("rules: [any-override]", "rules: [disliked]"));
    let run = folder.run(&["policy", "test", "strict.test.yaml", "wrong.test.yaml"]).ended_with(1);
    let place =
        "wrong.test.yaml:10:9: two decisions, one an override: anne@sba.gov at 2026-03-03T00:00:00Z: ";
    let run = run.says(&[
        &format!("{place}expected status pip, got watch"),
        &format!("{place}expected rules [disliked], got [any-override]"),
        &format!("{place}expected override_rate 0.4, got 0.5"),
    ]);
    assert!(run.out.ends_with("wrong.test.yaml: 2 tests, 1 failed\n"), "{}", run.out);
}

#[test]
fn a_file_of_tests_may_hold_its_policy_and_name_a_calendar() {
    let folder = Folder::new();
    let inline = TESTS.replace(
        "policy: strict.yaml",
        "policy: {name: inline, rules: [{id: any-override, when: ['overrides > 0'], then: watch}]}\ncalendar: us-federal",
    );
    // 2026-03-01 is a Sunday, on which no hour counts: 0, 3, 3, 3 hours.
    let inline = inline.replace("avg_processing_hours: 3,", "processing_hours.min: 0,");
    folder.write("t.yaml", &inline);
    folder.run(&["policy", "test", "t.yaml"]).succeeded();
    folder.write("t.yaml", inline.replace("overrides > 0", "overides > 0"));
    folder
        .run(&["policy", "test", "t.yaml"])
        .ended_with(2)
        .says(&["t.yaml:2:9: the policy: ", "did you mean overrides?"]);
    folder.write("t.yaml", inline.replace("type: OVERRIDE", "type: OVERIDE"));
    folder
        .run(&["policy", "test", "t.yaml"])
        .ended_with(2)
        .says(&["t.yaml:8:9: type: OVERIDE", "did you mean OVERRIDE?"]);
    folder.write("t.yaml", inline.replace("expect:", "expects:"));
    folder.run(&["policy", "test", "t.yaml"]).ended_with(2).says(&["error: t.yaml:", "expects"]);
}

#[test]
fn replay_says_who_would_have_been_flagged_and_when() {
    let folder = Folder::new();
    folder.write("strict.yaml", STRICT);
    folder.write("lax.yaml", "{name: lax, rules: []}");
    let log = r#"
{"type": "DECISION", "actor": "anne", "occurred_at": "2026-03-01T09:00:00Z"}
{"type": "OVERRIDE", "actor": "anne", "occurred_at": "2026-03-02T09:00:00Z"}
{"type": "SAT_SCORE", "actor": "anne", "value": 1, "occurred_at": "2026-03-04T09:00:00Z"}
"#;
    folder.run_with(&["import", "-"], log.as_bytes()).succeeded();
    let replay =
        ["policy", "replay", "--from", "2026-03-01", "--to", "2026-03-06", "--policy", "strict.yaml"];
    let spans = folder.json(&[&replay[..], &["--json", "--against", "lax.yaml"]].concat());
    assert_eq!((&spans["days"], &spans["policy"]["name"]), (&json!(6), &json!("strict")));
    let expected = json!([
        {"actor": "anne", "status": "watch", "rules": ["any-override"],
         "from": "2026-03-02", "until": "2026-03-04"},
        {"actor": "anne", "status": "pip", "rules": ["any-override", "disliked"],
         "from": "2026-03-04", "until": null},
    ]);
    assert_eq!(spans["spans"], expected);
    assert_eq!(
        (&spans["against"]["policy"]["name"], &spans["against"]["spans"]),
        (&json!("lax"), &json!([]))
    );

    let page = folder.run(&[&replay[..], &["--against", "lax.yaml"]].concat()).succeeded().out;
    assert!(page.contains("▲ watch  2026-03-02  2026-03-04  any-override"), "{page}");
    assert!(page.contains("Only under the first: anne"), "{page}");
    let backwards = ["policy", "replay", "--from", "2026-03-06", "--to", "2026-03-01"];
    folder.run(&backwards).ended_with(2).says(&["is later than"]);
    let too_many = ["policy", "replay", "--from", "1026-03-01"];
    folder.run(&too_many).ended_with(2).says(&["are more than 3660", "a shorter span"]);
}

#[test]
fn simulate_sets_policies_side_by_side() {
    let folder = Folder::new();
    let guarded = "{name: guarded, rules: [{id: r, when: [{metric: override_rate, above: 0.3, bound: wilson_lower}], \
                   min: {decisions: 20}, for: 30d, clear_after: 14d, then: pip}]}";
    folder.write("guarded.yaml", guarded);
    let simulate = ["policy", "simulate", "guarded.yaml", "--officers", "60", "--days", "200"];
    let run = folder.json(&[&simulate[..], &["--json"]].concat());
    let figures = run["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 4, "two policies, two rates");
    let flagged = |rate: f64, policy: &str| {
        let row =
            figures.iter().find(|row| row["scenario"]["rate"] == rate && row["policy"]["name"] == policy);
        row.unwrap()["outcome"]["ever_flagged"].as_f64().unwrap()
    };
    assert!(flagged(0.25, "default") > 0.7 && flagged(0.25, "guarded") < 0.1, "{run}");
    assert!(flagged(0.45, "guarded") > 0.8, "{run}");
    let page = folder.run(&simulate).succeeded().out;
    assert!(
        page.starts_with("True rate %")
            && page.ends_with("60 officers each, judged daily for 200 days; seed 1\n"),
        "{page}"
    );
    let rule = "{id: r, when: [override_rate > 0.3], peers: {by: [track, kind]}, then: pip}";
    folder.write("peers.yaml", format!("{{name: peers, rules: [{rule}]}}"));
    let simulate = ["policy", "simulate", "peers.yaml", "--officers", "1", "--days", "1"];
    let reason = "it compares with peers, and each officer is simulated alone";
    let page = folder.run(&simulate).succeeded().out;
    assert!(page.ends_with(&format!("\nLeft out of peers: r, for {reason}\n")), "{page}");
    let run = folder.json(&[&simulate[..], &["--json"]].concat());
    assert_eq!(run["left_out"], json!([{"policy": "peers", "rule": "r", "reason": reason}]));
    folder
        .run(&["policy", "simulate", "--rates", "1.5"])
        .ended_with(2)
        .says(&["expected a rate from 0 to 1"]);
}

#[test]
fn a_dossier_names_the_policy_that_judged_it() {
    let folder = Folder::new();
    folder.write("strict.yaml", STRICT);
    folder.run(&["record", r#"{"type": "SAT_SCORE", "actor": "anne", "value": 1}"#]).succeeded();
    let dossier = folder.json(&["dossier", "anne", "--json", "--policy", "strict.yaml"]);
    assert_eq!((&dossier["policy"]["name"], &dossier["status"]), (&json!("strict"), &json!("pip")));
    let page = folder.run(&["dossier", "anne", "--policy", "strict.yaml"]).succeeded().out;
    assert!(page.contains("rule disliked holds → ✖ pip\n    mean satisfaction 1 ★ is below 3 ★\n"), "{page}");
}

/// What is not raised has a state as well, for so many days, and says why.
#[test]
fn a_test_expects_states_days_held_and_what_is_said() {
    let folder = Folder::new();
    let policy =
        "{name: p, rules: [{id: r, when: [override_rate > 0.3], min: {decisions: 3}, for: 5d, then: pip}]}";
    folder.write("p.yaml", policy);
    let tests = "
policy: p.yaml
tests:
  - name: pending
    events:
      - repeat: 3
        events: [{type: OVERRIDE, actor: '{n}@sba.gov', occurred_at: 2026-03-01T09:00:00Z}]
      - repeat: 3
        every: 1h
        events: [{type: OVERRIDE, actor: anne, occurred_at: 2026-03-01T09:00:00Z}]
    expect:
      - {at: 2026-03-04T12:00:00Z, actor: anne, states: {r: pending}, held_days: {r: 2}, says: {r: [n = 3, above 30 %]}}
      - {at: 2026-03-10T12:00:00Z, actor: anne, states: {r: raised}, says: {r: which counts}}
      - {at: 2026-03-10T12:00:00Z, actor: 3@sba.gov, states: {r: insufficient_data}}
";
    folder.write("p.test.yaml", tests.replace("which counts", "holds and counts"));
    folder.run(&["policy", "test", "p.test.yaml"]).succeeded();
    folder.write("p.test.yaml", tests.replace("{r: 2}", "{r: 4}").replace("{r: pending}", "{r: clear}"));
    folder.run(&["policy", "test", "p.test.yaml"]).ended_with(1).says(&[
        "expected r to be clear, got pending",
        "expected days held of r 4, got 2",
        "expected r to say \"which counts\", got \"The rule r holds and counts: pip.",
    ]);
    folder.write("p.test.yaml", tests.replace("{r: pending}", "{q: pending}"));
    folder
        .run(&["policy", "test", "p.test.yaml"])
        .ended_with(2)
        .says(&["q is no rule of the policy; expected r"]);
}

/// The recommended policy does what its file says, and its rule on peers as well.
#[test]
fn the_recommended_policy_passes_its_own_tests() {
    let folder = Folder::new();
    folder.write("guarded.yaml", include_str!("../../../examples/policies/guarded.yaml"));
    folder.write("guarded.test.yaml", include_str!("../../../examples/policies/guarded.test.yaml"));
    folder.run(&["policy", "test", "guarded.test.yaml"]).succeeded();
}

#[test]
fn a_scoreboard_says_what_chance_alone_would_flag_and_what_most_breach() {
    let folder = Folder::new();
    let events: String = (0..8)
        .map(|n| {
            json!({"type": "OVERRIDE", "actor": format!("{n}@sba.gov"), "actor_kind": "HUMAN"}).to_string()
                + "\n"
        })
        .collect();
    folder.write("events.jsonl", events);
    folder.run(&["import", "events.jsonl"]).succeeded();
    folder.write("p.yaml", "{name: p, rules: [{id: r, when: [override_rate > 0.3], then: watch}]}");
    let run = folder.run(&["scoreboard", "--policy", "p.yaml"]).succeeded();
    assert!(
        run.out.contains("8 of the 8 people who can be judged by the rule r breach it at once"),
        "{}",
        run.out
    );
    // Of one verdict each, 30 % are overrides at a true rate of 30 %.
    assert!(run.out.contains("chance alone would make at most 2.4 of these 8 meet a rule"), "{}", run.out);
}

/// Under the calendar that counts every hour, a weekend would be two working days.
#[test]
fn working_days_need_a_calendar_that_knows_them() {
    let folder = Folder::new();
    folder
        .write("foia.yaml", "name: foia\nsla: {target: 72h, tracks: {simple: 10 working days}}\nrules: []\n");
    let judge = ["scoreboard", "--store", "memory:", "--policy", "foia.yaml"];
    folder.run(&judge).ended_with(2).says(&["working days", "give --calendar us-federal"]);
    folder.run(&[&judge[..], &["--calendar", "us-federal"]].concat()).succeeded();
}

/// What editors are told of peers is what is read.
#[test]
fn the_schema_knows_peers() {
    let rule =
        |peers: &Value| json!({"id": "r", "when": ["override_rate > 0.3"], "peers": peers, "then": "pip"});
    agrees_with_the_schema(
        |peers| json!({"name": "x", "rules": [rule(peers)]}),
        &[
            (json!({}), true),
            (json!({"by": ["track", "kind"], "limit": 0.998, "min_group": 8}), true),
            (json!({"by": ["kind", "track"]}), true),
            (json!({"by": ["kind"], "limit": 0.95, "min_group": 2}), true),
            (json!({"by": ["track"]}), false),
            (json!({"by": []}), false),
            (json!({"by": "kind"}), false),
            (json!({"by": ["kind", "unit"]}), false),
            (json!({"limit": 0.5}), false),
            (json!({"limit": 1}), false),
            (json!({"min_group": 1}), false),
            (json!({"min_group": 2.5}), false),
            (json!({"min": 8}), false),
            (json!(["kind"]), false),
        ],
    );
}

/// What editors are told of targets is what is read.
#[test]
fn the_schema_knows_targets_and_tracks() {
    let policy = |sla: &Value| json!({"name": "x", "rules": [], "sla": sla});
    let expected = [
        (json!({"target": "72h"}), true),
        (json!({"target": "20 working days"}), true),
        (json!({"target": "1 working day", "tracks": {"simple": "90m", "Complex cases": "3d"}}), true),
        (json!({"target": "20 workdays"}), false),
        (json!({"target": 20}), false),
        (json!({"target": "3d", "tracks": {}}), false),
        (json!({"target": "3d", "tracks": {"simple": "soon"}}), false),
        (json!({"target": "3d", "track": {"simple": "1d"}}), false),
        (json!({"tracks": {"simple": "1d"}}), false),
    ];
    agrees_with_the_schema(policy, &expected);
}

/// The schema and the reader take the same policies.
fn agrees_with_the_schema(policy: impl Fn(&Value) -> Value, expected: &[(Value, bool)]) {
    let folder = Folder::new();
    let schema = jsonschema::validator_for(&folder.json(&["policy", "schema"])).unwrap();
    for (part, valid) in expected {
        let policy = policy(part);
        assert_eq!(schema.is_valid(&policy), *valid, "{policy}");
        // JSON is YAML.
        folder.write("x.yaml", policy.to_string());
        let run = folder.run(&["policy", "check", "x.yaml"]);
        if *valid {
            run.succeeded()
        } else {
            run.ended_with(1)
        };
    }
}
