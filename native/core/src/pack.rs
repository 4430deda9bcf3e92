//! Pack layout: the value form that TypeScript and Rust exchange, its writer and its reader.
//!
//! Twin: `extension/protocol/pack.ts`; a test compares the tags. Any thread; knows neither Python nor Node.
//!
//! A pack is four arrays: ops, nums, chars and segments. A value is a run of ops in prefix order,
//! `op = tag | arg << 8`. Readers trust nothing: every count is checked against what is there.

use std::fmt;

/// Tags of ops; what their arg means stands beside them in the twin.
pub mod tag {
    pub const NONE: u8 = 0;
    pub const UNDEFINED: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const FALSE: u8 = 3;
    pub const INT: u8 = 4;
    pub const INT53: u8 = 5;
    pub const FLOAT: u8 = 6;
    pub const FLOATS: u8 = 7;
    pub const STR: u8 = 8;
    pub const STR16: u8 = 9;
    pub const BIGINT: u8 = 10;
    pub const BYTES: u8 = 11;
    pub const SEGMENT: u8 = 12;
    pub const LIST: u8 = 13;
    pub const TUPLE: u8 = 14;
    pub const SET: u8 = 15;
    pub const FROZENSET: u8 = 16;
    pub const MAP: u8 = 17;
    pub const SHAPE: u8 = 18;
    pub const OBJECT: u8 = 19;
    pub const DATACLASS: u8 = 20;
    pub const REF: u8 = 21;
    pub const BYTEARRAY: u8 = 22;
}

/// An arg of this value says: the real one is the next op, as a full u32.
pub const WIDE_ARG: u32 = 0xFF_FFFF;
/// Containers may nest this deep; deeper values are refused.
pub const MAX_DEPTH: usize = 1000;
/// What readers allow: a call's payload and an error's chain wrap values that were already at the limit.
pub const MAX_READ_DEPTH: usize = MAX_DEPTH + 16;
/// REF kinds, seen from the receiver of the pack.
pub const REF_OWN: u32 = 0;
pub const REF_FOREIGN: u32 = 1;
/// Largest integer that a float64 holds with all its neighbours.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

const INT_MIN: i64 = -(1 << 23);
const INT_MAX: i64 = (1 << 23) - 1;

/// Bytes that are no pack or frame of this protocol: a broken or foreign peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed pack: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// Writer: grows as needed, and keeps its memory when cleared.
#[derive(Debug, Default, Clone)]
pub struct PackBuf {
    pub ops: Vec<i32>,
    pub nums: Vec<f64>,
    pub chars: Vec<u8>,
    pub segments: Vec<Vec<u8>>,
    shapes: u32,
}

impl PackBuf {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn clear(&mut self) {
        self.ops.clear();
        self.nums.clear();
        self.chars.clear();
        self.segments.clear();
        self.shapes = 0;
    }

    /// Adds an op with an unsigned arg.
    #[inline]
    pub fn op(&mut self, tag: u8, arg: usize) {
        if arg < WIDE_ARG as usize {
            self.ops.push(i32::from(tag) | ((arg as u32) << 8) as i32);
        } else {
            self.wide(tag, arg);
        }
    }

    #[cold]
    fn wide(&mut self, tag: u8, arg: usize) {
        // A count beyond u32 cannot be framed: its parts are counted by u32 too, and the frame writer refuses them.
        let arg = u32::try_from(arg).unwrap_or(u32::MAX);
        self.ops.push(i32::from(tag) | (WIDE_ARG << 8) as i32);
        self.ops.push(arg as i32);
    }

    pub fn none(&mut self) {
        self.op(tag::NONE, 0);
    }

    pub fn bool(&mut self, value: bool) {
        self.op(if value { tag::TRUE } else { tag::FALSE }, 0);
    }

    /// Adds an integer; one beyond 2^53 arrives as a BigInt.
    #[inline]
    pub fn int(&mut self, value: i64) {
        if (INT_MIN..=INT_MAX).contains(&value) {
            self.ops.push(i32::from(tag::INT) | (value as i32) << 8);
        } else if value.unsigned_abs() <= MAX_SAFE_INTEGER as u64 {
            self.op(tag::INT53, 0);
            self.nums.push(value as f64);
        } else {
            let magnitude = value.unsigned_abs();
            self.bigint(value < 0, &[magnitude as u32, (magnitude >> 32) as u32]);
        }
    }

    /// Adds an integer by its magnitude, least significant word first.
    pub fn bigint(&mut self, negative: bool, words: &[u32]) {
        self.op(tag::BIGINT, words.len());
        self.ops.push(i32::from(negative));
        self.ops.extend(words.iter().map(|&word| word as i32));
    }

    #[inline]
    pub fn float(&mut self, value: f64) {
        self.op(tag::FLOAT, 0);
        self.nums.push(value);
    }

    /// Adds text in the narrower of its two forms.
    #[inline]
    pub fn str(&mut self, text: &str) {
        if text.is_ascii() {
            self.latin1(text.as_bytes());
        } else {
            self.wide_str(text);
        }
    }

