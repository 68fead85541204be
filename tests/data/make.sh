#!/usr/bin/env bash
# Makes the data directories beside it anew, with the server whose program is named:
#
#   tests/data/make.sh target/debug/shardwright
#
# They are then of the format's version that this server writes. Those of older versions stay as they
# are: see README.md.
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
port=$(shuf -i 20000-30000 -n 1)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# start DIRECTORY SHARDS [OPTION ...]
start() {
    local name=$1 shards=$2
    shift 2
    mkdir -p "$work/$name"
    "$program" --port "$port" --bind 127.0.0.1 --admin-port 0 --dir "$work/$name" \
        --shards "$shards" --appendonly yes --appendfsync always --save '' "$@" >"$work/$name.log" &
    server=$!
    until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.05; done
}

# end SIGNAL
end() {
    kill -"$1" "$server"
    wait "$server" 2>/dev/null || true
    server=
}

# What is typed on standard input; errors end this script.
type_in() {
    local replies
    replies=$(redis-cli -p "$port")
    if grep -E '^(\(error\) )?(ERR|MISCONF|WRONGTYPE)' <<<"$replies"; then exit 1; fi
}

# Every kind of effect and every form of value.
first_half() {
    type_in <<'COMMANDS'
SET int 41
SET negative -9223372036854775808
SET embedded "hello"
SET long "0123456789012345678901234567890123456789012345678901234567890123456789"
SET empty ""
SET "" "the key is empty"
SET "binary\x00\r\n\xff" "\x00\x01\xfe\xff"
SET spliced "hello"
APPEND spliced " world"
SETRANGE gap 3 "x"
INCRBYFLOAT float 1.5
SET deadline 1 PXAT 4102444800123
SET kept 1 EX 100
PERSIST kept
SET removed 1
DEL removed
SET over 1
PEXPIREAT over 1000
MSET pair:1 1 pair:2 2 pair:3 3 pair:4 4
SELECT 3
SET flushed 1
FLUSHDB
SET three "in three"
SELECT 7
SET seven 7
SWAPDB 7 8
COMMANDS
}

second_half() {
    type_in <<'COMMANDS'
INCR int
APPEND spliced "!"
COPY spliced copied
RENAME pair:4 renamed
PEXPIREAT embedded 4102444800000
GETEX pair:2 PXAT 4102444800456
MULTI
SET block:1 1
SET block:2 2
SET block:3 3
DEL pair:3
EXEC
SELECT 15
SET fifteen 15
SWAPDB 0 1
SWAPDB 1 0
COMMANDS
}

# More than a small segment, of which nothing is left in the end.
fill() {
    local value
    value=$(printf '%01000d' 0)
    { for _ in {1..70}; do echo "SET filler $value"; done; echo 'DEL filler'; } | type_in
}

keep() {
    rm -rf "${here:?}/$1"
    mkdir "$here/$1"
    cp "$work/$1"/{MANIFEST,*.sw?} "$here/$1"
}

# Cuts off the end of the log's last file, as a crash may.
tear() {
    local last
    last=$(ls "$work/$1"/log-*.swl | tail -n 1)
    truncate --size=-3 "$last"
}

for shards in 1 3; do
    # A log of three segments, ended well.
    start "v2-log-$shards" "$shards"
    first_half
    end TERM
    start "v2-log-$shards" "$shards"
    second_half
    end KILL
    start "v2-log-$shards" "$shards"
    type_in <<<'SET last 1'
    end TERM
    keep "v2-log-$shards"

    # A checkpoint with a log behind it, ended by kill -9.
    start "v2-checkpoint-$shards" "$shards"
    first_half
    type_in <<<'SAVE'
    second_half
    type_in <<<'SET last 1'
    end KILL
    keep "v2-checkpoint-$shards"

    # A log whose last record is half there.
    start "v2-torn-$shards" "$shards"
    first_half
    second_half
    type_in <<<$'SET last 1\nSET torn 1'
    end KILL
    tear "v2-torn-$shards"
    keep "v2-torn-$shards"

    # A log whose last segment was written over an earlier one, ended by kill -9.
    start "v2-recycled-$shards" "$shards" --log-segment-size 64kb
    first_half
    fill
    type_in <<<'SAVE'
    fill
    second_half
    type_in <<<'SET last 1'
    end KILL
    keep "v2-recycled-$shards"
done

# A log by 3, 1 and 2 partitions, one after the other.
start v2-layouts 3
first_half
end TERM
start v2-layouts 1
second_half
end TERM
start v2-layouts 2
type_in <<<'SET last 1'
end KILL
keep v2-layouts
du -sh "$here"/*/
