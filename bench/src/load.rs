//! The loads: ready-made requests whose key digits are patched in place, and what their replies look like.
//!
//! It knows RESP requests and key names, nothing of sockets, servers or time.

use crate::reply::Expect;

/// Digits of a key's number as it is written.
const DIGITS: usize = 12;
/// The last digits, which are the ones that change: enough for a hundred million keys.
const PATCHED: usize = 8;
/// How many hash tags the tagged keys are spread over, so that they cover all shards of a small machine.
pub const TAGS: u32 = 16;

/// A family of keys that must be in the server before a load runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dataset {
    /// `key:%012d` with 64-byte strings.
    Small,
    /// `int:%012d` with integers.
    Integers,
    /// `big:%012d` with 4-KiB strings.
    Big,
    /// `{a}:%012d` to `{p}:%012d` with 64-byte strings.
    Tagged,
}

/// One place in a request where a key's digits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Offset of the first digit that changes.
    pub at: usize,
    /// Whether it takes a new number, or repeats the last one.
    pub fresh: bool,
}

/// One request's bytes (one command, or a whole MULTI block) and the fields in it.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// RESP, ready to send but for the digits.
    pub bytes: Vec<u8>,
    /// Where digits go, in order.
    pub fields: Vec<Field>,
}

/// An argument of a command in a template.
#[derive(Debug, Clone, Copy)]
pub enum Arg<'a> {
    /// The bytes as they are.
    Text(&'a str),
    /// A prefix and twelve digits of a new number.
    Key(&'a str),
    /// A prefix and the twelve digits of the last number again.
    Again(&'a str),
    /// So many letters.
    Letters(usize),
}

impl Template {
    /// Appends one command.
    pub fn command(mut self, args: &[Arg<'_>]) -> Self {
        self.bytes.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
        for arg in args {
            let (text, fresh) = match *arg {
                Arg::Text(text) => (text.to_owned(), None),
                Arg::Key(prefix) => (format!("{prefix}{:0DIGITS$}", 0), Some(true)),
                Arg::Again(prefix) => (format!("{prefix}{:0DIGITS$}", 0), Some(false)),
                Arg::Letters(length) => (('a'..='z').cycle().take(length).collect(), None),
            };
            self.bytes.extend_from_slice(format!("${}\r\n{text}\r\n", text.len()).as_bytes());
            if let Some(fresh) = fresh {
                self.fields.push(Field { at: self.bytes.len() - 2 - PATCHED, fresh });
            }
        }
        self
    }
}

/// Writes `number` (below a hundred million) as eight digits at `at`.
#[inline]
pub fn patch(bytes: &mut [u8], at: usize, number: u32) {
    const PAIRS: [[u8; 2]; 100] = {
        let mut pairs = [[b'0'; 2]; 100];
        let mut n = 0;
        while n < 100 {
            pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
            n += 1;
        }
        pairs
    };
    let (high, low) = (number / 10_000 % 10_000, number % 10_000);
    let (a, b, c, d) = (high / 100, high % 100, low / 100, low % 100);
    for (target, pair) in bytes[at..at + PATCHED].chunks_exact_mut(2).zip([a, b, c, d]) {
        target.copy_from_slice(&PAIRS[pair as usize]);
    }
}

/// A kind of request that a benchmark repeats.
#[derive(Debug, Clone)]
pub struct Load {
    /// As the report names it.
    pub name: String,
    /// The requests; a connection sends them in turn.
    pub templates: Vec<Template>,
    /// Numbers that go into the digits are below this.
    pub keys: u32,
    /// Replies to one request.
    pub replies: u32,
    /// What these look like.
    pub expect: Expect,
    /// What must have been loaded.
    pub dataset: Option<Dataset>,
}

const STATUS: Expect = Expect { kinds: b"+", bulk: None };
const INTEGER: Expect = Expect { kinds: b":", bulk: None };
const SMALL_BYTES: usize = 64;
const BIG_BYTES: usize = 4096;
const BATCH: usize = 10;

impl Load {
    fn new(name: &str, templates: Vec<Template>, expect: Expect) -> Self {
        Self { name: name.into(), templates, keys: 1, replies: 1, expect, dataset: None }
    }

    /// A load over keys of its own, whose numbers are below `keys`.
    pub fn plain(name: &str, templates: Vec<Template>, keys: u32, expect: Expect) -> Self {
        Self { keys, ..Self::new(name, templates, expect) }
    }

    fn over(self, dataset: Dataset, keys: u32) -> Self {
        Self { keys, dataset: Some(dataset), ..self }
    }

    /// PING without argument.
    pub fn ping() -> Self {
        let ping = Template::default().command(&[Arg::Text("PING")]);
        Self::new("PING", vec![ping], STATUS)
    }

    /// GET of 64-byte values.
    pub fn get(keys: u32) -> Self {
        let get = Template::default().command(&[Arg::Text("GET"), Arg::Key("key:")]);
        let expect = Expect { kinds: b"$", bulk: Some(SMALL_BYTES) };
        Self::new("GET", vec![get], expect).over(Dataset::Small, keys)
    }

    /// SET of 64-byte values over existing keys.
    pub fn set(keys: u32) -> Self {
        Self::new("SET", vec![set("key:", SMALL_BYTES)], STATUS).over(Dataset::Small, keys)
    }

    /// INCR of existing integers.
    pub fn incr(keys: u32) -> Self {
        let incr = Template::default().command(&[Arg::Text("INCR"), Arg::Key("int:")]);
        Self::new("INCR", vec![incr], INTEGER).over(Dataset::Integers, keys)
    }

    /// GET of 4-KiB values.
    pub fn get_big(keys: u32) -> Self {
        let get = Template::default().command(&[Arg::Text("GET"), Arg::Key("big:")]);
        let expect = Expect { kinds: b"$", bulk: Some(BIG_BYTES) };
        Self::new("GET 4 KiB", vec![get], expect).over(Dataset::Big, keys)
    }

    /// SET of 4-KiB values over existing keys.
    pub fn set_big(keys: u32) -> Self {
        Self::new("SET 4 KiB", vec![set("big:", BIG_BYTES)], STATUS).over(Dataset::Big, keys)
    }

    /// MSET of ten keys anywhere.
    pub fn mset(keys: u32) -> Self {
        Self::new("MSET of 10", vec![mset("key:")], STATUS).over(Dataset::Small, keys)
    }

    /// MGET of ten keys anywhere.
    pub fn mget(keys: u32) -> Self {
        let expect = Expect { kinds: b"*", bulk: Some(SMALL_BYTES) };
        Self::new("MGET of 10", vec![mget("key:")], expect).over(Dataset::Small, keys)
    }

    /// MSET of ten keys that share a hash tag, another tag each request.
    pub fn mset_tagged(keys: u32) -> Self {
        let templates = tags().map(|tag| mset(&tag)).collect();
        Self::new("MSET of 10, one tag", templates, STATUS).over(Dataset::Tagged, keys / TAGS)
    }

    /// MGET of ten keys that share a hash tag, another tag each request.
    pub fn mget_tagged(keys: u32) -> Self {
        let templates = tags().map(|tag| mget(&tag)).collect();
        let expect = Expect { kinds: b"*", bulk: Some(SMALL_BYTES) };
        Self::new("MGET of 10, one tag", templates, expect).over(Dataset::Tagged, keys / TAGS)
    }

    /// MULTI, ten SETs, EXEC; counted as one request.
    pub fn multi(keys: u32) -> Self {
        let mut block = Template::default().command(&[Arg::Text("MULTI")]);
        for _ in 0..BATCH {
            block = block.command(&[Arg::Text("SET"), Arg::Key("key:"), Arg::Letters(SMALL_BYTES)]);
        }
        let block = block.command(&[Arg::Text("EXEC")]);
        let expect = Expect { kinds: b"+*", bulk: None };
        let load = Self::new("MULTI of 10 SET", vec![block], expect).over(Dataset::Small, keys);
        Self { replies: BATCH as u32 + 2, ..load }
    }

    /// The loads that, sent with numbers in order from 0 to `keys`, put a dataset into a server.
    pub fn fill(dataset: Dataset, keys: u32) -> Vec<Self> {
        let name = format!("loading {dataset:?}");
        let one = |template, keys| Self {
            name: name.clone(),
            keys,
            ..Self::new("", vec![template], STATUS)
        };
        match dataset {
            Dataset::Small => vec![one(set("key:", SMALL_BYTES), keys)],
            Dataset::Big => vec![one(set("big:", BIG_BYTES), keys)],
            Dataset::Integers => {
                let template = Template::default().command(&[
                    Arg::Text("SET"),
                    Arg::Key("int:"),
                    Arg::Again("1"),
                ]);
                vec![one(template, keys)]
            }
            Dataset::Tagged => tags().map(|tag| one(set(&tag, SMALL_BYTES), keys / TAGS)).collect(),
        }
    }

    /// The load that fills the memory measurement: SET of `value` under a 16-byte key, with a TTL or without.
    pub fn memory(value: Arg<'_>, ttl: bool) -> Self {
        let mut args = vec![Arg::Text("SET"), Arg::Key("key:"), value];
        if ttl {
            args.extend([Arg::Text("EX"), Arg::Text("1000000")]);
        }
        Self::new("memory", vec![Template::default().command(&args)], STATUS)
    }

    /// Fills a keyspace that expires as a whole: SET of a 16-byte value under a 16-byte key with a deadline in Unix
    /// milliseconds. No other load has these keys.
    pub fn expiring(deadline_ms: u64) -> Self {
        let deadline = deadline_ms.to_string();
        let template = Template::default().command(&[
            Arg::Text("SET"),
            Arg::Key("exp:"),
            Arg::Letters(16),
            Arg::Text("PXAT"),
            Arg::Text(&deadline),
        ]);
        Self::new("loading expiring keys", vec![template], STATUS)
    }
}

fn set(prefix: &str, length: usize) -> Template {
    Template::default().command(&[Arg::Text("SET"), Arg::Key(prefix), Arg::Letters(length)])
}

fn mset(prefix: &str) -> Template {
    let mut args = vec![Arg::Text("MSET")];
    args.extend([Arg::Key(prefix), Arg::Letters(SMALL_BYTES)].repeat(BATCH));
    Template::default().command(&args)
}

fn mget(prefix: &str) -> Template {
    let mut args = vec![Arg::Text("MGET")];
    args.extend([Arg::Key(prefix)].repeat(BATCH));
    Template::default().command(&args)
}

/// `{a}:`, `{b}:` and so on.
fn tags() -> impl Iterator<Item = String> {
    ('a'..).take(TAGS as usize).map(|letter| format!("{{{letter}}}:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_resp_with_digits_to_patch() {
        let mut template =
            Template::default().command(&[Arg::Text("SET"), Arg::Key("k:"), Arg::Again("1")]);
        for (field, number) in template.fields.clone().into_iter().zip([12_345_678, 7]) {
            patch(&mut template.bytes, field.at, number);
        }
        assert_eq!(
            String::from_utf8(template.bytes).unwrap(),
            "*3\r\n$3\r\nSET\r\n$14\r\nk:000012345678\r\n$13\r\n1000000000007\r\n"
        );
        let fresh: Vec<bool> = template.fields.iter().map(|field| field.fresh).collect();
        assert_eq!(fresh, [true, false]);
    }

    #[test]
    fn keys_of_the_measured_loads_have_sixteen_bytes() {
        let loads = [Load::get(9), Load::incr(9), Load::get_big(9), Load::mget_tagged(160)];
        for load in loads {
            let text = String::from_utf8(load.templates[0].bytes.clone()).unwrap();
            assert!(text.contains("\r\n$16\r\n"), "{text}");
        }
    }

    #[test]
    fn a_multi_block_has_a_reply_for_each_command() {
        let load = Load::multi(100);
        let commands = load.templates[0].bytes.iter().filter(|&&byte| byte == b'*').count();
        assert_eq!(commands, load.replies as usize);
    }
}
