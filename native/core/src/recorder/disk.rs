//! A file mapped for writing by several threads. The only part of the recorder that knows the operating system's files.
//!
//! Threads: any. Must not know: what is in the file.

use super::file::RecorderError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr;

/// A sparse file and its mapping, which stays for the rest of the process.
pub(super) struct MappedFile {
    base: *mut u8,
    length: usize,
    file: File,
}

// SAFETY: the mapping is never unmapped; who writes which part of it is settled by the owner.
unsafe impl Send for MappedFile {}
// SAFETY: as for Send.
unsafe impl Sync for MappedFile {}

impl MappedFile {
    /// Makes an empty file of `length` bytes in place of what is at `path`, and maps it.
    pub(super) fn create(path: &Path, length: usize) -> Result<MappedFile, RecorderError> {
        let refused = |action, source| RecorderError::Io {
            action,
            path: path.to_path_buf(),
            source,
        };
        // A file another process still maps must not shrink under it (that would be SIGBUS there): replace, never truncate.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(refused("replace", error))
            }
            _ => {}
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|error| refused("create", error))?;
        file.set_len(length as u64)
            .map_err(|error| refused("size", error))?;
        // SAFETY: a fresh shared mapping of a file we hold open, of exactly its length; the result is checked below.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(refused("map", io::Error::last_os_error()));
        }
        Ok(MappedFile {
            base: base.cast(),
            length,
            file,
        })
    }

    /// Makes sure that a part of the file has room on the disk. Writing to a mapped page that finds the disk full
    /// kills the process (SIGBUS): nothing may be written that has not been reserved.
    pub(super) fn reserve(&self, offset: usize, length: usize) -> bool {
        debug_assert!(offset + length <= self.length);
        // SAFETY: the descriptor is open; the call does not touch memory.
        let failed = unsafe {
            libc::fallocate(
                self.file.as_raw_fd(),
                0,
                offset as libc::off_t,
                length as libc::off_t,
            )
        } != 0;
        // A file system that cannot reserve is used as it is: recording there beats not recording.
        !failed || io::Error::last_os_error().raw_os_error() == Some(libc::EOPNOTSUPP)
    }

    /// Address of a byte of the file.
    pub(super) fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset < self.length);
        // SAFETY: checked to be inside the mapping.
        unsafe { self.base.add(offset) }
    }

    /// Asks the kernel to write dirty pages; returns at once.
    pub(super) fn start_write_back(&self) {
        // SAFETY: the range is the whole mapping.
        unsafe { libc::msync(self.base.cast(), self.length, libc::MS_ASYNC) };
    }
}
