//! Running the server: how it starts, where its settings come from, what it tells
//! the outside, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shardwright_tests::harness::http::{free_address, http_get};
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Reply, Server, eventually};

fn setting(server: &Server, name: &str) -> String {
    server.client().cmd(&["CONFIG", "GET", name]).items()[1].text()
}

#[test]
fn an_unknown_setting_or_a_bad_value_ends_the_start_and_is_named() {
    for args in
        [["--nosuch", "1"], ["--port", "abc"], ["--port", "70000"], ["--appendonly", "maybe"]]
    {
        let (status, text) = Server::fail_to_start(&args);
        assert!(!status.success(), "{args:?}");
        assert!(text.contains(&args[0][2..]), "{args:?} is not named: {text}");
    }
}

#[test]
fn what_cannot_be_used_ends_the_start_with_its_parameter_and_who_set_it() {
    let server = Server::start(Options::shards(1));
    if !server.is_shardwright() {
        return server.finish();
    }
    let free = free_address().port().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port().to_string();
    for (name, value) in [
        ("bind", "192.0.2.1"),
        ("bind", "foo.bar.invalid"),
        ("port", &taken),
        ("unixsocket", "/nonexistent/s"),
        ("dir", "/nonexistent"),
        ("pidfile", "/nonexistent/p"),
        ("logfile", "/nonexistent/l"),
    ] {
        let mut args = vec!["--appendonly", "no", "--admin-port", "0", "--bind", "127.0.0.1"];
        args.extend(["--port", &free]);
        let option = format!("--{name}");
        args.extend([&option, value]);
        let (status, text) = Server::fail_to_start(&args);
        assert!(!status.success(), "{args:?}");
        let told = format!("'{name}' is '{value}' on the command line, but ");
        assert!(text.contains(&told), "{args:?}: {text}");
    }
    server.finish();
}

#[test]
fn one_version_everywhere() {
    let (status, text) = Server::fail_to_start(&["--version"]);
    assert!(status.success());
    let mut server = Server::start(Options::default());
    if server.is_shardwright() {
        let version = env!("CARGO_PKG_VERSION");
        assert!(text.contains(version), "{text}");
        let info = server.client().run("INFO server");
        assert_eq!(info_field(&info, "shardwright_version").unwrap(), version);
        assert!(server.process().log().contains(version), "the banner tells the version");
    }
    assert_eq!(info_field(&server.client().run("INFO server"), "redis_version").unwrap(), "7.0.15");
    server.finish();
}

#[test]
fn settings_come_from_file_environment_and_command_line_in_this_order() {
    let options =
        Options::default().file("# a redis.conf\ntimeout 11\ntcp-keepalive 22\nmaxclients 33\n");
    let options = options
        .environment("SHARDWRIGHT__TCP_KEEPALIVE", "222")
        .environment("SHARDWRIGHT__MAXCLIENTS", "333")
        .environment("SHARDWRIGHT_PORT", "tcp://10.0.0.1:6379")
        .with("maxclients", "34");
    let server = Server::start(options);
    assert_eq!(setting(&server, "timeout"), "11");
    assert_eq!(setting(&server, "maxclients"), "34");
    if server.is_shardwright() {
        assert_eq!(setting(&server, "tcp-keepalive"), "222");
    }
    server.finish();
}

#[test]
fn a_hangup_reads_the_file_again() {
    let mut server = Server::start(Options::shards(2).file("timeout 100\n"));
    if server.is_shardwright() {
        assert_eq!(setting(&server, "timeout"), "100");
        server.process().rewrite_file("timeout 200\n");
        server.process().signal(Signal::HUP);
        eventually("the new value holds", || setting(&server, "timeout") == "200");
        server.process().rewrite_file("timeout nonsense\n");
        server.process().signal(Signal::HUP);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(setting(&server, "timeout"), "200", "a bad file changes nothing");
    }
    server.finish();
}

#[test]
fn a_unix_socket_serves_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.sock");
    let options =
        Options::shards(2).with("unixsocket", path.to_str().unwrap()).with("unixsocketperm", "700");
    let server = Server::start(options);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"SET k v\r\nGET k\r\n").unwrap();
    let mut replies = [0; 12];
    stream.read_exact(&mut replies).unwrap();
    assert_eq!(replies, *b"+OK\r\n$1\r\nv\r\n");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    server.finish();
}

