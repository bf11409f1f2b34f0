//! What is going on, on standard error: a run takes long.

use std::io::Write as _;

/// Says what comes next, or what came.
pub(crate) fn tell(line: &str) {
    // Nobody may be listening.
    drop(writeln!(std::io::stderr().lock(), "bench: {line}"));
}
