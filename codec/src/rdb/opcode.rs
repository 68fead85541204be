//! The bytes that say what follows in a file, and the first bits of lengths.

pub(super) const MAGIC: [u8; 5] = *b"REDIS";
/// Bytes of the header: the magic, and the version in four digits.
pub(super) const HEADER: usize = 9;

pub(super) const FUNCTION2: u8 = 245;
pub(super) const FUNCTION_PRE_GA: u8 = 246;
pub(super) const MODULE_AUX: u8 = 247;
pub(super) const IDLE: u8 = 248;
pub(super) const FREQ: u8 = 249;
pub(super) const AUX: u8 = 250;
pub(super) const RESIZEDB: u8 = 251;
pub(super) const EXPIRETIME_MS: u8 = 252;
pub(super) const EXPIRETIME: u8 = 253;
pub(super) const SELECTDB: u8 = 254;
pub(super) const EOF: u8 = 255;

/// What annotates the data of modules.
pub(super) mod module {
    pub(in super::super) const EOF: u64 = 0;
    pub(in super::super) const SINT: u64 = 1;
    pub(in super::super) const UINT: u64 = 2;
    pub(in super::super) const FLOAT: u64 = 3;
    pub(in super::super) const DOUBLE: u64 = 4;
    pub(in super::super) const STRING: u64 = 5;
}

/// The upper bits of a length's first byte.
pub(super) const LEN_6: u8 = 0x00;
pub(super) const LEN_14: u8 = 0x40;
pub(super) const LEN_32: u8 = 0x80;
pub(super) const LEN_64: u8 = 0x81;
/// Not a length: a string in the encoding that the lower six bits say.
pub(super) const ENCODED: u8 = 0xc0;

pub(super) const ENC_INT8: u8 = 0;
pub(super) const ENC_INT16: u8 = 1;
pub(super) const ENC_INT32: u8 = 2;
pub(super) const ENC_LZF: u8 = 3;
