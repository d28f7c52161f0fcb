"""Numbers as people read them."""

from math import floor, log10

from lapilli.simulators.bill import Baseline

_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"))


def joules(value: float) -> str:
    """Three digits and an SI prefix: 9.39 nJ."""
    if not value:
        return "0 J"
    rounded = three_digits(value)
    scale, prefix = next((found for found in _PREFIXES if abs(rounded) >= 0.9995 * found[0]), _PREFIXES[-1])
    return f"{plain(rounded / scale)} {prefix}J"


def mean_text(value: float) -> str:
    """A mean count: whole numbers whole, others with one decimal, small ones with three digits."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else plain(three_digits(value))


def percent(share: float) -> str:
    """A share with three digits: 4.12%."""
    return f"{plain(three_digits(100 * share))}%"


def accuracy_text(share: float) -> str:
    """An accuracy, as everywhere in lapilli: 98.89%."""
    return f"{share:.2%}"


def times(ratio: float) -> str:
    """A ratio with three digits: 0.41, 12.6."""
    return plain(three_digits(ratio))


def break_even(baseline: Baseline, rate: float) -> str:
    """The mean spike rate at which both cost the same, or what can be said of it."""
    if baseline.break_even is None:
        return "none" if rate else "unknown"
    return "any" if baseline.break_even > 1 else percent(baseline.break_even)


def three_digits(value: float) -> float:
    """Rounded to three significant digits."""
    return round(value, 2 - floor(log10(abs(value)))) if value else 0.0


def plain(value: float) -> str:
    """Three significant digits without an exponent where that is short: 0.0123, 12.3, 1,230."""
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.2e}"
    decimals = max(0, 2 - floor(log10(abs(value)))) if value else 0
    return f"{value:,.{decimals}f}"
