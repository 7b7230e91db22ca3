# Counts what the compiler spends on a use of the library, beside the same work by hand with libpq alone.
#
#     compile_cost.py COMPILER INCLUDE-FOLDER LIBPQ-INCLUDE-FOLDER
#
# The compiler proper runs under valgrind, since instructions repeat and seconds do not. Only g++ is measured.
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 1.7
SOURCES = Path(__file__).with_name("compile_cost")


def compiler_proper(dry_run):
    """The command of the compiler proper among those that `g++ -###` prints; its output is thrown away."""
    for line in dry_run.splitlines():
        words = shlex.split(line)
        if words and Path(words[0]).name == "cc1plus":
            words[words.index("-o") + 1] = "/dev/null"
            return words
    raise ValueError("the compiler named no cc1plus: only g++ is measured")


def counted(profile):
    """The instructions that a profile counted."""
    found = re.search(r"^summary: (\d+)", profile, re.MULTILINE)
    if not found:
        raise ValueError("a profile without a total")
    return int(found[1])


def cost(compiler, source, includes):
    """Instructions of compiling a file."""
    flags = ["-std=c++20", "-O2", *[f"-I{folder}" for folder in includes], "-S", str(source), "-o", "unused.s"]
    dry_run = subprocess.run([compiler, "-###", *flags], check=True, capture_output=True, text=True).stderr
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={profile}"]
        run = subprocess.run([*valgrind, *compiler_proper(dry_run)], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"compiling {source.name} failed:\n{run.stderr}")
        return counted(profile.read_text())


def self_test():
    assert compiler_proper('Using built-in specs.\n "/lib/cc1plus" -quiet "a b.cpp" -o a.s\n') == [
        "/lib/cc1plus", "-quiet", "a b.cpp", "-o", "/dev/null"]
    for bad, use in (("clang -cc1 -o x", compiler_proper), ("events: Ir\n", counted)):
        try:
            use(bad)
            raise AssertionError(f"{bad!r} is refused")
        except ValueError:
            pass
    assert counted("events: Ir\nsummary: 42\n") == 42


def main(compiler, *includes):
    by_hand = cost(compiler, SOURCES / "raw_libpq.cpp", includes)
    ours = cost(compiler, SOURCES / "client.cpp", includes)
    print(f"compiling a connect and a typed query: libpq {by_hand / 1e6:.0f} M instructions, "
          f"pgclient {ours / 1e6:.0f} M, ratio {ours / by_hand:.3f} (at most {LIMIT})")
    if ours > LIMIT * by_hand:
        sys.exit(f"<pg/client.hpp> costs {ours / by_hand:.3f} of what libpq by hand does, at most {LIMIT}")


if sys.argv[1:] == ["--self-test"]:
    self_test()
else:
    main(*sys.argv[1:])
