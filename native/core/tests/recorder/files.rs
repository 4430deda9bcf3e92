//! The file: switching to another one, and refusing what cannot be written.

use symphony_core::recorder::{self, layout::Lang, Options};

use crate::scratch::{start, SMALL};
use crate::trace_file::Trace;

#[test]
fn switching_files_takes_the_names_along() {
    let (_alone, first) = start("switch", SMALL);
    let name = recorder::intern("before", "a.py:1", "");
    recorder::begin(name, Lang::Rust).end();
    let second = first.with_extension("second");
    recorder::open_with(&second, SMALL).expect("second file");
    recorder::begin(name, Lang::Rust).end();
    recorder::close();
    assert_eq!(recorder::begin_raw(name, Lang::Rust), 0, "closed");
    for file in [&first, &second] {
        let trace = Trace::read(file);
        let begins = trace.begins_of(0);
        assert_eq!(begins.len(), 1);
        assert_eq!(trace.text(begins[0].name), "before\u{1f}a.py:1\u{1f}");
    }
    std::fs::remove_file(second).expect("cleaned");
}

#[test]
fn refuses_what_it_cannot_write() {
    let path = std::env::temp_dir()
        .join("no-such-directory")
        .join("x.symtrace");
    let error = recorder::open(&path).expect_err("no directory").to_string();
    assert!(error.contains("no-such-directory"), "{error}");
    let options = Options {
        ring_events: 100,
        ..SMALL
    };
    assert!(recorder::open_with(&path, options).is_err());
}
