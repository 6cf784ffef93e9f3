//! Who works there, and how each of them works.

/// An officer's ways.
#[derive(Debug)]
pub(super) struct Officer {
    pub(super) name: &'static str,
    /// The share of recommendations that the officer reverses.
    pub(super) overrides: f64,
    /// How long a case takes, in hours on average, roughly.
    pub(super) hours: f64,
    /// What citizens give, on average, roughly.
    pub(super) stars: f64,
    /// Cases over the demonstration.
    pub(super) cases: usize,
}

const fn officer(name: &'static str, overrides: f64, hours: f64, stars: f64, cases: usize) -> Officer {
    Officer { name, overrides, hours, stars, cases }
}

/// Everyone but the two whose figures are fixed, and the one who got better.
pub(super) const OFFICERS: &[Officer] = &[
    officer("aisha.rahman@sba.gov", 0.11, 22.0, 4.2, 84),
    officer("ben.whitaker@sba.gov", 0.17, 38.0, 3.7, 71),
    officer("carla.mendez@sba.gov", 0.07, 16.0, 4.5, 96),
    officer("chloe.dubois@sba.gov", 0.14, 30.0, 3.9, 66),
    officer("daniel.kim@sba.gov", 0.09, 19.0, 4.3, 88),
    officer("deshawn.carter@sba.gov", 0.13, 27.0, 4.0, 77),
    officer("elena.petrova@sba.gov", 0.21, 44.0, 3.5, 58),
    officer("farid.haddad@sba.gov", 0.10, 24.0, 4.1, 74),
    officer("fiona.gallagher@sba.gov", 0.06, 14.0, 4.6, 91),
    // Reverses a lot, and citizens thank her for it: the default policy asks for both.
    officer("grace.okafor@sba.gov", 0.36, 33.0, 4.5, 69),
    // Not liked, and yet reverses little.
    officer("harold.jenkins@sba.gov", 0.08, 61.0, 2.6, 52),
    officer("hiro.tanaka@sba.gov", 0.12, 18.0, 4.2, 82),
    officer("ingrid.larsen@sba.gov", 0.15, 35.0, 3.8, 63),
    officer("isaac.cohen@sba.gov", 0.09, 21.0, 4.3, 79),
    officer("jamal.brooks@sba.gov", 0.19, 40.0, 3.6, 61),
    officer("julia.santos@sba.gov", 0.11, 26.0, 4.1, 73),
    officer("keiko.mori@sba.gov", 0.05, 13.0, 4.7, 94),
    officer("liam.oconnor@sba.gov", 0.16, 36.0, 3.8, 64),
    officer("lucia.romano@sba.gov", 0.13, 29.0, 4.0, 70),
    officer("marcus.reed@sba.gov", 0.22, 48.0, 3.4, 55),
    officer("maya.goldberg@sba.gov", 0.10, 20.0, 4.3, 83),
    officer("mei.chen@sba.gov", 0.08, 17.0, 4.4, 90),
    officer("nadia.ivanova@sba.gov", 0.18, 42.0, 3.6, 60),
    officer("noah.fischer@sba.gov", 0.12, 25.0, 4.1, 75),
    officer("olu.adeyemi@sba.gov", 0.14, 31.0, 3.9, 68),
    officer("rosa.delgado@sba.gov", 0.09, 23.0, 4.2, 78),
    officer("samir.patel@sba.gov", 0.11, 28.0, 4.0, 72),
    officer("tasha.williams@sba.gov", 0.17, 39.0, 3.7, 62),
    // What the default policy is for, beside Anne.
    officer("victor.stone@sba.gov", 0.41, 57.0, 2.2, 74),
    officer("wendy.zhao@sba.gov", 0.07, 15.0, 4.5, 89),
];

/// The officer who was put on a plan, and how she worked before and since.
pub(super) const IMPROVED: &str = "priya.nair@sba.gov";
pub(super) const BEFORE_THE_PLAN: Officer = officer(IMPROVED, 0.46, 52.0, 2.1, 40);
pub(super) const SINCE_THE_PLAN: Officer = officer(IMPROVED, 0.08, 23.0, 4.4, 56);

/// Who signs plans and trainings.
pub(super) const SUPERVISOR: &str = "supervisor_lee@sba.gov";

/// A kind of case, and the agent that reads it first.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) name: &'static str,
    /// What the ids of its cases begin with.
    pub(super) prefix: &'static str,
    pub(super) agent: &'static str,
    /// The model before and since the last release.
    pub(super) models: [&'static str; 2],
}

const fn track(
    name: &'static str,
    prefix: &'static str,
    agent: &'static str,
    models: [&'static str; 2],
) -> Track {
    Track { name, prefix, agent, models }
}

/// Kinds of cases; those that are more common stand twice.
pub(super) const TRACKS: &[Track] = &[
    track("7a-loan", "7A", "triage-model", ["triage-2.3", "triage-2.4"]),
    track("7a-loan", "7A", "triage-model", ["triage-2.3", "triage-2.4"]),
    track("504-loan", "504", "loan-scoring-model", ["scoring-1.9", "scoring-1.9"]),
    track("disaster-loan", "EIDL", DECIDING_AGENT, DECIDING_MODELS),
    track("microloan", "MICRO", "eligibility-model", ["eligibility-0.8", "eligibility-0.9"]),
    track("8a-certification", "8A", "certification-reader", ["reader-3.1", "reader-3.2"]),
    track("surety-bond", "SBG", "surety-risk-model", ["surety-1.2", "surety-1.2"]),
];

/// The agent that decides small cases on its own.
pub(super) const DECIDING_AGENT: &str = "disaster-loan-agent";
pub(super) const DECIDING_MODELS: [&str; 2] = ["disaster-4.0", "disaster-4.1"];

/// The agent that looks over some cases a second time.
pub(super) const SECOND_READER: &str = "fraud-screen";

/// Why clocks stop.
pub(super) const REASONS_TO_PAUSE: &[&str] = &[
    "waiting for the applicant's tax returns",
    "waiting for a bank statement",
    "waiting for the lender's signature",
    "site visit",
];