#[test]
fn shutdown_ends_the_process() {
    for line in ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOW FORCE"] {
        let mut server = Server::start(Options::shards(2));
        server.client().run("SET a 1");
        let mut client = server.client();
        client.send(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(client.read_to_end().unwrap(), b"", "{line} has no reply");
        let status = server.process().wait().unwrap();
        assert!(status.success(), "{line} ended with {status}");
    }
}

#[test]
fn what_is_in_flight_is_finished_before_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(Options::shards(2));
        if server.is_shardwright() {
            let mut client = server.client();
            client.send_raw(b"DEBUG SLEEP 0.4\r\nSET a 1\r\nMGET a b\r\n").unwrap();
            std::thread::sleep(Duration::from_millis(100));
            server.process().signal(signal);
            let replies = client.read_to_end().unwrap();
            assert_eq!(replies, b"+OK\r\n+OK\r\n*2\r\n$1\r\n1\r\n$-1\r\n");
            let status = server.process().wait().unwrap();
            assert!(status.success(), "{status}");
            assert!(TcpStream::connect(server.address()).is_err());
        }
    }
}

#[test]
fn as_a_daemon_it_writes_pidfile_and_logfile() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let address = free_address();
    let status = Command::new(Server::program())
        .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--daemonize", "yes"])
        .args(["--pidfile", &file("pid"), "--logfile", &file("log"), "--dir", &file(".")])
        .args(["--save", "", "--appendonly", "no"])
        .status()
        .unwrap();
    assert!(status.success());
    let mut client = None;
    eventually("the daemon answers", || {
        client = Client::connect(address).ok();
        client.is_some()
    });
    let mut client = client.unwrap();
    let pid = info_field(&client.run("INFO server"), "process_id").unwrap();
    eventually("the pidfile is there", || {
        std::fs::read_to_string(file("pid")).is_ok_and(|text| text.trim() == pid)
    });
    assert!(!std::fs::read_to_string(file("log")).unwrap().is_empty());
    client.send(&["SHUTDOWN", "NOSAVE"]);
    client.read_to_end().unwrap();
    eventually("the pidfile is gone", || !directory.path().join("pid").exists());
}

#[test]
fn idle_clients_are_closed_after_the_timeout() {
    let server = Server::start(Options::shards(2).with("timeout", "1"));
    let (mut idle, mut busy) = (server.client(), server.client());
    idle.run("PING");
    let started = Instant::now();
    idle.stream().set_nonblocking(true).unwrap();
    let is_closed = |client: &Client| matches!(client.stream().peek(&mut [0]), Ok(0));
    while !is_closed(&idle) {
        assert!(busy.is_alive(), "who is busy stays");
        assert!(started.elapsed() < Duration::from_secs(8), "an idle client was kept");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(started.elapsed() > Duration::from_millis(900));
    assert!(server.client().run("CONFIG SET timeout 0").is_ok());
    server.finish();
}

#[test]
fn a_rate_limit_delays_and_never_errs() {
    let server =
        Server::start(Options::shards(2).own("rate-limit", "200").own("read-timeout", "1s"));
    if server.is_shardwright() {
        let mut client = server.client();
        let started = Instant::now();
        let replies = client.pipeline(&["PING"; 500]);
        assert!(replies.iter().all(|reply| reply.text() == "PONG"));
        let took = started.elapsed();
        assert!(took > Duration::from_secs(1), "500 commands at 200 a second took {took:?}");
        let mut other = server.client();
        let started = Instant::now();
        other.run("PING");
        assert!(
            started.elapsed() < Duration::from_millis(500),
            "the limit is each connection's own"
        );
    }
    server.finish();
}

#[test]
fn metrics_and_readiness_are_on_the_admin_listener() {
    let admin = free_address();
    let server = Server::start(Options::shards(2).own("admin-port", &admin.port().to_string()));
    if server.is_shardwright() {
        let mut client = server.client();
        client.run("MSET a 1 b 2 c 3");
        let (status, _) = http_get(admin, "/readyz");
        assert!(status.contains(" 200 "), "{status}");
        let (status, body) = http_get(admin, "/metrics");
        assert!(status.contains(" 200 "), "{status}");
        for topic in ["commands", "connect", "keys", "mailbox"] {
            let told = body.lines().any(|line| !line.starts_with('#') && line.contains(topic));
            assert!(told, "nothing about {topic} in\n{body}");
        }
        let (status, _) = http_get(admin, "/nosuch");
        assert!(status.contains(" 404 "), "{status}");
    }
    server.finish();
}

#[test]
fn a_taken_admin_port_that_was_set_ends_the_start() {
    let server = Server::start(Options::shards(1));
    if server.is_shardwright() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, admin) =
            (free_address().port().to_string(), taken.local_addr().unwrap().port().to_string());
        let (status, text) = Server::fail_to_start(&["--port", &port, "--admin-port", &admin]);
        assert!(!status.success());
        let told = format!("'admin-port' is '{admin}' on the command line, but ");
        assert!(text.contains(&told), "the parameter is not named: {text}");
    }
    server.finish();
}

