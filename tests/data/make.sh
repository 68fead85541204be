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
    if grep -E '^(\(error\) )?(ERR|MISCONF|WRONGTYPE|NOGROUP|BUSYGROUP)' <<<"$replies"; then exit 1; fi
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

# A key of each type in each of its forms.
# Nodes are small: see the options below.
types_first_half() {
    local long
    long=$(printf '%070d' 0)
    type_in <<COMMANDS
RPUSH list a b 3 d 5 f g -8 $(printf '%09000d' 0)
RPUSH list:small one 2
HSET hash field value number 12 other -3
HSET hash:large field value long $long
SADD set alpha beta 3
SADD set:large $(echo member-{1..40})
SADD intset 1 -2 300 70000 -5000000000
ZADD zset 1 one 2.5 two -inf least
ZADD zset:large 1 one 2.5 two inf $long 1e300 huge
XADD stream 1-1 field value
XADD stream 1-2 field other
XADD stream 2-0 name x field y
XADD stream 3-0 field third
XADD stream 4-5 field last
XGROUP CREATE stream group 1-1
XGROUP CREATE stream idle 0
XREADGROUP GROUP group alice COUNT 2 STREAMS stream >
XADD stream:empty 5-5 a b
XDEL stream:empty 5-5
PFADD hll a b c d e f g
RPUSH list:gone a b
SADD set:gone a
SADD moved 1 2 3
PEXPIREAT hash 4102444800000
COMMANDS
}

# Every change that a collection has.
types_second_half() {
    type_in <<COMMANDS
LPUSH list front
RPUSH list back 3 d
LPOP list
RPOP list
LINSERT list BEFORE d inserted
LSET list 0 A
RPUSH list f f f
LREM list 1 f
LREM list -1 f
LPUSH list:new b a
DEL list:gone
LPOP list:small 2
HSET hash field changed new 1
HDEL hash other
HINCRBY hash number 30
HSET hash:large more 2
HDEL hash:large field
HSET hash:new f v
SADD set gamma
SREM set alpha
SREM set:large member-40
SADD set:large member-41
SADD intset 9
SREM intset 300
SREM set:gone a
SADD set:new x 1
ZADD zset 7 seven 8 eight
ZREM zset one
ZREMRANGEBYRANK zset 0 0
ZINCRBY zset:large 2 one
ZADD zset:large 3 three
ZREM zset:large two
ZPOPMIN zset:large
ZADD zset:new 1.5 m
XADD stream 6-0 field sixth
XADD stream 7-0 field seventh
XDEL stream 2-0
XREADGROUP GROUP group bob COUNT 2 STREAMS stream >
XREADGROUP GROUP group alice STREAMS stream 0
XREADGROUP GROUP group carol COUNT 1 NOACK STREAMS stream >
XCLAIM stream group bob 0 1-2 TIME 1700000000000 RETRYCOUNT 7
XACK stream group 3-0
XGROUP CREATECONSUMER stream group dave
XGROUP CREATECONSUMER stream group gone
XGROUP DELCONSUMER stream group gone
XGROUP CREATE stream destroyed \$
XGROUP DESTROY stream destroyed
XGROUP SETID stream idle 1-2
XTRIM stream MAXLEN 4
XSETID stream 9-9 ENTRIESADDED 20 MAXDELETEDID 8-0
XADD stream:new 1-1 f v
PFADD hll h i j
RENAME moved there
COPY zset copied
COMMANDS
}

# Every type moves, each in its forms: within a partition (a tag is where the key alone is) and
# perhaps to another one, onto what is there, to other databases, and changed where it came to.
moves() {
    type_in <<'COMMANDS'
RENAME list {list}moved
RPUSH {list}moved more
RENAME {list}moved list
RENAME list:small {list:small}moved
SET {hash}taken over EX 1000
RENAME hash {hash}taken
HSET {hash}taken after moved
RENAMENX hash:large {hash:large}moved
RENAME set elsewhere
SADD elsewhere more
MOVE set:large 5
RENAME intset {intset}moved
MOVE {intset}moved 5
RENAME zset {zset}moved
RENAME {zset}moved there
MOVE zset:large 3
RENAME stream {stream}moved
XADD {stream}moved 8-0 field moved
XREADGROUP GROUP group bob COUNT 1 STREAMS {stream}moved >
RENAME stream:empty {stream:empty}moved
MOVE hll 15
MULTI
RENAME moved {moved}again
SADD moved another
MOVE moved 5
RENAME {moved}again moved
EXEC
SET text "some text that is long enough to have an allocation of its own ........"
SET number 12 PXAT 4102444800123
RENAME text {text}moved
MOVE number 3
SELECT 3
ZADD zset:large 4 four
RENAME number {number}moved
INCR {number}moved
SELECT 5
RENAME {intset}moved intset
SADD intset 77
COMMANDS
}

