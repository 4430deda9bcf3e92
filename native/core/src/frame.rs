//! Frame layout: the header in front of every pack on the wire and between addon and TypeScript.
//!
//! Twin: `extension/protocol/frame.ts`, where the layout is drawn. Any thread; knows neither Python nor Node.

use std::mem::size_of;
use std::ops::Range;

use crate::pack::{Malformed, Owner, PackBuf, PackView};

pub const HEADER: usize = 64;
pub const VERSION: u16 = 1;
/// Longest frame either side writes or accepts, in bytes.
pub const MAX_FRAME: usize = 0x4000_0000;
/// Bytes in front of each segment that tell its length.
const SEGMENT_LENGTH: usize = 8;

/// Kinds of frames.
pub mod kind {
    pub const CALL: u8 = 1;
    pub const RESULT: u8 = 2;
    pub const ERROR: u8 = 3;
    pub const CANCEL: u8 = 4;
    pub const RELEASE: u8 = 5;
    pub const OUTPUT: u8 = 6;
    pub const EVENT: u8 = 7;
    pub const PING: u8 = 8;
    pub const PONG: u8 = 9;
    pub const HELLO: u8 = 10;
    pub const CLOSE: u8 = 11;
    /// The line at which the sender got `target`.
    pub const LOCATE: u8 = 12;
}

/// Bits of [`Header::flags`].
pub mod flag {
    /// The result stays at the callee as a handle; the reply is a reference to it.
    pub const RETURN_REF: u8 = 1;
    /// The child runs the call on its main thread.
    pub const MAIN_THREAD: u8 = 2;
    /// The handle is declared long-lived: it never counts as a leak.
    pub const LONG_LIVED: u8 = 4;
    /// The caller wants the result's exact types: values that would become plain ones keep their carriers.
    pub const STRICT: u8 = 8;
    /// Of a PING: answered when Python's control thread has the interpreter.
    pub const INTERPRETER: u8 = 1;
    /// Of a PING: the answer is to tell the Python stacks of all threads; of a PONG: it does.
    pub const STACKS: u8 = 2;
}

/// What a frame says about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Header {
    pub kind: u8,
    pub flags: u8,
    /// Call id, chosen by the caller's side; each direction has its own ids.
    pub id: u32,
    /// Handle of the receiver; 0: none.
    pub target: u32,
    /// Span id of the crossing; 0: the receiver makes one.
    pub span: f64,
    /// Span id of the parent; 0: none.
    pub parent: f64,
    /// Monotonic clock of the sender, nanoseconds.
    pub sent_ns: f64,
    /// Of a CALL: the call of the receiver's that the sender works for when it makes this one; 0: none.
    pub within: u32,
}

/// A value too large for one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    pub bytes: usize,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot send {} MiB at once: the limit is {} MiB; pass it in parts or as a file",
            self.bytes.div_ceil(1 << 20),
            MAX_FRAME >> 20
        )
    }
}

impl std::error::Error for TooLarge {}

/// Length of the frame for `pack`, or an error when it is over [`MAX_FRAME`].
pub fn frame_length(pack: &PackBuf) -> Result<usize, TooLarge> {
    let segments: usize = pack
        .segments
        .iter()
        .map(|bytes| 8 + pad8(bytes.len()))
        .sum();
    let bytes = HEADER
        + pack.nums.len() * size_of::<f64>()
        + pad8(pack.ops.len() * size_of::<i32>())
        + pad8(pack.chars.len())
        + segments;
    if bytes > MAX_FRAME {
        return Err(TooLarge { bytes });
    }
    Ok(bytes)
}

/// Appends one frame to `out`, whose length must be a multiple of 8, as whole frames leave it.
pub fn write_frame(out: &mut Vec<u8>, header: &Header, pack: &PackBuf) -> Result<(), TooLarge> {
    debug_assert_eq!(out.len() % 8, 0);
    let length = frame_length(pack)?;
    out.reserve(length);
    let end = out.len() + length;
    write_header(out, length as u32, header, pack);
    out.extend_from_slice(nums_as_bytes(&pack.nums));
    out.extend_from_slice(ops_as_bytes(&pack.ops));
    pad(out);
    out.extend_from_slice(&pack.chars);
    pad(out);
    for segment in &pack.segments {
        out.extend_from_slice(&(segment.len() as u64).to_le_bytes());
        out.extend_from_slice(segment);
        pad(out);
    }
    debug_assert_eq!(out.len(), end);
    Ok(())
}

