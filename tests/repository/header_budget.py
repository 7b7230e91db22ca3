# What <pg/client.hpp> pulls in stays within the budget of every translation unit that uses it.
import rule

OWN_HEADERS, OWN_LINES, STANDARD_HEADERS = 15, 2900, 18

BANNED = set("iostream istream ostream iomanip fstream sstream regex map functional ranges future thread".split())
BANNED_IN_FACADE = BANNED | {"stop_token"}

STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits clocale
    cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio
    cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected filesystem format forward_list fstream
    functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
    memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore
    set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
    system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector
    version""".split()
)

# What the interfaces of providers speak of; the façade names standard headers only.
POSIX = {"poll.h"}


def closure(root, header):
    """The own headers that `header` pulls in, itself included, and the other headers that they name."""
    own, foreign, waiting = set(), set(), [header]
    while waiting:
        name = waiting.pop()
        if name in own or not (root / "include" / name).is_file():
            continue  # what is not there is a breach of floors.py
        own.add(name)
        for _, included, _ in rule.includes(root / "include" / name):
            if included.startswith("pg/"):
                waiting.append(included)
            else:
                foreign.add(included)
    return own, foreign


def measure(root):
    """The own headers, their lines and the standard headers that <pg/client.hpp> costs."""
    own, foreign = closure(root, "pg/client.hpp")
    lines = sum(len((root / "include" / name).read_text(encoding="utf-8").splitlines()) for name in own)
    return own, lines, foreign


def check(root):
    breaches = []
    for file in sorted((root / "include/pg").rglob("*.hpp")):
        name = file.relative_to(root)
        if name.parts[2] == "integrations":
            continue  # the one place for third-party types
        for line, included, _ in rule.includes(file):
            if included in BANNED:
                breaches.append(f"{name}:{line}: <{included}> is too heavy for a public header")
            elif not included.startswith("pg/") and included not in STANDARD and included not in POSIX:
                breaches.append(f"{name}:{line}: <{included}> is neither ours nor standard")
    own, lines, foreign = measure(root)
    if not own:
        breaches.append("<pg/client.hpp> is not in the tree")
    if len(own) > OWN_HEADERS:
        breaches.append(f"<pg/client.hpp> pulls in {len(own)} own headers: {' '.join(sorted(own))}")
    if lines > OWN_LINES:
        breaches.append(f"<pg/client.hpp> pulls in {lines} own lines")
    if len(foreign) > STANDARD_HEADERS:
        breaches.append(f"<pg/client.hpp> names {len(foreign)} standard headers: {' '.join(sorted(foreign))}")
    for name in sorted(foreign & BANNED_IN_FACADE):
        breaches.append(f"<pg/client.hpp> pulls in <{name}>")
    return breaches


def summary(root):
    own, lines, foreign = measure(root)
    return (f"<pg/client.hpp>: {len(own)} of {OWN_HEADERS} own headers, {lines} of {OWN_LINES} lines, "
            f"{len(foreign)} of {STANDARD_HEADERS} standard headers")


def self_test():
    good = {"include/pg/client.hpp": '#include <string>\n#include "pg/a.hpp"\n', "include/pg/a.hpp": "#include <span>\n"}
    with rule.planted(good) as root:
        assert check(root) == [] and measure(root)[1:] == (3, {"string", "span"})
    many = {f"include/pg/h{i}.hpp": "\n" for i in range(OWN_HEADERS)}
    named = [name for name in sorted(STANDARD - BANNED_IN_FACADE)][: STANDARD_HEADERS + 1]
    plants = {
        "own headers": {**many, "include/pg/a.hpp": "".join(f'#include "pg/h{i}.hpp"\n' for i in range(OWN_HEADERS))},
        "own lines": {"include/pg/a.hpp": "\n" * OWN_LINES},
        "standard headers": {"include/pg/a.hpp": "".join(f"#include <{name}>\n" for name in named)},
        "pulls in <stop_token>": {"include/pg/a.hpp": "#include <stop_token>\n"},
        "too heavy": {"include/pg/elsewhere.hpp": "#include <map>\n"},
        "neither ours nor standard": {"include/pg/elsewhere.hpp": "#include <libpq-fe.h>\n"},
    }
    for reason, plant in plants.items():
        with rule.planted({**good, **plant}) as root:
            assert any(reason in breach for breach in check(root)), (reason, check(root))
    with rule.planted({**good, "include/pg/stop.hpp": "#include <stop_token>\n"}) as root:
        assert check(root) == []


rule.main(check, self_test, summary)
