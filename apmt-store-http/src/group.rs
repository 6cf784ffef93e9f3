//! Appends that go to the server in one request: those of callers who came while others were under way.
//!
//! A request is all or nothing, so it costs the server one commit whoever's events are in it. Who breaks a rule is
//! refused alone, and the others are sent again without.

use std::collections::VecDeque;
use std::time::Instant;

use apmt_core::{Receipt, Result};
use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use crate::failure::Failure;

/// The most events that are put together.
const MOST_EVENTS: usize = 1000;
/// The most bytes that are put together: many a proxy takes no more than 1 MiB at once.
const MOST_BYTES: usize = 512 * 1024;

/// One caller's batch.
#[derive(Debug)]
pub(crate) struct Append {
    /// Its events as NDJSON, each with its id.
    pub(crate) lines: Bytes,
    pub(crate) count: usize,
    /// When it was called.
    pub(crate) began: Instant,
    pub(crate) reply: oneshot::Sender<Result<Vec<Receipt>>>,
}

impl Append {
    // A caller who has stopped waiting needs no answer.
    fn answer(self, answer: Result<Vec<Receipt>>) {
        let _ = self.reply.send(answer);
    }
}

/// Batches that are sent together, in the order in which they came; never none.
#[derive(Debug)]
pub(crate) struct Group(Vec<Append>);

impl Group {
    /// The next group of those that wait: the first, whatever its size, and those behind it as long as they fit.
    pub(crate) fn next(waiting: &mut VecDeque<Append>) -> Option<Self> {
        let first = waiting.pop_front()?;
        let (mut events, mut bytes) = (first.count, first.lines.len());
        let mut appends = vec![first];
        while let Some(next) = waiting.front() {
            events += next.count;
            bytes += next.lines.len();
            if events > MOST_EVENTS || bytes > MOST_BYTES {
                break;
            }
            appends.extend(waiting.pop_front());
        }
        Some(Self(appends))
    }

    /// How many callers it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Each caller's batch as a group of its own.
    pub(crate) fn apart(self) -> impl DoubleEndedIterator<Item = Self> {
        self.0.into_iter().map(|append| Self(vec![append]))
    }

    pub(crate) fn events(&self) -> usize {
        self.0.iter().map(|append| append.count).sum()
    }

    pub(crate) fn body(&self) -> Bytes {
        if let [only] = &self.0[..] {
            return only.lines.clone();
        }
        let mut body = BytesMut::with_capacity(self.0.iter().map(|append| append.lines.len()).sum());
        for append in &self.0 {
            body.extend_from_slice(&append.lines);
        }
        body.freeze()
    }

    /// Gives every caller their receipts, of which there is one an event.
    pub(crate) fn stored(self, receipts: Vec<Receipt>) {
        let mut receipts = receipts.into_iter();
        for append in self.0 {
            let own = receipts.by_ref().take(append.count).collect();
            append.answer(Ok(own));
        }
    }

    /// Tells every caller what has failed.
    pub(crate) fn failed(self, failure: &Failure) {
        for append in self.0 {
            append.answer(Err(failure.error()));
        }
    }

