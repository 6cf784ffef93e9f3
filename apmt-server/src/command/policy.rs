//! `apmt policy`: checking, testing and trying out the rules.

mod simulate;

use std::fmt::Write as _;
use std::path::PathBuf;

use apmt_core::{AsOf, Timestamp};
use clap::{Args, Subcommand};

use super::{instant, print, print_json};
use crate::failure::{Ending, Failure};
use crate::open::{self, Purpose, StoreOptions, close};
use crate::policy_test::{self, Mistake};
use crate::replay::{self, Days, Span};
use crate::screen::{self, complain, count, printable};

/// Check, test and try out policies
#[derive(Subcommand, Debug)]
pub(super) enum Policy {
    Check(Check),
    Test(Test),
    Replay(Replay),
    Simulate(simulate::Simulate),
    /// Print the JSON Schema of policies, for editors
    ///
    /// An editor that is told of it completes names while one writes, and underlines what is wrong.
    #[command(after_help = "\
Example:
  apmt policy schema > policy.schema.json
      and then, as the first line of a policy:  # yaml-language-server: $schema=policy.schema.json")]
    Schema,
}

impl Policy {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        match self {
            Self::Check(command) => command.run(),
            Self::Test(command) => command.run(),
            Self::Replay(command) => command.run(),
            Self::Simulate(command) => command.run(),
            Self::Schema => {
                print_json(&apmt_core::policy::json_schema())?;
                Ok(Ending::Fine)
            }
        }
    }
}

