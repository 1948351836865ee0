"""Results: everything that was measured, as JSON in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.rows import Row
from benchmarks.running import Record

FILE = "results.json"


@dataclass
class Results:
    """The cases that were measured on one machine, with one set of libraries.

    Attributes
    ----------
    cases
        By name: `when`, the `sides` with every single time, and the `rows`.
    """

    machine: dict[str, Any]
    quick: bool
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(
        self, name: str, records: Mapping[str, Record], rows: Iterable[Row]
    ) -> None:
        """Put a case in; an earlier measurement of it is replaced."""
        self.cases[name] = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "sides": {side: record.to_dict() for side, record in records.items()},
            "rows": [row.to_dict() for row in rows],
        }

    @property
    def rows(self) -> list[Row]:
        """The rows of all cases."""
        return [
            Row.from_dict(row) for case in self.cases.values() for row in case["rows"]
        ]

    def records(self, name: str) -> dict[str, Record]:
        """Return the sides of a case."""
        return {
            side: Record(**stored) for side, stored in self.cases[name]["sides"].items()
        }

    def write(self, folder: Path) -> Path:
        """Write the results into a folder, which is made, and return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {"machine": self.machine, "quick": self.quick, "cases": self.cases}
        path = folder / FILE
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path

    @classmethod
    def begin(cls, folder: Path, machine: dict[str, Any], *, quick: bool) -> Results:
        """Go on with the folder's results if they are of this machine, or begin anew.

        Other libraries, another machine or another size are never mixed.
        """
        path = folder / FILE
        if path.is_file():
            stored = cls(**json.loads(path.read_text(encoding="utf-8")))
            if (stored.machine, stored.quick) == (machine, quick):
                return stored
        return cls(machine, quick)
