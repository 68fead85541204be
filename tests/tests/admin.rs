//! The admin listener: what `/metrics` and `/readyz` tell, to whom, and what happens when its port
//! is not to be had.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shardwright_tests::harness::process::{Launch, Process};
use shardwright_tests::{Client, Data, Options, Server, eventually};

const DEFAULT_PORT: u16 = 9121;

/// A free loopback port below those that systems give out by themselves, so that no connection
/// of another test takes it before the server does.
fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id() * 16;
    loop {
        let next = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed)).wrapping_add(start);
        let port = FIRST + u16::try_from(next % u32::from(COUNT)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An answer over HTTP.
struct Answer {
    status: u16,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
    body: String,
}

/// Sends one request and reads until the server closes.
fn request(admin: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_string()))
        .collect();
    Answer { status, headers, body: body.to_string() }
}

fn get(admin: SocketAddr, path: &str) -> Answer {
    request(admin, "GET", path, "")
}

/// A family of metrics.
#[derive(Default)]
struct Family {
    kind: String,
    help: String,
    samples: BTreeMap<BTreeMap<String, String>, f64>,
    /// `sum` and `count` of a histogram, whose samples are its buckets.
    totals: BTreeMap<String, f64>,
}

/// The metrics of one answer, by name.
struct Metrics(BTreeMap<String, Family>);

impl Metrics {
    /// Asks the server.
    fn scrape(admin: SocketAddr) -> Metrics {
        let answer = get(admin, "/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Metrics::parse(&answer.body)
    }

    /// Reads the text format: every sample behind the head of its family, no line twice.
    fn parse(text: &str) -> Metrics {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                let family = Family { help: help.to_string(), ..Family::default() };
                assert!(families.insert(name.to_string(), family).is_none(), "twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                families.get_mut(name).unwrap().kind = kind.to_string();
            } else {
                let (name, labels, value) = sample(line);
                if let Some((name, series)) = name.rsplit_once('_')
                    && let Some(family) = families.get_mut(name)
                    && family.kind == "histogram"
                {
                    let twice = match series {
                        "bucket" => family.samples.insert(labels, value),
                        "sum" | "count" => family.totals.insert(series.to_string(), value),
                        _ => panic!("no series of a histogram: {line}"),
                    };
                    assert!(twice.is_none(), "twice: {line}");
                    continue;
                }
                let family = families.get_mut(name).unwrap_or_else(|| panic!("no head: {line}"));
                assert!(family.samples.insert(labels, value).is_none(), "twice: {line}");
            }
        }
        Metrics(families)
    }

    fn family(&self, name: &str) -> &Family {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is missing"))
    }

    /// The sample with exactly these labels, given as `name=value,name=value`.
    fn value(&self, name: &str, labels: &str) -> Option<f64> {
        self.family(name).samples.get(&pairs(labels)).copied()
    }

    /// The sum over all samples that have these labels among theirs.
    fn sum(&self, name: &str, labels: &str) -> f64 {
        let wanted = pairs(labels);
        let has = |labels: &BTreeMap<String, String>| {
            wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        let family = self.family(name);
        family.samples.iter().filter(|(labels, _)| has(labels)).map(|(_, value)| value).sum()
    }

    /// The values that a label of a family has.
    fn label_values(&self, name: &str, label: &str) -> BTreeSet<&str> {
        self.family(name).samples.keys().map(|labels| labels[label].as_str()).collect()
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_string(), value.trim_matches('"').to_string())).collect()
}

