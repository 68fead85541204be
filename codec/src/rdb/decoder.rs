//! Reading a file that arrives in any number of pieces.
//!
//! One step reads one opcode with what belongs to it, once all of that is there. What a step found
//! is kept as ranges and made into an [`Item`] at the very end, so that waiting for more bytes
//! unpacks nothing twice.

use std::ops::Range;

use super::checksum::Checksum;
use super::error::{Error, Fault, shown};
use super::item::{Entry, Item, ModuleId};
use super::object::{ObjectType, Scanned, Way};
use super::opcode::{
    AUX, EOF, EXPIRETIME, EXPIRETIME_MS, FREQ, FUNCTION_PRE_GA, FUNCTION2, HEADER, IDLE, MAGIC,
    MODULE_AUX, RESIZEDB, SELECTDB, module,
};
use super::read::{Reader, Stop, Text};
use super::{DEFAULT_MAX_STRING, VERSION};

/// The first version with a checksum at the end.
const FIRST_WITH_CHECKSUM: u32 = 5;

/// Where in a file the decoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Items,
    /// Within the data of a module.
    Module(ModuleId),
    Ended,
}

/// What was said about the next key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct About {
    deadline_ms: Option<i64>,
    idle_s: Option<u64>,
    frequency: Option<u8>,
    anything: bool,
}

/// What a step found.
#[derive(Debug)]
enum Step {
    /// The file's version.
    Header(u32),
    /// Something about the next key.
    About(About),
    /// A module's data begins.
    Module(ModuleId),
    /// A piece of a module's data.
    ModulePiece,
    /// What is given to the caller.
    Found(Found),
}

#[derive(Debug)]
enum Found {
    Aux(Text, Text),
    Database(u64),
    Resize { keys: u64, expiring: u64 },
    Key(Text, Scanned, About),
    Function(Text),
    ModuleAux(ModuleId),
    End(Option<u64>),
}

/// Reads a file that arrives in any number of pieces: [`feed`](Self::feed) it one, take items by
/// [`next_item`](Self::next_item) until there is none, and so on; then ask
/// [`finish`](Self::finish).
///
/// The work is linear in the file's length, however it is cut. The decoder holds what was not given
/// yet, and room for two unpacked strings; no length in the file makes it reserve more than the
/// bytes that did arrive can justify.
///
/// Items are given before the checksum at the end was seen: what they lead to must be undone when an
/// error follows.
#[derive(Debug)]
pub struct Decoder {
    /// Bytes that arrived; those before `at` were given as items.
    buf: Vec<u8>,
    at: usize,
    /// Bytes of the file before `buf`.
    before: u64,
    /// Bytes that there must be from `at` on before another look is worth it.
    wanted: usize,
    /// Of all bytes up to `buf[summed]`.
    checksum: Checksum,
    summed: usize,
    stage: Stage,
    version: u32,
    about: About,
    /// A key whose value is not all there yet, and the way through it.
    arriving: Option<(Text, Way)>,
    max_string: usize,
    /// Where strings are unpacked: names and keys, and values.
    names: Vec<u8>,
    values: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_STRING)
    }
}

impl Decoder {
    /// A decoder at the beginning of a file, in which no string may have more than `max_string`
    /// bytes.
    #[must_use]
    pub fn new(max_string: usize) -> Self {
        Self {
            buf: Vec::new(),
            at: 0,
            before: 0,
            wanted: HEADER,
            checksum: Checksum::new(),
            summed: 0,
            stage: Stage::Header,
            version: 0,
            about: About::default(),
            arriving: None,
            max_string,
            names: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        // What is left moves to the front when that is no more than what was given since.
        if self.at > 0 && self.at >= self.buf.len() / 2 {
            self.checksum.update(&self.buf[self.summed..self.at]);
            self.buf.drain(..self.at);
            self.before += self.at as u64;
            (self.at, self.summed) = (0, 0);
        }
        self.buf.extend_from_slice(bytes);
    }

    /// The next item, or none until more bytes come. After [`Item::End`] there is none.
    ///
    /// # Errors
    /// The file is wrong, and where; asking again gives the same error.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, Error> {
        let Some((range, found)) = self.find()? else { return Ok(None) };
        let offset = self.before + range.start as u64;
        let wrong = |(at, fault): (usize, Fault)| Error { offset: offset + at as u64, fault };
        if let Found::End(checksum) = found {
            let verified = self.verify(checksum, &range)?;
            (self.at, self.stage) = (range.end, Stage::Ended);
            return Ok(Some(Item::End { verified }));
        }
        let bytes = &self.buf[range.clone()];
        let item = found.item(bytes, &mut self.names, &mut self.values).map_err(wrong)?;
        (self.at, self.stage, self.about) = (range.end, Stage::Items, About::default());
        Ok(Some(item))
    }

