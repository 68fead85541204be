//! Sets to read: whether a member is there, all of them, in steps, and some at random.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher};

use shardwright_codec::listpack::{Element, Listpack};
use shardwright_codec::number::MAX_I64_LEN;

use super::super::intset::Intset;
use crate::dict::Fields;

/// A set to read.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// Integers only.
    Intset(Intset<'a>),
    /// Few and short members.
    Packed(Listpack<'a>),
    /// Any others.
    Table(&'a Fields),
    /// Integers only, and many.
    Integers(&'a Fields),
}

/// Gives 64 random bits.
pub type Random<'r> = dyn FnMut() -> u64 + 'r;

/// A number of `0..end`; the bias is below `end` / 2^64.
fn below(random: &mut Random<'_>, end: usize) -> usize {
    ((u128::from(random()) * end as u128) >> 64) as usize
}

impl<'a> View<'a> {
    /// Number of members. Takes constant time.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::Intset(integers) => integers.len(),
            Self::Packed(listpack) => listpack.len(),
            Self::Table(fields) | Self::Integers(fields) => fields.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether a member is there. Takes constant time in a table, logarithmic time among integers.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        self.has(Element::Bytes(member))
    }

    /// The same of a member as another collection has it: integers may be such or text.
    #[inline]
    pub fn has(self, member: Element<'_>) -> bool {
        let known = || match member {
            Element::Bytes(text) => Element::of(text),
            number @ Element::Int(_) => number,
        };
        match self {
            Self::Intset(integers) => {
                matches!(known(), Element::Int(number) if integers.contains(number))
            }
            Self::Packed(listpack) => {
                let wanted = known();
                listpack.iter().any(|placed| placed.element == wanted)
            }
            Self::Table(fields) | Self::Integers(fields) => {
                fields.entry(member.text(&mut [0; MAX_I64_LEN])).is_some()
            }
        }
    }

    /// Visits members until `visit` says no. Returns whether it never did. Integers come in ascending
    /// order, few members in that in which they came, others in any.
    pub fn all(self, visit: &mut dyn FnMut(Element<'a>) -> bool) -> bool {
        match self {
            Self::Intset(integers) => integers.iter().all(|number| visit(Element::Int(number))),
            Self::Packed(listpack) => listpack.iter().all(|placed| visit(placed.element)),
            Self::Table(fields) | Self::Integers(fields) => {
                fields.iter().all(|entry| visit(Element::Bytes(entry.key())))
            }
        }
    }

    /// Visits all members.
    pub fn for_each(self, visit: &mut dyn FnMut(Element<'a>)) {
        self.all(&mut |member| {
            visit(member);
            true
        });
    }

    /// Visits members from `cursor` on, about `count` of them. Returns where to go on; 0 at the end.
    /// A set that is no table is visited as a whole wherever the cursor is: it may have become one
    /// since the last step.
    pub fn scan(self, cursor: u64, count: usize, visit: &mut dyn FnMut(Element<'_>)) -> u64 {
        match self {
            Self::Table(fields) | Self::Integers(fields) => {
                fields.scan(cursor, count, &mut |entry| visit(Element::Bytes(entry.key())))
            }
            Self::Intset(_) | Self::Packed(_) => {
                self.for_each(&mut |member| visit(member));
                0
            }
        }
    }

    /// A member, each as likely as any other; nothing only if there is none.
    pub fn random(self, random: &mut Random<'_>) -> Option<Element<'a>> {
        match self {
            Self::Intset(integers) => integers.get(below(random, integers.len())).map(Element::Int),
            Self::Packed(listpack) => {
                listpack.get(below(random, listpack.len())).map(|placed| placed.element)
            }
            Self::Table(fields) | Self::Integers(fields) => {
                fields.random(random).map(|entry| Element::Bytes(entry.key()))
            }
        }
    }

    /// Visits `count` different members, each choice as likely as any other; all of them if there are
    /// no more. Takes time linear in `count` or in the number of members, whichever is less, but for
    /// a small factor.
    pub fn sample(self, count: usize, random: &mut Random<'_>, visit: &mut dyn FnMut(Element<'a>)) {
        /// Drawing again what was drawn before must stay rare, and a draw misses the cache.
        const PASS_FROM: usize = 4;
        match self {
            Self::Table(fields) | Self::Integers(fields) if count < fields.len() / PASS_FROM => {
                let mut drawn = HashSet::<_, BuildHasherDefault<DefaultHasher>>::default();
                while drawn.len() < count {
                    let Some(entry) = fields.random(random) else { return };
                    if drawn.insert(entry.key().as_ptr()) {
                        visit(Element::Bytes(entry.key()));
                    }
                }
            }
            _ => self.split(count, random, &mut |member, is_chosen| {
                if is_chosen {
                    visit(member);
                }
            }),
        }
    }

    /// Visits all members and says of each whether it is one of `count` that are chosen at random.
    /// (Selection sampling: D. E. Knuth, The Art of Computer Programming, volume 2, 3.4.2.)
    pub fn split(
        self,
        count: usize,
        random: &mut Random<'_>,
        visit: &mut dyn FnMut(Element<'a>, bool),
    ) {
        let (mut left, mut wanted) = (self.len(), count);
        self.for_each(&mut |member| {
            let is_chosen = below(random, left) < wanted;
            wanted -= usize::from(is_chosen && wanted > 0);
            left = left.saturating_sub(1);
            visit(member, is_chosen);
        });
    }
}
