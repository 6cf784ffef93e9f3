//! Bounds and distributions, against what SciPy and statsmodels say: `tests/data/statistics.json`, made by the script
//! beside it.

use apmt_core::statistics::*;
use serde_json::Value;

fn fixture(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../data/statistics.json")).unwrap();
    assert!(all["source"].as_str().unwrap().contains("scipy"));
    let list = all[name].as_array().unwrap().clone();
    assert!(list.len() > 20, "{name}");
    list
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[track_caller]
fn near(found: f64, expected: &Value, tolerance: f64, case: &Value) {
    let expected = number(expected);
    let off = (found - expected).abs();
    assert!(off <= tolerance * expected.abs().max(1e-3), "{found} instead of {expected}: {case}");
}

#[test]
fn bounds_of_rates() {
    for case in fixture("rates") {
        let (part, whole) = (case["part"].as_u64().unwrap(), case["whole"].as_u64().unwrap());
        let confidence = number(&case["confidence"]);
        let wilson = wilson(part, whole, normal_quantile(confidence)).unwrap();
        let exact = clopper_pearson(part, whole, confidence).unwrap();
        for end in [0, 1] {
            near(wilson[end], &case["wilson"][end], 1e-12, &case);
            near(exact[end], &case["exact"][end], 1e-10, &case);
        }
    }
    assert_eq!((wilson(0, 0, 1.6), clopper_pearson(0, 0, 0.95)), (None, None));
    // What cannot be is no reason to panic.
    assert_eq!(wilson(9, 3, 1.6), wilson(3, 3, 1.6));
    assert_eq!(clopper_pearson(9, 3, 0.9), clopper_pearson(3, 3, 0.9));
}

#[test]
fn bounds_of_means() {
    for case in fixture("means") {
        let counts: Vec<u64> =
            case["histogram"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        let n: u64 = counts.iter().sum();
        let mean = counts.iter().zip(1..).map(|(count, stars)| count * stars).sum::<u64>() as f64 / n as f64;
        let squares: f64 = counts
            .iter()
            .zip(1..)
            .map(|(count, stars)| *count as f64 * (f64::from(stars) - mean).powi(2))
            .sum();
        let half = t_bound(n, squares, number(&case["confidence"])).unwrap();
        near(mean - half, &case["t"][0], 1e-10, &case);
        near(mean + half, &case["t"][1], 1e-10, &case);
    }
    assert_eq!((t_bound(0, 0.0, 0.95), t_bound(1, 0.0, 0.95)), (None, None));
    assert_eq!(t_bound(5, 0.0, 0.95), Some(0.0));
}

#[test]
fn bounds_of_quantiles() {
    for case in fixture("quantiles") {
        let (n, q, confidence) =
            (case["n"].as_u64().unwrap(), number(&case["q"]), number(&case["confidence"]));
        // Where the two are equal but for the last bit, either answer is right.
        if (q - confidence).abs() < 1e-12 && n == 1 {
            continue;
        }
        assert_eq!(lower_rank(n, q, confidence), case["lower"].as_u64(), "{case}");
        assert_eq!(upper_rank(n, q, confidence), case["upper"].as_u64(), "{case}");
    }
    assert_eq!((lower_rank(0, 0.5, 0.95), upper_rank(0, 0.5, 0.95)), (None, None));
}

#[test]
fn distributions() {
    for case in fixture("distributions") {
        let at: Vec<f64> = case["at"].as_array().unwrap().iter().map(number).collect();
        let found = match (case["of"].as_str().unwrap(), at.as_slice()) {
            ("normal_quantile", [p]) => normal_quantile(*p),
            ("student_t_quantile", [p, freedom]) => student_t_quantile(*p, *freedom),
            ("beta_cdf", [x, a, b]) => beta_cdf(*x, *a, *b),
            ("beta_quantile", [p, a, b]) => beta_quantile(*p, *a, *b),
            ("binomial_cdf", [k, n, p]) => binomial_cdf(*k as u64, *n as u64, *p),
            other => panic!("{other:?}"),
        };
        near(found, &case["is"], 1e-10, &case);
    }
    assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!((beta_cdf(-1.0, 2.0, 2.0), beta_cdf(2.0, 2.0, 2.0)), (0.0, 1.0));
    assert_eq!((beta_quantile(0.0, 2.0, 2.0), beta_quantile(1.0, 2.0, 2.0)), (0.0, 1.0));
    assert!(binomial_cdf(7, 5, 0.3) >= 1.0);
}

/// Everybody's cases, by kind.
fn group(fixture: &Value) -> Vec<Vec<Cases>> {
    let number = |value: &Value| value.as_u64().unwrap();
    let cases = |(kind, pair): (u32, &Value)| Cases { kind, part: number(&pair[0]), whole: number(&pair[1]) };
    let member = |member: &Value| (0..).zip(member.as_array().unwrap()).map(cases).collect();
    fixture.as_array().unwrap().iter().map(member).collect()
}

fn among(group: &[Vec<Cases>], index: usize) -> Funnel {
    let others = group.iter().enumerate().filter(|(other, _)| *other != index);
    Funnel::among(&group[index], others.map(|(_, cases)| (cases.as_slice(), 1))).unwrap()
}

#[test]
fn limits_among_peers() {
    let (mut dispersed, mut extreme) = (0, 0);
    let all: Value = serde_json::from_str(include_str!("../data/statistics.json")).unwrap();
    for fixture in all["funnels"].as_array().unwrap() {
        let group = group(&fixture["cases"]);
        for (index, member) in fixture["members"].as_array().unwrap().iter().enumerate() {
            let funnel = among(&group, index);
            assert_eq!(funnel.others(), group.len() - 1);
            near(funnel.expected(), &member["expected"], 1e-12, member);
            near(funnel.dispersion(), &member["dispersion"], 1e-10, member);
            dispersed += usize::from(funnel.dispersion() > 1.0);
            for (coverage, expected) in [0.95, 0.998].into_iter().zip(member["limits"].as_array().unwrap()) {
                let limits = funnel.limits(coverage);
                for end in [0, 1] {
                    near(limits[end], &expected[end], 1e-9, member);
                }
            }
            let reverses_everything = index < fixture["extreme"].as_u64().unwrap() as usize;
            if reverses_everything && group.len() >= 8 && funnel.whole() >= 20 {
                extreme += 1;
                assert!(funnel.rate() > funnel.limits(0.998)[1], "{index} of {}", group.len());
            }
        }
    }
    assert!(dispersed > 0 && extreme > 5, "some differ by more than chance, and some are extreme");
}

fn one(part: u64, whole: u64) -> Vec<Cases> {
    vec![Cases { kind: 0, part, whole }]
}

#[test]
fn an_extreme_member_does_not_hide_itself() {
    // However many cases it has, in the smallest group that is compared where a policy does not say.
    for whole in [20, 60, 600, 60_000] {
        let mut group = vec![one(12, 60); 7];
        group.insert(0, one(whole * 9 / 10, whole));
        let funnel = among(&group, 0);
        assert!(funnel.rate() > funnel.limits(0.998)[1], "{whole}: {funnel:?}");
        let other = among(&group, 1);
        let [low, high] = other.limits(0.95);
        assert!(
            low <= other.rate() && other.rate() <= high,
            "{other:?}: nor does it make the others extreme"
        );
    }
}

#[test]
fn what_cannot_be_compared_is_left_out() {
    let nobody: [(&[Cases], u64); 0] = [];
    assert_eq!(Funnel::among(&one(1, 2), nobody.into_iter()), None);
    assert_eq!(Funnel::among(&one(1, 2), [(one(0, 0).as_slice(), 1)].into_iter()), None);
    // Whoever overrides nothing, or everything, with all others is within the limits.
    for rate in [0, 10] {
        let funnel = among(&vec![one(rate, 10); 9], 0);
        let (limits, own) = (funnel.limits(0.998), rate as f64 / 10.0);
        assert!(limits[0] <= own && own <= limits[1], "{limits:?}");
    }
    let none = among(&[one(0, 0), one(1, 10), one(3, 10)], 0);
    assert_eq!((none.whole(), none.expected(), none.limits(0.998)), (0, 0.2, [0.0, 1.0]));
    // Cases of a kind that nobody else has.
    let own = [Cases { kind: 0, part: 1, whole: 10 }, Cases { kind: 7, part: 90, whole: 90 }];
    let funnel = Funnel::among(&own, [(one(2, 10).as_slice(), 2)].into_iter()).unwrap();
    assert_eq!((funnel.rate(), funnel.whole(), funnel.expected()), (0.1, 10, 0.2));
}

/// What a bound promises: at 30 cases and a true rate of 30 %, the exact one is above it in at most 5 % of all samples,
/// and Wilson's near 5 %. The sum is over every sample there can be.
#[test]
fn one_sided_bounds_miss_as_seldom_as_they_say() {
    let probability =
        |k: u64| binomial_cdf(k, 30, 0.3) - if k == 0 { 0.0 } else { binomial_cdf(k - 1, 30, 0.3) };
    let missed =
        |low: &dyn Fn(u64) -> f64| -> f64 { (0..=30).filter(|k| low(*k) > 0.3).map(probability).sum() };
    let exact = missed(&|k| clopper_pearson(k, 30, 0.95).unwrap()[0]);
    let score = missed(&|k| wilson(k, 30, normal_quantile(0.95)).unwrap()[0]);
    assert!(exact <= 0.05 && exact > 0.01, "{exact}");
    assert!((score - 0.05).abs() < 0.025, "{score}");
}