    /// Says whether the file is whole when no more bytes come.
    ///
    /// # Errors
    /// It is not: the bytes end before the file does.
    pub fn finish(&self) -> Result<(), Error> {
        if self.stage == Stage::Ended {
            return Ok(());
        }
        let missing = self.wanted.saturating_sub(self.buf.len() - self.at).max(1);
        let offset = self.before + self.buf.len() as u64;
        Err(Error { offset, fault: Fault::Truncated(missing as u64) })
    }

    /// Bytes that arrived and were not given as items. After the end they do not belong to the file.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.buf[self.at..]
    }

    /// Takes steps until one finds something, and where that stands in the buffer.
    fn find(&mut self) -> Result<Option<(Range<usize>, Found)>, Error> {
        loop {
            let bytes = &self.buf[self.at..];
            if bytes.len() < self.wanted || self.stage == Stage::Ended {
                return Ok(None);
            }
            let mut reader = Reader::new(bytes, self.max_string);
            let mut arriving = self.arriving.take();
            let step = match self.step(&mut reader, bytes, &mut arriving) {
                Ok(step) => step,
                Err(Stop::Needs(count)) => {
                    (self.wanted, self.arriving) = (count, arriving);
                    return Ok(None);
                }
                Err(Stop::Wrong(at, fault)) => {
                    let offset = self.before + (self.at + at) as u64;
                    return Err(Error { offset, fault });
                }
            };
            let end = self.at + reader.at();
            self.wanted = 1;
            match step {
                Step::Header(version) => (self.version, self.stage) = (version, Stage::Items),
                Step::About(about) => self.about = about,
                Step::Module(id) => self.stage = Stage::Module(id),
                Step::ModulePiece => {}
                Step::Found(found) => return Ok(Some((self.at..end, found))),
            }
            self.at = end;
        }
    }

    fn step(
        &self,
        reader: &mut Reader<'_>,
        bytes: &[u8],
        arriving: &mut Option<(Text, Way)>,
    ) -> Result<Step, Stop> {
        if let Some((key, way)) = arriving {
            let value = way.run(reader)?;
            return Ok(Step::Found(Found::Key(key.clone(), value, self.about)));
        }
        match self.stage {
            Stage::Header => header(reader),
            Stage::Module(id) => module_piece(id, reader),
            Stage::Items | Stage::Ended => self.item(reader, bytes, arriving),
        }
    }

    fn item(
        &self,
        reader: &mut Reader<'_>,
        bytes: &[u8],
        arriving: &mut Option<(Text, Way)>,
    ) -> Result<Step, Stop> {
        let opcode = reader.byte()?;
        if let Some(kind) = ObjectType::from_code(opcode) {
            return self.key(kind, reader, bytes, arriving);
        }
        let about = About { anything: true, ..self.about };
        match opcode {
            EXPIRETIME_MS => {
                let deadline = i64::from_le_bytes(reader.array()?);
                // What Redis takes for none.
                let deadline_ms = (deadline != -1).then_some(deadline);
                return Ok(Step::About(About { deadline_ms, ..about }));
            }
            EXPIRETIME => {
                let seconds = i32::from_le_bytes(reader.array()?);
                let deadline_ms = Some(i64::from(seconds) * 1000);
                return Ok(Step::About(About { deadline_ms, ..about }));
            }
            IDLE => return Ok(Step::About(About { idle_s: Some(reader.length()?), ..about })),
            FREQ => return Ok(Step::About(About { frequency: Some(reader.byte()?), ..about })),
            _ if self.about.anything => return Err(Stop::Wrong(0, Fault::KeyMissing(opcode))),
            _ => {}
        }
        Ok(Step::Found(match opcode {
            AUX => Found::Aux(reader.string()?, reader.string()?),
            SELECTDB => Found::Database(reader.length()?),
            RESIZEDB => Found::Resize { keys: reader.length()?, expiring: reader.length()? },
            FUNCTION2 => Found::Function(reader.string()?),
            EOF if self.version < FIRST_WITH_CHECKSUM => Found::End(None),
            EOF => Found::End(Some(u64::from_le_bytes(reader.array()?))),
            MODULE_AUX => return module_head(reader),
            FUNCTION_PRE_GA => return Err(Stop::Wrong(0, Fault::OldFunctions)),
            other => return Err(Stop::Wrong(0, Fault::Opcode(other))),
        }))
    }

    /// A key, behind the byte that says of which type its value is.
    #[inline]
    fn key(
        &self,
        kind: ObjectType,
        reader: &mut Reader<'_>,
        all: &[u8],
        arriving: &mut Option<(Text, Way)>,
    ) -> Result<Step, Stop> {
        let key = reader.string()?;
        if let Some(mut way) = Way::begin(kind, reader.at()) {
            return match way.run(reader) {
                Ok(value) => Ok(Step::Found(Found::Key(key, value, self.about))),
                Err(stop) => {
                    *arriving = Some((key, way));
                    Err(stop)
                }
            };
        }
        let mut scratch = Vec::new();
        let key = key.bytes(all, &mut scratch).map_err(|(at, fault)| Stop::Wrong(at, fault))?;
        Err(Stop::Wrong(0, Fault::Unsupported { key: Some(shown(key)), kind }))
    }

    /// Whether there is a checksum at the end that stands in `range`.
    fn verify(&self, checksum: Option<u64>, range: &Range<usize>) -> Result<bool, Error> {
        let Some(found) = checksum.filter(|checksum| *checksum != 0) else { return Ok(false) };
        let mut sum = self.checksum.clone();
        sum.update(&self.buf[self.summed..=range.start]);
        let computed = sum.value();
        if computed == found {
            return Ok(true);
        }
        let offset = self.before + range.start as u64 + 1;
        Err(Error { offset, fault: Fault::Checksum { found, computed } })
    }
}

