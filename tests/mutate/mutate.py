# Plants the defects of the list beside it, each alone in a copy of the tree, and expects the tests that it names to
# catch it.
#
# mutate.py ROOT BUILD-FOLDER JOBS [word…]: with words, only the defects whose file or reason contains one of them.
# mutate.py --self-test: shows on a small tree that every verdict is given where it is due.
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from defects import DEFECTS, Defect

PATIENCE = 120  # seconds for the tests of one program: a defect may make them hang, which is a way of being caught
OPTIONS = ("CMAKE_CXX_FLAGS_DEBUG=-O0", "PGCLIENT_BUILD_BENCH=OFF", "PGCLIENT_BUILD_EXAMPLES=OFF")


def run(command, **options):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)


def run_test(executable, environment, patience):
    """Why a program of tests has failed, and what it printed; no reason when it passed. Leaves no process behind."""
    process = subprocess.Popen([executable], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", env=environment, start_new_session=True)
    try:
        printed, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"takes longer than {patience} seconds", process.communicate()[0]
    if process.returncode < 0:
        return f"ends by {signal.Signals(-process.returncode).name}", printed
    return (f"fails with {process.returncode}" if process.returncode else ""), printed


class Copy:
    """A copy of the tree with its own build, where defects can be planted one at a time."""

    def __init__(self, root, folder, files, patience):
        self.source, self.build, self.patience = folder / "source", folder / "build", patience
        # Whatever copy they stand in, to the compiler's cache two equal files are the same.
        self.environment = {**os.environ, "CCACHE_BASEDIR": str(folder)}
        shutil.rmtree(self.source, ignore_errors=True)
        # The times are kept: what was built before stays built.
        shutil.copytree(root, self.source, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
        # But not what the last run may have left with a defect in it.
        for name in files:
            (self.source / name).touch()

    def prepare(self, jobs, tests):
        """Builds the tests, which pass."""
        options = ["-G", "Ninja", "-D", "CMAKE_BUILD_TYPE=Debug", *(f"-D{option}" for option in OPTIONS)]
        if shutil.which("ccache"):
            options += ["-D", "CMAKE_CXX_COMPILER_LAUNCHER=ccache"]
        configured = run(["cmake", "-S", self.source, "-B", self.build, *options], env=self.environment)
        self.demand(configured, "configuring the copy")
        self.demand(self.compile(tests, jobs), "building the tests of the copy")
        for test in tests:
            reason, printed = self.failure(test)
            if reason:
                sys.exit(f"{test} {reason} without any defect:\n{printed[-2000:]}")
        self.sound = self.digests(tests)

    @staticmethod
    def demand(result, what):
        if result.returncode:
            sys.exit(f"{what} failed:\n{result.stdout}")

    @staticmethod
    def programs(tests):
        return sorted({test.partition(":")[0] for test in tests})

    def compile(self, tests, jobs=1):
        return run(["cmake", "--build", self.build, "-j", jobs, "--target", *self.programs(tests)],
                   env=self.environment)

    def executable(self, program):
        return next(file for file in self.build.glob(f"tests/**/{program}") if file.is_file())

    def digests(self, tests):
        """What tells a program from the same one with a defect: no debug information, so equal sources, equal bytes."""
        return {program: hashlib.sha256(self.executable(program).read_bytes()).hexdigest()
                for program in self.programs(tests)}

    def failure(self, test):
        program, _, cases = test.partition(":")
        environment = {**os.environ, "GTEST_FAIL_FAST": "1", "GTEST_BRIEF": "1", "GTEST_FILTER": cases or "*"}
        return run_test(self.executable(program), environment, self.patience)

    def verdict(self, defect):
        """"caught", or what is wrong with the tests or with the list."""
        file = self.source / defect.file
        text = file.read_text(encoding="utf-8")
        if text.count(defect.before) != 1:
            return f"the list is out of date: {text.count(defect.before)} times in the file: {defect.before}"
        file.write_text(text.replace(defect.before, defect.after), encoding="utf-8")
        try:
            built = self.compile(defect.tests)
            if built.returncode:
                return f"the defect does not compile:\n{built.stdout[-2000:]}"
            # A program without the defect proves nothing, and says nothing of the tests.
            planted = self.digests(defect.tests)
            if all(digest == self.sound[program] for program, digest in planted.items()):
                return f"NOT PLANTED: the defect is in no code of {' '.join(defect.tests)}"
            for test in defect.tests:
                reason, _ = self.failure(test)
                if reason:
                    return f"caught: {test} {reason}"
            return f"NOT CAUGHT by {' '.join(defect.tests)}"
        finally:
            file.write_text(text, encoding="utf-8")


def judge(defects, root, folder, jobs, patience=PATIENCE):
    """The verdicts, in the order of the defects; each is printed when it is there."""
    tests = sorted({test for defect in defects for test in defect.tests})
    files = {defect.file for defect in DEFECTS} | {defect.file for defect in defects}
    idle = SimpleQueue()

    def verdict(defect):
        copy, started = idle.get(), time.monotonic()
        try:
            verdict = copy.verdict(defect)
        finally:
            idle.put(copy)
        print(f"{defect.file}: {defect.reason}: {verdict} ({time.monotonic() - started:.0f} s)", flush=True)
        return verdict

    files = [file for file in files if (root / file).is_file()]
    copies = [Copy(root, folder / str(number), files, patience) for number in range(jobs)]  # of one state of the tree
    for copy in copies:  # one after the other: what the first one compiled, the others find in the cache
        copy.prepare(jobs, tests)
        idle.put(copy)
    with ThreadPoolExecutor(jobs) as workers:
        return list(workers.map(verdict, defects))


def main(root, folder, jobs, *words):
    chosen = [d for d in DEFECTS if not words or any(word in f"{d.file} {d.reason}" for word in words)]
    if not chosen:
        sys.exit(f"no defect of the list matches {' '.join(words)}")
    verdicts = judge(chosen, Path(root), Path(folder), int(jobs))
    caught = sum(verdict.startswith("caught") for verdict in verdicts)
    print(f"{caught} of {len(chosen)} planted defects were caught")
    for defect, verdict in zip(chosen, verdicts):
        if not verdict.startswith("caught"):
            print(f"  {defect.file}: {defect.reason}: {verdict}")
    if caught < len(chosen):
        sys.exit(1)


SMALL_TREE = {
    "CMakeLists.txt": """cmake_minimum_required(VERSION 3.25)
project(small CXX)
add_library(sums STATIC src/sums.cpp src/products.cpp)
add_library(nobodys STATIC src/nobodys.cpp)
add_subdirectory(tests)
""",
    "src/sums.cpp": "int sum(int a, int b) { return a + b; }\nint untested(int a) { return a; }\n",
    "src/products.cpp": "int product(int a, int b) { return a * b; }\n",
    "src/nobodys.cpp": "int nobodys() { return 1; }\n",
    "tests/CMakeLists.txt": """foreach(test sums_test products_test)
  add_executable(${test} ${test}.cpp)
  target_link_libraries(${test} sums)
endforeach()
""",
    "tests/sums_test.cpp": "int sum(int, int);\nint main() { return sum(1, 2) == 3 ? 0 : 1; }\n",
    "tests/products_test.cpp": "int product(int, int);\nint main() { return product(2, 3) == 6 ? 0 : 1; }\n",
}


def self_test():
    def sums(after, tests=("sums_test",), before="return a + b;"):
        return Defect("src/sums.cpp", before, after, tests, after)

    wrong_sum = sums("return a - b;"), "caught: sums_test fails with 1"
    wrong_product = (Defect("src/products.cpp", "a * b", "a / b", ("products_test",), "it divides"),
                     "caught: products_test fails with 1")
    unnoticed = sums("return a + 1;", before="return a;"), "NOT CAUGHT by sums_test"
    expected = [
        wrong_sum,
        (sums("__builtin_trap();"), "caught: sums_test ends by SIG"),
        (sums("for (volatile int i = 0;;) i = a + b;"), "caught: sums_test takes longer than 5 seconds"),
        unnoticed,
        (sums("return a - b;", ("products_test", "sums_test")), "caught: sums_test"),
        (sums("return a - b;", ("products_test",)), "NOT PLANTED"),
        (sums("return a + b ;"), "NOT PLANTED"),
        (Defect("src/nobodys.cpp", "return 1;", "return 2;", ("sums_test",), "nobody's"), "NOT PLANTED"),
        (sums("return nothing;"), "the defect does not compile"),
        (sums("return a;", before="return c;"), "the list is out of date"),
    ]
    # Defects of the same length, one as soon as the other is gone, in both copies at once: none is hidden by what was
    # built before it.
    expected += [wrong_sum, wrong_product, unnoticed] * 4
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        for name, text in SMALL_TREE.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        verdicts = judge([defect for defect, _ in expected], root, Path(folder) / "built", jobs=2, patience=5)
    for verdict, (defect, due) in zip(verdicts, expected, strict=True):
        assert verdict.startswith(due), f"{defect.reason}: {verdict}, and not: {due}"
    print(f"all {len(expected)} verdicts were those that were due")


self_test() if sys.argv[1:] == ["--self-test"] else main(*sys.argv[1:])