/// One line of the text format. The labels here hold neither commas nor quotes.
fn sample(line: &str) -> (&str, BTreeMap<String, String>, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    (name, pairs(labels), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

/// A server with its admin listener; nothing when redis-server stands in for Shardwright.
fn start(options: Options) -> Option<(Server, SocketAddr)> {
    let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let server = Server::start(options.own("admin-port", &admin.port().to_string()));
    if server.is_shardwright() {
        return Some((server, admin));
    }
    server.finish();
    None
}

/// Something of everything that metrics tell.
fn be_busy(client: &mut Client) {
    client.pipeline(&["SET a text", "SET b 2", "SET c 3 EX 1000"]);
    client.pipeline(&["GET a"; 8]);
    client.pipeline(&["GET absent"; 2]);
    client.pipeline(&["INCR a", "GET", "NOSUCH", "CONFIG GET port"]);
    client.pipeline(&["SELECT 3", "SET d 4", "SELECT 0"]);
}

#[test]
fn metrics_tell_what_commands_did() {
    let Some((server, admin)) = start(Options::shards(2)) else { return };
    let before = Metrics::scrape(admin);
    assert_eq!(before.value("shardwright_commands_total", "command=get"), None, "none ran yet");
    be_busy(&mut server.client());
    let metrics = Metrics::scrape(admin);
    let of = |name: &str, command: &str| {
        metrics.value(&format!("shardwright_{name}_total"), &format!("command={command}"))
    };
    assert_eq!(of("commands", "get"), Some(10.0));
    assert_eq!(of("commands", "set"), Some(4.0));
    assert_eq!(of("commands", "config|get"), Some(1.0));
    assert_eq!(of("commands", "append"), None, "it never ran");
    assert_eq!(of("command_errors", "incr"), Some(1.0));
    assert_eq!(of("command_errors", "get"), Some(0.0));
    assert_eq!(of("commands_rejected", "get"), Some(1.0));
    assert_eq!(metrics.sum("shardwright_error_replies_total", ""), 3.0);
    let spent = of("command_duration_seconds", "get").unwrap();
    assert!(spent > 0.0 && spent < 1.0, "10 GETs took {spent} seconds");
    server.finish();
}

#[test]
fn metrics_tell_what_the_shards_hold() {
    let Some((server, admin)) = start(Options::shards(2)) else { return };
    be_busy(&mut server.client());
    let metrics = Metrics::scrape(admin);
    assert_eq!(metrics.sum("shardwright_keys", "db=0"), 3.0);
    assert_eq!(metrics.sum("shardwright_keys", "db=3"), 1.0);
    assert_eq!(metrics.sum("shardwright_expiring_keys", "db=0"), 1.0);
    assert_eq!(metrics.label_values("shardwright_keys", "db"), ["0", "3"].into());
    for name in
        ["shardwright_keys", "shardwright_mailbox_depth", "shardwright_longest_turn_seconds"]
    {
        assert_eq!(metrics.label_values(name, "shard"), ["0", "1"].into(), "{name}");
    }
    assert_eq!(metrics.sum("shardwright_keyspace_hits_total", ""), 8.0);
    assert_eq!(metrics.sum("shardwright_keyspace_misses_total", ""), 2.0);
    assert_eq!(metrics.sum("shardwright_changes_total", ""), 4.0);
    assert!(metrics.sum("shardwright_effects_total", "") >= 4.0);
    assert_eq!(metrics.sum("shardwright_expired_keys_total", ""), 0.0);
    assert!(metrics.sum("shardwright_longest_turn_seconds", "cause=batch") > 0.0);
    let mut client = server.client();
    client.pipeline(&["PEXPIRE a 1", "WATCH b"]);
    eventually("the key expires", || {
        Metrics::scrape(admin).sum("shardwright_expired_keys_total", "") == 1.0
    });
    let metrics = Metrics::scrape(admin);
    assert_eq!(metrics.sum("shardwright_keys", "db=0"), 2.0);
    assert_eq!(metrics.sum("shardwright_watched_keys", ""), 1.0);
    server.finish();
}

#[test]
fn metrics_tell_of_connections_and_traffic() {
    let Some((server, admin)) = start(Options::shards(2).with("maxclients", "100")) else { return };
    let mut client = server.client();
    eventually("only this client is connected", || {
        Metrics::scrape(admin).sum("shardwright_connections", "") == 1.0
    });
    let before = Metrics::scrape(admin);
    assert_eq!(before.sum("shardwright_connections_limit", ""), 100.0);
    assert_eq!(before.sum("shardwright_connections_refused_total", ""), 0.0);
    assert!(client.run("CONFIG SET maxclients 1").is_ok());
    let refusal = server.client().read().error().unwrap();
    assert!(refusal.contains("max number of clients"), "{refusal}");
    assert!(client.run("CONFIG SET maxclients 100").is_ok());
    client.run(&format!("SET k {}", "x".repeat(100_000)));
    client.run("GET k");
    let grew = |after: &Metrics, name: &str| after.sum(name, "") - before.sum(name, "");
    eventually("the traffic is told", || {
        let after = Metrics::scrape(admin);
        grew(&after, "shardwright_network_received_bytes_total") > 100_000.0
            && grew(&after, "shardwright_network_sent_bytes_total") > 100_000.0
    });
    let after = Metrics::scrape(admin);
    assert_eq!(grew(&after, "shardwright_connections_refused_total"), 1.0);
    assert_eq!(grew(&after, "shardwright_connections_accepted_total"), 0.0);
    assert_eq!(after.sum("shardwright_connections", ""), 1.0);
    server.finish();
}

#[test]
fn metrics_tell_of_blocks_and_lendings() {
    let Some((server, admin)) = start(Options::shards(2)) else { return };
    let before = Metrics::scrape(admin);
    assert_eq!(before.sum("shardwright_lendings_total", ""), 0.0);
    // DBSIZE holds both shards for a moment.
    server.client().pipeline(&["MULTI", "DBSIZE", "EXEC"]);
    let after = Metrics::scrape(admin);
    assert_eq!(after.sum("shardwright_blocks_total", ""), 1.0);
    assert_eq!(after.sum("shardwright_lendings_total", ""), 1.0);
    assert!(after.sum("shardwright_longest_turn_seconds", "cause=block") > 0.0);
    server.finish();
}

#[test]
fn a_mailbox_fills_while_its_shard_is_busy_and_is_told_meanwhile() {
    let Some((server, admin)) = start(Options::shards(2)) else { return };
    // Neighbours in time live on different threads.
    let (mut slow, mut other) = (server.client(), server.client());
    // Partitions that were lent and came home are not counted as messages.
    (0..5).for_each(|_| assert_eq!(slow.run("DBSIZE").int(), 0));
    slow.send(&["DEBUG", "SLEEP", "2"]);
    std::thread::sleep(Duration::from_millis(200));
    let gets: String = (0..64).map(|key| format!("GET {key}\r\n")).collect();
    other.send_raw(gets.as_bytes()).unwrap();
    let asked = Instant::now();
    eventually("a message waits", || {
        Metrics::scrape(admin).sum("shardwright_mailbox_depth", "") >= 1.0
    });
    assert!(asked.elapsed() < Duration::from_millis(1500), "the busy shard delayed the answer");
    assert!(slow.read().is_ok());
    gets.lines().for_each(|_| drop(other.read()));
    eventually("no message waits", || {
        Metrics::scrape(admin).sum("shardwright_mailbox_depth", "") == 0.0
    });
    assert!(Metrics::scrape(admin).sum("shardwright_mailbox_messages_total", "") >= 1.0);
    server.finish();
}

#[test]
fn metrics_tell_of_the_process() {
    let Some((mut server, admin)) = start(Options::shards(1)) else { return };
    let metrics = Metrics::scrape(admin);
    let labels = format!("version={},redis_version=7.0.15", env!("CARGO_PKG_VERSION"));
    assert_eq!(metrics.value("shardwright_build_info", &labels), Some(1.0));
    let uptime = metrics.sum("shardwright_uptime_seconds", "");
    assert!(uptime > 0.0 && uptime < 60.0, "it runs for {uptime} seconds");
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let started = metrics.sum("process_start_time_seconds", "");
    assert!((since - started - uptime).abs() < 5.0, "started at {started}, now it is {since}");
    let resident = metrics.sum("process_resident_memory_bytes", "");
    let counted = server.process().resident_bytes() as f64;
    assert!((resident / counted - 1.0).abs() < 0.5, "{resident} of {counted} bytes");
    let used = metrics.sum("shardwright_memory_used_bytes", "");
    assert!(used > 0.0 && used <= metrics.sum("shardwright_memory_peak_bytes", ""));
    assert!(used <= metrics.sum("shardwright_memory_active_bytes", ""));
    server.client().run(&format!("SET k {}", "x".repeat(1_000_000)));
    let metrics = Metrics::scrape(admin);
    assert!(metrics.sum("shardwright_data_bytes", "") >= 1e6);
    assert!(metrics.sum("shardwright_memory_used_bytes", "") >= used + 0.9e6);
    server.finish();
}

#[test]
fn every_sync_of_the_log_is_in_the_histogram() {
    let data = Data::new();
    let Some((server, admin)) = start(data.options(1, "always")) else { return };
    let mut client = server.client();
    (0..20).for_each(|number| _ = client.run(&format!("SET key:{number} 1")));
    let metrics = Metrics::scrape(admin);
    let times = metrics.family("shardwright_log_sync_duration_seconds");
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for (labels, count) in &times.samples {
        buckets.push((labels["le"].parse().unwrap(), *count));
    }
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert!(buckets.is_sorted_by_key(|(_, count)| *count), "{buckets:?}");
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, times.totals["count"])));
    let syncs = metrics.sum("shardwright_log_syncs_total", "");
    assert!(syncs >= 20.0 && times.totals["count"] == syncs, "{syncs}, {:?}", times.totals);
    // No sync was longer than the bound of its bucket, nor shorter than the one before.
    let (mut least, mut most, mut before) = (0.0, 0.0, (0.0, 0.0));
    for (bound, count) in &buckets {
        least += (count - before.1) * before.0;
        most += if *count > before.1 { (count - before.1) * bound } else { 0.0 };
        before = (*bound, *count);
    }
    let sum = times.totals["sum"];
    assert!(least <= sum && sum <= most, "{sum} of {buckets:?}");
    server.finish();
}

