//! A tenant's preferences: how its mail looks beyond the From, how long it is kept, what happens to mail in doubt.

use std::str::FromStr;

use crate::{address::DisplayName, fault::Fault};

/// Days a message's content is kept where the tenant does not say.
pub const DEFAULT_RETENTION_DAYS: u32 = 30;
/// Days it can be kept at most: ten years, as long as records are asked for.
pub const MAX_RETENTION_DAYS: u32 = 3650;

/// What a tenant can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// The name in texts; the tenant's own name where there is none.
    pub brand_name: Option<DisplayName>,
    /// The colour of buttons and lines; the template's own where there is none.
    pub accent_color: Option<AccentColor>,
    /// Whether a sign-in code stands in the subject.
    pub code_in_subject: CodeInSubject,
    /// Days a message's content is kept: 1 to [`MAX_RETENTION_DAYS`].
    pub retention_days: u32,
    /// What becomes of a notification or system mail that may or may not have arrived.
    pub on_outcome_unknown: OnOutcomeUnknown,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            brand_name: None,
            accent_color: None,
            code_in_subject: CodeInSubject::Shown,
            retention_days: DEFAULT_RETENTION_DAYS,
            on_outcome_unknown: OnOutcomeUnknown::Resend,
        }
    }
}

/// Whether a sign-in code stands in the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeInSubject {
    /// It does: people read it off the notification.
    Shown,
    /// It is in the body alone.
    Hidden,
}

/// A colour as style sheets write it, `#rrggbb`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccentColor(String);

impl AccentColor {
    /// The colour as style sheets write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccentColor {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        text.strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .map(|_| Self(text.to_ascii_lowercase()))
            .ok_or_else(|| Fault::invalid("A colour looks like #1a5fb4."))
    }
}

/// What becomes of a notification or system mail whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutcomeUnknown {
    /// It goes once more: better twice than not at all.
    Resend,
    /// It waits for somebody to retry it: better not at all than twice.
    Hold,
}

impl OnOutcomeUnknown {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::Resend, Self::Hold];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Hold => "hold",
        }
    }
}

impl FromStr for OnOutcomeUnknown {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|value| value.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of resend, hold."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_hexadecimal_digits_and_nothing_that_ends_a_style() {
        assert_eq!("#1A5fB4".parse::<AccentColor>().unwrap().as_str(), "#1a5fb4");
        for bad in [
            "", "#", "1a5fb4", "#1a5fb", "#1a5fb44", "#1a5fbg", "red", "#ä5fb4", "#1a5f;}",
        ] {
            assert!(bad.parse::<AccentColor>().is_err(), "{bad:?} was accepted");
        }
    }
}
