"""The life of a record: poll -> decode -> map -> wait for its turn -> send -> judge -> settle -> commit.

`life.py` is that life, readable in one sitting; `work.py` and `partition.py` hold what it remembers; `commits.py`
commits what has settled; `dead_letters.py` makes a dead letter durable. The world comes in through `ports`.
"""

from connector.pipeline.life import Pipeline, Policy, World

__all__ = ["Pipeline", "Policy", "World"]
