# Counts the hops of a pooled query to its server and back: virtual calls by name, sends, memory, and fails where there
# are others than docs/decisions/0020-eight-virtual-calls-to-a-query.md names.
#
#     hops.py SERVER CLIENT
#
# A function that is called through a table of virtual ones is called `do_` and something, everywhere in the library. One
# that the compiler calls straight is counted as well; one that it writes out where it is called is none.
import re
import sys
from collections import Counter

from gate import Server, profiled

VIRTUAL = re.compile(r"pg::.*?([A-Z]\w*)(?:<.*>)?::(do_\w+)\(")
# Of other functions, those that the budget of a query speaks of.
NAMED = {
    "operator new": re.compile(r"^operator new\(unsigned long\)"),
    "a send": re.compile(r"Channel::send_plain\("),
    "a look into the cache": re.compile(r"StatementCache::look_up\("),
    "the lock of the pool": re.compile(r"pthread_mutex_lock"),
}
# Of `query_one<Record>` over engine=direct, prepared, with a text that needs memory.
BUDGET = {
    "Client::do_borrow": 1,
    "SessionPool::do_acquire": 1,
    "DirectSession::do_alive": 1,
    "DirectSession::do_run": 1,
    "TypedRows::do_begin": 1,
    "TypedRows::do_take_received": 1,
    "DirectSession::do_at_rest": 1,
    "SessionPool::do_release": 1,
    "operator new": 1,
    "a send": 1,
}


def calls(profile):
    """How often each function of a profile was called, by its name."""
    names, called, counts = {}, None, Counter()
    for line in profile.splitlines():
        if found := re.match(r"c?fn=\((\d+)\)(?: (.*))?$", line):
            number, name = found.groups()
            if name:
                names[number] = name
            called = names[number]
        elif found := re.match(r"calls=(\d+)", line):
            counts[called] += int(found.group(1))
    return counts


def hops(profile, queries):
    """Those of one query, by what they are; what is called now and then is none."""
    counts = Counter()
    for name, count in calls(profile).items():
        if virtual := VIRTUAL.search(name):
            counts["::".join(virtual.groups())] += count
        for hop, pattern in NAMED.items():
            counts[hop] += count if pattern.search(name) else 0
    return {hop: each for hop, count in counts.items() if (each := round(count / queries)) > 0}


def differences(found, budget):
    """What is otherwise than it should be, as lines."""
    return [
        f"{hop}: {found.get(hop, 0)} for a query where {budget.get(hop, 0)} are decided"
        for hop in sorted(found.keys() | budget.keys())
        if found.get(hop, 0) != budget.get(hop, 0)
    ]


def self_test():
    profile = (
        "fn=(1) main\ncfn=(2) pg::pool::SessionPool::do_acquire(pg::spi::Wait const&)\ncalls=8 0\n1 2\n"
        "fn=(2)\ncfn=(3) pg::detail::TypedRows<A, std::optional<B> >::do_begin(pg::C const&)\ncalls=4 0\n"
        "cfn=(4) operator new(unsigned long)\ncalls=1 0\ncfn=(3)\ncalls=4 0\n"
    )
    found = hops(profile, 4)
    assert found == {"SessionPool::do_acquire": 2, "TypedRows::do_begin": 2}, found
    assert not differences(found, found)
    assert len(differences(found, {"SessionPool::do_acquire": 1, "a send": 1})) == 3


def main(server, meter):
    with Server(server) as conninfo:
        found = hops(*profiled(meter, f"{conninfo} engine=direct", "point_select", 16))
    virtual = sum(count for hop, count in found.items() if "::" in hop)
    print(f"a query makes {virtual} virtual calls: " + ", ".join(f"{count} {hop}" for hop, count in found.items()))
    if wrong := differences(found, BUDGET):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    self_test() if sys.argv[1:] == ["--self-test"] else main(*sys.argv[1:])
