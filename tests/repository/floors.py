# A file includes its own component and lower floors only; providers are assembly's; nothing goes in circles; the protocol
# has no socket, clock or thread.
import re

import components
import rule

# What wire does without, whatever brings it along.
WAITING = re.compile(
    r"(?:chrono|ctime|thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token"
    r"|time\.h|threads\.h|pthread\.h|signal\.h|unistd\.h|fcntl\.h|poll\.h|netdb\.h"
    r"|sys/(?:epoll|eventfd|ioctl|poll|select|signalfd|socket|syscall|time|timerfd|uio|un)\.h"
    r"|(?:arpa|net|netinet|linux|openssl)/.*|(?:boost/)?asio(?:/.*|\.hpp)|liburing\.h|libpq-fe\.h)"
)


def resolve(root, file, name):
    """The file of the tree that an include names, or None."""
    for place in (file.parent, root / "include", root):
        if (place / name).is_file():
            return (place / name).resolve().relative_to(root.resolve())
    return None


def refusal(source, user, target, used):
    """Why `source` of component `user` may not include `target` of component `used`; None when it may."""
    in_library = source.parts[0] in ("include", "src", "providers")
    if source.parts[0] == "examples" and target.parts[0] not in ("include", "examples"):
        return "an example uses public headers only"
    if not in_library or used == user:
        return None
    if target.parts[0] not in ("include", "src", "providers"):
        return "the library does not include tests, examples or benchmarks"
    if used is None or user is None:
        return None  # the missing row of the table is a breach by itself
    if used.is_provider:
        return None if user.name == "assembly" else f"only assembly and programs include the provider {used.name}"
    if used.floor < user.floor:
        return None
    return f"{user.name} is on floor {user.floor:g} and {used.name} on floor {used.floor:g}"


def circles(graph):
    """One circle for each set of nodes that reach each other, as a list of its nodes."""
    found, state, path = [], {}, []

    def visit(node):
        state[node] = "open"
        path.append(node)
        for following in sorted(graph.get(node, ())):
            if state.get(following) == "open":
                found.append(path[path.index(following) :] + [following])
            elif following not in state:
                visit(following)
        path.pop()
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return found


def waiting(files, outside):
    """What the files of src/wire include that waits, or tells the time: (file, header, who includes it)."""
    found = []
    for start in sorted(name for name in files.keys() | outside.keys() if name.startswith("src/wire/")):
        seen, left = {start}, [start]
        while left:
            name = left.pop()
            found += [(start, header, name) for header in outside.get(name, ()) if WAITING.fullmatch(header)]
            left += sorted(files.get(name, set()) - seen)
            seen |= files.get(name, set())
    return found


def check(root):
    table, breaches = components.read(root), []
    files, folders, outside = {}, {}, {}
    for file in rule.cpp_files(root):
        name = file.relative_to(root)
        user = components.owner(table, str(name))
        if user is None and name.parts[0] in ("include", "src", "providers"):
            breaches.append(f"{name}: belongs to no component of cmake/components.cmake")
        for line, included, quoted in rule.includes(file):
            target = resolve(root, file, included) if quoted or included.startswith("pg/") else None
            if target is None:
                outside.setdefault(str(name), set()).add(included)
                if quoted or included.startswith("pg/"):
                    breaches.append(f"{name}:{line}: includes {included}, which is not in the tree")
                continue
            used = components.owner(table, str(target))
            reason = refusal(name, user, target, used)
            if reason:
                breaches.append(f"{name}:{line}: must not include {included}: {reason}")
            files.setdefault(str(name), set()).add(str(target))
            if user and used:
                here, there = (user.name, str(name.parent)), (used.name, str(target.parent))
                if here != there:
                    folders.setdefault(here, set()).add(there)
    for component in table:
        for header in component.headers:
            if "*" not in header and not (root / "include/pg" / header).is_file():
                breaches.append(f"cmake/components.cmake: {component.name} lists {header}, which is not in include/pg")
    for name, header, user in waiting(files, outside):
        by = "" if user == name else f" by {user}"
        breaches.append(f"{name}: must not include <{header}>{by}: the protocol has no socket, clock or thread")
    breaches += ["circle of includes: " + " -> ".join(circle) for circle in circles(files)]
    breaches += ["circle of folders: " + " -> ".join(": ".join(n) for n in circle) for circle in circles(folders)]
    return breaches


