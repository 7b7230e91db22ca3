# The fuzz targets, each over its corpus. Sourced by ./run.

# The names of the targets, by their corpora.
fuzz_targets() { find tests/fuzz/corpus -mindepth 1 -maxdepth 1 -printf '%f\n' | sort; }

# fuzz NAME BOUND…: one target, which is built, within bounds that libFuzzer knows. What it finds stands in build/.
fuzz() {
    local name=$1 log=build/$1_fuzz.log new
    shift
    new=$(mktemp -d)
    "$(build_folder fuzz)/tests/fuzz/${name}_fuzz" "$@" -timeout=10 -print_final_stats=1 \
        -artifact_prefix="build/${name}_fuzz_" "$new" "tests/fuzz/corpus/$name" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        rm -rf "$new"
        say "${name}_fuzz found a defect; its input stands at the end of $log"
        return 1
    }
    rm -rf "$new"
    say "${name}_fuzz: $(grep -c . <(ls "tests/fuzz/corpus/$name")) seeds, $(grep -oE 'number_of_executed_units: [0-9]+' "$log")"
}

# Every target for some minutes, or those that are named, as many at once as there are jobs.
run_fuzz() {
    local minutes=10 names=() name failed=no
    while [[ $# -gt 0 ]]; do
        case $1 in
        --minutes)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "fuzz --minutes takes a number of them"
            minutes=$2
            shift 2
            ;;
        *)
            [[ -d tests/fuzz/corpus/$1 ]] || die "fuzz has no target $1; it has: $(fuzz_targets | paste -sd ' ')"
            names+=("$1")
            shift
            ;;
        esac
    done
    [[ ${#names[@]} -gt 0 ]] || mapfile -t names < <(fuzz_targets)
    need_packages "${needs_of_fuzz[@]}"
    configure fuzz
    build fuzz "${names[@]/%/_fuzz}"
    for name in "${names[@]}"; do
        while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do
            wait -n || failed=yes
        done
        fuzz "$name" -max_total_time=$((minutes * 60)) &
    done
    for name in "${names[@]}"; do
        wait -n || [[ $? -eq 127 ]] || failed=yes
    done
    [[ $failed == no ]] || die "a fuzz target found a defect"
    say "no defect in $minutes minutes of each target"
}
