//! The writer of packs.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{tag, PackView, MAX_SAFE_INTEGER, WIDE_ARG};

pub(super) const INT_MIN: i64 = -(1 << 23);
pub(super) const INT_MAX: i64 = (1 << 23) - 1;

/// Writer: grows as needed, and keeps its memory when cleared.
#[derive(Debug, Default, Clone)]
pub struct PackBuf {
    pub ops: Vec<i32>,
    pub nums: Vec<f64>,
    pub chars: Vec<u8>,
    pub segments: Vec<Segment>,
    shapes: u32,
}

/// Bytes beside a pack: its own, or lent by somebody who keeps them in place as long as the pack has them.
#[derive(Clone)]
pub enum Segment {
    Own(Vec<u8>),
    Lent(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl Deref for Segment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Lent(bytes) => (**bytes).as_ref(),
        }
    }
}

impl From<Vec<u8>> for Segment {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Own(bytes)
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({} bytes)", self.len())
    }
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
    pub fn segment(&mut self, bytes: impl Into<Segment>) {
        self.op(tag::SEGMENT, self.segments.len());
        self.segments.push(bytes.into());
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

    /// Adds a reference to an object of the receiver.
    pub fn reference(&mut self, handle: u32) {
        self.op(tag::REF, 0);
        self.nums.push(f64::from(handle));
    }

    /// Adds an object of the sender's that stays there; `traits` are [`super::traits`], `label` names it in messages.
    pub fn proxy(&mut self, handle: u32, traits: u32, label: &str) {
        self.op(tag::PROXY, traits as usize);
        self.nums.push(f64::from(handle));
        self.str(label);
    }

    pub fn view(&self) -> PackView<'_> {
        PackView {
            ops: &self.ops,
            nums: &self.nums,
            chars: &self.chars,
            segments: self.segments.iter().map(|bytes| &**bytes).collect(),
            owner: None,
        }
    }
}
