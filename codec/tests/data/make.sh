#!/usr/bin/env bash
# Makes the RDB files beside it anew, with the redis-server that is installed (7.0.15).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
port=$(shuf -i 20000-30000 -n 1)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# make NAME SETTINGS... < commands: what a fresh server with these settings saves after them.
make() {
    local name=$1
    shift
    redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --dbfilename "$name.rdb" --save '' \
        "$@" >"$work/log" &
    server=$!
    until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.05; done
    while read -r line; do
        case "$line" in
            '') ;;
            values) redis-cli -p "$port" --eval "$here/values.lua" >/dev/null ;;
            *) eval "redis-cli -p $port $line" >/dev/null ;;
        esac
    done
    redis-cli -p "$port" save >/dev/null
    redis-cli -p "$port" shutdown nosave
    wait "$server"
    server=
    cp "$work/$name.rdb" "$here/$name.rdb"
}

make strings <<<'values'
make plain --rdbcompression no <<<'values'
make no-checksum --rdbchecksum no <<<'set key value'
make lru --maxmemory 1gb --maxmemory-policy allkeys-lru <<<'set key value'
make lfu --maxmemory 1gb --maxmemory-policy allkeys-lfu <<<'set key value pxat 4102444800000'
make empty <<<''
make functions <<'COMMANDS'
function load $'#!lua name=lib\nredis.register_function("f", function() return 1 end)'
set key value
COMMANDS
make list <<'COMMANDS'
rpush "a list" one two
COMMANDS
ls -l "$here"/*.rdb
