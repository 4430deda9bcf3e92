//! The recorder as a reader of its file sees it.

mod files;
mod processes;
mod rings;
mod scratch;
mod spans;
mod trace_file;
