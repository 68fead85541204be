//! The repository's own rules, as tests that read the tree: what is not checked decays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file that a reader can still hold in mind.
const FILE_LINES: usize = 600;

/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Lines of a function that fit a screen.
const FUNCTION_LINES: usize = 70;

/// Functions that may be longer, and why.
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// Modules with unsafe code. Each says why at its top; a new one is a decision to be made here.
const UNSAFE_MODULES: &[&str] =
    &["store/src/dict/buckets.rs", "store/src/dict/entry.rs", "store/src/dict/prefetch.rs"];

/// Commands without an example, and why.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[
    ("CLIENT HELP", "a help text"),
    ("CLIENT ID", "another id every time"),
    ("CLIENT INFO", "ports and times"),
    ("COMMAND", "the whole table"),
    ("COMMAND COUNT", "another number with every new command"),
    ("COMMAND HELP", "a help text"),
    ("CONFIG HELP", "a help text"),
    ("PUBSUB HELP", "a help text"),
    ("LASTSAVE", "the clock"),
    ("LOLWUT", "another picture every time"),
    ("TIME", "the clock"),
];

/// Directories that hold nothing written by hand.
const SKIPPED: &[&str] = &["target", "corpus", "artifacts", "coverage", "data"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A text of the repository with its path in it.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Whether it is only compiled for tests: the rules for production code do not hold there.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/")
    }
}

/// All texts whose name ends in one of `endings`, hidden directories of CI included.
fn sources(endings: &[&str]) -> Vec<Source> {
    let (root, mut found) = (root(), Vec::new());
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if name != ".git" && !SKIPPED.contains(&name.as_str()) {
                    directories.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "nothing ends in {endings:?}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn rust() -> Vec<Source> {
    sources(&[".rs"])
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with all `faults`, one a line.
#[track_caller]
fn check(rule: &str, faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

/// What is excused must still need it, so that the list stays short.
#[track_caller]
fn check_excused(rule: &str, offenders: &[(String, String)], excused: &[(&str, &str)]) {
    let is_excused = |what: &str| excused.iter().any(|(name, _)| *name == what);
    let inexcusable = offenders.iter().filter(|(what, _)| !is_excused(what));
    check(rule, inexcusable.map(|(what, more)| format!("{what}: {more}")));
    let stale = excused.iter().filter(|(name, _)| !offenders.iter().any(|(what, _)| what == name));
    check("excused without need", stale.map(|(name, _)| (*name).to_owned()));
}

#[test]
fn files_are_short() {
    let lengths = rust().into_iter().map(|file| (file.path, file.text.lines().count()));
    let long: Vec<_> = lengths
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(path, lines)| (path, format!("{lines} lines, over {FILE_LINES}")))
        .collect();
    check_excused("files that are too long", &long, LONG_FILES);
}

/// Name and length of every function, by the indentation that rustfmt gives.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let Some(name) = function_name(line) else { continue };
        let body = format!("{indent}}}");
        let declaration = format!("{indent})");
        let ends =
            |line: &&str| **line == body || (line.starts_with(&declaration) && line.ends_with(';'));
        let length = match line.ends_with([';', '}']) {
            true => 1,
            false => 1 + lines[start..].iter().position(ends).unwrap_or(0),
        };
        found.push((name.to_owned(), length));
    }
    found
}

/// The function that a line begins.
fn function_name(line: &str) -> Option<&str> {
    let (before, name) = line.split_once("fn ")?;
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern"];
    let is_qualifier = |word: &str| qualifiers.contains(&word) || word.starts_with("pub(in");
    let declares = before.split_whitespace().all(is_qualifier);
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    (declares && end > 0).then(|| &name[..end])
}

#[test]
fn the_counting_of_function_lines_counts() {
    let text = "fn one() {}\n\
                impl X {\n    pub(crate) const fn three(\n        a: u8,\n    ) -> u8 {\n        a\n    }\n}\n\
                trait Y {\n    fn declared(\n        a: u8,\n    );\n}\n\
                // A word about fn that begins none.\n";
    let expected = [("one", 1), ("three", 5), ("declared", 3)];
    assert_eq!(functions(text), expected.map(|(name, lines)| (name.to_owned(), lines)));
}

#[test]
fn functions_fit_a_screen() {
    let mut long = Vec::new();
    for file in rust() {
        for (name, lines) in functions(&file.text) {
            if lines > FUNCTION_LINES {
                long.push((format!("{} {name}", file.path), format!("{lines} lines")));
            }
        }
    }
    check_excused("functions that are too long", &long, LONG_FUNCTIONS);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = rust().into_iter().filter(|file| !file.text.starts_with("//! "));
    check("files that do not begin with //!", silent.map(|file| file.path));
}

