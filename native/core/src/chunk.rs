//! Memory that whole frames lie in.
//!
//! Any thread; knows nothing of what the bytes mean.

use std::mem::size_of;

use crate::huge_pages;

/// Bytes in memory of their own, aligned so that frames can be read in place.
#[derive(Debug)]
pub struct Chunk {
    words: Vec<u64>,
    length: usize,
}

impl Chunk {
    pub fn copy(bytes: &[u8]) -> Self {
        let count = bytes.len().div_ceil(8);
        let mut words: Vec<u64> = Vec::with_capacity(count);
        huge_pages::expect_to_fill(words.as_mut_ptr().cast(), count * size_of::<u64>());
        if let Some(last) = count.checked_sub(1) {
            let room: *mut u64 = words.as_mut_ptr();
            // SAFETY: the room is `count` words; the last one is written whole before part of it is copied over.
            unsafe {
                room.add(last).write(0);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), room.cast(), bytes.len());
                words.set_len(count);
            }
        }
        Self {
            words,
            length: bytes.len(),
        }
    }

    /// Room for so many bytes, all 0.
    pub fn with_length(length: usize) -> Self {
        let mut words = vec![0; length.div_ceil(8)];
        huge_pages::expect_to_fill(words.as_mut_ptr().cast(), length);
        Self { words, length }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; any bytes make a u64.
        &mut unsafe { self.words.align_to_mut::<u8>() }.1[..self.length]
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: u64 has no padding, and u8 no alignment.
        &unsafe { self.words.align_to::<u8>() }.1[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_an_aligned_copy_of_any_length() {
        for length in [0, 1, 7, 8, 9, 64] {
            let bytes: Vec<u8> = (0..length).collect();
            let copy = Chunk::copy(&bytes);
            assert_eq!(copy.bytes(), bytes);
            assert_eq!(copy.bytes().as_ptr() as usize % 8, 0);
        }
    }

    #[test]
    fn long_memory_is_empty_and_takes_what_is_written() {
        // Long enough for large pages, and no multiple of them.
        let length = (5 << 20) + 3;
        let mut chunk = Chunk::with_length(length);
        assert_eq!(chunk.bytes().len(), length);
        assert!(chunk.bytes().iter().all(|byte| *byte == 0));
        chunk.bytes_mut().fill(7);
        let copy = Chunk::copy(chunk.bytes());
        assert!(copy.bytes().iter().all(|byte| *byte == 7));
    }
}
