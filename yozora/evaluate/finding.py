"""What a measure of an edit finds: a number in the measure's own unit, and whether it passes."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A value in the unit that its measure names, whether it is good enough, and what was seen, in words."""

    value: float
    passed: bool
    seen: str = ""


def worst(found: Iterable[Finding], ideal: float) -> Finding:
    """Of some findings, at least one, the one that is farthest from a value that would be perfect; those that do not pass come first."""
    return min(found, key=lambda one: (one.passed, -abs(one.value - ideal)))


Findings = dict[str, Finding | None]  # None where a measure does not apply


def record(findings: Findings) -> dict[str, list | None]:
    """Findings as JSON: value, verdict and what was seen, null where a measure does not apply; and `all`, whether every one passes."""
    together = all(finding.passed for finding in findings.values() if finding)
    whole = {**findings, "all": Finding(float(together), together)}
    return {name: [round(one.value, 4), one.passed, one.seen] if one else None for name, one in whole.items()}
