//! Proofs, of every place in logs of every size.

use std::process::Command;

use apmt_core::{Event, MemoryStore, Store, Timestamp};
use apmt_seal::{
    Checkpoint, Consistency, Inclusion, SealKey, Sealer, Tree, checkpoint, prove_consistency, prove_inclusion,
};
use futures_lite::future::block_on;

use crate::support::Log;

/// A log of 40 events, with a checkpoint of every size.
fn log() -> (MemoryStore, Vec<Checkpoint>) {
    let (store, key) = (MemoryStore::new(), SealKey::generate("test.gov").unwrap());
    let mut sealer = Sealer::default();
    let notes = (1..=40).map(|n| {
        let event = Event::override_of("anne@test.gov").field("n", n).build().unwrap();
        block_on(store.append(vec![event])).unwrap();
        assert_eq!(block_on(sealer.catch_up(&store, &mut |_| ())).unwrap(), n);
        block_on(checkpoint(&store, &key)).unwrap().unwrap()
    });
    let notes = notes.collect();
    (store, notes)
}

#[test]
fn every_event_is_proved_in_every_log_that_has_it_and_in_no_other() {
    let (store, notes) = log();
    let other = SealKey::generate("test.gov").unwrap();
    for note in &notes {
        for position in 1..=note.size {
            let proof = block_on(prove_inclusion(&store, position, note.size)).unwrap();
            proof.check(note).unwrap();
            // Another tree of that size has another root.
            let mut tree = Tree::default();
            (0..note.size).for_each(|_| tree.push([7; 32], |_, _| ()));
            assert!(proof.check(&Checkpoint::sign(&tree, &other)).is_err());
            if note.size > 1 {
                let mut moved = proof.clone();
                moved.position = position % note.size + 1;
                assert!(moved.check(note).is_err(), "{position} of {}", note.size);
            }
        }
    }
}

#[test]
fn every_log_is_proved_to_have_grown_out_of_every_shorter_one() {
    let (store, notes) = log();
    for earlier in &notes {
        for later in &notes[earlier.size as usize - 1..] {
            let proof = block_on(prove_consistency(&store, earlier.size, later.size)).unwrap();
            proof.check(earlier, later).unwrap();
            if earlier.size < later.size {
                let mut path = proof.clone();
                path.path.pop();
                assert!(path.check(earlier, later).is_err());
                assert!(proof.check(later, earlier).is_err());
            }
        }
    }
}

#[test]
fn whatever_is_changed_in_a_proof_it_fails() {
    let (store, notes) = log();
    let note = &notes[36];
    let proof = block_on(prove_inclusion(&store, 12, note.size)).unwrap();
    let json = serde_json::to_value(&proof).unwrap();
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = json.clone();
        change(&mut json);
        serde_json::from_value::<Inclusion>(json).unwrap().check(note)
    };
    changed(&|_| ()).unwrap();
    let changes: [&dyn Fn(&mut serde_json::Value); 9] = [
        &|json| json["id"] = "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        &|json| json["recorded_at"] = "2026-03-02T08:00:00Z".into(),
        &|json| json["event"]["occurred_at"] = "2026-03-02T08:00:00Z".into(),
        &|json| json["event"]["salt"] = "00".repeat(16).into(),
        &|json| json["event"]["payload"] = r#"{"type":"OVERRIDE","actor":"bob@test.gov"}"#.into(),
        &|json| json["commitment"] = "00".repeat(32).into(),
        &|json| json["path"][2] = "00".repeat(32).into(),
        &|json| json["path"][0] = "no hash".into(),
        &|json| json["position"] = 0.into(),
    ];
    for change in changes {
        changed(change).unwrap_err();
    }
    // Without what the event says, it still proves that an event of that id and time is there.
    changed(&|json| drop(json.as_object_mut().unwrap().remove("event"))).unwrap();
    let error = proof.check(&notes[35]).unwrap_err().to_string();
    assert_eq!(error, "size: 37: is of another log than the checkpoint's, which has 36 events");
}

#[test]
fn what_is_not_sealed_cannot_be_proved() {
    let store = MemoryStore::new();
    let error = block_on(prove_inclusion(&store, 1, 1)).unwrap_err().to_string();
    assert_eq!(error, "size: 1: cannot be proved: nothing is sealed yet");
    let (store, _) = log();
    for (position, size) in [(0, 5), (6, 5), (1, 0), (1, 41), (u64::MAX, u64::MAX)] {
        block_on(prove_inclusion(&store, position, size)).unwrap_err();
        block_on(prove_consistency(&store, position, size)).unwrap_err();
    }
}

/// Written apart, after the RFC and the documentation, in another language.
#[test]
fn a_verifier_in_python_agrees() {
    let log = Log::sealed(37);
    let note = log.seal();
    let folder = tempfile::tempdir().unwrap();
    let (proof_file, note_file) = (folder.path().join("proof.json"), folder.path().join("checkpoint.txt"));
    std::fs::write(&note_file, note.to_string()).unwrap();
    let verified = |proof: &Inclusion| {
        std::fs::write(&proof_file, serde_json::to_vec(proof).unwrap()).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/verify_inclusion.py");
        let output = Command::new("python3").arg(script).arg(&proof_file).arg(&note_file).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    for position in [1, 20, 32, 33, 36, 37] {
        let mut proof = block_on(prove_inclusion(&log.open(), position, note.size)).unwrap();
        let said = format!("the event at position {position} is in the log test.gov/apmt of 37 events\n");
        assert_eq!(verified(&proof), (true, said));
        proof.recorded_at = Timestamp::from_millis(0);
        assert!(!verified(&proof).0, "{position}");
    }
}

#[test]
fn proofs_are_read_as_they_are_written() {
    let (store, _) = log();
    let proof = block_on(prove_inclusion(&store, 3, 9)).unwrap();
    let again: Inclusion = serde_json::from_str(&serde_json::to_string(&proof).unwrap()).unwrap();
    assert_eq!(again, proof);
    let proof = block_on(prove_consistency(&store, 3, 9)).unwrap();
    let again: Consistency = serde_json::from_str(&serde_json::to_string(&proof).unwrap()).unwrap();
    assert_eq!(again, proof);
}
