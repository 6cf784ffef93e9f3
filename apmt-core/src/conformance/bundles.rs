//! Evidence bundles: what is read from a store comes to the very dossier, elsewhere.

use super::bench::{Bench, hour, now};
use super::random_events;
use crate::calendar::Calendar;
use crate::evidence::{Bundle, verify};
use crate::name::ActorName;
use crate::policy::Policy;
use crate::store::{AsOf, judge_one_here};

/// Looks back, compares with peers, and has targets of both sorts.
const POLICY: &str = "
name: evidence
window_days: 20
sla: {target: 2 working days, tracks: {simple: 1 working day, complex: 30h}}
rules:
  - id: lasting
    when: [override_rate > 0.2, sla.compliance < 0.9]
    for: 3d
    clear_after: 2d
    then: review
  - id: unlike-others
    when: [override_rate > 0.1, processing_hours.median > 1]
    peers: {by: [kind], limit: 0.6, min_group: 2}
    for: 2d
    then: pip
  - {id: agents, when: [overridden_rate > 0.3], applies_to: {kind: agent}, then: watch}
  - {id: idle, when: [open.overdue > 0], then: watch}
";

/// Whatever the log, whoever the actor and whenever: the bundle's events come to the dossier that the store's come to.
pub async fn a_bundle_comes_to_the_very_dossier(bench: &Bench) {
    let policy = Policy::from_yaml("policy", POLICY).expect("the policy is valid");
    for seed in 0..4 {
        let (name, calendar) =
            if seed % 2 == 1 { ("us-federal", Calendar::us_federal()) } else { ("always", Calendar::Always) };
        let trial = bench.store_with(calendar).await;
        for batch in random_events(seed, 120).chunks(1 + seed as usize * 11) {
            trial.append(batch.iter().cloned()).await;
        }
        for actor in ["anne@sba.gov", "triage-bot", "zoë", "unknown@sba.gov"] {
            let actor = ActorName::from_stored(actor);
            for as_of in [AsOf::At(hour(30)), AsOf::Now, AsOf::Latest] {
                let bundle = Bundle::gather(&*trial.store, &actor, as_of, POLICY, name, |_, _| ()).await;
                let bundle = bundle.expect("a bundle is gathered");
                let mut file = Vec::new();
                let seal = bundle.write(&mut file).expect("a bundle is written");
                let file = String::from_utf8(file).expect("a bundle is text");
                let verified = verify(&file).await.expect("a bundle is verified");
                let judged = judge_one_here(&*trial.store, &actor, as_of, &policy).await;
                let judged = judged.expect("a dossier is made").to_json();
                assert_eq!(verified.dossier.to_json(), judged, "seed {seed}, {actor}, {as_of:?}");
                assert_eq!(verified.seal, seal);
            }
        }
    }
    let trial = bench.store().await;
    let (anne, as_of) = (ActorName::from_stored("anne@sba.gov"), AsOf::At(now()));
    let other = Bundle::gather(&*trial.store, &anne, as_of, POLICY, "us-federal", |_, _| ()).await;
    let error = other.expect_err("the store measures through another calendar");
    assert_eq!(error.kind(), crate::error::ErrorKind::Mismatch);
}