    fn wide_str(&mut self, text: &str) {
        if text.chars().all(|c| u32::from(c) <= 0xFF) {
            self.op(tag::STR, text.chars().count());
            self.chars.extend(text.chars().map(|c| u32::from(c) as u8));
        } else {
            self.op(tag::STR16, text.encode_utf16().count());
            self.chars
                .extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        }
    }

    /// Adds text given as Latin-1 bytes.
    #[inline]
    pub fn latin1(&mut self, chars: &[u8]) {
        self.op(tag::STR, chars.len());
        self.chars.extend_from_slice(chars);
    }

    /// Adds text given as UTF-16LE bytes.
    pub fn utf16(&mut self, units: &[u8]) {
        self.op(tag::STR16, units.len() / 2);
        self.chars.extend_from_slice(units);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.op(tag::BYTES, bytes.len());
        self.chars.extend_from_slice(bytes);
    }

    pub fn bytearray(&mut self, bytes: &[u8]) {
        self.op(tag::BYTEARRAY, bytes.len());
        self.chars.extend_from_slice(bytes);
    }

    /// Adds bytes as their own segment.
    pub fn segment(&mut self, bytes: Vec<u8>) {
        self.op(tag::SEGMENT, self.segments.len());
        self.segments.push(bytes);
    }

    /// Begins a list; `n` values follow.
    pub fn list(&mut self, n: usize) {
        self.op(tag::LIST, n);
    }

    /// Begins a tuple; `n` values follow.
    pub fn tuple(&mut self, n: usize) {
        self.op(tag::TUPLE, n);
    }

    /// Begins a map; `pairs` times a key and a value follow.
    pub fn map(&mut self, pairs: usize) {
        self.op(tag::MAP, pairs);
    }

    /// Begins an object with these keys; their values follow in order. The keys must be neither index-like nor
    /// `__proto__`.
    pub fn object(&mut self, keys: &[&str]) {
        self.shape(keys.len());
        for key in keys {
            self.str(key);
        }
    }

    /// Begins the definition of a shape and returns its id; `n` keys follow as strings, then the values.
    pub fn shape(&mut self, n: usize) -> u32 {
        let id = self.shapes;
        self.shapes += 1;
        self.op(tag::SHAPE, n);
        id
    }

    /// Adds a reference; see [`REF_OWN`] and [`REF_FOREIGN`].
    pub fn reference(&mut self, kind: u32, handle: u32) {
        self.op(tag::REF, kind as usize);
        self.nums.push(f64::from(handle));
    }

    pub fn view(&self) -> PackView<'_> {
        PackView {
            ops: &self.ops,
            nums: &self.nums,
            chars: &self.chars,
            segments: self.segments.iter().map(Vec::as_slice).collect(),
        }
    }
}

/// A borrowed pack of unknown origin.
#[derive(Debug, Default, Clone)]
pub struct PackView<'a> {
    pub ops: &'a [i32],
    pub nums: &'a [f64],
    pub chars: &'a [u8],
    pub segments: Vec<&'a [u8]>,
}

impl<'a> PackView<'a> {
    pub fn reader(&self) -> PackReader<'a, '_> {
        PackReader {
            ops: self.ops,
            nums: self.nums,
            chars: self.chars,
            segments: &self.segments,
        }
    }

    /// True for a frame without a value.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// Cursor over a pack; each step takes from the front and fails when too little is left.
#[derive(Debug, Clone)]
pub struct PackReader<'a, 's> {
    ops: &'a [i32],
    nums: &'a [f64],
    chars: &'a [u8],
    segments: &'s [&'a [u8]],
}

