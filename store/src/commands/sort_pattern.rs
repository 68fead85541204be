//! Patterns of SORT: names of keys, or of fields of hashes, with the element in the place of a `*`.

use std::ops::Range;

use shardwright_codec::number::format_i64;

use crate::context::{ReadCx, WriteCx};
use crate::data::{Collection, Hash};
use crate::dict::EntryRef;
use crate::value::ValueRef;

/// The keys of the connection's database, for reading and writing handlers alike.
pub(super) trait Keys {
    /// The key's entry, as a reading command looks it up.
    fn entry(&mut self, key: &[u8]) -> Option<EntryRef<'_>>;
}

impl Keys for &ReadCx<'_> {
    fn entry(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.get(key)
    }
}

impl Keys for WriteCx<'_, '_> {
    fn entry(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.get_counted(key)
    }
}

/// The text as C sees it.
pub(super) fn before_zero(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// What a pattern of SORT stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern<'p> {
    /// The element itself.
    Element,
    /// Nothing: there is no place for the element.
    Nothing,
    /// A key, or one field of it, with the element between the two parts of its name.
    Key(&'p [u8], &'p [u8], Option<&'p [u8]>),
}

impl<'p> Pattern<'p> {
    pub fn of(pattern: &'p [u8]) -> Self {
        if pattern == b"#" {
            return Self::Element;
        }
        let text = before_zero(pattern);
        let Some(star) = text.iter().position(|&byte| byte == b'*') else { return Self::Nothing };
        let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = text[star + 1..].windows(2).position(|bytes| bytes == b"->");
        match arrow.filter(|arrow| star + 1 + arrow + 2 < text.len()) {
            Some(arrow) => Self::Key(before, &behind[..arrow], Some(&behind[arrow + 2..])),
            None => Self::Key(before, behind, None),
        }
    }

    /// Appends to `texts` what the pattern stands for with an element that is there already. Returns
    /// where it is; nothing if there is no such key or field, or it is of another type.
    pub fn fetch(
        &self,
        keys: &mut impl Keys,
        element: &Range<usize>,
        texts: &mut Vec<u8>,
    ) -> Option<Range<usize>> {
        let Self::Key(before, behind, field) = self else {
            return (*self == Self::Element).then(|| element.clone());
        };
        let name = [before, texts.get(element.clone())?, behind].concat();
        let value = keys.entry(&name)?.value();
        let start = texts.len();
        match (field, value) {
            (Some(field), _) => Hash::view_of(value)?.get(field)?.append_to(texts),
            (None, ValueRef::Int(number)) => format_i64(number, texts),
            (None, ValueRef::Bytes { bytes, .. }) => texts.extend_from_slice(bytes),
            (None, ValueRef::Packed(_) | ValueRef::Object(_)) => return None,
        }
        Some(start..texts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_taken_apart_as_redis_does() {
        let key = |before: &'static str, behind: &'static str, field: Option<&'static str>| {
            Pattern::Key(before.as_bytes(), behind.as_bytes(), field.map(str::as_bytes))
        };
        for (pattern, expected) in [
            ("#", Pattern::Element),
            ("nosort", Pattern::Nothing),
            ("", Pattern::Nothing),
            ("a\0*", Pattern::Nothing),
            ("*", key("", "", None)),
            ("w_*", key("w_", "", None)),
            ("w_*_x*", key("w_", "_x*", None)),
            ("o_*->f", key("o_", "", Some("f"))),
            ("o_*x->f->g", key("o_", "x", Some("f->g"))),
            ("o->*", key("o->", "", None)),
            ("o_*->", key("o_", "->", None)),
            ("#*", key("#", "", None)),
        ] {
            assert_eq!(Pattern::of(pattern.as_bytes()), expected, "{pattern:?}");
        }
    }
}
