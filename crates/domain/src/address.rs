//! Addresses, domains and display names: parsed once, correct from then on.
//!
//! Lengths are RFC 5321 §4.5.3.1's. Stricter than the RFC on purpose: no domain literals and no single-label domains (both
//! are ways to reach hosts a tenant should not name), and no display name that could pass for an address or hide text.

use std::{fmt, str::FromStr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::fault::{Fault, FaultCode};

/// Octets before the `@` (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL_PART: usize = 64;
/// Octets of a path without its angle brackets (RFC 5321 §4.5.3.1.3 less two).
pub const MAX_ADDRESS: usize = 254;
/// Characters of a display name; ours.
pub const MAX_DISPLAY_NAME: usize = 64;

/// A DNS name of at least two labels, in lower-case A-labels (RFC 5890).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    /// The name in A-labels, without a trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let ascii = Uts46::new()
            .to_ascii(
                text.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .map_err(|_| Fault::invalid("The domain is not a valid host name."))?;
        let Some((_, last)) = ascii.rsplit_once('.') else {
            return Err(Fault::invalid(
                "The domain needs at least two labels, for example example.com.",
            ));
        };
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Fault::invalid("An address of the network is not a domain."));
        }
        Ok(Self(ascii.into_owned()))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mailbox address, `local-part@domain`.
///
/// The local part keeps its case (only the receiving host may fold it, RFC 5321 §2.4); the domain is in A-labels. `Debug`
/// shows the domain only, so that an address cannot reach a log by accident.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    local: String,
    domain: Domain,
}

impl EmailAddress {
    /// An address of parts that are known to be right.
    ///
    /// # Errors
    /// A [`Fault`] where the local part is not one, or the whole is too long.
    pub fn of(local: &str, domain: Domain) -> Result<Self, Fault> {
        let local: String = local.nfc().collect();
        check_local_part(&local)?;
        if local.len() + 1 + domain.as_str().len() > MAX_ADDRESS {
            return Err(Fault::too_long(format!("An address has at most {MAX_ADDRESS} octets.")));
        }
        Ok(Self { local, domain })
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.local
    }

    /// What stands behind the `@`.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Whether the next server must offer SMTPUTF8 (RFC 6531) for this address.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }
}

impl FromStr for EmailAddress {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(Fault::invalid("An address looks like name@example.com."));
        };
        if domain.starts_with('[') {
            return Err(Fault::invalid("Domain literals are not accepted; use a host name."));
        }
        Self::of(local, domain.parse()?)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…@{}", self.domain)
    }
}

/// A local part is a dot-atom or a quoted string (RFC 5321 §4.1.2), with UTF-8 as RFC 6531 §3.3 adds it.
fn check_local_part(local: &str) -> Result<(), Fault> {
    if local.len() > MAX_LOCAL_PART {
        return Err(Fault::too_long(format!(
            "The part before the @ has at most {MAX_LOCAL_PART} octets."
        )));
    }
    let sound = match local.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted_content),
        None => local.split('.').all(is_atom),
    };
    if sound {
        Ok(())
    } else {
        Err(Fault::invalid("The part before the @ is not a valid local part."))
    }
}

fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_visible_beyond_ascii(c))
}

fn is_quoted_content(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let sound = match c {
            '\\' => chars.next().is_some_and(|escaped| matches!(escaped, ' '..='~')),
            '"' => false,
            _ => matches!(c, ' '..='~') || is_visible_beyond_ascii(c),
        };
        if !sound {
            return false;
        }
    }
    true
}

fn is_visible_beyond_ascii(c: char) -> bool {
    !c.is_ascii() && !is_invisible(c) && !c.is_whitespace()
}

/// The name shown beside an address: NFKC, trimmed, at most [`MAX_DISPLAY_NAME`] characters, nothing that deceives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DisplayName(String);

impl DisplayName {
    /// The name as people read it; not yet encoded for a header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This name, shortened where needed so that `suffix` still fits behind it.
    #[must_use]
    pub fn with_suffix(&self, suffix: &Self, joined_by: &str) -> Self {
        let kept = MAX_DISPLAY_NAME.saturating_sub(suffix.0.chars().count() + joined_by.chars().count());
        let head: String = self.0.chars().take(kept).collect();
        Self(format!("{}{joined_by}{}", head.trim_end(), suffix.0))
    }
}

