"""What Python itself would print on stderr when a thread dies or a finalizer fails: by the log, and without its text.

Such texts quote values; and two kinds of lines would need two kinds of reading. Never here: the main thread's own end, which
the service tells.
"""

import sys
import threading

from connector.ports import EventLog


def tell_instead_of_print(log: EventLog) -> None:
    """Of the whole process, from now on."""

    def thread_died(died: threading.ExceptHookArgs) -> None:
        if died.exc_type is not SystemExit:
            log.error("thread.failed", exc_info=died.exc_value)

    def unraisable(failed: "sys.UnraisableHookArgs") -> None:
        log.error("thread.failed", exc_info=failed.exc_value)

    threading.excepthook = thread_died
    sys.unraisablehook = unraisable
