# Every source file opens with one comment line that says what it is for.
import rule

COMMENT = {".cpp": "// ", ".hpp": "// ", ".py": "# ", ".cmake": "# ", ".sh": "# "}
SHELL = ("run", ".ci/run")


def opening(file, root):
    """The line that should be the comment, and how a comment starts there; None for a file of another kind."""
    start = "# " if file.name == "CMakeLists.txt" or str(file.relative_to(root)) in SHELL else COMMENT.get(file.suffix)
    if start is None:
        return None
    lines = file.read_text(encoding="utf-8").splitlines() + [""]
    return (lines[1] if lines[0].startswith("#!") else lines[0]), start


def says_something(line, start):
    return (line.startswith(start) or (start == "# " and line.startswith('"""'))) and len(line) > 15


def check(root):
    breaches = []
    for file in rule.tree_files(root):
        found = opening(file, root)
        if found and not says_something(*found):
            breaches.append(f"{file.relative_to(root)}:1: opens without saying what it is for: {found[0][:60]!r}")
    return breaches


def self_test():
    good = "// Adds two numbers, for the tests.\n#pragma once\n"
    with rule.planted({"include/a.hpp": good, "run": "#!/bin/sh\n# The door of the tree.\n", "README.md": "x"}) as root:
        assert check(root) == []
    for bad in ("#pragma once\n", "/* Adds. */\n", "//\n", "", "// x\n"):
        with rule.planted({"include/a.hpp": bad}) as root:
            assert len(check(root)) == 1, bad
    with rule.planted({"run": "#!/bin/sh\nset -e\n"}) as root:
        assert len(check(root)) == 1


rule.main(check, self_test)
