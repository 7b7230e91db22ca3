# What the rules of the tree share: the files they look at, the planted trees of their self-tests, the way they report.
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CPP = {".cpp", ".hpp"}


def tree_files(root):
    """The files that belong to the tree: tracked by git or about to be; in a tree without
    git, such as a planted one, every file that is not built."""
    root = Path(root)
    if (root / ".git").exists():
        command = ["git", "-c", f"safe.directory={root.resolve()}", "-C", str(root)]
        command += ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        files = [root / name for name in names if name]
    else:
        files = [file for file in root.rglob("*") if file.is_file() and file.relative_to(root).parts[0] != "build"]
    return sorted(file for file in files if file.is_file())


def cpp_files(root, folders=("include", "src", "providers", "tests", "bench", "examples")):
    return [f for f in tree_files(root) if f.suffix in CPP and f.relative_to(root).parts[0] in folders]


def includes(file):
    """The includes of a C++ file: (line, name, is_quoted)."""
    pattern = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match = pattern.match(line)
        if match:
            found.append((number, match[1] or match[2], match[1] is not None))
    return found


def planted(files):
    """A temporary tree with the given files: a context manager that gives its root."""

    class Planted(tempfile.TemporaryDirectory):
        def __enter__(self):
            root = Path(super().__enter__())
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            return root

    return Planted()


def main(check, self_test, summary=None):
    """Runs a rule: `check(root, *arguments)` gives the breaches as lines; `self_test()` asserts that it can.
    `summary(root)` is the line to print beside them."""
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        print("the rule holds its own: planted violations are found, a good tree passes")
        return
    root = Path(sys.argv[1])
    breaches = check(root, *sys.argv[2:])
    if summary:
        print(summary(root))
    for breach in breaches:
        print(breach)
    if breaches:
        sys.exit(f"{len(breaches)} breaches of the rule that {Path(sys.argv[0]).name} states in its first line")
