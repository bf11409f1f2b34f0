//! The mail's texts: three files for each kind and language, filled from the message's data.
//!
//! Sources are compiled once, at the start, so that a broken template stops the program and not a mail. Names that end in
//! `.html` are escaped, `.txt` are not; an undefined name is an error, never an empty place in a mail.

use domain::{
    message::{Locale, kind::Kind},
    outbox::Job,
};
use minijinja::{Environment, UndefinedBehavior, Value, context, syntax::SyntaxConfig};

mod data;
mod markup;
mod sources;

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, which everything falls back to.
    English,
    /// German.
    German,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its BCP 47 tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language that a reader of this locale gets.
    #[must_use]
    pub fn of(locale: &Locale) -> Self {
        locale
            .fallbacks()
            .into_iter()
            .find_map(|tag| {
                Self::ALL
                    .into_iter()
                    .find(|language| language.tag().eq_ignore_ascii_case(tag))
            })
            .unwrap_or(Self::English)
    }
}

/// A mail's texts, not yet encoded for the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// For everybody else.
    pub html: String,
    /// What they are written in.
    pub language: Language,
}

/// Why a mail could not be rendered. It never repeats the message's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A template is wrong, or asks for what its kind does not have.
    #[error("template {name}, line {line}: {problem}")]
    Template {
        /// Its path below `templates/`.
        name: String,
        /// From 1; 0 where it is not known.
        line: usize,
        /// What kind of problem.
        problem: String,
    },
    /// A link of the message is not one that may be sent.
    #[error("the message's field {field} is not a link that may be sent")]
    Link {
        /// Its name in the message's data.
        field: &'static str,
    },
}

/// Every template, compiled.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Templates {
    /// Compiles the sources that the program carries.
    ///
    /// # Errors
    /// [`TemplateError::Template`] where one is not well-formed; nothing can be sent then.
    pub fn compile() -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .map_err(|error| describe("syntax", &error))?,
        );
        for (name, source) in sources::ALL {
            environment
                .add_template(name, source)
                .map_err(|error| describe(name, &error))?;
        }
        Ok(Self(environment))
    }

    /// The texts of a job's mail, in the reader's language; `provider` is the provider's name.
    ///
    /// # Errors
    /// [`TemplateError`], which no later attempt mends.
    pub fn render(&self, job: &Job, provider: &str) -> Result<Rendered, TemplateError> {
        let language = Language::of(&job.locale);
        let kind = job.content.kind();
        let data = context! {
            tenant => job.tenant_name.as_str(),
            provider => provider,
            language => language.tag(),
            ..data::of(job)?
        };
        let subject = self.fill(kind, language, "subject.txt", &data)?.trim().to_owned();
        let data = context! { subject => subject.as_str(), ..data };
        Ok(Rendered {
            text: self.fill(kind, language, "body.txt", &data)?,
            html: self.fill(kind, language, "body.html", &data)?,
            subject,
            language,
        })
    }

    fn fill(&self, kind: Kind, language: Language, file: &str, data: &Value) -> Result<String, TemplateError> {
        let name = format!("{}/{}/{file}", kind.as_str(), language.tag());
        self.0
            .get_template(&name)
            .and_then(|template| template.render(data.clone()))
            .map_err(|error| describe(&name, &error))
    }
}

/// minijinja's own messages can quote the data, a code for example; its kind of error cannot.
fn describe(name: &str, error: &minijinja::Error) -> TemplateError {
    TemplateError::Template {
        name: error.name().unwrap_or(name).to_owned(),
        line: error.line().unwrap_or_default(),
        problem: error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_get_their_language_or_english() {
        let tag = |locale: &str| Language::of(&locale.parse().unwrap()).tag();
        assert_eq!(tag("de-AT"), "de");
        assert_eq!(tag("DE"), "de");
        assert_eq!(tag("en-GB"), "en");
        assert_eq!(tag("fr"), "en");
    }

    #[test]
    fn every_kind_has_every_file_in_every_language() {
        let templates = Templates::compile().unwrap();
        for kind in Kind::ALL {
            for language in Language::ALL {
                for file in ["subject.txt", "body.txt", "body.html"] {
                    let name = format!("{}/{}/{file}", kind.as_str(), language.tag());
                    assert!(templates.0.get_template(&name).is_ok(), "{name} is missing");
                }
            }
        }
    }
}
