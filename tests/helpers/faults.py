"""Count the faults that tests inject, for the table that `make reliability` prints."""

import os
from dataclasses import asdict, dataclass

KILLS = int(os.environ.get("WAVE_NETWORK_KILLS", "20"))
"""How many faults of a kind are injected, roughly."""


@dataclass
class Faults:
    """Faults of one kind, and what became of the work.

    Attributes:
        name: The kind, for the table.
        injected: How often.
        survived: How often the work ended rightly, or was refused with a clear message.
        lost: Rows, models or states lost.
        twice: Rows answered twice.
        wrong: Wrong answers, wrong weights, damaged outputs taken for whole ones.
    """

    name: str = ""
    injected: int = 0
    survived: int = 0
    lost: int = 0
    twice: int = 0
    wrong: int = 0

    def add(self, *, survived: bool, lost: int = 0, twice: int = 0, wrong: int = 0) -> None:
        """Count a fault."""
        self.injected += 1
        self.survived += survived
        self.lost += lost
        self.twice += twice
        self.wrong += wrong

    def check(self) -> None:
        """Check that every fault was survived, and nothing lost, doubled or wrong."""
        assert self.injected > 0, self
        assert self.survived == self.injected, self
        assert self.lost + self.twice + self.wrong == 0, self


def table(reports) -> list[str]:
    """Return the lines of a Markdown table of the faults that test reports tell of."""
    found = [dict(report.user_properties).get("faults") for report in reports]
    columns = list(asdict(Faults()))
    rows = [[f"{one[name]:,}" if name != "name" else one[name] for name in columns]
            for one in found if one]  # fmt: skip
    if not rows:
        return []
    heading = ["fault", "injected", "survived", "lost", "twice", "wrong"]
    lines = [heading, ["---", *["---:"] * 5], *sorted(rows)]
    return [f"| {' | '.join(cells)} |" for cells in lines]
