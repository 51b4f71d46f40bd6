"""One YAML file, the environment and the mapping folder -> a valid configuration, or every problem in it at once.

yaml_source.py   YAML with positions           settings.py + front.py, kafka.py, registry.py   the settings' shape
problems.py      file:line:column: message     mapping_file.py   the mapping files' shape
explain.py       pydantic's errors in words    compile.py        shapes -> `core/mapping`
secrets.py       files named in settings       channels.py       the channels table
environment.py   which variable set what      avro_json.py     JSON -> values of Avro, for samples.py
loader.py        all of it, in order           schemas.py        JSON Schemas for editors
reading.py       a file's text or YAML         mapping_folder.py the mapping files, at start and when they change
"""

from connector.config.loader import Loaded, load, load_mappings
from connector.config.problems import Problem, Problems
from connector.config.settings import Settings

__all__ = ["Loaded", "Problem", "Problems", "Settings", "load", "load_mappings"]
