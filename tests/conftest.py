"""What every test may use; the fixtures and their rules are in `tests/support/plugin.py`."""

pytest_plugins = ["tests.support.plugin"]
