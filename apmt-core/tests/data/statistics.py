"""Writes statistics.json: what SciPy and statsmodels say, for the tests of apmt-core/src/statistics.rs to agree with.

    python3 -m venv venv && venv/bin/pip install scipy statsmodels
    venv/bin/python apmt-core/tests/data/statistics.py > apmt-core/tests/data/statistics.json
"""

import json
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


def funnels():
    """Spiegelhalter's limits, written apart from what they check: percentiles by numpy, binomials by SciPy."""
    generator = numpy.random.default_rng(2005)
    for size, spread in [(8, 0.0), (8, 0.15), (25, 0.0), (25, 0.2), (100, 0.1), (300, 0.02)]:
        whole = generator.integers(5, 200, size)
        part = generator.binomial(whole, numpy.clip(0.25 + spread * generator.standard_normal(size), 0, 1))
        rate = part.sum() / whole.sum()
        z = numpy.sort((part / whole - rate) / numpy.sqrt(rate * (1 - rate) / whole))
        cut = int(0.1 * size)
        z = stats.mstats.winsorize(z, (cut / size + 1e-12, cut / size + 1e-12)) if cut else z
        phi = float(numpy.mean(numpy.square(z)))
        phi = phi if phi > 1 + 2 * numpy.sqrt(2 / size) else 1.0
        for n in [5, 20, 60, 400]:
            for coverage in [0.95, 0.998]:
                ends = []
                for p in [(1 - coverage) / 2, (1 + coverage) / 2]:
                    r = int(stats.binom.ppf(p, n, rate))
                    back = (stats.binom.cdf(r, n, rate) - p) / stats.binom.pmf(r, n, rate)
                    ends.append(float(numpy.clip(rate + ((r - back) / n - rate) * numpy.sqrt(phi), 0, 1)))
                yield {"group": [[int(a), int(b)] for a, b in zip(part, whole)], "rate": rate, "dispersion": phi,
                       "n": n, "coverage": coverage, "limits": ends}


json.dump({
    "source": f"scipy {scipy.__version__}, statsmodels {statsmodels.__version__}, numpy {numpy.__version__}",
    "made_by": "apmt-core/tests/data/statistics.py",
    "rates": list(rates()), "means": list(means()), "quantiles": list(quantiles()),
    "distributions": list(distributions()), "funnels": list(funnels()),
}, sys.stdout, indent=None, separators=(",", ":"))
