//! Of which pieces a collection consists, and going over them as they arrive.
//!
//! A type's shape is a list of steps. A [`Scan`] keeps where it is in them, so that a collection
//! which arrives in pieces is gone over once.

use super::object::ObjectType;
use super::read::{Reader, Stop};

/// A piece of a collection.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A string.
    Text,
    /// A score as a text behind a length of one byte, of which the last three stand for NaN and
    /// the infinities.
    OldScore,
    /// So many bytes.
    Bytes(usize),
    /// A length, or another number that is written like one.
    Length,
    /// A length, and so often these steps.
    Many(&'static [Step]),
}

use Step::{Bytes, Length, Many, OldScore, Text};

const SCORE: Step = Bytes(8);
const STREAM_ID: Step = Bytes(16);
const TIME: Step = Bytes(8);

const NODES: Step = Many(&[Text, Text]);
const PENDING: Step = Many(&[STREAM_ID, TIME, Length]);
const CONSUMERS: Step = Many(&[Text, TIME, Many(&[STREAM_ID])]);

/// The steps of a type; none if there is no such collection here.
const fn shape(kind: ObjectType) -> Option<&'static [Step]> {
    Some(match kind {
        ObjectType::List | ObjectType::Set | ObjectType::ListQuicklist => &[Many(&[Text])],
        ObjectType::Hash => &[Many(&[Text, Text])],
        ObjectType::SortedSet => &[Many(&[Text, OldScore])],
        ObjectType::SortedSet2 => &[Many(&[Text, SCORE])],
        ObjectType::ListQuicklist2 => &[Many(&[Length, Text])],
        ObjectType::HashZipmap
        | ObjectType::ListZiplist
        | ObjectType::SetIntset
        | ObjectType::SortedSetZiplist
        | ObjectType::HashZiplist
        | ObjectType::HashListpack
        | ObjectType::SortedSetListpack => &[Text],
        // Nodes; number of entries; last ID. Groups: name, last ID.
        ObjectType::StreamListpacks => {
            const GROUPS: Step = Many(&[Text, Length, Length, PENDING, CONSUMERS]);
            &[NODES, Length, Length, Length, GROUPS]
        }
        // Besides: first ID, greatest ID deleted, entries ever added; entries that a group read.
        ObjectType::StreamListpacks2 => {
            const GROUPS: Step = Many(&[Text, Length, Length, Length, PENDING, CONSUMERS]);
            &[NODES, Length, Length, Length, Length, Length, Length, Length, Length, GROUPS]
        }
        ObjectType::String | ObjectType::ModulePreview | ObjectType::Module2 => return None,
    })
}

/// Where the way through a collection is.
#[derive(Debug)]
pub(super) struct Scan {
    /// Steps that are being repeated: the steps, the next of them, and how often they come.
    loops: Vec<(&'static [Step], usize, u64)>,
    /// Where the next piece begins, counted from where the reader does.
    at: usize,
}

impl Scan {
    /// The way through a collection of this type that begins at `at`; none if there is no such
    /// type here.
    pub(super) fn begin(kind: ObjectType, at: usize) -> Option<Self> {
        shape(kind).map(|steps| Self { loops: vec![(steps, 0, 1)], at })
    }

    /// Goes on to the end, which is returned. When bytes are missing, what was gone over is kept.
    pub(super) fn run(&mut self, reader: &mut Reader<'_>) -> Result<usize, Stop> {
        reader.seek(self.at);
        while let Some((steps, next, left)) = self.loops.last_mut() {
            let Some(step) = steps.get(*next).filter(|_| *left > 0) else {
                if *left > 1 {
                    (*next, *left) = (0, *left - 1);
                } else {
                    self.loops.pop();
                }
                continue;
            };
            let begun = match step {
                Text => reader.string().map(|_| None)?,
                Bytes(count) => reader.skip(*count).map(|()| None)?,
                OldScore => reader.old_score().map(|_| None)?,
                Length => reader.length().map(|_| None)?,
                Many(steps) => Some((*steps, 0, reader.length()?)),
            };
            *next += 1;
            self.at = reader.at();
            self.loops.extend(begun);
        }
        Ok(self.at)
    }
}
