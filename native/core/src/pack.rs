//! Pack layout: the value form that TypeScript and Rust exchange, its writer and its reader.
//!
//! Twin: `extension/protocol/pack.ts`; a test compares the tags. Any thread; knows neither Python nor Node.
//!
//! A pack is four arrays: ops, nums, chars and segments. A value is a run of ops in prefix order,
//! `op = tag | arg << 8`. Readers trust nothing: every count is checked against what is there.

mod reader;
mod writer;

pub use reader::{Owner, PackReader, PackView};
pub use writer::{PackBuf, Segment};

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
    pub const BACK: u8 = 23;
    pub const EXT: u8 = 24;
    pub const PROXY: u8 = 25;
}

/// An arg of this value says: the real one is the next op, as a full u32.
pub const WIDE_ARG: u32 = 0xFF_FFFF;
/// Containers may nest this deep; deeper values are refused.
pub const MAX_DEPTH: usize = 1000;
/// What readers allow: a call's payload and an error's chain wrap values that were already at the limit.
pub const MAX_READ_DEPTH: usize = MAX_DEPTH + 16;
/// Bit of an op's tag: the container it begins is met again, by a BACK with the index of this op.
pub const KEPT: u8 = 0x80;

/// Bits of PROXY's arg: what the sender's object can do, so that its stand-in can do it, too.
pub mod traits {
    pub const CALLABLE: u32 = 1;
    pub const AWAITABLE: u32 = 1 << 1;
    pub const ITERATOR: u32 = 1 << 2;
    pub const ASYNC_ITERATOR: u32 = 1 << 3;
    pub const ITERABLE: u32 = 1 << 4;
    pub const ASYNC_ITERABLE: u32 = 1 << 5;
    pub const CONTEXT: u32 = 1 << 6;
    pub const ASYNC_CONTEXT: u32 = 1 << 7;
    pub const CLASS: u32 = 1 << 8;
    pub const MODULE: u32 = 1 << 9;
    pub const EXCEPTION: u32 = 1 << 10;
    pub const SYMBOL: u32 = 1 << 11;
    /// An iterator, asynchronous or not, that can be closed and thrown into.
    pub const GENERATOR: u32 = 1 << 12;
}

/// Largest integer that a float64 holds with all its neighbours.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// Bytes that are no pack or frame of this protocol: a broken or foreign peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed pack: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::writer::{INT_MAX, INT_MIN};
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
            let op = pack.ops[0];
            let read = match op as u8 {
                tag::INT => i64::from(op >> 8),
                _ => pack.nums[0] as i64,
            };
            assert_eq!(read, value);
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
