//! What verifying finds, and what it says of it.

use apmt_seal::{Checkpoint, SealKey, Wrong};

use crate::support::Log;

#[test]
fn a_log_that_nobody_touched_is_sound() {
    let log = Log::sealed(2500);
    let first = log.seal();
    log.append(3);
    let verified = log.verify_with(std::slice::from_ref(&first));
    assert!(verified.is_sound(), "{:?}", verified.findings);
    assert_eq!((verified.events, verified.sealed, verified.signed), (2503, 2500, 2500));
    assert_eq!((verified.checkpoints, verified.with_key), (2, true));
    assert_eq!(log.seal().size, 2503);
    assert!(log.verify_with(&[first]).is_sound());
}

#[test]
fn each_kind_of_hand_is_named_with_the_first_position() {
    let changed = "the event, or the seal's record of it, was changed after it was sealed";
    for (sql, first) in [
        (
            "UPDATE events SET payload = replace(payload, 'said 11', 'said 99') WHERE position = 12",
            format!("position 12: {changed}"),
        ),
        (
            "UPDATE events SET recorded_at = recorded_at + 1 WHERE position >= 7",
            format!("position 7: {changed}"),
        ),
        (
            "UPDATE events SET occurred_at = occurred_at - 1 WHERE position = 20",
            format!("position 20: {changed}"),
        ),
        ("UPDATE events SET id = zeroblob(16) WHERE position = 20", format!("position 20: {changed}")),
        (
            "UPDATE events SET case_no = 1 + case_no % 5 WHERE position = 4",
            "position 4: the event is filed under another case than the one that it names".to_owned(),
        ),
        (
            "DELETE FROM events WHERE position BETWEEN 5 AND 9",
            "position 5: removed: there is no event from here up to position 9".to_owned(),
        ),
        (
            "DELETE FROM events WHERE position >= 39",
            "position 39: removed: there is no event from here up to position 40".to_owned(),
        ),
        (
            "DELETE FROM events WHERE position = 5; UPDATE events SET position = -position WHERE position > 5; UPDATE events SET position = -position - 1 WHERE position < 0",
            "position 5: the event that was sealed here was removed, and the next put in its place"
                .to_owned(),
        ),
        (
            "UPDATE events SET position = -position WHERE position >= 8; UPDATE events SET position = 1 - position WHERE position < 0; \
          INSERT INTO events SELECT 8, randomblob(16), occurred_at, recorded_at, case_no, payload FROM events WHERE position = 3",
            "position 8: the event here was inserted: what was sealed here comes after it".to_owned(),
        ),
        (
            "UPDATE events SET position = -9 WHERE position = 9; UPDATE events SET position = 9 WHERE position = 30; UPDATE events SET position = 30 WHERE position = -9",
            "position 9: what stands here was sealed at position 30: the order was changed".to_owned(),
        ),
        (
            "INSERT INTO events SELECT -3, randomblob(16), occurred_at, recorded_at, case_no, payload FROM events WHERE position = 3",
            "position 1: an event was inserted outside the log, at position -3".to_owned(),
        ),
        (
            "UPDATE events SET payload = '', occurred_at = 0, case_no = NULL WHERE position = 13",
            "position 13: what the event says is gone, and no record in the log says that it was erased"
                .to_owned(),
        ),
        (
            "UPDATE events SET payload = '{' WHERE position = 6",
            "position 6: the event cannot be read: ".to_owned(),
        ),
        (
            "DELETE FROM seal WHERE number = 30",
            "position 16: the seal's record of the event is gone".to_owned(),
        ),
        (
            "UPDATE seal SET hash = zeroblob(32) WHERE number = 31",
            "position 32: a node of the seal's tree was changed: it is not what the events come to"
                .to_owned(),
        ),
        (
            "DELETE FROM events WHERE position > 30; DELETE FROM seal WHERE number > 58",
            "position 31: the log ends before the 40 events that a checkpoint has signed".to_owned(),
        ),
        (
            "UPDATE checkpoints SET size = 39",
            "the checkpoint of 39 events was changed: it cannot be read, or says another number".to_owned(),
        ),
        (
            "UPDATE checkpoints SET note = replace(note, 'test.gov', 'best.gov')",
            "the checkpoint of 40 events is not signed by the key that was given".to_owned(),
        ),
    ] {
        let log = Log::sealed(40);
        assert!(log.verify().is_sound());
        assert!(log.change(sql) > 0, "{sql}");
        let findings = log.findings();
        assert!(findings.first().is_some_and(|found| found.starts_with(&first)), "{sql}\n{findings:#?}");
    }
}

/// Whoever has no key cannot make a whole new seal; and who has it, not against a checkpoint that another kept.
#[test]
fn a_seal_made_anew_is_no_seal_of_what_was_signed() {
    let log = Log::sealed(40);
    let kept = log.seal();
    log.change("UPDATE events SET payload = replace(payload, 'said 11', 'said 99') WHERE position = 12");
    log.change("DELETE FROM seal");
    let forger = Log { key: SealKey::generate("test.gov/apmt").unwrap(), ..log };
    forger.seal();
    let verified = forger.verify();
    assert_eq!(verified.findings[0].wrong, Wrong::NotSigned { signed: 40 }, "what the owner signed");
    forger.change("DELETE FROM checkpoints");
    forger.seal();
    assert!(forger.verify().is_sound(), "all of it was made anew");
    let verified = forger.verify_with(std::slice::from_ref(&kept));
    assert_eq!(verified.findings[0].wrong, Wrong::NotSigned { signed: 40 });
}

#[test]
fn the_owner_of_the_key_is_held_to_what_another_kept() {
    let log = Log::sealed(40);
    let kept = log.seal();
    log.change("UPDATE events SET payload = replace(payload, 'said 11', 'said 99') WHERE position = 12");
    log.change("DELETE FROM seal; DELETE FROM checkpoints");
    log.seal();
    assert!(log.verify().is_sound(), "without a witness, this shows nowhere");
    let verified = log.verify_with(&[kept]);
    assert_eq!(verified.findings[0].wrong, Wrong::RootDiffers { signed: 40 });
}

/// Before the next is signed, the tree must have grown out of the last.
#[test]
fn a_tree_that_was_changed_is_not_signed() {
    let log = Log::sealed(40);
    log.append(5);
    log.change("UPDATE seal SET hash = zeroblob(32) WHERE number = 31");
    let store = log.open();
    futures_lite::future::block_on(apmt_seal::Sealer::default().catch_up(&store, &mut |_| ())).unwrap();
    let error = futures_lite::future::block_on(apmt_seal::checkpoint(&store, &log.key)).unwrap_err();
    assert!(error.to_string().starts_with("the log is not any more what was signed when it had 40 events"));
}

#[test]
fn a_checkpoint_is_read_as_it_is_written() {
    let note = Log::sealed(3).seal();
    let text = note.to_string();
    assert_eq!(Checkpoint::parse(&text).unwrap(), note);
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[1], lines[3]), (5, "test.gov/apmt", "3", ""));
    // A witness adds a line of its own.
    let witnessed = format!("{text}\u{2014} witness.example AAAAAAAA\n");
    assert_eq!(Checkpoint::parse(&witnessed).unwrap().to_string(), witnessed);
    lines.swap(0, 1);
    for bad in [
        &text[1..text.len() - 1],
        "",
        "\n\n",
        "a\n1\n\n",
        &text.replace("\n3\n", "\n03\n"),
        &lines.join("\n"),
    ] {
        assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
    }
}