fn write_header(out: &mut Vec<u8>, length: u32, header: &Header, pack: &PackBuf) {
    let mut bytes = [0; HEADER];
    bytes[0..4].copy_from_slice(&length.to_le_bytes());
    bytes[4] = header.kind;
    bytes[5] = header.flags;
    bytes[6..8].copy_from_slice(&VERSION.to_le_bytes());
    bytes[8..12].copy_from_slice(&header.id.to_le_bytes());
    bytes[12..16].copy_from_slice(&header.target.to_le_bytes());
    bytes[16..24].copy_from_slice(&header.span.to_le_bytes());
    bytes[24..32].copy_from_slice(&header.parent.to_le_bytes());
    bytes[32..40].copy_from_slice(&header.sent_ns.to_le_bytes());
    let lengths = [
        pack.ops.len(),
        pack.nums.len(),
        pack.chars.len(),
        pack.segments.len(),
    ];
    for (at, n) in (40..56).step_by(4).zip(lengths) {
        bytes[at..at + 4].copy_from_slice(&(n as u32).to_le_bytes());
    }
    bytes[56..60].copy_from_slice(&header.within.to_le_bytes());
    out.extend_from_slice(&bytes);
}

/// One frame of a chunk.
#[derive(Debug)]
pub struct Frame<'a> {
    pub header: Header,
    pub pack: PackView<'a>,
    /// Total length in bytes: where the next frame begins.
    pub length: usize,
}

/// Length of the frame at the front of `bytes`; None when fewer than four bytes are there.
///
/// For readers of a stream, which must not reserve memory for a length that makes no sense.
pub fn peek_length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(field) = bytes.get(0..4) else {
        return Ok(None);
    };
    let length = u32_at(field, 0) as usize;
    if length < HEADER || length % 8 != 0 || length > MAX_FRAME {
        return Err(Malformed("a frame's length makes no sense"));
    }
    Ok(Some(length))
}

/// Reads the frame at the front of `bytes`, which must begin at an address that is a multiple of 8 (as any allocation
/// of this size does, and so does each frame behind another).
pub fn read_frame(bytes: &[u8]) -> Result<Frame<'_>, Malformed> {
    let length = peek_length(bytes)?.ok_or(Malformed("a frame is cut short"))?;
    let bytes = bytes
        .get(..length)
        .ok_or(Malformed("a frame is cut short"))?;
    let (mut frame, mut rest, segments) = read_front(bytes, length)?;
    frame.pack.segments = rest.segments(segments)?;
    Ok(frame)
}

/// Where the bytes of a frame's only segment lie, for a reader of a stream who has the `front` of a frame and wants
/// them elsewhere. None when there are more of them, or none, or the front is too short to tell.
pub fn only_segment(front: &[u8]) -> Option<Range<usize>> {
    let header = front.get(..HEADER)?;
    let [ops, nums, chars, segments] = lengths(header);
    let parts = nums * size_of::<f64>() + pad8(ops * size_of::<i32>()) + pad8(chars);
    let begin = HEADER + parts + SEGMENT_LENGTH;
    let field = front.get(begin - SEGMENT_LENGTH..begin)?;
    let (low, high) = (u32_at(field, 0) as usize, u32_at(field, 4));
    let is_only = segments == 1 && high == 0;
    let end = begin + low;
    (is_only && pad8(end) == u32_at(header, 0) as usize).then_some(begin..end)
}

