# The steps of ./run verify: each is one function, and the list at the end says which there are. Sourced by ./run.

# Everything under AddressSanitizer and UndefinedBehaviorSanitizer, and which lines that runs, by component.
verify_asan() {
    local folder cache
    need_servers  # of all majors, which the component for tests can start
    folder=$(build_folder asan)
    configure asan
    build asan
    find "$folder" -name '*.gcda' -delete
    # Templates of data directories come from a cache; without one, the lines that make them run too.
    cache=$(mktemp -d)
    chmod 755 "$cache"
    ln -s "$PGCLIENT_CACHE/postgres" "$cache/postgres"
    PGCLIENT_CACHE=$cache run_tests asan -L '^(unit|db|conformance)$' || {
        rm -rf "$cache"
        die "tests failed under AddressSanitizer and UndefinedBehaviorSanitizer"
    }
    rm -rf "$cache"
    # Where copies of a process end together, gcov may count one branch below zero, which is no reason to stop.
    gcovr --root "$root" --object-directory "$folder" -j "$jobs" --filter include/ --filter src/ --filter providers/ \
        --gcov-ignore-parse-errors --json "$folder/coverage.json" >/dev/null
    python3 -B cmake/run/coverage.py "$root" "$folder/coverage.json"
}

# What has threads, under ThreadSanitizer.
verify_tsan() {
    configure tsan
    build tsan pgclient_threads_tests
    run_tests tsan -L '^threads$'
}

# The conformance suite on every other major; a major that is missing is a failure.
verify_conformance() {
    need_servers
    configure test
    build test
    run_tests test -L '^majors$'
}

# What runs either engine, fake servers and conformance among it, with the libpq of newer majors, which their servers bring.
verify_newer_libpq() {
    need_servers
    configure test
    build test
    PGCLIENT_TEST_REQUIRE_LIBPQ=1 run_tests test -L '^libpq17$'
}

# The tests of clients of a pooler, with one that knows the statements of its clients.
verify_newer_pgbouncer() {
    need_newer_pgbouncer
    configure test
    build test pooler_dbtest
    PGCLIENT_TEST_PGBOUNCER=$newer_pgbouncer run_tests test -R '^pooler_dbtest$'
}

# Servers and lines that fail, in the ways that ./run test leaves out.
verify_faults() {
    configure test
    build test
    run_tests test -L '^faults$'
}

# Every fuzz target but that of sessions, over its corpus, and a few thousand mutations of it that are the same every time.
verify_fuzz() {
    local name
    configure fuzz
    # A session has whatever libpq does with nonsense in it, and finds more by the minute: ./run fuzz session.
    for name in $(fuzz_targets | grep -v '^session$'); do
        build fuzz "${name}_fuzz"
        fuzz "$name" -runs=20000 -seed=1 || die "a fuzz target found a defect"
    done
}

# Instructions counted by callgrind, beside libpq by hand.
verify_callgrind() {
    configure release
    build release pgclient_tables pgclient_meter_raw pgclient_meter_client pgclient_memory pgclient_thousand
    run_tests release -L '^callgrind$'
}

# Ten thousand awaited statements on one session, each with a large result.
verify_volume() {
    configure release
    build release volume_dbtest
    run_tests release -L '^volume$'
}

# Strangers' projects on an installation of the static libraries, then on the shared ones, built without RTTI.
verify_consumers() {
    configure test
    build test
    run_tests test -L '^consumer$'
    configure shared
    build shared pgclient_libraries
    run_tests shared -L '^consumer$'
}

# clang-tidy on the library itself.
verify_tidy() {
    configure test
    run-clang-tidy-19 -p "$(build_folder test)" -j "$jobs" -quiet "^$root/(src|providers)/.*\.cpp$" \
        >build/tidy.log 2>&1 || {
        grep -E '(warning|error):' build/tidy.log | sort -u >&2 || tail -n 20 build/tidy.log >&2
        die "clang-tidy has findings, or did not run; the whole log is build/tidy.log"
    }
}

# Planted defects are caught.
verify_mutate() { run_mutate; }

# Every public symbol is documented.
verify_docs() { run_docs; }

readonly verify_steps=(asan tsan conformance newer_libpq newer_pgbouncer faults fuzz callgrind volume consumers tidy mutate docs)

run_verify() {
    local step steps=("$@") started
    if [[ ${1:-} == list ]]; then
        printf '%s\n' "${verify_steps[@]}"
        return
    fi
    [[ ${#steps[@]} -gt 0 ]] || steps=("${verify_steps[@]}")
    for step in "${steps[@]}"; do
        declare -F "verify_$step" >/dev/null || die "verify has no step $step; it has: ${verify_steps[*]}"
    done
    need_packages "${needs_of_verify[@]}"
    for step in "${steps[@]}"; do
        started=$SECONDS
        say "== verify: $step"
        "verify_$step"
        say "== verify: $step passed in $((SECONDS - started)) s"
    done
}