impl Found {
    /// The item, whose bytes these are.
    #[inline]
    fn item<'a>(
        self,
        bytes: &'a [u8],
        names: &'a mut Vec<u8>,
        values: &'a mut Vec<u8>,
    ) -> Result<Item<'a>, (usize, Fault)> {
        Ok(match self {
            Self::Key(key, value, about) => Item::Key(Entry {
                key: key.bytes(bytes, names)?,
                deadline_ms: about.deadline_ms,
                idle_s: about.idle_s,
                frequency: about.frequency,
                value: value.value(bytes, values)?,
            }),
            Self::Aux(name, value) => {
                Item::Aux { name: name.bytes(bytes, names)?, value: value.bytes(bytes, values)? }
            }
            Self::Database(database) => Item::Database(database),
            Self::Resize { keys, expiring } => Item::Resize { keys, expiring },
            Self::Function(source) => Item::Function(source.bytes(bytes, values)?),
            Self::ModuleAux(id) => Item::ModuleAux(id),
            Self::End(_) => Item::End { verified: false },
        })
    }
}

fn header(reader: &mut Reader<'_>) -> Result<Step, Stop> {
    let header = reader.array::<HEADER>()?;
    let not_a_header = Stop::Wrong(0, Fault::Header(header));
    let Some(digits) = header.strip_prefix(&MAGIC) else { return Err(not_a_header) };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(not_a_header);
    }
    let version = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    match version {
        1..=VERSION => Ok(Step::Header(version)),
        _ => Err(Stop::Wrong(MAGIC.len(), Fault::Version(version))),
    }
}

/// What stands before a module's data.
fn module_head(reader: &mut Reader<'_>) -> Result<Step, Stop> {
    let id = ModuleId(reader.length()?);
    let at = reader.at();
    let kind = reader.length()?;
    if kind != module::UINT {
        return Err(Stop::Wrong(at, Fault::ModuleWhen(kind)));
    }
    reader.length()?;
    Ok(Step::Module(id))
}

/// One annotated piece of a module's data.
fn module_piece(id: ModuleId, reader: &mut Reader<'_>) -> Result<Step, Stop> {
    match reader.length()? {
        module::EOF => return Ok(Step::Found(Found::ModuleAux(id))),
        module::SINT | module::UINT => {
            reader.length()?;
        }
        module::FLOAT => reader.skip(4)?,
        module::DOUBLE => reader.skip(8)?,
        module::STRING => {
            reader.string()?;
        }
        other => return Err(Stop::Wrong(0, Fault::ModuleData(other))),
    }
    Ok(Step::ModulePiece)
}
