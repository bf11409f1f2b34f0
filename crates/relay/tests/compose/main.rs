//! Composed mails as other programs see them: whole, over a corpus of names and subjects, and with hostile data.
//!
//! What is read back is read by `mail-parser`, which shares no code with the composer.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod snapshots;