impl FromStr for DisplayName {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        // Bounded before the work: NFKC grows a hostile text up to eighteen-fold.
        if text.len() > MAX_DISPLAY_NAME * 8 {
            return Err(name_too_long());
        }
        if let Some(bad) = text.chars().find(|c| is_invisible(*c)) {
            return Err(Fault::invalid(format!(
                "A name must not contain the invisible character U+{:04X}.",
                u32::from(bad)
            )));
        }
        let normalised: String = text.nfkc().collect();
        let name = normalised.trim();
        if name.is_empty() {
            return Err(Fault::new(FaultCode::Required, "A name must not be empty."));
        }
        if name.chars().count() > MAX_DISPLAY_NAME {
            return Err(name_too_long());
        }
        if name.contains('@') {
            return Err(Fault::invalid(
                "A name must not contain @: it could pass for an address.",
            ));
        }
        if name.contains("=?") {
            return Err(Fault::invalid(
                "A name must not contain =?: it could pass for an encoded word.",
            ));
        }
        if let Some(bad) = name.chars().find(|c| is_invisible(*c)) {
            return Err(Fault::invalid(format!(
                "A name must not contain the invisible character U+{:04X}.",
                u32::from(bad)
            )));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn name_too_long() -> Fault {
    Fault::too_long(format!("A name has at most {MAX_DISPLAY_NAME} characters."))
}

/// Characters that show nothing or reorder what is shown: controls, bidi and zero-width formats, separators, private use,
/// and the letters that Unicode renders as blank.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    use GeneralCategory as Category;
    let hidden = matches!(
        c.general_category(),
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::PrivateUse
            | Category::Surrogate
            | Category::Unassigned
    );
    let blank = matches!(
        c,
        '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'
            ..='\u{180F}' | '\u{2800}' | '\u{3164}' | '\u{FFA0}'
    );
    hidden || blank
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Result<String, FaultCode> {
        text.parse::<EmailAddress>().map(|a| a.to_string()).map_err(|f| f.code)
    }

    #[test]
    fn idn_domains_become_a_labels_and_case_is_folded() {
        assert_eq!(address("Jörg@Bücher.Example"), Ok("Jörg@xn--bcher-kva.example".into()));
    }

    #[test]
    fn addresses_outside_rfc_5321_or_our_stricter_rules_are_refused() {
        for bad in [
            "plain",
            "@example.com",
            "a@",
            "a@localhost",
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
            "a@127.0.0.1",
            "a..b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a b@example.com",
            "a\r\nRCPT TO:<x@y.z>@example.com",
            "a@exa mple.com",
            "a@-example.com",
            "a@example..com",
            "a@example.com.",
            "a@under_score.com",
            "\"a@example.com",
            "a\0b@example.com",
            "<a@example.com>",
            "a@b@",
            "\"a\"b\"@example.com",
            "\"\\\u{7f}\"@example.com",
        ] {
            assert!(address(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn lengths_are_those_of_rfc_5321() {
        let local = "l".repeat(64);
        let label = "d".repeat(61);
        let longest = format!("{local}@{label}.{label}.{label}.abc");
        assert_eq!(longest.len(), 254);
        assert!(address(&longest).is_ok());
        assert_eq!(address(&format!("{local}x@example.com")), Err(FaultCode::TooLong));
        assert_eq!(
            address(&format!("{local}@{label}.{label}.{label}.abcd")),
            Err(FaultCode::TooLong)
        );
    }

    #[test]
    fn quoted_local_parts_are_addresses_too() {
        assert_eq!(
            address("\"john doe\"@example.com"),
            Ok("\"john doe\"@example.com".into())
        );
        assert_eq!(address("\"a@b\"@example.com"), Ok("\"a@b\"@example.com".into()));
    }

    #[test]
    fn names_that_deceive_are_refused() {
        for bad in [
            "a@b",
            "ceo\u{FF20}acme",
            "=?utf-8?q?x?=",
            "a\u{202E}b",
            "a\u{200B}b",
            "a\u{2066}b",
            "a\u{FEFF}b",
            "a\nb",
            "a\0b",
            "a\u{85}b",
            "\u{3164}",
            "a\u{2028}b",
            "\u{E000}",
            "a\u{AD}b",
            "   ",
            "",
            "\u{FF1D}\u{FF1F}",
        ] {
            assert!(bad.parse::<DisplayName>().is_err(), "{bad:?} was accepted");
        }
        assert_eq!(
            "x".repeat(65).parse::<DisplayName>().map_err(|f| f.code),
            Err(FaultCode::TooLong)
        );
    }

    #[test]
    fn ordinary_names_of_the_world_are_kept() {
        for good in [
            "No Reply",
            "Müller, \"Max\" (IT)",
            "株式会社アクメ",
            "Ωμέγα",
            "🔐 Vault",
            "O’Neill; & Sons",
        ] {
            assert_eq!(
                good.parse::<DisplayName>().map(|n| n.as_str().to_owned()),
                Ok(good.to_owned())
            );
        }
    }

    #[test]
    fn a_suffix_always_fits() {
        let name: DisplayName = "n".repeat(64).parse().unwrap();
        let provider: DisplayName = "Letterhead".parse().unwrap();
        let joined = name.with_suffix(&provider, " via ");
        assert!(joined.as_str().ends_with("n via Letterhead"));
        assert!(joined.as_str().parse::<DisplayName>().is_ok());
    }

    proptest! {
        #[test]
        fn whatever_parses_is_one_line_without_brackets_outside_quotes(text in "\\PC{0,80}|[ -~]{0,30}@[a-z.ß-ü-]{1,20}") {
            if let Ok(parsed) = text.parse::<EmailAddress>() {
                let shown = parsed.to_string();
                prop_assert!(!shown.chars().any(char::is_control));
                prop_assert!(shown.len() <= MAX_ADDRESS + 64);
                prop_assert_eq!(shown.parse::<EmailAddress>(), Ok(parsed));
            }
        }

        #[test]
        fn a_parsed_name_parses_again_to_itself(text in "\\PC{0,70}") {
            if let Ok(name) = text.parse::<DisplayName>() {
                prop_assert_eq!(name.as_str().parse::<DisplayName>(), Ok(name.clone()));
            }
        }
    }
}