/// [`read_frame`] of a frame that was received apart: its `front` up to the bytes of its only segment, and these, which
/// `owner` has.
pub fn read_apart<'a>(
    front: &'a [u8],
    segment: &'a [u8],
    owner: &'a Owner,
) -> Result<Frame<'a>, Malformed> {
    if only_segment(front) != Some(front.len()..front.len() + segment.len()) {
        return Err(Malformed("a segment is not the one that was announced"));
    }
    let (mut frame, _, _) = read_front(front, pad8(front.len() + segment.len()))?;
    frame.pack.segments = vec![segment];
    frame.pack.owner = Some(owner);
    Ok(frame)
}

/// A frame without its segments; what lies behind the other parts, and how many segments are announced there.
fn read_front(bytes: &[u8], length: usize) -> Result<(Frame<'_>, Parts<'_>, usize), Malformed> {
    if u16::from_le_bytes([bytes[6], bytes[7]]) != VERSION {
        return Err(Malformed(
            "the two sides are of different builds (frame version)",
        ));
    }
    let header = Header {
        kind: bytes[4],
        flags: bytes[5],
        id: u32_at(bytes, 8),
        target: u32_at(bytes, 12),
        span: f64_at(bytes, 16),
        parent: f64_at(bytes, 24),
        sent_ns: f64_at(bytes, 32),
        within: u32_at(bytes, 56),
    };
    let [ops, nums, chars, segments] = lengths(bytes);
    let mut parts = Parts(&bytes[HEADER..]);
    let nums = parts.take(nums * size_of::<f64>())?;
    let ops = parts.take(ops * size_of::<i32>())?;
    let chars = parts.take(chars)?;
    let pack = PackView {
        ops: as_i32(ops)?,
        nums: as_f64(nums)?,
        chars,
        ..PackView::default()
    };
    let frame = Frame {
        header,
        pack,
        length,
    };
    Ok((frame, parts, segments))
}

/// Of ops, nums, chars and segments, as a header tells them.
fn lengths(header: &[u8]) -> [usize; 4] {
    [40, 44, 48, 52].map(|at| u32_at(header, at) as usize)
}

struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// Takes `n` bytes and the padding behind them.
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let padded = pad8(n);
        if padded > self.0.len() {
            return Err(Malformed("a frame's parts are longer than the whole"));
        }
        let (part, rest) = self.0.split_at(padded);
        self.0 = rest;
        Ok(&part[..n])
    }

    fn segments(&mut self, count: usize) -> Result<Vec<&'a [u8]>, Malformed> {
        // Each takes at least its length field: a count of millions reserves nothing.
        if count > self.0.len() / SEGMENT_LENGTH {
            return Err(Malformed("a segment is missing"));
        }
        let mut segments = Vec::with_capacity(count);
        for _ in 0..count {
            let field = self.take(SEGMENT_LENGTH)?;
            let (low, high) = (u32_at(field, 0) as usize, u32_at(field, 4));
            if high != 0 {
                return Err(Malformed("a segment is longer than its frame"));
            }
            segments.push(self.take(low)?);
        }
        Ok(segments)
    }
}

#[cfg(target_endian = "big")]
compile_error!("frames are little-endian and read in place");

fn nums_as_bytes(nums: &[f64]) -> &[u8] {
    // SAFETY: f64 has no padding, u8 no alignment.
    unsafe { nums.align_to::<u8>() }.1
}

fn ops_as_bytes(ops: &[i32]) -> &[u8] {
    // SAFETY: i32 has no padding, u8 no alignment.
    unsafe { ops.align_to::<u8>() }.1
}

fn as_i32(bytes: &[u8]) -> Result<&[i32], Malformed> {
    // SAFETY: every bit pattern is an i32; align_to checks the address.
    let (before, ops, _) = unsafe { bytes.align_to::<i32>() };
    if before.is_empty() {
        Ok(ops)
    } else {
        Err(Malformed("a frame is not aligned in memory"))
    }
}

