# The C++ files are as clang-format 19 leaves them.
import shutil
import subprocess
from pathlib import Path

import rule

TOOL = "clang-format-19"


def check(root):
    if not shutil.which(TOOL):
        return [f"{TOOL} is missing; ./run test installs it"]
    files = rule.cpp_files(root)
    if not files:
        return []
    command = [TOOL, "--dry-run", "-Werror", *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True)
    first_words = [line for line in result.stderr.splitlines() if "error:" in line]
    names = sorted({str(Path(line.split(":")[0]).relative_to(root)) for line in first_words})
    if result.returncode and not names:
        return result.stderr.splitlines()
    return [f"{name}: not formatted; ./run format does it" for name in names]


def self_test():
    style = (Path(__file__).parents[2] / ".clang-format").read_text(encoding="utf-8")
    good, bad = "int twice(int x) { return 2 * x; }\n", "int  twice( int x ){return 2*x;}\n"
    with rule.planted({".clang-format": style, "src/a.cpp": good}) as root:
        assert check(root) == []
    with rule.planted({".clang-format": style, "src/a.cpp": good, "src/b.cpp": bad}) as root:
        assert check(root) == ["src/b.cpp: not formatted; ./run format does it"]


rule.main(check, self_test)
