"""A YAML language server as an editor runs it: npm's `yaml-language-server`, spoken to over LSP on its stdin and stdout.

What lives here: finding Node, installing what `tests/editor/package-lock.json` pins into the cache of the tests, and the part
of LSP that three questions need (what is wrong, what may stand here, what is this). Nothing about our schemas.
"""

import functools
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.support.java import Missing
from tests.support.npm import installed

LOCKED = Path(__file__).parents[1] / "editor"
ANSWER_WITHIN_S = 30.0


@functools.cache
def language_server() -> Path | Missing:
    """The server's program, installed if need be; or why there is none. Blocks on npm the first time."""
    return installed(LOCKED, "yaml-language-server/bin/yaml-language-server")


class Editor:
    """A running server with the questions that an editor asks it. One at a time; not for several threads."""

    def __init__(self, program: Path, folder: Path) -> None:
        """Start it for the workspace `folder`. It ends when its stdin is closed, so it cannot outlive this process."""
        node = shutil.which("node")
        assert node is not None, "its program was found, so node is there"
        self._process = subprocess.Popen(
            [node, str(program), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._arrived: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        self._asked = 0
        self._versions: dict[str, int] = {}
        self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder.as_uri(),
                "capabilities": {
                    "textDocument": {
                        "completion": {"completionItem": {"snippetSupport": False}},
                        "hover": {"contentFormat": ["markdown"]},
                    }
                },
            },
        )
        self._tell("initialized", {})
        settings = {
            "yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
        }
        self._tell("workspace/didChangeConfiguration", {"settings": settings})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server."""
        try:
            self.ask("shutdown", None)
            self._tell("exit", None)
        finally:
            self._stdin.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def opened(self, file: Path) -> list[dict[str, Any]]:
        """Show the file to the server as it lies on the disk: its diagnostics, once they are there."""
        uri, text = file.as_uri(), file.read_text(encoding="utf-8")
        version = self._versions[uri] = self._versions.get(uri, 0) + 1
        if version == 1:
            document = {"uri": uri, "languageId": "yaml", "version": version, "text": text}
            self._tell("textDocument/didOpen", {"textDocument": document})
        else:
            changed = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]}
            self._tell("textDocument/didChange", changed)
        while True:
            message = self._next()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def completions(self, file: Path, line: int, column: int) -> list[str]:
        """What is offered at a place; `line` and `column` count from 1, as our problems do."""
        answer = self.ask("textDocument/completion", _at(file, line, column))
        items: Sequence[dict[str, Any]] = answer["items"] if isinstance(answer, dict) else answer
        return [item["label"] for item in items]

    def hover(self, file: Path, line: int, column: int) -> str:
        """What is said of a place, "" for nothing."""
        answer = self.ask("textDocument/hover", _at(file, line, column))
        return "" if answer is None else str(answer["contents"]["value"])

    def ask(self, method: str, params: object) -> Any:
        """A request, and its result. What the server asks and tells meanwhile is answered, and not kept."""
        self._asked += 1
        self._write({"id": self._asked, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == self._asked and "method" not in message:
                assert "error" not in message, message
                return message.get("result")

    def _tell(self, method: str, params: object) -> None:
        self._write({"method": method, "params": params})

    def _next(self) -> dict[str, Any]:
        message = self._arrived.get(timeout=ANSWER_WITHIN_S)
        if "method" in message and "id" in message:  # the server asks: it takes null for "I do not know"
            self._write({"id": message["id"], "result": None})
        return message

    def _write(self, message: dict[str, object]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._stdin.flush()

    def _read(self, stdout: IO[bytes]) -> None:
        while True:
            length = 0
            while (line := stdout.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if line == b"":
                return
            self._arrived.put(json.loads(stdout.read(length)))


def _at(file: Path, line: int, column: int) -> dict[str, object]:
    return {"textDocument": {"uri": file.as_uri()}, "position": {"line": line - 1, "character": column - 1}}
