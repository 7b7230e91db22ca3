# What the commands of ./run need on the machine: finds what is missing, says so, and installs it.
# Sourced by ./run, which sets `install` (yes or no).

readonly needs_of_build=(g++ cmake libasio-dev ninja-build ccache libpq-dev pkg-config)
readonly needs_of_demo=("${needs_of_build[@]}" postgresql-15 iso-codes openssl)
readonly needs_of_format=(clang-format-19)
readonly needs_of_test=("${needs_of_demo[@]}" libgtest-dev python3 git pgbouncer "${needs_of_format[@]}")
readonly needs_of_verify=("${needs_of_test[@]}" clang-19 libclang-rt-19-dev clang-tidy-19 gcovr valgrind doxygen
    libbenchmark-dev libpqxx-dev libsoci-dev)
readonly needs_of_fuzz=("${needs_of_test[@]}" clang-19 libclang-rt-19-dev)
# The preset with the benchmarks configures the tests too.
readonly needs_of_bench=("${needs_of_build[@]}" postgresql-15 libgtest-dev python3 libbenchmark-dev libpqxx-dev
    libsoci-dev)
readonly needs_of_docs=(doxygen python3)

readonly server_majors=(12 13 14 15 16 17 18)

# Where servers and their templates are kept between runs; the tests read the same variable.
if [[ -z ${PGCLIENT_CACHE:-} ]]; then
    if [[ $(id -u) -eq 0 ]]; then
        PGCLIENT_CACHE=/var/cache/pgclient
    else
        PGCLIENT_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/pgclient
    fi
fi
# The tests run in folders of their own.
for name in PGCLIENT_CACHE PGCLIENT_POSTGRES_DIR TMPDIR; do
    [[ -z ${!name:-} ]] || export "$name=$(realpath -m -- "${!name}")"
done

as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need_packages PACKAGE…: after it, every one of them is installed.
need_packages() {
    local missing=() package
    command -v apt-get >/dev/null || die "this machine has no apt-get; install by hand what Debian calls: $*"
    for package; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    [[ $install == yes ]] || die "missing Debian packages, and --no-install was given: ${missing[*]}"
    [[ $(id -u) -eq 0 ]] || command -v sudo >/dev/null ||
        die "missing Debian packages, and neither root nor sudo is here to install them: ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    apt_install_index
    if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
        install_postgresql
    fi
    apt_install "${missing[@]}"
}

apt_install_index() { as_root apt-get update -qq || die "apt-get update failed; see its message above"; }

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        die "apt-get could not install: $*"
}

# Debian's postgresql-15 creates and starts a cluster of its own. The tests start their own servers and no other, so
# it is told not to, for the time of this installation only, however that ends.
install_postgresql() {
    local conf=/etc/postgresql-common/createcluster.conf before restore
    say "  (postgresql-15 is installed without a system cluster: the tests start servers of their own)"
    apt_install postgresql-common
    before=$(pg_conftool -s "$conf" show create_main_cluster 2>/dev/null || true)
    if [[ -n $before ]]; then
        restore="as_root pg_conftool $conf set create_main_cluster ${before@Q}"
    else
        restore="as_root pg_conftool $conf remove create_main_cluster"
    fi
    trap "$restore" EXIT
    as_root pg_conftool "$conf" set create_main_cluster false
    apt_install postgresql-15
    trap - EXIT
    eval "$restore"
}

# PgBouncer of the next Debian, with what it is linked to, beside the system's own.
readonly newer_pgbouncer=$PGCLIENT_CACHE/pgbouncer/pgbouncer
readonly newer_pgbouncer_packages=(pgbouncer libaudit1 libc6 libcap-ng0 libcap2 libcares2 libevent-2.1-7t64 libgcc-s1
    libpam0g libssl3t64 libsystemd0 libzstd1 zlib1g)

# After it, a PgBouncer with statements of its clients of its own stands at $newer_pgbouncer. It is unpacked, not
# installed, and runs through the loader of its own libraries.
need_newer_pgbouncer() {
    local folder mirror options package
    [[ -x $newer_pgbouncer ]] && return
    [[ $install == yes ]] || die "missing $newer_pgbouncer, and --no-install was given"
    say "unpacking PgBouncer of Debian trixie into ${newer_pgbouncer%/*} (20 MB)"
    folder=$(mktemp -d)
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    [[ -n $mirror ]] || die "apt-get names no place that packages come from"
    mkdir -p "$folder"/{lists,archives,debs}/partial "${newer_pgbouncer%/*}"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" \
        >"$folder/sources.list"
    options=(-qq -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$folder/lists"
        -o "Dir::Cache=$folder" -o Dir::State::status=/dev/null -o APT::Sandbox::User=)
    (cd "$folder/debs" && apt-get "${options[@]}" update &&
        apt-get "${options[@]}" download "${newer_pgbouncer_packages[@]}") ||
        die "apt-get could not download PgBouncer of trixie; see its message above"
    for package in "$folder"/debs/*.deb; do dpkg-deb -x "$package" "${newer_pgbouncer%/*}"; done
    rm -rf "$folder"
    cat >"$newer_pgbouncer" <<'SCRIPT'
#!/bin/sh
# Runs PgBouncer with the libraries that lie beside it.
here=$(dirname "$(readlink -f "$0")")
for loader in "$here"/usr/lib/*-linux-gnu/ld-linux*.so.*; do break; done
exec "$loader" --library-path "$(dirname "$loader")" "$here/usr/sbin/pgbouncer" "$@"
SCRIPT
    chmod a+rx "$PGCLIENT_CACHE" "$newer_pgbouncer"
    chmod -R a+rX "${newer_pgbouncer%/*}"
    "$newer_pgbouncer" --version >/dev/null || die "$newer_pgbouncer does not run"
}

server_folder() { echo "$PGCLIENT_CACHE/postgres/node_modules/pg$1"; }

# A server of the pinned version is there when its package is and its libraries have their links.
has_server() {
    local folder
    folder=$(server_folder "$1")
    [[ -x $folder/native/bin/postgres && -e $folder/native/lib/libpq.so.5 ]] &&
        cmp -s "$root/tests/servers/package-lock.json" "$PGCLIENT_CACHE/postgres/package-lock.json"
}

# After it, PostgreSQL 12 to 18 stand under $PGCLIENT_CACHE, readable by the account that servers run as.
need_servers() {
    local missing=() major
    for major in "${server_majors[@]}"; do
        has_server "$major" || missing+=("$major")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    [[ $install == yes ]] || die "missing PostgreSQL ${missing[*]} in $PGCLIENT_CACHE, and --no-install was given"
    command -v npm >/dev/null || need_packages npm
    say "installing PostgreSQL ${missing[*]} from npm into $PGCLIENT_CACHE (400 MB)"
    mkdir -p "$PGCLIENT_CACHE/postgres"
    cp "$root"/tests/servers/package{,-lock}.json "$PGCLIENT_CACHE/postgres/"
    # The package's install script only makes the links between its libraries. Newer npm runs no install scripts, so
    # it is called here whatever npm does.
    npm ci --prefix "$PGCLIENT_CACHE/postgres" --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null ||
        die "npm could not install the servers of tests/servers/package.json"
    for major in "${server_majors[@]}"; do
        (cd "$(server_folder "$major")" && node scripts/hydrate-symlinks.js)
        has_server "$major" || die "PostgreSQL $major is not complete after its installation in $(server_folder "$major")"
    done
    chmod a+rx "$PGCLIENT_CACHE"
    chmod -R a+rX "$PGCLIENT_CACHE/postgres"
}
