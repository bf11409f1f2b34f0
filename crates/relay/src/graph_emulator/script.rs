//! What goes otherwise than usual, as plain data.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Which of the two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// Entra's token endpoint.
    Token,
    /// Graph's sendMail.
    Send,
}

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Play {
    /// As without a script.
    Usual,
    /// This, once the request is whole.
    Say(Said),
    /// As usual, after a while.
    Delay(Duration),
    /// The request is read, and nothing is ever said.
    Hang,
    /// The connection is closed before the request is read.
    Drop,
    /// The request does what it asks for, and the connection is closed without a word.
    DoThenDrop,
    /// The request does what it asks for, and nothing is ever said.
    DoThenHang,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Said {
    /// A bare answer.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(self, body: &str) -> Self {
        Self {
            body: body.to_owned(),
            ..self
        }
    }
}

/// What happens to the requests to come.
#[derive(Debug, Clone, Default)]
pub struct Script {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    at: At,
    next: VecDeque<Play>,
    then: Play,
}

impl Script {
    /// Everything as usual.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These, one a request; then as usual.
    #[must_use]
    pub fn at(mut self, at: At, plays: impl IntoIterator<Item = Play>) -> Self {
        self.entries.push(Entry {
            at,
            next: plays.into_iter().collect(),
            then: Play::Usual,
        });
        self
    }

    /// This, for every request.
    #[must_use]
    pub fn always_at(mut self, at: At, play: Play) -> Self {
        self.entries.push(Entry {
            at,
            next: VecDeque::new(),
            then: play,
        });
        self
    }

    fn next(&mut self, at: At) -> Play {
        let entry = self.entries.iter_mut().find(|entry| entry.at == at);
        entry.map_or(Play::Usual, |entry| {
            entry.next.pop_front().unwrap_or_else(|| entry.then.clone())
        })
    }
}

/// The script under way.
#[derive(Debug, Default)]
pub(super) struct Playing(Mutex<Script>);

impl Playing {
    pub(super) fn of(script: Script) -> Self {
        Self(Mutex::new(script))
    }

    pub(super) fn replace(&self, script: Script) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    pub(super) fn next(&self, at: At) -> Play {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next(at)
    }
}