/// Check that policies say what they should
///
/// A policy that is right is named with its digest, and warned about where it is likely to flag by chance. One that is
/// not gets the file, the line, the column, what was expected and the nearest name, and exit code 1.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt policy check policy.yaml
  apmt policy check policies/*.yaml")]
pub(super) struct Check {
    /// The policies, in YAML
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Check {
    fn run(self) -> Result<Ending, Failure> {
        let mut wrong = false;
        for path in &self.files {
            let name = path.display().to_string();
            match apmt_core::Policy::from_yaml(&name, &open::text(path)?) {
                Ok(policy) => {
                    let rules = count(policy.rules().len() as u64, "rule", "rules");
                    let days = count(policy.window_days(), "day", "days");
                    print(&format!(
                        "{}: ok: {}, {rules}, window {days}, digest {}\n",
                        printable(&name),
                        printable(policy.name()),
                        policy.digest()
                    ))?;
                    for lint in policy.lint() {
                        complain(&format!("{name}: warning: {lint}"));
                    }
                }
                Err(error) => {
                    wrong = true;
                    complain(&error.to_string());
                }
            }
        }
        Ok(Ending::rejected_if(wrong))
    }
}

/// Run the tests of policies
///
/// A file of tests names a policy, gives each test its events, and says what is expected of whom, and when: the status,
/// the rules that are raised, the state of any rule, for how many days it has held, what its explanation says, and
/// metrics. What is not named is not looked at.
#[derive(Args, Debug)]
#[command(after_help = "\
Example of a file of tests:
  policy: policy.yaml            # beside this file; or the policy itself, written here
  calendar: us-federal           # or a file; always, if it is left away
  tests:
    - name: many overrides and few stars
      events:
        - {type: SAT_SCORE, actor: anne@sba.gov, value: 2, occurred_at: 2026-03-01T09:00:00Z}
        - repeat: 3              # three times, a day apart; {n} is 1, 2, 3 in case_id and actor
          every: 1d
          events:
            - {type: OVERRIDE, actor: anne@sba.gov, case_id: 'C-{n}', occurred_at: 2026-03-02T09:00:00Z}
      expect:
        - at: 2026-03-31T00:00:00Z
          actor: anne@sba.gov
          status: pip
          rules: [chronic-override]              # those that are raised, all of them
          states: {chronic-override: raised}     # or clear, pending, clearing, insufficient_data, not_applicable
          held_days: {slow: 12}                  # whole days, of a rule with for or clear_after
          says: {chronic-override: n = 3}        # a text, or a list of them, in the rule's explanation
          metrics: {overrides: 3, sat_score_mean: 2}

Examples:
  apmt policy test policy.test.yaml
  apmt policy test tests/*.yaml

Exits with 1 if a test fails; each failure says what was expected and what came.")]
pub(super) struct Test {
    /// The files of tests, in YAML
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Test {
    fn run(self) -> Result<Ending, Failure> {
        let mut failed = false;
        for path in &self.files {
            let outcome = policy_test::run(path)?;
            for Mistake { place, test, actor, at, what } in &outcome.mistakes {
                complain(&format!("{place}: {test}: {actor} at {at}: {what}"));
            }
            let tests = count(outcome.tests as u64, "test", "tests");
            let name = path.display().to_string();
            let verdict = if outcome.mistakes.is_empty() {
                "passed".to_owned()
            } else {
                failed = true;
                format!("{} failed", outcome.failed)
            };
            print(&format!("{}: {tests}, {verdict}\n", printable(&name)))?;
        }
        Ok(Ending::rejected_if(failed))
    }
}

/// Show who would have been flagged, day by day, over a span of the log
///
/// Judges every actor at the end of each day of the span under the policy, and prints for each stretch of days in which
/// rules were raised: who, from when, until when, by which rules. With --against, does the same under a second policy and
/// shows what is different. Rules on open cases are left out: past days do not know them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt policy replay --from 2026-01-01 --to 2026-03-31
  apmt policy replay --from 2026-01-01 --to latest --policy stricter.yaml --against policy.yaml
  apmt policy replay --from 2026-03-01 --to now --json")]
pub(super) struct Replay {
    /// The first day, in UTC: a day, or an instant of it
    #[arg(long, value_name = "DAY", value_parser = instant_or_day)]
    from: AsOf,
    /// The last day: a day, an instant of it, latest, or now
    #[arg(long, value_name = "DAY", value_parser = instant_or_day, default_value = "latest")]
    to: AsOf,
    /// Another policy, to compare with
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
    /// Print the stretches as JSON
    #[arg(long)]
    json: bool,
}

impl Replay {
    fn run(self) -> Result<Ending, Failure> {
        let against = self.against.as_deref().map(open::policy).transpose()?;
        let client = self.store.open(Purpose::Read)?;
        let status = client.status()?;
        let days = Days::of(self.from.resolve(&status), self.to.resolve(&status))?;
        let spans = replay::spans(&client, client.policy(), days)?;
        let others = against.as_ref().map(|policy| replay::spans(&client, policy, days)).transpose()?;
        if self.json {
            let against = against.as_ref().zip(others.as_deref());
            print_json(&replay::json(days, client.policy(), &spans, against))?;
        } else {
            let mut page = String::new();
            write_spans(client.policy(), &spans, days, &mut page);
            if let Some((policy, others)) = against.as_ref().zip(others.as_deref()) {
                page.push('\n');
                write_spans(policy, others, days, &mut page);
                write_difference(&replay::actors(&spans), &replay::actors(others), &mut page);
            }
            print(&page)?;
        }
        close(&client)?;
        Ok(Ending::Fine)
    }
}

/// An instant, or the midnight that begins a day.
pub(super) fn instant_or_day(text: &str) -> Result<AsOf, String> {
    if let Ok(midnight) = format!("{}T00:00:00Z", text.trim()).parse::<Timestamp>() {
        return Ok(AsOf::At(midnight));
    }
    instant(text)
}

fn write_spans(policy: &apmt_core::Policy, spans: &[Span], days: Days, out: &mut String) {
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "Policy {}, from {} to {}, judged at the end of each of {}:",
        printable(policy.name()),
        screen::date(days.from),
        screen::date(days.to),
        count(days.count(), "day", "days")
    );
    if spans.is_empty() {
        out.push_str("  nobody would have been flagged\n");
    } else {
        out.push_str(&screen::evidence::spans(spans));
    }
    let left_out = replay::left_out(policy);
    if !left_out.is_empty() {
        let _ = writeln!(
            out,
            "Left out, for past days do not know open cases: {}",
            printable(&left_out.join(", "))
        );
    }
}

fn write_difference(these: &[&str], those: &[&str], out: &mut String) {
    let only = |a: &[&str], b: &[&str]| -> Vec<String> {
        a.iter().filter(|actor| !b.contains(actor)).map(|actor| printable(actor).into_owned()).collect()
    };
    let both = these.len() - only(these, those).len();
    let _ = writeln!(out, "\nFlagged at some time under both: {both}");
    for (title, actors) in [("the first", only(these, those)), ("the second", only(those, these))] {
        let names = if actors.is_empty() { screen::NOTHING.to_owned() } else { actors.join(", ") };
        let _ = writeln!(out, "Only under {title}: {names}");
    }
}
