//! The language a message is rendered in, and what stands in where there is no template for it.

use std::str::FromStr;

use crate::fault::Fault;

/// A BCP 47 language tag, as far as templates care: a language and an optional region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    /// The tag as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tags to look for, most exact first: `de-AT`, `de`, `en`.
    #[must_use]
    pub fn fallbacks(&self) -> Vec<&str> {
        let language = self.0.split('-').next().unwrap_or(&self.0);
        let mut tags = vec![self.0.as_str()];
        for tag in [language, "en"] {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl FromStr for Locale {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let parts: Vec<&str> = text.split('-').collect();
        let alphanumeric =
            |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let language = parts
            .first()
            .is_some_and(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
        if text.len() <= 35 && language && parts.iter().all(alphanumeric) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::invalid("A language tag looks like en or de-AT (BCP 47)."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_falls_back_to_its_language_and_to_english() {
        let tags = |text: &str| {
            text.parse::<Locale>()
                .map(|l| l.fallbacks().into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(tags("de-AT"), Ok(vec!["de-AT".into(), "de".into(), "en".into()]));
        assert_eq!(tags("en"), Ok(vec!["en".into()]));
        assert!(tags("english!").is_err());
        assert!(tags("").is_err());
    }
}