# Collections that a checkpoint has in parts.
large_first_half() {
    type_in <<COMMANDS
HSET hash $(seq 8000 | sed 's/.*/field:& &/' | tr '\n' ' ')
ZADD zset $(seq 8000 | sed 's/.*/&.5 member:&/' | tr '\n' ' ')
SADD set $(seq 8000 | sed 's/.*/member:&/' | tr '\n' ' ')
PEXPIREAT zset 4102444800000
COMMANDS
}

large_second_half() {
    type_in <<'COMMANDS'
HSET hash field:1 changed another 1
HDEL hash field:2
ZADD zset -7 member:3 0 another
ZREM zset member:4
SADD set another
SREM set member:5
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
    start "v4-log-$shards" "$shards"
    first_half
    end TERM
    start "v4-log-$shards" "$shards"
    second_half
    end KILL
    start "v4-log-$shards" "$shards"
    type_in <<<'SET last 1'
    end TERM
    keep "v4-log-$shards"

    # A checkpoint with a log behind it, ended by kill -9.
    start "v4-checkpoint-$shards" "$shards"
    first_half
    type_in <<<'SAVE'
    second_half
    type_in <<<'SET last 1'
    end KILL
    keep "v4-checkpoint-$shards"

    # A log whose last record is half there.
    start "v4-torn-$shards" "$shards"
    first_half
    second_half
    type_in <<<$'SET last 1\nSET torn 1'
    end KILL
    tear "v4-torn-$shards"
    keep "v4-torn-$shards"

    # A log whose last segment was written over an earlier one, ended by kill -9.
    start "v4-recycled-$shards" "$shards" --log-segment-size 64kb
    first_half
    fill
    type_in <<<'SAVE'
    fill
    second_half
    type_in <<<'SET last 1'
    end KILL
    keep "v4-recycled-$shards"
done

# Every type, as a checkpoint and as what changed behind it; and as a log alone.
small_nodes=(--list-max-listpack-size 3 --stream-node-max-entries 2)
for shards in 1 3; do
    start "v4-types-$shards" "$shards" "${small_nodes[@]}"
    types_first_half
    type_in <<<'SAVE'
    types_second_half
    end KILL
    keep "v4-types-$shards"
done
start v4-types-log 2 "${small_nodes[@]}"
types_first_half
types_second_half
end TERM
keep v4-types-log

# What moved: onto a checkpoint and into the log behind it; and by one partition, then by three.
for shards in 1 3; do
    start "v4-moves-$shards" "$shards" "${small_nodes[@]}"
    types_first_half
    type_in <<<'SAVE'
    moves
    end KILL
    keep "v4-moves-$shards"
done
start v4-moves-layouts 1 "${small_nodes[@]}"
types_first_half
moves
end TERM
start v4-moves-layouts 3 "${small_nodes[@]}"
type_in <<<$'RENAME elsewhere {set}back\nRENAME list {list}again\nMOVE there 9'
end KILL
keep v4-moves-layouts

# Large collections, as a checkpoint and as what changed behind it.
for shards in 1 3; do
    start "v4-large-$shards" "$shards"
    large_first_half
    type_in <<<'SAVE'
    large_second_half
    end KILL
    keep "v4-large-$shards"
done

# A log by 3, 1 and 2 partitions, one after the other.
start v4-layouts 3
first_half
end TERM
start v4-layouts 1
second_half
end TERM
start v4-layouts 2
type_in <<<'SET last 1'
end KILL
keep v4-layouts
du -sh "$here"/*/
