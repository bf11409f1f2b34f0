//! What keeps the harness itself from doing its work: a port, a program, a server that is not there.

/// Any of it, in words.
pub(crate) type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// A step of the harness.
pub(crate) type Fallible<T> = Result<T, Trouble>;