impl<'a> PackReader<'a, '_> {
    /// The next op as it stands.
    #[inline]
    pub fn op(&mut self) -> Result<i32, Malformed> {
        let (&op, rest) = self
            .ops
            .split_first()
            .ok_or(Malformed("it ends inside a value"))?;
        self.ops = rest;
        Ok(op)
    }

    /// The arg of an op just read; takes the next op when it is wide.
    #[inline]
    pub fn arg(&mut self, op: i32) -> Result<usize, Malformed> {
        let arg = op as u32 >> 8;
        if arg == WIDE_ARG {
            return Ok(self.op()? as u32 as usize);
        }
        Ok(arg as usize)
    }

    /// Checks a number of values to come: each takes at least one op.
    #[inline]
    pub fn count(&self, n: usize) -> Result<usize, Malformed> {
        if n > self.ops.len() {
            return Err(Malformed("more values are announced than are there"));
        }
        Ok(n)
    }

    /// The next `n` ops.
    #[inline]
    pub fn ops(&mut self, n: usize) -> Result<&'a [i32], Malformed> {
        let (taken, rest) = split(self.ops, n).ok_or(Malformed("it ends inside a value"))?;
        self.ops = rest;
        Ok(taken)
    }

    #[inline]
    pub fn num(&mut self) -> Result<f64, Malformed> {
        let (&num, rest) = self
            .nums
            .split_first()
            .ok_or(Malformed("a number is missing"))?;
        self.nums = rest;
        Ok(num)
    }

    #[inline]
    pub fn nums(&mut self, n: usize) -> Result<&'a [f64], Malformed> {
        let (taken, rest) = split(self.nums, n).ok_or(Malformed("numbers are missing"))?;
        self.nums = rest;
        Ok(taken)
    }

    #[inline]
    pub fn chars(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = split(self.chars, n).ok_or(Malformed("characters are missing"))?;
        self.chars = rest;
        Ok(taken)
    }

    pub fn segment(&self, index: usize) -> Result<&'a [u8], Malformed> {
        self.segments
            .get(index)
            .copied()
            .ok_or(Malformed("a segment is missing"))
    }

    /// A string where one must stand, for readers that need no Python. Lone surrogates become U+FFFD.
    pub fn text(&mut self) -> Result<String, Malformed> {
        let op = self.op()?;
        match op as u8 {
            tag::STR => {
                let n = self.arg(op)?;
                Ok(self
                    .chars(n)?
                    .iter()
                    .map(|&byte| char::from(byte))
                    .collect())
            }
            tag::STR16 => {
                let n = self.arg(op)?;
                let bytes = self.chars(n.saturating_mul(2))?;
                let units = bytes
                    .chunks_exact(2)
                    .map(|b| u16::from_le_bytes([b[0], b[1]]));
                Ok(char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect())
            }
            _ => Err(Malformed("a name must be a string")),
        }
    }

    /// A string or none, for readers that need no Python.
    pub fn optional_text(&mut self) -> Result<Option<String>, Malformed> {
        if self.ops.first().map(|&op| op as u8) == Some(tag::NONE) {
            self.op()?;
            return Ok(None);
        }
        self.text().map(Some)
    }

    /// The arg of the next op, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Result<usize, Malformed> {
        let op = self.op()?;
        if op as u8 != tag {
            return Err(Malformed("a value is not of the expected kind"));
        }
        self.arg(op)
    }

    /// A whole number where one must stand, for readers that need no Python.
    pub fn integer(&mut self) -> Result<i64, Malformed> {
        let op = self.op()?;
        match op as u8 {
            tag::INT => Ok(i64::from(op >> 8)),
            tag::INT53 => Ok(self.num()? as i64),
            _ => Err(Malformed("a value is not of the expected kind")),
        }
    }

    /// Ops not read yet.
    pub fn remaining(&self) -> usize {
        self.ops.len()
    }

    /// The ops not read yet, without taking them.
    pub fn rest(&self) -> &'a [i32] {
        self.ops
    }

    /// The characters not read yet, without taking them.
    pub fn rest_chars(&self) -> &'a [u8] {
        self.chars
    }
}

#[inline]
fn split<T>(slice: &[T], n: usize) -> Option<(&[T], &[T])> {
    if n > slice.len() {
        return None;
    }
    Some(slice.split_at(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_takes_the_narrower_form() {
        let mut pack = PackBuf::new();
        for text in ["plain", "caf\u{e9}", "\u{65e5}\u{672c}", "\u{1f600}", ""] {
            pack.clear();
            pack.str(text);
            assert_eq!(pack.view().reader().text().unwrap(), text);
        }
        pack.clear();
        pack.str("caf\u{e9}");
        assert_eq!(pack.chars.len(), 4);
    }

    #[test]
    fn integers_keep_sign_and_size() {
        let mut pack = PackBuf::new();
        for value in [
            0,
            -1,
            INT_MAX,
            INT_MIN,
            INT_MAX + 1,
            INT_MIN - 1,
            MAX_SAFE_INTEGER,
            -MAX_SAFE_INTEGER,
        ] {
            pack.clear();
            pack.int(value);
            assert_eq!(pack.view().reader().integer().unwrap(), value);
        }
        pack.clear();
        pack.int(i64::MIN);
        assert_eq!(pack.ops[0] as u8, tag::BIGINT);
        assert_eq!(&pack.ops[1..], &[1, 0, i32::MIN]);
    }

    #[test]
    fn an_arg_beyond_24_bits_takes_another_op() {
        let mut pack = PackBuf::new();
        for n in [WIDE_ARG as usize - 1, WIDE_ARG as usize, u32::MAX as usize] {
            pack.clear();
            pack.list(n);
            let view = pack.view();
            assert_eq!(view.reader().expect(tag::LIST).unwrap(), n);
        }
    }

    #[test]
    fn a_short_pack_is_an_error() {
        let view = PackView::default();
        let mut reader = view.reader();
        assert!(reader.op().is_err());
        assert!(reader.num().is_err());
        assert!(reader.chars(1).is_err());
        assert!(reader.segment(0).is_err());
        assert!(reader.count(1).is_err());
        let ops = [i32::from(tag::STR) | 5 << 8];
        let view = PackView {
            ops: &ops,
            chars: b"four",
            ..PackView::default()
        };
        assert!(view.reader().text().is_err());
    }
}
