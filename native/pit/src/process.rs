//! Which processes live: a row or file of a dead process can be told from one that is in use.

/// This process's id and start time; together they name a process for good, since ids are used again.
pub fn this() -> (i32, i64) {
    let id = std::process::id() as i32;
    (id, started(id).unwrap_or(0))
}

/// True while the process `id` with that start time lives.
pub fn is_same(id: i32, start: i64) -> bool {
    started(id).is_some_and(|found| found == start)
}

pub fn is_alive(id: i32) -> bool {
    started(id).is_some()
}

/// Start time in clock ticks since boot, from procfs; None when there is no such process.
fn started(id: i32) -> Option<i64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The command name in field 2 may hold spaces and brackets: fields are counted from its closing bracket.
    let after = &text[text.rfind(')')? + 1..];
    let mut fields = after.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