/// A line that says "later" or "broken" belongs into the list of issues.
#[test]
fn nothing_is_left_to_do_in_comments() {
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK")];
    let mut faults = Vec::new();
    for file in sources(&[".rs", ".md", ".toml", ".yml", ".yaml", ".sh", "Makefile", "run"]) {
        for (at, line) in file.lines() {
            if marks.iter().any(|mark| line.contains(mark)) {
                faults.push(format!("{}:{at}", file.path));
            }
        }
    }
    check("marks of unfinished work", faults);
}

#[test]
fn no_paths_of_somebody_s_machine() {
    let homes = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
    ];
    let begins = |line: &str, home: &str| {
        line.match_indices(home).any(|(at, _)| {
            // In the middle of a longer path it is only a directory's name.
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"._-}*~$".contains(c))
        })
    };
    let mut faults = Vec::new();
    for file in sources(&[".rs", ".md", ".toml", ".yml", ".yaml", ".sh", ".patch", "Makefile"]) {
        for (at, line) in file.lines() {
            if homes.iter().any(|home| begins(line, home)) {
                faults.push(format!("{}:{at}: {line}", file.path));
            }
        }
    }
    check("absolute paths of a machine", faults);
}

/// Manifests of the workspace's own crates. Fuzz projects are workspaces of their own.
fn manifests() -> Vec<Source> {
    let mut all = sources(&["Cargo.toml"]);
    all.retain(|file| !file.path.starts_with("fuzz/"));
    all
}

#[test]
fn every_crate_takes_the_workspace_s_lints_and_package_fields() {
    let mut faults = Vec::new();
    for file in manifests() {
        let mut wanted = vec!["[lints]\nworkspace = true".to_owned()];
        let fields = ["version", "edition", "rust-version", "license", "publish"];
        wanted.extend(fields.map(|field| format!("\n{field}.workspace = true")));
        let missing = wanted.into_iter().filter(|text| !file.text.contains(text));
        faults.extend(missing.map(|text| format!("{} lacks {:?}", file.path, text.trim())));
    }
    check("manifests that go their own way", faults);
}

#[test]
fn the_workspace_denies_what_must_not_be_in_production_code() {
    let manifest = read("Cargo.toml");
    let lints = ["dbg_macro", "expect_used", "panic", "todo", "unimplemented", "unwrap_used"];
    let mut wanted = lints.map(|lint| format!("\n{lint} = \"deny\"")).to_vec();
    wanted.push("\nunsafe_code = \"deny\"".into());
    wanted.push("\nundocumented_unsafe_blocks = \"deny\"".into());
    check("lints not denied", wanted.into_iter().filter(|lint| !manifest.contains(lint)));

    let mut faults = Vec::new();
    for file in rust().into_iter().filter(|file| !file.is_test()) {
        for (at, line) in file.lines() {
            let lint = lints.iter().find(|lint| line.contains(&format!("clippy::{lint}")));
            if let Some(lint) = lint {
                faults.push(format!("{}:{at}: {lint}", file.path));
            }
        }
    }
    check("denied lints that are allowed again", faults);
}

#[test]
fn unsafe_code_is_where_it_was_decided_to_be() {
    let is_unsafe = |file: &Source| {
        let words = ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern "];
        words.iter().any(|word| file.text.contains(word))
    };
    let mut files = rust();
    files.retain(|file| is_unsafe(file) && file.path != "tests/tests/tidy.rs");
    let found: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(found, BTreeSet::from_iter(UNSAFE_MODULES.iter().copied()));
    for file in &files {
        let allowed = "#![allow(unsafe_code, reason = \"";
        assert!(file.text.contains(allowed), "{} does not say why", file.path);
    }
}

#[test]
fn the_version_is_in_one_place() {
    let manifest = read("Cargo.toml");
    let package = manifest.split("[workspace.package]").nth(1).unwrap();
    let line = package.lines().find(|line| line.starts_with("version = ")).unwrap();
    let version = line.split('"').nth(1).unwrap();
    let mut faults = Vec::new();
    for file in sources(&[".rs", "Cargo.toml", ".yaml", ".yml", ".sh", "Makefile"]) {
        let uses = file.lines().filter(|(_, text)| text.contains(&format!("\"{version}\"")));
        faults.extend(uses.map(|(at, _)| format!("{}:{at}", file.path)));
    }
    faults.retain(|place| !place.starts_with("Cargo.toml:"));
    check(&format!("the version {version} outside Cargo.toml"), faults);
    assert_eq!(manifest.matches(&format!("version = \"{version}\"")).count(), 1);
}

