"""How a tool of the workbench says that it cannot do what it is asked: a sentence, and the exit code that fits it."""

EXIT_USAGE = 2
EXIT_UNAVAILABLE = 69
EXIT_DENIED = 77
EXIT_CONFIG = 78


class Unusable(Exception):
    """The text is a sentence for people; `code` is the exit code."""

    def __init__(self, sentence: str, code: int = EXIT_USAGE) -> None:
        super().__init__(sentence)
        self.code = code
