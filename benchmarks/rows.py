"""Rows: what was measured of a case, put beside what is demanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.case import OURS, Case, Limit
from benchmarks.ratios import Spread, difference_of, ratio_of, slope_of, spread_of
from benchmarks.running import Record

Status = Literal["met", "missed", "shown", "not measured", "failed"]
Records = Mapping[str, Record]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    ours, theirs
        What the value was made of, with the range of the rounds; in seconds, but for
        `memory` (MB after and before) and `difference` (scores).
    value
        What the limits bound; None where nothing was measured.
    note
        Why nothing was measured.
    """

    case: str
    kind: str
    against: str
    must: float | None
    aim: float | None
    status: Status
    ours: Spread | None = None
    theirs: Spread | None = None
    value: Spread | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Row:
        """Rebuild a row from `to_dict`."""
        spreads = {
            name: Spread(**stored[name]) if stored[name] else None
            for name in ("ours", "theirs", "value")
        }
        return cls(**{**stored, **spreads})


def rows_of(name: str, case: Case, records: Records) -> list[Row]:
    """Return a row for each limit of a case."""
    return [_row(name, limit, records) for limit in case.limits]


def failed_rows(name: str, case: Case, why: str) -> list[Row]:
    """Return the rows of a case that ended with an error."""
    return [
        Row(name, limit.kind, limit.against, limit.must, limit.aim, "failed", note=why)
        for limit in case.limits
    ]


def judge(value: float, must: float | None) -> Status:
    """Return whether a value is as small as it must be.

    >>> judge(0.5, 0.5), judge(0.6, 0.5), judge(0.6, None)
    ('met', 'missed', 'shown')
    """
    if must is None:
        return "shown"
    return "met" if value <= must else "missed"


def _row(name: str, limit: Limit, records: Records) -> Row:
    facts = (name, limit.kind, limit.against, limit.must, limit.aim)
    missing = _missing(limit, records)
    if missing:
        return Row(*facts, "not measured", note=missing)
    ours, theirs, value = _MEASURES[limit.kind](records, limit.against)
    return Row(*facts, judge(value.value, limit.must), ours, theirs, value)


def _missing(limit: Limit, records: Records) -> str:
    needed = [OURS, limit.against] if OURS in records else list(records)
    why = [records[side].missing for side in needed if side]
    return next((reason for reason in why if reason), "")


Measured = tuple[Spread | None, Spread | None, Spread]


def _ratio(records: Records, against: str) -> Measured:
    ours, theirs = records[OURS].seconds, records[against].seconds
    return spread_of(ours), spread_of(theirs), ratio_of(ours, theirs)


def _seconds(records: Records, _: str) -> Measured:
    ours = spread_of(records[OURS].seconds)
    return ours, None, ours


def _memory(records: Records, _: str) -> Measured:
    """Compare after the warm-up with after the first timed run."""
    before, after = records[OURS].resident_mb[:2]
    grown = after - before
    return spread_of([after]), spread_of([before]), spread_of([grown])


def _time_growth(records: Records, _: str) -> Measured:
    sizes = [record.facts["size"] for record in records.values()]
    rounds = zip(*(record.seconds for record in records.values()), strict=True)
    slopes = [slope_of(sizes, times) for times in rounds]
    middle = slope_of(sizes, [median(record.seconds) for record in records.values()])
    return None, None, Spread(middle, min(slopes), max(slopes))


def _memory_growth(records: Records, _: str) -> Measured:
    """Count what each size held at most, above what was held before it began."""
    sizes = [record.facts["size"] for record in records.values()]
    slope = slope_of(sizes, [own_memory(record) for record in records.values()])
    return None, None, spread_of([slope])


def own_memory(record: Record) -> float:
    """Return the MB that a size held at most, above those of its bare libraries."""
    return max(record.peak_mb[-1] - float(record.facts["before_mb"]), 1.0)


def _difference(records: Records, against: str) -> Measured:
    ours, theirs = (
        [outcome["score"] for outcome in records[side].outcomes]
        for side in (OURS, against)
    )
    return spread_of(ours), spread_of(theirs), difference_of(ours, theirs)


_MEASURES = {
    "ratio": _ratio,
    "seconds": _seconds,
    "memory": _memory,
    "time growth": _time_growth,
    "memory growth": _memory_growth,
    "difference": _difference,
}
