//! What commands on keys of one client do, one after the other, on one thread.

use std::collections::BTreeMap;

use shardwright_tests::Reply;

/// The keys of one client in the two databases that it uses.
#[derive(Debug, Clone, Default)]
pub struct Model {
    dbs: [BTreeMap<String, String>; 2],
    db: usize,
}

fn bulk(value: Option<&String>) -> Reply {
    value.map_or(Reply::Null, |value| Reply::Bulk(value.clone().into_bytes()))
}

fn count(count: usize) -> Reply {
    Reply::Int(count as i64)
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

impl Model {
    /// The database in use.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Runs a command.
    pub fn run(&mut self, words: &[String]) -> Reply {
        let name = words[0].as_str();
        match name {
            "SELECT" => {
                self.db = words[1].parse().unwrap();
                return ok();
            }
            "PING" => return Reply::Simple(b"PONG".to_vec()),
            _ => {}
        }
        let data = &mut self.dbs[self.db];
        let rest = &words[1..];
        match rest {
            [key] => one(data, name, key),
            [key, value]
                if !matches!(name, "DEL" | "EXISTS" | "MGET" | "MSET" | "MSETNX" | "RENAMENX") =>
            {
                set(data, name, key, value)
            }
            keys => many(data, name, keys),
        }
    }
}

/// Commands of one key and nothing else.
fn one(data: &mut BTreeMap<String, String>, name: &str, key: &str) -> Reply {
    match name {
        "GET" => bulk(data.get(key)),
        "STRLEN" => count(data.get(key).map_or(0, String::len)),
        "GETDEL" => bulk(data.remove(key).as_ref()),
        _ => unreachable!("{name}"),
    }
}

/// Commands of one key and a value.
fn set(data: &mut BTreeMap<String, String>, name: &str, key: &str, value: &str) -> Reply {
    match name {
        "SET" => {
            data.insert(key.into(), value.into());
            ok()
        }
        "GETSET" => bulk(data.insert(key.into(), value.into()).as_ref()),
        "SETNX" => {
            let is_new = !data.contains_key(key);
            if is_new {
                data.insert(key.into(), value.into());
            }
            count(is_new.into())
        }
        "APPEND" => {
            let text = data.entry(key.into()).or_default();
            text.push_str(value);
            count(text.len())
        }
        "INCRBY" => {
            let old = data.get(key).map_or("0", String::as_str);
            let is_plain = old == "0" || !old.starts_with('0');
            let Some(old) = old.parse::<i64>().ok().filter(|_| is_plain) else {
                let text = "ERR value is not an integer or out of range";
                return Reply::Error(text.into());
            };
            let Some(sum) = value.parse().ok().and_then(|by| old.checked_add(by)) else {
                return Reply::Error("ERR increment or decrement would overflow".into());
            };
            data.insert(key.into(), sum.to_string());
            Reply::Int(sum)
        }
        _ => unreachable!("{name}"),
    }
}

/// Commands of several keys.
fn many(data: &mut BTreeMap<String, String>, name: &str, rest: &[String]) -> Reply {
    match name {
        "DEL" => count(rest.iter().filter(|key| data.remove(*key).is_some()).count()),
        "EXISTS" => count(rest.iter().filter(|key| data.contains_key(*key)).count()),
        "MGET" => Reply::Array(rest.iter().map(|key| bulk(data.get(key))).collect()),
        "MSET" | "MSETNX" => {
            let is_free = rest.iter().step_by(2).all(|key| !data.contains_key(key));
            if name == "MSET" || is_free {
                data.extend(rest.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())));
            }
            if name == "MSET" { ok() } else { count(is_free.into()) }
        }
        "RENAMENX" => {
            let Some(value) = data.get(&rest[0]).cloned() else {
                return Reply::Error(b"ERR no such key".to_vec());
            };
            let is_free = !data.contains_key(&rest[1]);
            if is_free {
                data.remove(&rest[0]);
                data.insert(rest[1].clone(), value);
            }
            count(is_free.into())
        }
        "COPY" => {
            let value = data.get(&rest[0]).cloned();
            let is_there = value.is_some();
            data.extend(value.map(|value| (rest[1].clone(), value)));
            count(is_there.into())
        }
        _ => unreachable!("{name}"),
    }
}
