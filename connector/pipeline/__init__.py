"""The life of a record: poll -> decode -> map -> wait for its turn -> send -> judge -> settle -> commit.

`life.py` is that life, readable in one sitting; `taking.py` is its decoding and mapping, with what waits for a schema, a mapper
or new mappings; `ownership.py` is about partitions that come and go; `work.py` and `partition.py` hold what is remembered;
`commits.py` commits what has settled; `dead_letters.py` makes a dead letter durable; `ending.py` ends it on a defect;
`world.py` is what comes in, through `ports`.
"""

from connector.pipeline.life import Pipeline
from connector.pipeline.world import Policy, World

__all__ = ["Pipeline", "Policy", "World"]
