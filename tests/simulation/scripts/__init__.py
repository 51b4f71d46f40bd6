"""Scripts that are played by the model of the client and by the real one. All of them: `SCRIPTS`."""

from tests.simulation.scripts import commits, groups, reading

SCRIPTS = (*commits.SCRIPTS, *groups.SCRIPTS, *reading.SCRIPTS)
