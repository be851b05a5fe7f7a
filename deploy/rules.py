"""The rules of the house that no linter knows: `python -m deploy.rules` prints what breaks them and exits with 1.

sizes   a file has at most 400 lines, a function at most 60; a migration is a list of statements and may be longer
names   no name holds a word that says nothing, unless its line says who named it: `# named by asyncio`; and no file
        shadows a module of the standard library
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 60
SAYS_NOTHING = re.compile(r"(?:^|_)(helpers?|utils?|common|base|data|infos?|impl|misc)(?:_|$)")
MIGRATIONS = "/migrations/versions/"
NAMED_ELSEWHERE = re.compile(r"# named by \w")
GENERATED = ("los/", "buf/")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def broken_rules(path: str, source: str) -> Iterator[str]:
    """Every rule that a file breaks, with its place.

    Args:
        path: The file's path below the project.
        source: Its text.
    """
    lines = source.splitlines()
    if len(lines) > MOST_FILE_LINES:
        yield f"{path}: {len(lines)} lines, at most {MOST_FILE_LINES}: make it a package of the same name"
    stem = Path(path).stem
    if stem in sys.stdlib_module_names:
        yield f"{path}: shadows the standard library's {stem}"
    if SAYS_NOTHING.search(stem.lower()):
        yield f"{path}: its name says nothing"
    for node in ast.walk(ast.parse(source, path)):
        if isinstance(node, Function) and (length := _length(node)) > MOST_FUNCTION_LINES and MIGRATIONS not in path:
            yield f"{path}:{node.lineno}: {node.name} has {length} lines, at most {MOST_FUNCTION_LINES}"
        for name, line in _names_given(node):
            word = SAYS_NOTHING.search(_words(name))
            if word and not NAMED_ELSEWHERE.search(lines[line - 1]):
                yield f"{path}:{line}: {name} holds {word[1]!r}, which says nothing"


def _length(function: Function) -> int:
    """The lines of a function, from `def` to its last."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _names_given(node: ast.AST) -> Iterator[tuple[str, int]]:
    """The names that a piece of code gives to things of its own, with their lines."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            if not node.name.startswith("test_"):  # a sentence, in which every word may stand
                yield node.name, node.lineno
        case ast.arg():
            yield node.arg, node.lineno
        case ast.Name(ctx=ast.Store()):
            yield node.id, node.lineno


def _words(name: str) -> str:
    """A name in lower case, its words parted by underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def files() -> list[str]:
    """The Python files of the project that people write, those not committed yet included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],  # noqa: S607 -- git is where it is
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in listed.stdout.splitlines() if not path.startswith(GENERATED) and Path(path).exists()]


def main() -> int:
    """Run from the command line, at the top of the project."""
    broken = [rule for path in files() for rule in broken_rules(path, Path(path).read_text())]
    print(*broken, sep="\n", end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
