//! `apmt policy simulate`: how often a policy flags by chance, and how surely it finds.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::{print, print_json};
use crate::failure::{Ending, Failure};
use crate::open;
use crate::screen::{self, count, printable};
use crate::simulation::{self, LeftOut, Outcome, Scenario, Terms};

/// Show how often policies flag by chance, and how surely they find
///
/// Simulates officers whose true override rate is known, judges them daily for a year by each policy, and prints how
/// many were flagged at some time. Among officers whose true rate is within the limit these are false flags; among those
/// whose rate is beyond it, detections. Every case gets one rating, a low one, so that of a rule on overrides and
/// satisfaction the overrides alone decide. Rules that look at anything else, or compare with peers, are left out and
/// named. The same seed gives the same figures.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apmt policy simulate examples/policies/guarded.yaml
      beside the built-in policy: true rates of 25 % and 45 %, 30 cases in 90 days
  apmt policy simulate strict.yaml lax.yaml --rates 0.1,0.2,0.3,0.4 --cases 10,30,100")]
pub(crate) struct Simulate {
    /// The policies, in YAML, beside the built-in one
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// True override rates, from 0 to 1
    #[arg(long, value_name = "RATES", value_delimiter = ',', default_value = "0.25,0.45", value_parser = rate)]
    rates: Vec<f64>,
    /// Cases that an officer decides in 90 days, on average
    #[arg(long, value_name = "CASES", value_delimiter = ',', default_value = "30", value_parser = cases)]
    cases: Vec<f64>,
    /// How many officers of each kind are simulated
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    officers: u32,
    /// For how many days each is judged
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: u32,
    /// The stars of each rating
    #[arg(long, value_name = "STARS", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=5))]
    stars: u8,
    /// Where chance begins
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

impl Simulate {
    pub(super) fn run(self) -> Result<Ending, Failure> {
        let mut policies = vec![apmt_core::Policy::default()];
        for file in &self.files {
            policies.push(open::policy(file)?);
        }
        let terms = Terms { officers: self.officers, days: self.days, stars: self.stars, seed: self.seed };
        let scenarios = self
            .cases
            .iter()
            .flat_map(|cases| self.rates.iter().map(|rate| Scenario { rate: *rate, cases: *cases }));
        let figures: Vec<(Scenario, Vec<Outcome>)> =
            scenarios.map(|scenario| (scenario, simulation::run(&policies, scenario, terms))).collect();
        if self.json {
            let rows = figures.iter().flat_map(|(scenario, outcomes)| {
                policies.iter().zip(outcomes).map(move |(policy, outcome)| {
                    json!({"policy": policy.to_name(), "scenario": scenario, "outcome": outcome})
                })
            });
            let left_out = simulation::left_out(&policies);
            print_json(&json!({"terms": terms, "figures": rows.collect::<Vec<_>>(), "left_out": left_out}))?;
        } else {
            let names: Vec<_> = policies.iter().map(|policy| printable(policy.name())).collect();
            let page = screen::simulation::page(&names, &figures);
            let officers = count(terms.officers, "officer", "officers");
            let days = count(terms.days, "day", "days");
            let mut page = format!("{page}{officers} each, judged daily for {days}; seed {}\n", terms.seed);
            for LeftOut { policy, rule, reason } in simulation::left_out(&policies) {
                let (policy, rule, reason) = (printable(&policy), printable(&rule), printable(&reason));
                // Writing to a string does not fail.
                let _ = writeln!(page, "Left out of {policy}: {rule}, for {reason}");
            }
            print(&page)?;
        }
        Ok(Ending::Fine)
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.trim().parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "expected a rate from 0 to 1, such as 0.25".to_owned())
}

fn cases(text: &str) -> Result<f64, String> {
    let cases = text.trim().parse().ok().filter(|cases| *cases > 0.0 && *cases <= 100_000.0);
    cases.ok_or_else(|| "expected a number of cases, over 0 and up to 100000".to_owned())
}
