# Shows that the must-not-compile harness fails when a case compiles, fails otherwise, or says something else.
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = """int twice(int x) { return 2 * x; }
#if CASE == 1  // refuses: invalid conversion
int a = twice("two");
#endif
#if CASE == 2  // refuses: invalid conversion
int b = twice(2);
#endif
#if CASE == 3  // refuses: no such words
int c = twice("two");
#endif
#if CASE == 4
int d = twice("two");
#endif
"""


def passes(file, case):
    command = [sys.executable, "-B", str(Path(__file__).with_name("compile_case.py")), str(file), str(case), *compiler]
    return subprocess.run(command, capture_output=True).returncode == 0


compiler = [sys.argv[1], "-std=c++20", "-fsyntax-only"]
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "cases.cpp"
    file.write_text(CASES, encoding="utf-8")
    assert passes(file, 0), "right use compiles"
    assert passes(file, 1), "wrong use is refused with the announced words"
    assert not passes(file, 2), "a case that compiles is a failure"
    assert not passes(file, 3), "other words are a failure"
    assert not passes(file, 4), "a case without words is a failure"
    file.write_text(CASES.replace("2 * x", "y"), encoding="utf-8")
    assert not passes(file, 0), "right use that does not compile is a failure"