/// What the page must say of a metric.
fn documented(name: &str, family: &Family) -> String {
    let labels: BTreeSet<&str> =
        family.samples.keys().flat_map(|labels| labels.keys()).map(String::as_str).collect();
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{name}` | {} | {} | {} |", family.kind, labels.join(", "), family.help)
}

#[test]
fn the_page_tells_every_metric_and_no_other() {
    let Some((server, admin)) = start(Options::shards(2)) else { return };
    be_busy(&mut server.client());
    let metrics = Metrics::scrape(admin);
    let told: BTreeSet<String> =
        metrics.0.iter().map(|(name, family)| documented(name, family)).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows: BTreeSet<String> =
        page.lines().filter(|line| line.starts_with("| `")).map(String::from).collect();
    let missing: Vec<_> = told.difference(&rows).collect();
    let extra: Vec<_> = rows.difference(&told).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}, extra {extra:#?}");
    server.finish();
}

#[test]
fn open_metrics_is_for_who_asks_for_it_and_says_the_same() {
    let Some((server, admin)) = start(Options::shards(2)) else { return };
    be_busy(&mut server.client());
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let open = request(admin, "GET", "/metrics", accept);
    let classic = get(admin, "/metrics");
    assert_eq!(
        open.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(open.body.ends_with("\n# EOF\n"), "{}", open.body);
    assert!(open.body.contains("# TYPE shardwright_commands counter\n"));
    assert!(open.body.contains("# UNIT shardwright_command_duration_seconds seconds\n"));
    let series = |answer: &Answer| -> Vec<String> {
        let samples = answer.body.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.rsplit_once(' ').unwrap().0.to_string()).collect()
    };
    assert!(!series(&open).is_empty());
    assert_eq!(series(&open), series(&classic));
    server.finish();
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let Some((server, admin)) = start(Options::shards(2)) else { return };
    be_busy(&mut server.client());
    let text = get(admin, "/metrics").body;
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match promtool {
        Ok(mut child) => {
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{complaints}\nin\n{text}");
        }
        Err(error) => println!("skipped: promtool (Debian's package prometheus): {error}"),
    }
    server.finish();
}

