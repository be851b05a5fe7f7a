"""Several log files as one, for reading while they grow."""

import itertools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

_COLOURS = (36, 33, 35, 32, 34)


class MergedLog:
    """Prints every line that is added to files, behind the name of its file.

    A context manager: what stands in the files at its end is printed before it ends.

    Args:
        files: The files; they are emptied, or made.
        output: Where to print; coloured if it is a terminal.
    """

    def __init__(self, files: Sequence[Path], output: TextIO) -> None:
        self._output = output
        self._readers = []
        width = max(len(file.stem) for file in files)
        for file, colour in zip(files, itertools.cycle(_COLOURS), strict=False):
            file.write_bytes(b"")
            name = file.stem.ljust(width)
            prefix = f"\033[{colour}m{name} |\033[0m " if output.isatty() else f"{name} | "
            self._readers.append((prefix, file.open(errors="replace")))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="merged log", daemon=True)

    def __enter__(self) -> "MergedLog":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        for _, reader in self._readers:
            reader.close()

    def _follow(self) -> None:
        """Print what is new about twenty times a second."""
        while not self._ended.wait(0.05):
            self._print_new()
        self._print_new()

    def _print_new(self) -> None:
        """Print the whole lines that were added; the beginning of a line is left for later."""
        for prefix, reader in self._readers:
            while True:
                place = reader.tell()
                line = reader.readline()
                if not line.endswith("\n"):
                    reader.seek(place)
                    break
                self._output.write(prefix + line)
        self._output.flush()