def self_test():
    table = (
        "pgclient_floor(0 base src/base\n  error.hpp)\npgclient_floor(1 value src/value row.hpp types/*.hpp)\n"
        "pgclient_floor(1 wire src/wire wire/*.hpp)\npgclient_floor(side libpq providers/libpq)\n"
        "pgclient_floor(6 assembly src/assembly)\n"
    )
    good = {
        "cmake/components.cmake": table,
        "include/pg/error.hpp": "#include <string>\n",
        "include/pg/row.hpp": '#include "pg/error.hpp"\n',
        "include/pg/types/json.hpp": '#include "pg/row.hpp"\n',
        "include/pg/wire/frame.hpp": '#include "pg/error.hpp"\n',
        "src/base/error.cpp": '#include "pg/error.hpp"\n#include "src/base/text.hpp"\n',
        "src/base/text.hpp": "",
        "src/base/clock.hpp": "#include <chrono>\n",
        "src/wire/frame.cpp": '#include "src/base/text.hpp"\n#include <atomic>\n#include <cstring>\n',
        "providers/libpq/provider.hpp": '#include "pg/row.hpp"\n',
        "src/assembly/connect.cpp": '#include "providers/libpq/provider.hpp"\n',
        "tests/unit/base/a_test.cpp": "#include <pg/error.hpp>\n#include <gtest/gtest.h>\n",
    }
    with rule.planted(good) as root:
        assert check(root) == [], check(root)
    plants = {
        "a higher floor": ("include/pg/error.hpp", '#include "pg/row.hpp"\n', "floor 0"),
        "a neighbour": ("include/pg/wire/frame.hpp", '#include "pg/row.hpp"\n', "floor 1"),
        "a provider": ("src/value/row.cpp", '#include "providers/libpq/provider.hpp"\n', "provider libpq"),
        "a test": ("src/base/error.cpp", '#include "tests/unit/base/a_test.cpp"\n', "does not include tests"),
        "nothing": ("src/base/error.cpp", '#include "pg/gone.hpp"\n', "not in the tree"),
        "an unlisted header": ("include/pg/new.hpp", "", "no component"),
        "a circle of files": ("src/base/text.hpp", '#include "src/base/text.hpp"\n', "circle of includes"),
        "a circle of folders": ("include/pg/row.hpp", '#include "pg/types/uuid.hpp"\n', "circle of folders"),
        "a private header in an example": ("examples/a.cpp", '#include "src/base/text.hpp"\n', "public headers only"),
    }
    for what, (name, text, reason) in plants.items():
        with rule.planted({**good, "include/pg/types/uuid.hpp": "", name: text}) as root:
            assert any(reason in breach for breach in check(root)), (what, check(root))
    for header in ("chrono", "thread", "mutex", "condition_variable", "sys/socket.h", "netinet/tcp.h", "unistd.h", "poll.h",
                   "asio.hpp", "asio/io_context.hpp", "boost/asio.hpp", "libpq-fe.h", "openssl/ssl.h"):
        with rule.planted({**good, "src/wire/chunk.hpp": f"#include <{header}>\n"}) as root:
            assert len(check(root)) == 1 and f"<{header}>: the protocol" in check(root)[0], (header, check(root))
    with rule.planted({**good, "src/wire/chunk.hpp": '#include "src/base/clock.hpp"\n'}) as root:
        assert len(check(root)) == 1 and "<chrono> by src/base/clock.hpp" in check(root)[0], check(root)
    without = {name: text for name, text in good.items() if name != "include/pg/error.hpp"}
    with rule.planted(without) as root:
        assert any("lists error.hpp" in breach for breach in check(root))


rule.main(check, self_test)
