//! Writing a file piece by piece.

use super::checksum::Checksum;
use super::opcode::{AUX, EOF, EXPIRETIME_MS, MAGIC, RESIZEDB, SELECTDB};
use super::write::{StringWriter, write_length};
use super::{Body, ObjectType, VERSION, Value};

/// How a file is written. The defaults are those of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether long strings are compressed (`rdbcompression`).
    pub compress: bool,
    /// Whether the file ends with a checksum (`rdbchecksum`) or with zeros.
    pub checksum: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { compress: true, checksum: true }
    }
}

/// Writes a file into a buffer of its own, from which the caller takes bytes whenever there are
/// enough ([`swap`](Self::swap)): so the file may be longer than memory.
///
/// A file as Redis writes it begins with the facts `redis-ver`, `redis-bits`, `ctime`, `used-mem`
/// and `aof-base`, in this order.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    /// Bytes of `out` that the checksum has seen.
    summed: usize,
    checksum: Option<Checksum>,
    strings: StringWriter,
    database: Option<u64>,
}

impl Encoder {
    /// A file with nothing but its header.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(format!("{VERSION:04}").as_bytes());
        Self {
            out,
            summed: 0,
            checksum: options.checksum.then(Checksum::new),
            strings: StringWriter::new(options.compress),
            database: None,
        }
    }

    /// Adds a fact about the file. Redis passes over those it does not know.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.out.push(AUX);
        self.strings.write(name, &mut self.out);
        self.strings.write(value, &mut self.out);
    }

    /// Says how many keys `database` is going to have, and how many of them expire.
    ///
    /// Redis makes room for them at once, which saves it from growing its tables again and again
    /// while it loads. So say it wherever the numbers are at hand, once for each database and
    /// before its first key; the order of the keys does not matter to it. Leave it out rather than
    /// count for it, and never guess too high: room is made for what is said.
    pub fn resize(&mut self, database: u64, keys: u64, expiring: u64) {
        self.select(database);
        self.out.push(RESIZEDB);
        write_length(keys, &mut self.out);
        write_length(expiring, &mut self.out);
    }

    /// Adds a key. Databases may follow one another in any order; each change takes two bytes.
    ///
    /// `deadline_ms` counts from the Unix epoch. Redis takes -1 for none, so it is written as -2:
    /// both are long ago.
    #[inline]
    pub fn key(&mut self, database: u64, key: &[u8], deadline_ms: Option<i64>, value: &Value<'_>) {
        self.head(database, key, deadline_ms, value.object_type());
        value.write(&mut self.strings, &mut self.out);
    }

    /// Adds a key with a collection of this type, whose bytes `write` appends.
    pub fn collection(
        &mut self,
        database: u64,
        key: &[u8],
        deadline_ms: Option<i64>,
        kind: ObjectType,
        write: impl FnOnce(&mut Body<'_>),
    ) {
        self.head(database, key, deadline_ms, kind);
        write(&mut Body::new(&mut self.strings, &mut self.out));
    }

    fn head(&mut self, database: u64, key: &[u8], deadline_ms: Option<i64>, kind: ObjectType) {
        self.select(database);
        if let Some(deadline) = deadline_ms {
            let deadline = if deadline == -1 { -2 } else { deadline };
            self.out.push(EXPIRETIME_MS);
            self.out.extend_from_slice(&deadline.to_le_bytes());
        }
        self.out.push(kind.code());
        self.strings.write(key, &mut self.out);
    }

    fn select(&mut self, database: u64) {
        if self.database != Some(database) {
            self.database = Some(database);
            self.out.push(SELECTDB);
            write_length(database, &mut self.out);
        }
    }

    /// Bytes that were written and not taken.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// Puts all bytes that were written and not taken in place of what `buffer` holds, whose memory
    /// is used for those that follow.
    pub fn swap(&mut self, buffer: &mut Vec<u8>) {
        self.sum();
        buffer.clear();
        std::mem::swap(&mut self.out, buffer);
        self.summed = 0;
    }

    /// Ends the file, and gives the bytes that were not taken.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(EOF);
        self.sum();
        let checksum = self.checksum.map_or(0, |checksum| checksum.value());
        self.out.extend_from_slice(&checksum.to_le_bytes());
        self.out
    }

    fn sum(&mut self) {
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&self.out[self.summed..]);
        }
        self.summed = self.out.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let mut encoder = Encoder::new(Options { checksum: false, ..Options::default() });
        encoder.aux(b"redis-bits", b"64");
        encoder.resize(3, 2, 1);
        encoder.key(3, b"key", Some(0x0102_0304), &Value::Bytes(b"value"));
        encoder.key(3, b"-7", Some(-1), &Value::Int(300));
        encoder.key(0, b"", None, &Value::Int(-7));
        let expected = [
            &b"REDIS0010"[..],
            b"\xfa\x0aredis-bits\xc0\x40",
            b"\xfe\x03\xfb\x02\x01",
            b"\xfc\x04\x03\x02\x01\0\0\0\0\0\x03key\x05value",
            b"\xfc\xfe\xff\xff\xff\xff\xff\xff\xff\0\xc0\xf9\xc1\x2c\x01",
            b"\xfe\0\0\0\xc0\xf9",
            b"\xff\0\0\0\0\0\0\0\0",
        ];
        assert_eq!(encoder.finish(), expected.concat());
    }

    #[test]
    fn the_checksum_goes_on_while_bytes_are_taken() {
        let write = |encoder: &mut Encoder, n: u32| {
            encoder.key(u64::from(n) % 3, &n.to_le_bytes(), None, &Value::Int(n.into()));
        };
        let mut whole = Encoder::new(Options::default());
        let mut pieces = Encoder::new(Options::default());
        let (mut taken, mut buffer) = (Vec::new(), b"stale".to_vec());
        for n in 0..1000 {
            write(&mut whole, n);
            write(&mut pieces, n);
            if n % 7 == 0 {
                pieces.swap(&mut buffer);
                assert_eq!(pieces.pending(), 0);
                taken.extend_from_slice(&buffer);
            }
        }
        taken.extend(pieces.finish());
        assert_eq!(taken, whole.finish());
    }

    #[test]
    fn an_empty_file_is_the_one_that_redis_writes() {
        let bytes = Encoder::new(Options::default()).finish();
        let mut checksum = Checksum::new();
        checksum.update(b"REDIS0010\xff");
        assert_eq!(bytes, [&b"REDIS0010\xff"[..], &checksum.value().to_le_bytes()].concat());
        let mut check = Checksum::new();
        check.update(b"123456789");
        assert_eq!(check.value(), 0xe9c6_d914_c4b8_d9ca, "the polynomial's published check value");
    }
}
