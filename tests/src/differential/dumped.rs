//! Comparing what DUMP gives: the same value in the same form. How strings are compressed is left
//! open, and so is the order of elements where a type has none. Of a stream only the type is looked
//! at here: [`super::outcome`] asks XINFO and XPENDING for all that belongs to it.

use shardwright_codec::rdb::{ObjectType, Part, Value, dump};

use super::admitted::DUMPED;
use super::compare::Compare;
use crate::harness::reply::Reply;

/// The same value.
pub const DUMP: Compare = Compare::Admitted(DUMPED, same_dump);

/// A dumped value: its type, and its elements with what belongs to each.
#[derive(Debug, PartialEq)]
struct Content {
    kind: ObjectType,
    elements: Vec<Vec<String>>,
}

/// Both are dumps of the same value.
fn same_dump(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let (Reply::Bulk(_), Reply::Bulk(_)) = (ours, theirs) else {
        return Err("one is no dump".into());
    };
    let ours = content(ours.bytes()).ok_or("our dump is none")?;
    let mut theirs = content(theirs.bytes()).ok_or("their dump cannot be read")?;
    if is_sorted(ours.kind, theirs.kind) {
        theirs.kind = ours.kind;
    }
    if ours == theirs { Ok(()) } else { Err(format!("the values differ: {ours:?} {theirs:?}")) }
}

/// SORT turns a small sorted set into a skiplist in Redis: an admitted difference.
fn is_sorted(ours: ObjectType, theirs: ObjectType) -> bool {
    (ours, theirs) == (ObjectType::SortedSetListpack, ObjectType::SortedSet2)
}

fn content(dump: &[u8]) -> Option<Content> {
    let mut scratch = Vec::new();
    let value = Value::decode(dump::open(dump)?, usize::MAX, &mut scratch).ok()?;
    let Value::Collection(collection) = value else {
        let elements = vec![vec![format!("{value:?}")]];
        return Some(Content { kind: ObjectType::String, elements });
    };
    let kind = collection.kind();
    if kind == ObjectType::StreamListpacks2 {
        return Some(Content { kind, elements: Vec::new() });
    }
    let mut pieces: Vec<String> = Vec::new();
    let visited = collection.visit(&mut |part| {
        pieces.push(match part {
            Part::Text(text) => text.escape_ascii().to_string(),
            Part::Score(score) => score.to_string(),
        });
        Ok(())
    });
    visited.ok()?;
    let (width, ordered) = match kind {
        ObjectType::Set => (1, false),
        ObjectType::Hash | ObjectType::SortedSet2 | ObjectType::SortedSetListpack => (2, false),
        _ => (1, true),
    };
    let mut elements: Vec<_> = pieces.chunks(width).map(<[String]>::to_vec).collect();
    if !ordered {
        elements.sort();
    }
    Some(Content { kind, elements })
}

#[cfg(test)]
mod tests {
    use shardwright_codec::rdb::{Body, StringWriter};

    use super::*;

    /// A dump of so many pieces of text.
    fn dump_of(kind: ObjectType, count: u64, texts: &[&str]) -> Reply {
        let mut out = vec![kind.code()];
        let mut strings = StringWriter::new(true);
        let mut body = Body::new(&mut strings, &mut out);
        body.length(count);
        texts.iter().for_each(|text| body.text(text.as_bytes()));
        dump::seal(&mut out);
        Reply::Bulk(out)
    }

    #[test]
    fn only_what_has_no_order_may_come_in_any() {
        let same = |left: &Reply, right: &Reply| same_dump(left, right).is_ok();
        let set = |texts: &[&str]| dump_of(ObjectType::Set, texts.len() as u64, texts);
        assert!(same(&set(&["a", "b"]), &set(&["b", "a"])));
        assert!(!same(&set(&["a", "b"]), &set(&["a", "c"])));
        let hash = |texts: &[&str]| dump_of(ObjectType::Hash, 2, texts);
        assert!(same(&hash(&["a", "1", "b", "2"]), &hash(&["b", "2", "a", "1"])));
        assert!(!same(&hash(&["a", "1", "b", "2"]), &hash(&["a", "2", "b", "1"])));
        let list = |texts: &[&str]| dump_of(ObjectType::List, 2, texts);
        assert!(!same(&list(&["a", "b"]), &list(&["b", "a"])));
        assert!(!same(&set(&["a", "b"]), &list(&["a", "b"])));
        assert!(!same(&set(&["a"]), &Reply::Null));
    }
}
