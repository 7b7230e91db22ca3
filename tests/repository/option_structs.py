# Every public option struct has nothing to destroy, and is tried as a temporary in a `co_await` expression.
#
# g++ 12 destroys temporaries of other aggregates twice there. The structs, and the awaited verbs that take them, are
# read out of the public headers; what is held of them stands in tests/db/core/option_temporaries_dbtest.cpp.
import re

import declarations
import rule

FILE = "tests/db/core/option_temporaries_dbtest.cpp"
# Structs that no awaited verb takes, nor what makes a client; the folder says it.
FOLDERS = {"testing": "servers and proxies for tests are started before anything is awaited"}


def option_structs(root):
    """(names of structs, and (verb, struct) of what is awaited)."""
    structs, verbs = set(), set()
    for header in sorted((root / "include/pg").rglob("*.hpp")):
        if header.parent.name in FOLDERS or header.name == "fwd.hpp":
            continue
        for line in declarations.public_declarations(header.read_text(encoding="utf-8")):
            scope, declaration = line.split(": ", 1)
            struct = re.match(r"(?:struct|class) (\w+)", declaration)
            if struct and (struct[1].endswith("Options") or header.name == "options.hpp"):
                structs.add(struct[1])
            taken = re.search(r"\b(\w+)\((?:.*, )?const (\w*Options)& ", declaration)
            if taken and re.match(r"pg::Async", scope) and not taken[1].startswith("Async"):
                verbs.add((taken[1], taken[2]))
    return structs, verbs


def check(root):
    structs, verbs = option_structs(root)
    file = root / FILE
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    breaches = []
    for name in sorted(structs):
        if not re.search(rf"^static_assert\(std::is_trivially_destructible_v<pg::{name}>\);", text, re.MULTILINE):
            breaches.append(f"{FILE}: does not assert that pg::{name} is trivially destructible")
        if not re.search(rf"\bco_await\b[^;]*\bpg::{name}\{{", text):
            breaches.append(f"{FILE}: tries no temporary of pg::{name} in a co_await expression")
    for verb, name in sorted(verbs):
        if not re.search(rf"\bco_await\b[^;]*\b{verb}\([^;]*\bpg::{name}\{{", text):
            breaches.append(f"{FILE}: tries no temporary of pg::{name} as an argument of {verb}")
    if not structs or not verbs:
        breaches.append("include/pg: no option structs, or no awaited verbs that take them, were found")
    return breaches


HEADER = """// Options.
namespace pg {
struct StreamOptions { int limit = 3; };
class AsyncClient { public: Async<int> begin(const StreamOptions& options = {}) const; };
}
"""
TEST = """static_assert(std::is_trivially_destructible_v<pg::StreamOptions>);
Task<void> f() { co_await async.begin(pg::StreamOptions{.limit = 1}); }
"""


def self_test():
    def planted(header, test):
        return rule.planted({"include/pg/a.hpp": header, FILE: test})

    with planted(HEADER, TEST) as root:
        assert check(root) == [], check(root)
    with planted(HEADER.replace("limit = 3; };", "limit = 3; };\nstruct CopyOptions { int n; };"), TEST) as root:
        assert len(check(root)) == 2, "neither asserted nor tried"
    with planted(HEADER, TEST.replace("static_assert", "// static_assert")) as root:
        assert len(check(root)) == 1, "not asserted"
    with planted(HEADER, TEST.replace("co_await ", "")) as root:
        assert len(check(root)) == 2, "not in a co_await expression"
    with planted(HEADER.replace("begin(", "begin_at(int place, "), TEST) as root:
        assert len(check(root)) == 1, "not that verb"
    with planted("// Nothing.\n", TEST) as root:
        assert len(check(root)) == 1, "a rule that finds nothing says so"


rule.main(check, self_test)