#[test]
fn a_slow_shard_holds_up_neither_new_connections_nor_the_others() {
    let server = Server::start(Options::shards(1));
    if server.is_shardwright() {
        let mut slow = server.client();
        slow.send(&["DEBUG", "SLEEP", "1"]);
        std::thread::sleep(Duration::from_millis(100));
        let started = Instant::now();
        let streams: Vec<TcpStream> =
            (0..10).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
        assert!(started.elapsed() < Duration::from_millis(500), "new connections wait");
        drop(streams);
        assert!(slow.read().is_ok());
    }
    server.finish();
}

#[test]
fn info_tells_true_figures() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.pipeline(&[
        "SET a 1",
        "SET b 2 EX 1000",
        "SELECT 3",
        "SET c 3",
        "SELECT 0",
        "GET a",
        "GET nosuch",
    ]);
    let info = client.run("INFO everything");
    let read_by_tools = [
        "redis_version",
        "redis_mode",
        "os",
        "arch_bits",
        "process_id",
        "run_id",
        "tcp_port",
        "uptime_in_seconds",
        "uptime_in_days",
        "connected_clients",
        "maxclients",
        "blocked_clients",
        "used_memory",
        "used_memory_human",
        "used_memory_rss",
        "used_memory_peak",
        "maxmemory",
        "maxmemory_policy",
        "mem_fragmentation_ratio",
        "loading",
        "rdb_changes_since_last_save",
        "rdb_last_save_time",
        "aof_enabled",
        "total_connections_received",
        "total_commands_processed",
        "instantaneous_ops_per_sec",
        "total_net_input_bytes",
        "total_net_output_bytes",
        "rejected_connections",
        "expired_keys",
        "evicted_keys",
        "keyspace_hits",
        "keyspace_misses",
        "role",
        "connected_slaves",
        "master_replid",
        "master_repl_offset",
        "used_cpu_sys",
        "used_cpu_user",
        "cluster_enabled",
    ];
    let is_missing = |name: &&&str| info_field(&info, name).is_none();
    let missing: Vec<&&str> = read_by_tools.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {}", info.text());
    let field = |name: &str| info_field(&info, name).unwrap_or_else(|| panic!("{name} is missing"));
    assert_eq!((field("keyspace_hits"), field("keyspace_misses")), ("1".into(), "1".into()));
    assert!(field("db0").starts_with("keys=2,expires=1,avg_ttl="), "{}", field("db0"));
    assert!(field("db3").starts_with("keys=1,expires=0"), "{}", field("db3"));
    assert!(info_field(&info, "db1").is_none());
    assert!(field("total_commands_processed").parse::<u64>().unwrap() >= 7);
    assert!(field("cmdstat_set").starts_with("calls=3,"), "{}", field("cmdstat_set"));
    assert!(client.run("CONFIG RESETSTAT").is_ok());
    assert_eq!(info_field(&client.run("INFO stats"), "keyspace_hits").unwrap(), "0");
    server.finish();
}

#[test]
fn used_memory_grows_and_shrinks_with_the_data() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let used = |client: &mut Client| -> i64 {
        info_field(&client.run("INFO memory"), "used_memory").unwrap().parse().unwrap()
    };
    let before = used(&mut client);
    let value = "v".repeat(1000);
    for i in 0..10_000 {
        client.send(&["SET", &format!("key:{i}"), &value]);
    }
    (0..10_000).for_each(|_| assert!(client.read().is_ok()));
    let full = used(&mut client);
    // The shadow holds a second copy.
    assert!((10_000_000..40_000_000).contains(&(full - before)), "{before} -> {full}");
    assert!(client.run("FLUSHALL").is_ok());
    eventually("memory is given back", || used(&mut client) - before < 3_000_000);
    assert_eq!(client.run("DBSIZE"), Reply::Int(0));
    server.finish();
}
