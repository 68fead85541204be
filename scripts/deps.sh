#!/usr/bin/env bash
# Installs what tests and measurements need and this machine lacks, on Debian and its kin:
#
#   scripts/deps.sh redis   redis-server (what Shardwright is compared with) and redis-tools
#   scripts/deps.sh trace   strace (what tests watch system calls with)
#   scripts/deps.sh fuzz    a C++ compiler (clang) and cargo-fuzz
#
# Says what it installs, and does nothing where nothing is missing. Works as root and with sudo.
# Installing redis-server neither starts it as a service nor has it started at boot.
set -euo pipefail

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

say() {
    echo "deps: $*" >&2
}

# Packages are named in the arguments. Services of theirs must not start: policy-rc.d is how
# Debian asks whether they may.
apt_install() {
    if ! command -v apt-get >/dev/null; then
        say "please install $*: this script knows apt-get only"
        exit 1
    fi
    say "installing $* by apt-get"
    local policy=/usr/sbin/policy-rc.d ours=no status=0
    if [ ! -e "$policy" ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    {
        as_root apt-get update -qq &&
            as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "$@"
    } >&2 || status=$?
    if [ "$ours" = yes ]; then as_root rm -f "$policy"; fi
    return "$status"
}

redis() {
    local missing=()
    local fresh=no
    if ! command -v redis-server >/dev/null; then
        missing+=(redis-server)
        fresh=yes
    fi
    command -v redis-cli >/dev/null && command -v redis-benchmark >/dev/null || missing+=(redis-tools)
    [ ${#missing[@]} -gt 0 ] || return 0
    apt_install "${missing[@]}"
    [ "$fresh" = yes ] || return 0
    # Where a policy of the machine's own lets services start.
    ! command -v service >/dev/null || as_root service redis-server stop >/dev/null 2>&1 || true
    if command -v systemctl >/dev/null; then
        as_root systemctl disable --quiet redis-server >&2 || say "redis-server may start at boot"
    fi
}

trace() {
    command -v strace >/dev/null || apt_install strace
}

fuzz() {
    command -v c++ >/dev/null || command -v clang++ >/dev/null || apt_install clang
    if ! command -v cargo-fuzz >/dev/null; then
        say "installing cargo-fuzz by cargo"
        cargo install cargo-fuzz --locked
    fi
}

for group in "$@"; do
    case "$group" in
        redis) redis ;;
        trace) trace ;;
        fuzz) fuzz ;;
        *) say "unknown group $group" && exit 2 ;;
    esac
done