    /// Tells the callers for whom there will be no further attempt; the others are left, if there are any.
    pub(crate) fn give_up(self, failure: &Failure, is_over: impl Fn(Instant) -> bool) -> Option<Self> {
        let (over, left): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|append| is_over(append.began));
        Self(over).failed(failure);
        (!left.is_empty()).then_some(Self(left))
    }

    /// Refuses the batch whose event is the one at that place of the request; the others are left, if there are any.
    pub(crate) fn refuse(mut self, index: usize, failure: Failure) -> Option<Self> {
        let mut before = 0;
        let whose = self.0.iter().position(|append| {
            let own = index < before + append.count;
            before += if own { 0 } else { append.count };
            own
        });
        let Some(whose) = whose else {
            // A place that no event has is nobody's alone.
            self.failed(&failure);
            return None;
        };
        let refused = self.0.remove(whose);
        refused.answer(Err(failure.at_index(index - before).error()));
        (!self.0.is_empty()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use apmt_core::{Error, Invalid};
    use uuid::Uuid;

    use super::*;

    type Answer = oneshot::Receiver<Result<Vec<Receipt>>>;

    fn append(lines: &str) -> (Append, Answer) {
        let (reply, answer) = oneshot::channel();
        let (lines, count) = (Bytes::copy_from_slice(lines.as_bytes()), lines.lines().count());
        (Append { lines, count, began: Instant::now(), reply }, answer)
    }

    fn group(batches: &[&str]) -> (Group, Vec<Answer>) {
        let (appends, answers): (VecDeque<_>, Vec<_>) = batches.iter().map(|lines| append(lines)).unzip();
        let mut appends = appends;
        (Group::next(&mut appends).unwrap(), answers)
    }

    fn positions(answer: &mut Answer) -> Vec<u64> {
        answer.try_recv().unwrap().unwrap().iter().map(|receipt| receipt.position).collect()
    }

    fn receipts(positions: impl Iterator<Item = u64>) -> Vec<Receipt> {
        positions.map(|position| Receipt::new(Uuid::nil(), position, false)).collect()
    }

    fn refusal(index: usize) -> Failure {
        Failure::lasting(Error::from(Invalid::new("value", 6, "is too many").at_index(index)))
    }

    #[test]
    fn what_fits_is_sent_together_and_in_order() {
        let large = "x".repeat(MOST_BYTES);
        let many = "{}\n".repeat(999);
        let mut waiting: VecDeque<Append> =
            ["a\n", &many, "b\n", &large, "c\n", "d\n"].iter().map(|lines| append(lines).0).collect();
        let mut sizes = Vec::new();
        while let Some(group) = Group::next(&mut waiting) {
            sizes.push((group.len(), group.events()));
        }
        assert_eq!(sizes, [(2, 1000), (1, 1), (1, 1), (2, 2)]);
        assert_eq!(group(&["a\nb\n", "c\n"]).0.body(), "a\nb\nc\n");
    }

    #[test]
    fn each_gets_their_own_receipts() {
        let (group, mut answers) = group(&["a\nb\n", "c\n", "d\ne\n"]);
        group.stored(receipts(1..=5));
        let got: Vec<Vec<u64>> = answers.iter_mut().map(positions).collect();
        assert_eq!(got, [vec![1, 2], vec![3], vec![4, 5]]);
    }

    #[test]
    fn who_breaks_a_rule_is_refused_alone() {
        let (group, mut answers) = group(&["a\nb\n", "c\nd\n", "e\n"]);
        let left = group.refuse(3, refusal(3)).unwrap();
        let error = answers[1].try_recv().unwrap().unwrap_err();
        assert_eq!(error.invalid().and_then(Invalid::index), Some(1), "counted in their own batch");
        assert_eq!(left.body(), "a\nb\ne\n");
        left.stored(receipts(1..=3));
        assert_eq!((positions(&mut answers[0]), positions(&mut answers[2])), (vec![1, 2], vec![3]));
    }

    #[test]
    fn nobody_is_left_and_nobody_is_blamed_for_what_is_not_there() {
        let (only, mut answers) = group(&["a\n"]);
        assert!(only.refuse(0, refusal(0)).is_none());
        assert!(answers[0].try_recv().unwrap().is_err());
        let (both, mut answers) = group(&["a\n", "b\n"]);
        assert!(both.refuse(7, refusal(7)).is_none());
        assert!(answers.iter_mut().all(|answer| answer.try_recv().unwrap().is_err()));
    }

    #[test]
    fn those_whose_time_is_over_are_told() {
        let (mut group, mut answers) = group(&["a\n", "b\n"]);
        let now = Instant::now();
        group.0[1].began = now + std::time::Duration::from_secs(60);
        let failure = Failure::lasting(Error::closed());
        let left = group.give_up(&failure, |began| began <= now).unwrap();
        assert!(answers[0].try_recv().unwrap().is_err());
        assert_eq!(left.body(), "b\n");
        assert!(left.give_up(&failure, |_| true).is_none());
    }
}
