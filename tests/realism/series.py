"""Statistics of series of readings, in Python alone: what tells a machine's readings from made-up ones."""

import math
from cmath import exp
from operator import mul
from statistics import fmean


def centered(x):
    mean = fmean(x)
    return [value - mean for value in x]


def variance(x):
    middle = centered(x)
    return sum(map(mul, middle, middle)) / len(x)


def autocovariances(x, lags):
    middle = centered(x)
    return [sum(map(mul, middle, middle[lag:])) / len(x) for lag in lags]


def autocorrelation(x, lag):
    """How much of a reading is left so many readings later."""
    both = autocovariances(x, (0, lag))
    return both[1] / both[0]


def correlation(x, y):
    a, b = centered(x), centered(y)
    return sum(map(mul, a, b)) / math.sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))


def innovation(x, order=20):
    """What the readings before cannot tell of the next, as a share of the variance: the residual of an autoregression, by
    Levinson and Durbin."""
    r = autocovariances(x, range(order + 1))
    a, error = [], r[0]
    for m in range(1, order + 1):
        reflection = (r[m] - sum(a[j] * r[m - 1 - j] for j in range(m - 1))) / error
        a = [a[j] - reflection * a[m - 2 - j] for j in range(m - 1)] + [reflection]
        error *= 1 - reflection * reflection
    return error / r[0]


def repeats(x):
    """The share of readings that are the same as the one before."""
    return sum(after == before for before, after in zip(x, x[1:])) / (len(x) - 1)


def amplitude(x, period):
    """Of a sine that repeats after so many readings, as a share of the standard deviation."""
    turns = sum(value * exp(-2j * math.pi * i / period) for i, value in enumerate(centered(x)))
    return 2 * abs(turns) / len(x) / math.sqrt(variance(x))


def root_of_structure(sensors, lag):
    """√S(h): the usual change over so many readings, over all sensors, divided by √2."""
    squares = [(after - before) ** 2 for x in sensors for before, after in zip(x, x[lag:])]
    return math.sqrt(fmean(squares) / 2)


def fourier(x):
    """Of a power of two of numbers."""
    if len(x) == 1:
        return x
    even, odd = fourier(x[::2]), fourier(x[1::2])
    half = len(even)
    turned = [exp(-1j * math.pi * k / half) * odd[k] for k in range(half)]
    return [a + b for a, b in zip(even, turned)] + [a - b for a, b in zip(even, turned)]


def slope_of_spectrum(sensors, length=4096, bins=20):
    """How steeply the power falls with the frequency: Welch's spectrum over all sensors with Hann windows that overlap by
    half, averaged in bins of equal ratio, and a straight line through the logarithms."""
    window = [0.5 - 0.5 * math.cos(2 * math.pi * i / length) for i in range(length)]
    power = [0.0] * (length // 2)
    for x in sensors:
        for first in range(0, len(x) - length + 1, length // 2):
            spectrum = fourier(list(map(mul, centered(x[first:first + length]), window)))
            power = [sum_ + abs(one) ** 2 for sum_, one in zip(power, spectrum)]
    by_bin = {}
    for k in range(1, length // 2):
        by_bin.setdefault(int(math.log(k) / math.log(length / 2) * bins), []).append(k)
    frequency = [fmean(map(math.log, ks)) for ks in by_bin.values()]
    level = [math.log(fmean(power[k] for k in ks)) for ks in by_bin.values()]
    return -correlation(frequency, level) * math.sqrt(variance(level) / variance(frequency))