#[test]
fn readiness_ends_before_the_server_does() {
    let Some((mut server, admin)) = start(Options::shards(1)) else { return };
    let ready = get(admin, "/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
    let mut slow = server.client();
    slow.send(&["DEBUG", "SLEEP", "2"]);
    std::thread::sleep(Duration::from_millis(200));
    server.process().signal(Signal::TERM);
    eventually("it is ready no longer", || {
        let answer = get(admin, "/readyz");
        answer.status == 503 && answer.body == "ending\n"
    });
    assert!(slow.read().is_ok(), "what is in flight is finished");
    let log = server.process().log();
    let status = server.process().wait();
    assert!(status.is_some_and(|status| status.success()), "{status:?}: {log}");
}

#[test]
fn nothing_else_is_answered() {
    let Some((server, admin)) = start(Options::shards(1)) else { return };
    for path in ["/", "/nosuch", "/metrics/", "/readyz/x", "/METRICS", "//metrics"] {
        assert_eq!(get(admin, path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        for path in ["/metrics", "/readyz"] {
            let answer = request(admin, method, path, "Content-Length: 0\r\n");
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.headers["allow"], "GET, HEAD", "{method} {path}");
        }
    }
    for path in ["/metrics", "/readyz"] {
        let answer = request(admin, "HEAD", path, "");
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
    }
    server.finish();
}

#[test]
fn a_taken_port_that_was_set_ends_the_start() {
    let Some((server, _)) = start(Options::shards(1)) else { return };
    server.finish();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = taken.local_addr().unwrap();
    let port = free_port().to_string();
    let args = ["--port", &port, "--bind", "127.0.0.1", "--admin-port", &admin.port().to_string()];
    let (status, log) = Server::fail_to_start(&args);
    assert!(!status.success(), "{log}");
    for part in [&admin.to_string(), "admin-port", "in use"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

#[test]
fn a_taken_default_port_is_a_warning() {
    let Some((server, _)) = start(Options::shards(1)) else { return };
    server.finish();
    // If it cannot be taken, somebody else has it, which is as good.
    let _taken = TcpListener::bind(("127.0.0.1", DEFAULT_PORT));
    let launch = Launch { args: vec!["--shards".into(), "1".into()], ..Launch::default() };
    let mut process = Process::start(Server::program(), &launch);
    let warning = |log: &str| {
        log.lines().any(|line| line.contains("WARN") && line.contains(&DEFAULT_PORT.to_string()))
    };
    eventually("the warning is in the log", || warning(&process.log()));
    let mut client = Client::connect(process.address()).unwrap();
    assert_eq!(client.run("PING").text(), "PONG");
    drop(client);
    let status = process.terminate();
    assert!(status.is_some_and(|status| status.success()), "{status:?}: {}", process.log());
}
