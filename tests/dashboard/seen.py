"""What every panel showed in each phase, and that as a table for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from tests.dashboard.ask import Line, Panel, Phase, asked, at_end, highest
from tests.dashboard.drawing import figure, other_units, words_of
from tests.dashboard.scene import Scene


@dataclass(frozen=True, slots=True)
class Seen:
    """Answers, asked once. Keys: the panel's title and the phase's name."""

    phases: tuple[Phase, ...]
    answers: dict[tuple[str, str], tuple[Line, ...]]

    @classmethod
    def of(cls, scene: Scene, panels: Sequence[Panel]) -> Self:
        """Ask Prometheus for every panel in every phase of a scene that is over."""
        phases = tuple(scene.phases)
        return cls(
            phases,
            {
                (panel.title, phase.name): asked(scene.prometheus, panel, phase.begin, phase.end)
                for phase in phases
                for panel in panels
            },
        )

    def lines(self, panel: Panel, phase: str) -> tuple[Line, ...]:
        """The series of a panel in a phase."""
        return self.answers[panel.title, phase]

    def phase(self, name: str) -> Phase:
        """A phase by its name."""
        return next(phase for phase in self.phases if phase.name == name)


def table(seen: Seen, panels: Sequence[Panel]) -> Iterator[str]:
    """Markdown: panel, then for each phase the number of series, their highest value, and the highest at its end."""
    names = [phase.name for phase in seen.phases]
    yield "| panel | " + " | ".join(f"{name}" for name in names) + " |"
    yield "|---|" + "---|" * len(names)
    row = ""
    for panel in panels:
        if panel.row != row:
            row = panel.row
            yield f"| **{row}** |" + " |" * len(names)
        cells = [_cell(panel, seen.lines(panel, phase.name), phase) for phase in seen.phases]
        yield f"| {panel.title} | " + " | ".join(cells) + " |"


def _cell(panel: Panel, lines: tuple[Line, ...], phase: Phase) -> str:
    if not lines:
        return "none"
    # Sentences are too long for a cell, and say the same as the word beside them.
    words = {value: text for value, (text, _) in words_of(panel).items() if len(text) <= 20}
    # A heatmap's unit is that of its buckets; its values are counts.
    unit = "short" if panel.type == "heatmap" else panel.raw["fieldConfig"]["defaults"]["unit"]
    # What has an axis of its own has another unit.
    own = [line for line in lines if line.letter not in other_units(panel)]
    shown = (words.get(value) or figure(value, unit) for value in (highest(own), at_end(own, phase.end)))
    return f"{len(lines)}: " + ", ".join(shown)
