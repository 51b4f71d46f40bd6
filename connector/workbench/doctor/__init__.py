"""The whole path of a configuration, looked at in the order in which its parts depend on one another. Changes nothing.

`results.py` is what a check finds, `examine.py` runs the checks, `plan.py` lists them; `reach.py` is DNS and TCP, `kafka.py`
and `front.py` hold what several checks share; every other file is one check, and `text.py` says it all. Front is asked
without a token, unless the user allows it (`credential.py`).
"""
