# Configure, build and test by preset. Sourced by ./run.

# What only `./run verify` runs, each in the build that it needs.
readonly labels_of_verify='callgrind|consumer|faults|libpq17|majors|volume'

# Lets ccache take part where a header is precompiled, and know a file again in another build folder or clone.
export CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

build_folder() { echo "$root/build/$1"; }

# The project's own C++ files, NUL-separated.
sources() {
    find include src providers tests bench examples \( -name '*.cpp' -o -name '*.hpp' \) -print0
}

# configure PRESET: quiet when it goes well.
configure() {
    local log=build/$1/configure.log launcher=()
    command -v ccache >/dev/null && launcher=(-D CMAKE_CXX_COMPILER_LAUNCHER=ccache)
    mkdir -p "build/$1"
    cmake --preset "$1" "${launcher[@]}" >"$log" 2>&1 || {
        cat "$log" >&2
        die "configuring the preset $1 failed"
    }
    grep '^-- pgclient:' "$log" || true
}

# build PRESET [TARGET…]: everything, or these targets.
build() {
    local preset=$1
    shift
    say "building: ${*:-everything} ($preset)"
    cmake --build "$(build_folder "$preset")" -j "$jobs" ${*:+--target "$@"} -- --quiet ||
        die "the build of $preset failed"
}

# run_tests PRESET CTEST-ARGUMENT…: tells what failed or was skipped and the sums; all of it stands in the folder's
# tests.log.
run_tests() {
    local preset=$1 folder reports failed=no
    folder=$(build_folder "$preset")
    shift
    rm -rf "$folder/reports"
    # Of a program's cases only those that fail are printed.
    GTEST_BRIEF=1 ctest --preset "$preset" -j "$jobs" --output-log "$folder/tests.log" "$@" |
        grep -Ev --line-buffered '^ *Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed ' || failed=yes
    reports=("$folder"/reports/*.xml)
    if [[ -e ${reports[0]} ]]; then
        python3 -B cmake/run/count_cases.py "${reports[@]}" || failed=yes
    fi
    [[ $failed == no ]]
}
