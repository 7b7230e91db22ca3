# The steps of ./run verify: each is one function, and the list at the end says which there are. Sourced by ./run.

# Everything, under AddressSanitizer and UndefinedBehaviorSanitizer.
verify_asan() {
    configure asan
    build asan
    run_tests asan -L '^(unit|db|conformance)$'
}

readonly verify_steps=(asan)

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
