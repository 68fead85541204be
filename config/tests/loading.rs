//! Loading from all sources: their order, what they refuse and how they say it, reading them again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shardwright_config::{
    Action, FileReader, LoadError, Loaded, LogLevel, Supervised, load, reload,
};

/// Files in memory; the current directory is `/start`.
#[derive(Default)]
struct Files(RefCell<BTreeMap<PathBuf, Vec<u8>>>);

impl Files {
    fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let all = Self::default();
        files.into_iter().for_each(|(path, text)| all.write(path, text));
        all
    }

    fn write(&self, path: &str, text: &str) {
        let path = Path::new("/start").join(path);
        self.0.borrow_mut().insert(path, text.as_bytes().to_vec());
    }
}

impl FileReader for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.borrow().get(path).cloned();
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let files = self.0.borrow();
        Ok(files.keys().filter(|path| path.parent() == Some(directory)).cloned().collect())
    }

    fn current_dir(&self) -> io::Result<PathBuf> {
        Ok(PathBuf::from("/start"))
    }
}

fn start(line: &[&str], environment: &[(&str, &str)], files: &Files) -> Result<Loaded, LoadError> {
    load(line.iter().copied(), environment.iter().copied(), files)
}

fn check_error(line: &[&str], environment: &[(&str, &str)], files: &Files, expected: &str) {
    let result = start(line, environment, files).map(|loaded| loaded.settings.port);
    assert_eq!(result.map_err(|error| error.to_string()), Err(expected.to_owned()));
}

fn check_conf_error(text: &str, expected: &str) {
    check_error(&["redis.conf"], &[], &Files::of([("redis.conf", text)]), expected);
}

/// Parts at blanks, with `''` for an empty word.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().map(|word| if word == "''" { "" } else { word }).collect()
}