fn as_f64(bytes: &[u8]) -> Result<&[f64], Malformed> {
    // SAFETY: every bit pattern is an f64; align_to checks the address.
    let (before, nums, _) = unsafe { bytes.align_to::<f64>() };
    if before.is_empty() {
        Ok(nums)
    } else {
        Err(Malformed("a frame is not aligned in memory"))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn f64_at(bytes: &[u8], at: usize) -> f64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    f64::from_le_bytes(field)
}

fn pad8(n: usize) -> usize {
    n.next_multiple_of(8)
}

fn pad(out: &mut Vec<u8>) {
    out.resize(pad8(out.len()), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Chunk;

    fn sample() -> (Header, PackBuf) {
        let header = Header {
            kind: kind::CALL,
            flags: flag::RETURN_REF,
            id: 7,
            target: 9,
            span: 1.0,
            parent: 2.0,
            sent_ns: 3.5,
            within: 11,
        };
        let mut pack = PackBuf::new();
        pack.tuple(4);
        pack.str("name");
        pack.float(2.5);
        pack.int(1 << 40);
        pack.segment(vec![1, 2, 3]);
        (header, pack)
    }

    #[test]
    fn what_is_written_is_read() {
        let (header, pack) = sample();
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &header, &pack).unwrap();
        write_frame(&mut bytes, &header, &PackBuf::new()).unwrap();
        let first = read_frame(&bytes).unwrap();
        let second = read_frame(&bytes[first.length..]).unwrap();
        let read = [first, second];
        assert_eq!(read[0].header, header);
        assert_eq!(read[0].pack.ops, &pack.ops[..]);
        assert_eq!(read[0].pack.nums, &pack.nums[..]);
        assert_eq!(read[0].pack.chars, b"name");
        assert_eq!(read[0].pack.segments, [&[1, 2, 3][..]]);
        assert!(read[1].pack.is_empty());
        assert_eq!(read[1].length, HEADER);
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_survived() {
        let (header, pack) = sample();
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &header, &pack).unwrap();
        for cut in 0..bytes.len() {
            assert!(read_frame(&bytes[..cut]).is_err());
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0xFF;
            let _ = read_frame(&broken).map(|frame| frame.pack.reader().text());
        }
    }

    #[test]
    fn a_frame_whose_only_segment_came_apart_reads_the_same() {
        let (header, pack) = sample();
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &header, &pack).unwrap();
        let at = only_segment(&bytes).unwrap();
        assert_eq!(bytes[at.clone()], [1, 2, 3]);
        for cut in 0..at.start {
            assert_eq!(only_segment(&bytes[..cut]), None);
        }
        let front = Chunk::copy(&bytes[..at.start]);
        let apart = read_apart(front.bytes(), &[1, 2, 3], &()).unwrap();
        let whole = read_frame(&bytes).unwrap();
        assert_eq!(apart.header, whole.header);
        assert_eq!(apart.length, whole.length);
        assert_eq!(apart.pack.ops, whole.pack.ops);
        assert_eq!(apart.pack.nums, whole.pack.nums);
        assert_eq!(apart.pack.chars, whole.pack.chars);
        assert_eq!(apart.pack.segments, whole.pack.segments);
        assert!(read_apart(front.bytes(), &[1, 2], &()).is_err());
        assert!(read_apart(&bytes[..at.start - 1], &[1, 2, 3], &()).is_err());
    }

    #[test]
    fn nothing_but_one_segment_is_received_apart() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &Header::default(), &PackBuf::new()).unwrap();
        assert_eq!(only_segment(&bytes), None);
        let mut pack = PackBuf::new();
        pack.segment(vec![1]);
        pack.segment(vec![2]);
        bytes.clear();
        write_frame(&mut bytes, &Header::default(), &pack).unwrap();
        assert_eq!(only_segment(&bytes), None);
        let (header, pack) = sample();
        bytes.clear();
        write_frame(&mut bytes, &header, &pack).unwrap();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] = broken[at].wrapping_add(8);
            if let Some(segment) = only_segment(&broken) {
                assert!(pad8(segment.end) == peek_length(&broken).unwrap().unwrap());
            }
        }
    }

    #[test]
    fn an_unaligned_frame_is_refused() {
        let (header, pack) = sample();
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &header, &pack).unwrap();
        bytes.insert(0, 0);
        assert!(read_frame(&bytes[1..]).is_err());
    }
}
