//! Memory for long values: mapping it page by page costs as much as filling it.
//!
//! Any thread; knows nothing of what the memory is for.

/// Below this, mapping is not what takes the time.
const LONG: usize = 4 << 20;
const HUGE_PAGE: usize = 2 << 20;

/// Asks the system to map the memory, which is about to be written for the first time, in large pages. Only advice: a
/// system that cannot follow it does as always.
pub fn expect_to_fill(memory: *mut u8, length: usize) {
    advise(memory, length, libc::MADV_HUGEPAGE);
}

/// Maps the memory now: what is to be written has not come yet.
pub fn map_now(memory: *mut u8, length: usize) {
    advise(memory, length, libc::MADV_POPULATE_WRITE);
}

fn advise(memory: *mut u8, length: usize, advice: i32) {
    if length < LONG {
        return;
    }
    // Whole large pages only: what lies beside them is somebody else's.
    let begin = (memory as usize).next_multiple_of(HUGE_PAGE);
    let end = (memory as usize + length) / HUGE_PAGE * HUGE_PAGE;
    // SAFETY: the range lies inside the caller's memory, or is empty; neither advice changes any content.
    unsafe {
        libc::madvise(
            begin as *mut libc::c_void,
            end.saturating_sub(begin),
            advice,
        );
    }
}
