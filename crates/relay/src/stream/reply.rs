//! Replies as they come off the wire (RFC 5321 §4.2), read by us with bounds of ours.
//!
//! Whatever a server writes becomes a reply or a fault here; nothing behind this point sees its octets, so neither a line
//! without an end nor text that is not UTF-8 can do more than fail one session.

use domain::reply::{EnhancedCode, Reply};

use crate::redact::Discretion;

/// Octets of one reply at most.
const MAX_OCTETS: usize = 64 * 1024;
/// Lines of one reply at most.
const MAX_LINES: usize = 100;

/// One complete reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireReply {
    /// The code that every line began with.
    pub(crate) code: u16,
    /// What stood behind it, line by line.
    pub(crate) lines: Vec<String>,
    /// What of it must not be kept.
    pub(crate) discretion: Discretion,
}

impl WireReply {
    /// The reply as it is kept: without the credentials, should it repeat them, and an enhanced code that stands on every line
    /// is said once. The codes stay as they are, for they decide.
    pub(crate) fn to_kept(&self) -> Reply {
        let mut lines = self.lines.iter().map(String::as_str);
        let first = lines.next().unwrap_or_default();
        let enhanced = EnhancedCode::leading(first);
        let (code, first) = match enhanced {
            Some(_) => first.split_at(first.find(|c: char| c.is_ascii_whitespace()).unwrap_or(first.len())),
            None => ("", first),
        };
        let mut text = first.to_owned();
        for line in lines {
            let repeated = enhanced.is_some() && EnhancedCode::leading(line) == enhanced;
            let said = if repeated {
                line.split_once(' ').map_or("", |(_, rest)| rest)
            } else {
                line
            };
            text.push(' ');
            text.push_str(said);
        }
        Reply::new(self.code, &format!("{code}{}", self.discretion.blotted(text)))
    }
}

/// What was read is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAReply {
    #[error("a reply of more than 64 KiB")]
    TooLong,
    #[error("a reply of more than 100 lines")]
    TooManyLines,
    #[error("a line that is not part of a reply")]
    Malformed,
    #[error("a reply whose lines have different codes")]
    TwoCodes,
}

/// Collects octets until they are a reply.
#[derive(Debug, Default)]
pub(crate) struct ReplyReader {
    unread: Vec<u8>,
    /// How much of `unread` is known to hold no line end, so that a dripping server costs no more than a fast one.
    searched: usize,
    octets: usize,
    code: Option<u16>,
    lines: Vec<String>,
    discretion: Discretion,
}

impl ReplyReader {
    /// What the replies to come are not to be quoted with.
    pub(crate) fn be_discreet(&mut self, discretion: Discretion) {
        self.discretion = discretion;
    }

    pub(crate) fn take_in(&mut self, octets: &[u8]) {
        self.unread.extend_from_slice(octets);
    }

    /// Whether there is anything that no reply was made of yet.
    pub(crate) const fn holds_octets(&self) -> bool {
        !self.unread.is_empty() || !self.lines.is_empty()
    }

    /// The next complete reply; none where octets are missing.
    pub(crate) fn next(&mut self) -> Result<Option<WireReply>, NotAReply> {
        while let Some(line) = self.next_line()? {
            let (code, ending, text) = parse_line(&line).ok_or(NotAReply::Malformed)?;
            if self.code.is_some_and(|earlier| earlier != code) {
                return Err(NotAReply::TwoCodes);
            }
            if self.lines.len() == MAX_LINES {
                return Err(NotAReply::TooManyLines);
            }
            self.code = Some(code);
            self.lines.push(text);
            if ending == Ending::Last {
                self.octets = 0;
                self.code = None;
                let lines = std::mem::take(&mut self.lines);
                let discretion = self.discretion.clone();
                return Ok(Some(WireReply {
                    code,
                    lines,
                    discretion,
                }));
            }
        }
        Ok(None)
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, NotAReply> {
        let unseen = self.unread.get(self.searched..).unwrap_or_default();
        let Some(at) = unseen.iter().position(|octet| *octet == b'\n') else {
            self.searched = self.unread.len();
            return if self.octets + self.unread.len() > MAX_OCTETS {
                Err(NotAReply::TooLong)
            } else {
                Ok(None)
            };
        };
        let line: Vec<u8> = self.unread.drain(..=self.searched + at).collect();
        self.searched = 0;
        self.octets += line.len();
        if self.octets > MAX_OCTETS {
            return Err(NotAReply::TooLong);
        }
        Ok(Some(line))
    }
}

/// Whether more lines of the same reply follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    More,
    Last,
}

fn parse_line(line: &[u8]) -> Option<(u16, Ending, String)> {
    let content = line.strip_suffix(b"\r\n")?;
    let (digits, rest) = content.split_at_checked(3)?;
    // RFC 5321 §4.2: first digit 2 to 5, second 0 to 5.
    let &[first @ b'2'..=b'5', second @ b'0'..=b'5', third @ b'0'..=b'9'] = digits else {
        return None;
    };
    let code = [first, second, third]
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (ending, text) = match rest {
        [] => (Ending::Last, rest),
        [b' ', text @ ..] => (Ending::Last, text),
        [b'-', text @ ..] => (Ending::More, text),
        [..] => return None,
    };
    Some((code, ending, String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests;
