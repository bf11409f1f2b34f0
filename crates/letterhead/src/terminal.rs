//! Where commands write: results to one stream, complaints to the other.
//!
//! Passed in, so that a test reads what a person would see; and `println!` panics where the reader has gone away.

use std::io::{self, Write};

/// Standard output and standard error, or what stands in for them.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
}

impl Terminal {
    /// A terminal that writes results to `out` and complaints to `err`.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
        }
    }

    /// The streams of this process.
    #[must_use]
    pub fn of_the_process() -> Self {
        Self::new(io::stdout(), io::stderr())
    }

    /// Writes a result as it is, and flushes it.
    ///
    /// # Errors
    /// The stream's; a closed pipe means that nobody reads any more.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Says on one line why something failed. Where even that fails, only the exit code is left to tell.
    pub fn complain(&mut self, line: &str) {
        let _ = writeln!(self.err, "letterhead: {line}");
    }

    /// Says what was probably not meant, a line each.
    pub fn warn(&mut self, warnings: &[String]) {
        for warning in warnings {
            self.complain(&format!("warning: {warning}"));
        }
    }
}
