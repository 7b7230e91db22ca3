# Compiles one case of a must-not-compile file: case 0 must compile, every other must fail with the words it announces.
import os
import re
import subprocess
import sys
from pathlib import Path


def announced(file, case):
    """The words that the compiler should say for `case`, from its #if line."""
    text = Path(file).read_text(encoding="utf-8")
    match = re.search(rf"^#if CASE == {case}  // refuses: (.+)$", text, re.MULTILINE)
    if not match:
        sys.exit(f"{file}: case {case} does not say what it refuses: '#if CASE == {case}  // refuses: words'")
    return match[1]


def main(file, case, *compiler):
    environment = {**os.environ, "LC_ALL": "C"}  # the words are English
    result = subprocess.run([*compiler, f"-DCASE={case}", file], capture_output=True, text=True, env=environment)
    if case == "0":
        if result.returncode != 0:
            sys.exit(f"the right use does not compile:\n{result.stderr}")
        return
    words = announced(file, case)
    if result.returncode == 0:
        sys.exit(f"case {case} compiles; it should be refused with: {words}")
    if not re.search(words, result.stderr):
        sys.exit(f"case {case} is refused, but not with: {words}\n{result.stderr}")


main(*sys.argv[1:])
