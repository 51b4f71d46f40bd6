"""One YAML file, the environment and the mapping folder -> a valid configuration, or every problem in it at once.

yaml_source.py   YAML with positions           settings.py + front.py, kafka.py, registry.py   the settings' shape
problems.py      file:line:column: message     mapping/         the mapping files: shape, compiling, types, tests
explain.py       pydantic's errors in words    channels.py      the channels table
secrets.py       files named in settings       schemas.py       JSON Schemas for editors
environment.py   which variable set what      reading.py       a file's text or YAML
loader.py        all of it, in order
"""

from connector.config.loader import Loaded, load, load_mappings
from connector.config.problems import Problem, Problems
from connector.config.settings import Settings

__all__ = ["Loaded", "Problem", "Problems", "Settings", "load", "load_mappings"]