/// The page of commands as its generator writes it: heading, summary, example.
fn commands() -> Vec<(String, String, Option<String>)> {
    let page = read("docs/commands.md");
    let sections = page.split("\n### ").skip(1);
    let commands = sections.map(|section| {
        let (title, rest) = section.split_once("\n\n").unwrap();
        let summary = rest.lines().next().unwrap().to_owned();
        let example = rest.split("```").nth(1).map(str::to_owned);
        (title.to_owned(), summary, example)
    });
    commands.collect()
}

#[test]
fn every_command_has_an_example() {
    let bare: Vec<(String, String)> = commands()
        .into_iter()
        // CLUSTER's own stands for its subcommands: all of them give the same error.
        .filter(|(title, _, example)| example.is_none() && !title.starts_with("CLUSTER "))
        .map(|(title, ..)| (title, "give its descriptor an example".to_owned()))
        .collect();
    check_excused("commands without an example", &bare, WITHOUT_EXAMPLE);
}

#[test]
fn every_example_uses_its_command() {
    let mut faults = Vec::new();
    for (title, _, example) in commands() {
        let typed = |line: &str| line.starts_with(&format!("> {title}"));
        if example.is_some_and(|example| !example.lines().any(typed)) {
            faults.push(title);
        }
    }
    check("examples that lack what they are an example of", faults);
}

/// Fields of `Settings`, as they stand in its declaration.
fn setting_fields() -> Vec<String> {
    let text = read("config/src/settings.rs");
    let body = text.split("pub struct Settings {").nth(1).unwrap();
    let body = &body[..body.find("\n}").unwrap()];
    let fields = body.lines().filter_map(|line| line.trim().strip_prefix("pub "));
    fields.map(|field| field.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn every_setting_is_documented_and_read() {
    let page = read("docs/settings.md");
    // `runtime.rs` is CONFIG SET, which asks the settings who may.
    let places = ["src/", "actors/src/", "config/src/runtime.rs"];
    let is_reader = |file: &Source| places.iter().any(|place| file.path.starts_with(place));
    let readers: Vec<Source> = rust().into_iter().filter(is_reader).collect();
    // Read by way of a method of the settings themselves.
    let methods = [("shards", "shard_count("), ("port", ".listens("), ("bind", ".listens(")];
    let mut faults = Vec::new();
    for field in setting_fields() {
        let parameter = field.replace('_', "-");
        if !page.contains(&format!("| `{parameter}`")) {
            faults.push(format!("{parameter} is not in docs/settings.md"));
        }
        let ways = methods.iter().filter(|(name, _)| *name == field).map(|(_, way)| (*way).into());
        let ways: Vec<String> = ways.chain([format!(".{field}")]).collect();
        if !readers.iter().any(|file| ways.iter().any(|way| uses(&file.text, way))) {
            faults.push(format!("nothing reads {parameter}"));
        }
    }
    check("settings", faults);
}

/// Whether `word` occurs and does not go on.
fn uses(text: &str, word: &str) -> bool {
    let goes_on = |at: usize| {
        let next = text[at + word.len()..].chars().next();
        !word.ends_with('(') && next.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '(')
    };
    text.match_indices(word).any(|(at, _)| !goes_on(at))
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = root();
    let mut faults = Vec::new();
    for page in sources(&[".md"]) {
        let directory = root.join(&page.path).parent().unwrap().to_path_buf();
        for (at, _) in page.text.match_indices("](") {
            let rest = &page.text[at + 2..];
            let target = rest.split([')', ' ', '#']).next().unwrap();
            let is_outside = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !is_outside && !directory.join(target).exists() {
                faults.push(format!("{}: {target}", page.path));
            }
        }
    }
    check("links to nothing", faults);
}

#[test]
fn ci_runs_what_people_run() {
    let makefile = read("Makefile");
    let has = |target: &str| makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
    let ci = read(".ci/run");
    let steps = ci.lines().find_map(|line| line.strip_prefix("for target in ")).unwrap();
    let steps: Vec<&str> = steps.split(';').next().unwrap().split(' ').collect();
    check("targets of CI", steps.iter().filter(|step| !has(step)).map(|step| (*step).to_owned()));
    assert!(steps.contains(&"lint") && steps.contains(&"test"));
    assert!(read("README.md").contains("make test"), "the README names the test command");
    assert!(read(".github/workflows/ci.yml").contains("run: .ci/run"));
    assert!(read(".github/workflows/nightly.yml").contains("run: make nightly"));
}

#[test]
fn every_fuzz_target_has_a_saved_corpus() {
    let mut faults = Vec::new();
    for target in rust().into_iter().filter(|file| file.path.contains("/fuzz_targets/")) {
        let corpus = target.path.replace("fuzz_targets", "corpus");
        let directory = root().join(corpus.trim_end_matches(".rs"));
        if fs::read_dir(&directory).map_or(0, Iterator::count) == 0 {
            faults.push(target.path);
        }
    }
    check("fuzz targets without a corpus", faults);
}
