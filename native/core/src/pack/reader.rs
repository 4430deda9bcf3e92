//! The reader of packs: a cursor that trusts nothing.

use std::any::Any;

use super::{tag, Malformed, WIDE_ARG};

/// A borrowed pack of unknown origin.
#[derive(Debug, Default, Clone)]
pub struct PackView<'a> {
    pub ops: &'a [i32],
    pub nums: &'a [f64],
    pub chars: &'a [u8],
    pub segments: Vec<&'a [u8]>,
    /// Who has the memory of the only segment, where it was received apart.
    pub owner: Option<&'a Owner>,
}

/// Whatever the receiver chose.
pub type Owner = dyn Any + Send + Sync;

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

    /// The tag of the next op, which stays.
    #[inline]
    pub fn next_tag(&self) -> Option<u8> {
        self.ops.first().map(|&op| op as u8)
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

    /// The arg of the next op, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Result<usize, Malformed> {
        let op = self.op()?;
        if op as u8 != tag {
            return Err(Malformed("a value is not of the expected kind"));
        }
        self.arg(op)
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
