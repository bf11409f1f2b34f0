//! Runs the whole program inside the test, with arguments, environment and streams of the test's own.

use std::{
    ffi::OsString,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use letterhead::{Exit, config::Environment, terminal::Terminal};

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `letterhead` with these arguments and variables.
pub(crate) fn letterhead(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let (out, err) = (Stream::default(), Stream::default());
    let arguments = ["letterhead"].iter().chain(arguments).map(OsString::from);
    let environment: Environment = variables.iter().copied().collect();
    let exit = letterhead::run(arguments, &environment, &mut Terminal::new(out.clone(), err.clone()));
    Run {
        exit,
        out: out.text(),
        err: err.text(),
    }
}

#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Vec<u8>>>);

impl Stream {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