#[test]
fn flags_that_scripts_start_redis_server_with_are_taken() {
    let line = words("--port 7000 --dir /data --shards 4 --appendonly no --save ''");
    let loaded = start(&line, &[], &Files::default()).unwrap();
    let settings = &loaded.settings;
    assert_eq!((settings.port, settings.shards), (7000, 4));
    assert_eq!(settings.dir, Path::new("/data"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.is_explicit("port") && !loaded.is_explicit("admin-port"));
}

#[test]
fn each_source_goes_over_the_ones_before() {
    let files = Files::of([("s.yaml", "port: 1\ntimeout: 1m\nhz: 20\n")]);
    let environment = [("SHARDWRIGHT__PORT", "2"), ("SHARDWRIGHT__TIMEOUT", "2m")];
    let loaded = start(&words("--config s.yaml --port 3"), &environment, &files).unwrap();
    let settings = &loaded.settings;
    assert_eq!((settings.port, settings.hz, settings.maxclients), (3, 20, 10_000));
    assert_eq!(settings.timeout, Duration::from_secs(120));
    let sources: Vec<String> =
        loaded.sources.iter().map(|(name, origin)| format!("{name} {origin}")).collect();
    let expected = [
        "hz at s.yaml:3",
        "port on the command line",
        "timeout in the environment variable SHARDWRIGHT__TIMEOUT",
    ];
    assert_eq!(sources, expected);
    assert_eq!(loaded.config_file.as_deref(), Some(Path::new("/start/s.yaml")));
}

#[test]
fn output_limits_add_up_by_class_over_lines_and_sources() {
    let text = "client-output-buffer-limit normal 1 1 1\n\
                client-output-buffer-limit slave 2 2 2\nclient-output-buffer-limit pubsub 3 3 3";
    let environment = [("SHARDWRIGHT__CLIENT_OUTPUT_BUFFER_LIMIT__NORMAL", "4 4 4")];
    let line = words("redis.conf --client-output-buffer-limit replica 5 5 5");
    let loaded = start(&line, &environment, &Files::of([("redis.conf", text)])).unwrap();
    let limits = loaded.settings.client_output_buffer_limit.to_string();
    assert_eq!(limits, "normal 4 4 4 slave 5 5 5 pubsub 3 3 3");
}

#[test]
fn bad_settings_say_name_value_expectation_and_place() {
    check_conf_error(
        "port 1\n\nport abc",
        "'port' is 'abc' at redis.conf:3, but should be a whole number from 0 to 65535",
    );
    check_conf_error(
        "save 900",
        "'save' is '900' at redis.conf:1, but should be pairs of seconds and changes, or nothing",
    );
    check_conf_error(
        "slaveof 10.0.0.1 6379",
        "'replicaof' is '10.0.0.1 6379' at redis.conf:1, but this version only has '' (replication \
         comes with a later version)",
    );
    check_conf_error(
        "loadmodule /m.so",
        "'loadmodule' at redis.conf:1 asks for modules, which this version does not have",
    );
    check_conf_error(
        "maxclient 5",
        "unknown setting 'maxclient' with the value '5' at redis.conf:1; did you mean 'maxclients'?",
    );
    check_conf_error("port 1 2", "'port' is '1 2' at redis.conf:1, but should be one value, not 2");
    check_conf_error(
        "port 0",
        "nothing to listen on: 'port' is 0 or 'bind' is empty, and there is no 'unixsocket'",
    );
    let none = Files::default();
    let absent = "'config' names the file 'r.conf' on the command line, which cannot be read: entity \
                  not found";
    check_error(&words("r.conf"), &[], &none, absent);
    check_error(&words("--config r.conf"), &[], &none, absent);
    check_conf_error(
        "\ninclude /nonexist",
        "'include' names the file '/nonexist' at redis.conf:2, which cannot be read: entity not found",
    );
    check_conf_error("foo bar", "unknown setting 'foo' with the value 'bar' at redis.conf:1");
    for (file, why) in [("none", "entity not found"), ("", "its name is empty")] {
        let text = format!(
            "'requirepass' names the file '{file}' in the environment variable \
             SHARDWRIGHT__REQUIREPASS_FILE, which cannot be read: {why}"
        );
        check_error(&[], &[("SHARDWRIGHT__REQUIREPASS_FILE", file)], &none, &text);
    }
    check_error(
        &words("--timeout 1.5s"),
        &[],
        &none,
        "'timeout' is '1.5s' on the command line, but should be whole seconds, or a time such as \
         30s or 5m",
    );
    check_error(
        &[],
        &[("SHARDWRIGHT__LOGLEVEL", "loud")],
        &none,
        "'loglevel' is 'loud' in the environment variable SHARDWRIGHT__LOGLEVEL, but should be one \
         of debug, verbose, notice, warning",
    );
    check_error(
        &[],
        &[("SHARDWRIGHT__PRT", "1")],
        &none,
        "unknown setting 'prt' with the value '1' in the environment variable SHARDWRIGHT__PRT; did \
         you mean 'port'?",
    );
}

#[test]
fn unknown_names_in_yaml_show_their_values_too() {
    for (text, told) in [
        ("foo: 1kb", "unknown setting 'foo' with the value '1kb' at s.yaml:1"),
        ("foo: true", "unknown setting 'foo' with the value 'true' at s.yaml:1"),
        ("foo:\n  bar: hunter2", "unknown setting 'foo' at s.yaml:1"),
        ("my-secret: hunter2", "unknown setting 'my-secret' with the value '***' at s.yaml:1"),
    ] {
        check_error(&["s.yaml"], &[], &Files::of([("s.yaml", text)]), told);
    }
}

#[test]
fn a_parameter_is_told_with_its_value_and_who_set_it_and_without_secrets() {
    let files = Files::of([("redis.conf", "bind 1.2.3.4 -::1\nrequirepass hunter2")]);
    let loaded = start(&words("redis.conf --port 7000"), &[], &files).unwrap();
    for (name, told) in [
        ("bind", "'bind' is '1.2.3.4 -::1' at redis.conf:1"),
        ("port", "'port' is '7000' on the command line"),
        ("dir", "'dir' is 'data' by default"),
        ("requirepass", "'requirepass' is '***' at redis.conf:2"),
    ] {
        assert_eq!(loaded.tell(name), told);
    }
}

#[test]
fn a_bad_value_ends_the_start_even_when_a_later_source_replaces_it() {
    let files = Files::of([("redis.conf", "port abc")]);
    assert!(start(&words("redis.conf --port 7000"), &[], &files).is_err());
}

#[test]
fn secrets_come_from_files_and_show_nowhere() {
    let files = Files::of([("pass", "hunter2\n")]);
    let loaded = start(&[], &[("SHARDWRIGHT__REQUIREPASS_FILE", "pass")], &files).unwrap();
    assert!(loaded.settings.requirepass.matches(b"hunter2"));
    assert!(!format!("{loaded:?}").contains("hunter2"));

    let both = [("SHARDWRIGHT__REQUIREPASS_FILE", "pass"), ("SHARDWRIGHT__REQUIREPASS", "hunter2")];
    for (line, environment) in [
        (&[][..], &both[..]),
        (&["--requirepass", "hunter2", "hunter2"], &[]),
        (&["--requirpass", "hunter2"], &[]),
        (&["--", "hunter2"], &[]),
        (&["--port", "7000", "--config", "hunter2", "--save", "--x\"hunter2"], &[]),
    ] {
        let error = start(line, environment, &files).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let files = Files::of([("redis.conf", "masterauth hunter2\n")]);
    let loaded = start(&["redis.conf"], &[], &files).unwrap();
    let warning = "'masterauth' at redis.conf:1 has no meaning here: this version only has '' \
                   (replication comes with a later version)";
    assert_eq!(loaded.warnings, [warning]);
}

#[test]
fn includes_are_followed_in_place_and_not_for_ever() {
    let files = Files::of([
        ("redis.conf", "port 1\ninclude more.conf\ninclude \"/etc/parts/*.conf\"\nhz 30"),
        ("more.conf", "port 2\nhz 20"),
        ("/etc/parts/b.conf", "timeout 2"),
        ("/etc/parts/a.conf", "timeout 1\ntcp-keepalive 9"),
        ("/etc/parts/c.conf.bak", "timeout nonsense"),
        ("loop.conf", "include loop.conf"),
        ("bad.conf", "include more.conf\ninclude wrong.conf"),
        ("wrong.conf", "\nport x"),
    ]);
    let loaded = start(&["redis.conf"], &[], &files).unwrap();
    let settings = &loaded.settings;
    assert_eq!((settings.port, settings.hz), (2, 30));
    assert_eq!(settings.timeout, Duration::from_secs(2));
    assert_eq!(settings.tcp_keepalive, Duration::from_secs(9));

    let error = start(&["loop.conf"], &[], &files).unwrap_err().to_string();
    assert_eq!(error, "files that include each other more than 16 deep at loop.conf:1");
    let error = start(&["bad.conf"], &[], &files).unwrap_err().to_string();
    assert!(error.starts_with("'port' is 'x' at wrong.conf:2,"), "{error}");
}

#[test]
fn bounds_on_bytes_are_sizes_in_every_source_and_by_their_older_names() {
    let files =
        Files::of([("redis.conf", "hash-max-ziplist-value 1kb\nzset-max-listpack-value 3kb\n")]);
    let line = words("redis.conf --zset-max-ziplist-value 2kb");
    let settings = start(&line, &[], &files).unwrap().settings;
    assert_eq!((settings.hash_max_listpack_value, settings.zset_max_listpack_value), (1024, 2048));
    for line in ["--hash-max-listpack-value -1", "--zset-max-ziplist-value 1xb"] {
        assert!(start(&words(line), &[], &Files::default()).is_err(), "{line}");
    }
}

#[test]
fn what_is_not_there_has_one_value_only() {
    let line = words("--list-compress-depth 0 --activerehashing yes");
    assert!(start(&line, &[], &Files::default()).unwrap().warnings.is_empty());
    for line in ["--list-compress-depth 1", "--activerehashing no"] {
        assert!(start(&words(line), &[], &Files::default()).is_err(), "{line}");
    }
}

#[test]
fn what_is_otherwise_than_in_redis_is_warned_of_and_refused_while_running() {
    let text = "lazyfree-lazy-user-del no\nsanitize-dump-payload clients\n";
    let files = Files::of([("redis.conf", text)]);
    let line = words("redis.conf --stop-writes-on-bgsave-error yes --lazyfree-lazy-expire yes");
    let mut loaded = start(&line, &[], &files).unwrap();
    assert_eq!(loaded.warnings.len(), 3, "{:?}", loaded.warnings);
    let only = "this version only has 'yes' (values are always freed in small steps";
    assert!(loaded.warnings.iter().any(|warning| warning.contains(only)), "{:?}", loaded.warnings);
    let settings = &mut loaded.settings;
    for (name, value, is_true) in [
        ("lazyfree-lazy-user-del", "yes", true),
        ("lazyfree-lazy-user-del", "no", false),
        ("sanitize-dump-payload", "no", false),
        ("stop-writes-on-bgsave-error", "no", true),
        ("stop-writes-on-bgsave-error", "yes", false),
    ] {
        let set = settings.config_set(&[(name, value)], false);
        assert_eq!(set.is_ok(), is_true, "{name} {value}");
    }
    assert!(start(&words("--sanitize-dump-payload x"), &[], &Files::default()).is_err());
}

#[test]
fn directives_of_redis_work_without_a_file_too() {
    let environment =
        [("SHARDWRIGHT__SERVER_CPULIST", "0-3"), ("SHARDWRIGHT__APPENDDIRNAME", "no")];
    let line = words("--io-threads 4 --slowlog-max-len 5");
    let loaded = start(&line, &environment, &Files::default()).unwrap();
    assert_eq!(loaded.warnings.len(), 4, "{:?}", loaded.warnings);
}

#[test]
fn version_and_help_need_no_valid_settings() {
    for (line, action) in [
        ("--version", Action::PrintVersion),
        ("-v", Action::PrintVersion),
        ("--help", Action::PrintHelp),
        ("no-such-file.conf -h", Action::PrintHelp),
        ("", Action::Run),
    ] {
        assert_eq!(start(&words(line), &[], &Files::default()).unwrap().action, action, "{line}");
    }
}

/// Starts as Debian's package does: its file, and its service's flags.
fn start_debian(text: &str) -> Result<Loaded, LoadError> {
    let line = words("redis.conf --supervised systemd --daemonize no");
    start(&line, &[], &Files::of([("redis.conf", text)]))
}

fn check_debian(loaded: &Loaded) {
    let settings = &loaded.settings;
    assert_eq!((settings.port, settings.daemonize), (6379, false));
    assert_eq!((settings.supervised, settings.loglevel), (Supervised::Systemd, LogLevel::Notice));
    assert_eq!(settings.dir, Path::new("/var/lib/redis"));
    assert_eq!(settings.pidfile.as_deref(), Some(Path::new("/run/redis/redis-server.pid")));
    assert!(loaded.warnings.len() > 30, "{:?}", loaded.warnings);
}

#[test]
fn the_stock_file_of_debian_starts_with_warnings() {
    check_debian(&start_debian(include_str!("data/debian-redis.conf")).unwrap());
    // The file itself, with its comments, where the package is installed and readable.
    if let Ok(text) = std::fs::read_to_string("/etc/redis/redis.conf") {
        check_debian(&start_debian(&text).unwrap());
    }
}

#[test]
fn a_file_with_all_the_defaults_of_redis_starts() {
    let files = Files::of([("redis.conf", include_str!("data/redis-7.0.15.conf"))]);
    let loaded = start(&["redis.conf"], &[], &files).unwrap();
    assert_eq!(loaded.settings.bind.len(), 2);
}

#[test]
fn a_reload_takes_what_changed_in_the_sources_and_keeps_what_was_set_while_running() {
    let files = Files::of([("redis.conf", "timeout 1\nport 7000\nhz 20")]);
    let loaded = start(&["redis.conf", "--maxclients", "5"], &[], &files).unwrap();
    let mut current = loaded.settings.clone();
    current
        .config_set(&[("requirepass", "secret"), ("hz", "30"), ("timeout", "9")], false)
        .unwrap();

    files.write("redis.conf", "timeout 2\nport 7001\nhz 20\nmaxclients 6\nrdb-del-sync-files no");
    let first = reload(&loaded, &current, &files).unwrap();
    assert_eq!(first.changed, ["timeout"]);
    assert_eq!(first.settings.timeout, Duration::from_secs(2));
    assert_eq!((first.settings.hz, first.settings.maxclients, first.settings.port), (30, 5, 7000));
    assert!(first.settings.requirepass.matches(b"secret"));
    let expected = [
        "'rdb-del-sync-files' at redis.conf:5 has no meaning here: checkpoints have their own format",
        "'port' at redis.conf:2 changes only with a restart",
    ];
    assert_eq!(first.warnings, expected);

    // Taking a line away brings its default back; a second reload starts from the first.
    files.write("redis.conf", "hz 20\nport 7001");
    let second = reload(&first.loaded, &first.settings, &files).unwrap();
    assert_eq!(second.changed, ["timeout"]);
    assert_eq!(second.settings.timeout, Duration::ZERO);
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    let files = Files::of([("redis.conf", "timeout 1")]);
    let loaded = start(&["redis.conf"], &[], &files).unwrap();
    files.write("redis.conf", "timeout x");
    assert!(reload(&loaded, &loaded.settings, &files).is_err());
}
