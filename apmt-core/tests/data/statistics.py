"""Writes statistics.json: what SciPy and statsmodels say, for the tests of apmt-core/src/statistics.rs to agree with.

    python3 -m venv venv && venv/bin/pip install scipy statsmodels
    venv/bin/python apmt-core/tests/data/statistics.py > apmt-core/tests/data/statistics.json
"""

import json
import math
import sys

import numpy
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

CONFIDENCES = [0.8, 0.9, 0.95, 0.99, 0.998]


def rates():
    # A one-sided bound at confidence c is an end of the two-sided interval at 2c - 1.
    for part, whole in [(0, 1), (1, 1), (0, 30), (1, 30), (9, 30), (12, 30), (30, 30), (2, 5), (45, 100),
                        (300, 1000), (1, 100_000), (33_333, 100_000), (400_000, 1_000_000)]:
        for confidence in CONFIDENCES:
            alpha = 2 * (1 - confidence)
            yield {"part": part, "whole": whole, "confidence": confidence,
                   "wilson": proportion_confint(part, whole, alpha, "wilson"),
                   "exact": proportion_confint(part, whole, alpha, "beta")}


def means():
    generator = numpy.random.default_rng(1908)
    for n in [2, 3, 5, 12, 30, 200, 5000]:
        values = generator.integers(1, 6, n)
        for confidence in CONFIDENCES:
            half = stats.t.ppf(confidence, n - 1) * stats.sem(values)
            yield {"histogram": [int((values == stars).sum()) for stars in range(1, 6)], "confidence": confidence,
                   "t": [values.mean() - half, values.mean() + half]}


def quantiles():
    for n in [1, 2, 5, 6, 10, 31, 100, 2500]:
        values = numpy.arange(n)
        for q in [0.5, 0.9, 0.95, 0.99]:
            for confidence in CONFIDENCES:
                def end(alternative, side):
                    interval = stats.quantile_test(values, p=q, alternative=alternative).confidence_interval(confidence)
                    place = getattr(interval, side)
                    return None if numpy.isnan(place) or numpy.isinf(place) else int(place)
                yield {"n": n, "q": q, "confidence": confidence, "lower": end("greater", "low"),
                       "upper": end("less", "high")}


def distributions():
    for p in [1e-12, 1e-6, 0.001, 0.025, 0.07, 0.3, 0.5, 0.62, 0.95, 0.975, 0.998, 0.999_999]:
        yield {"of": "normal_quantile", "at": [p], "is": stats.norm.ppf(p)}
        for freedom in [1, 2, 3, 29, 1000, 1_000_000]:
            if p >= 0.001:
                yield {"of": "student_t_quantile", "at": [p, freedom], "is": stats.t.ppf(p, freedom)}
    for x, a, b in [(0.1, 0.5, 0.5), (0.3, 2, 5), (0.999, 3, 0.5), (0.5, 500, 510), (0.01, 1, 300), (0.4, 40_000, 60_000)]:
        yield {"of": "beta_cdf", "at": [x, a, b], "is": stats.beta.cdf(x, a, b)}
    for p, a, b in [(0.05, 9, 22), (0.95, 10, 21), (0.01, 0.5, 30), (0.5, 200, 1), (0.001, 3, 3), (0.998, 300, 701)]:
        yield {"of": "beta_quantile", "at": [p, a, b], "is": stats.beta.ppf(p, a, b)}
    for k, n, p in [(0, 10, 0.1), (9, 30, 0.25), (30, 30, 0.5), (15, 30, 0.5), (4900, 10_000, 0.5)]:
        yield {"of": "binomial_cdf", "at": [k, n, p], "is": stats.binom.cdf(k, n, p)}


def factor(z):
    """The over-dispersion factor: of z-scores, a tenth rounded up at each end is winsorised by SciPy."""
    size = len(z)
    cut = min(math.ceil(size / 10), (size - 1) // 2)
    share = (cut + 0.5) / size
    z = stats.mstats.winsorize(numpy.asarray(z), (share, share))
    phi = float(numpy.mean(numpy.square(z)))
    return phi if phi > 1 + 2 * math.sqrt(2 / size) else 1.0


def limits(rate, phi, n, coverage):
    """Spiegelhalter's limits around a rate; n need not be whole, so binomials are SciPy's beta distribution."""
    def up_to(r):
        return 0.0 if r < 0 else 1.0 if r >= n else stats.beta.cdf(1 - rate, n - r, r + 1)
    for p in [(1 - coverage) / 2, (1 + coverage) / 2]:
        r = next(r for r in range(math.ceil(n) + 1) if up_to(r) > p)
        back = (up_to(r) - p) / (up_to(r) - up_to(r - 1))
        yield float(numpy.clip(rate + ((r - back) / n - rate) * math.sqrt(phi), 0, 1))


def funnels():
    """Each member of a group by the others: expected rates by indirect standardisation, as matrix products."""
    generator = numpy.random.default_rng(2005)
    # How many members, the true rate of each kind of cases, how the members differ, and how many reverse everything.
    for size, true_rates, spread, extreme in [
            (2, [0.3], 0.0, 0), (3, [0.25], 0.1, 1), (8, [0.25], 0.0, 0), (8, [0.25], 0.15, 0), (8, [0.2], 0.0, 1),
            (9, [0.25], 0.03, 1), (25, [0.25], 0.2, 0), (31, [0.25], 0.05, 3), (120, [0.25], 0.02, 0),
            (8, [0.1, 0.5], 0.0, 0), (8, [0.1, 0.5], 0.0, 1), (12, [0.05, 0.2, 0.6], 0.0, 0),
            (40, [0.1, 0.3], 0.1, 0), (60, [0.02, 0.9, 0.4, 0.3], 0.05, 2)]:
        whole = generator.integers(0, 60, (size, len(true_rates)))
        whole[:, 0] += 1
        whole[0] *= 5  # One has far more cases than the others.
        rates = numpy.clip(numpy.array(true_rates) + spread * generator.standard_normal((size, 1)), 0, 1)
        rates[:extreme] = 1
        part = generator.binomial(whole, rates)
        members = []
        for index in range(min(size, 12)):
            others = numpy.arange(size) != index
            of_kind = part[others].sum(axis=0) / whole[others].sum(axis=0)
            n = whole.sum(axis=1)
            expected = whole @ of_kind / n
            z = (part.sum(axis=1) / n - expected) / numpy.sqrt(expected * (1 - expected) / n)
            phi = factor(z[others])
            chance = n[index] * expected[index] * (1 - expected[index])
            of_rates = (whole[index] ** 2 * of_kind * (1 - of_kind) / whole[others].sum(axis=0)).sum()
            members.append({"expected": float(expected[index]), "dispersion": phi, "limits": [
                list(limits(expected[index], phi, n[index] / (1 + of_rates / chance), coverage))
                for coverage in [0.95, 0.998]]})
        yield {"cases": [[[int(a), int(b)] for a, b in zip(*rows)] for rows in zip(part, whole)],
               "extreme": extreme, "members": members}


json.dump({
    "source": f"scipy {scipy.__version__}, statsmodels {statsmodels.__version__}, numpy {numpy.__version__}",
    "made_by": "apmt-core/tests/data/statistics.py",
    "rates": list(rates()), "means": list(means()), "quantiles": list(quantiles()),
    "distributions": list(distributions()), "funnels": list(funnels()),
}, sys.stdout, indent=None, separators=(",", ":"))
