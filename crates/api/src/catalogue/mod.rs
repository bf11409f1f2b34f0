//! Every setting of a tenant, to be found by what people call it: the title, another word for it, or either with a typo.
//!
//! One table says what there is, for the search of the API and that of the console alike; a test holds it to the OpenAPI
//! document.

use domain::access::TenantScope;

use self::{matching::Words, table::SETTINGS};

mod matching;
mod table;

/// A page or a field.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name for programs.
    pub(crate) id: &'static str,
    /// Its name for people, as the page shows it.
    pub(crate) title: &'static str,
    /// What it decides, in a sentence.
    pub(crate) description: &'static str,
    /// Where it stands among the others.
    pub(crate) section: &'static str,
    /// Further words that people look for it by.
    pub(crate) synonyms: &'static [&'static str],
    /// Who writes it.
    written_by: Writer,
    /// The resource, and the field in it as a JSON pointer (RFC 6901 §6).
    api: &'static str,
    /// The console's page, and the field on it.
    console: &'static str,
}

/// Who writes a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Every tenant.
    Tenant,
    /// An on-premises tenant; for a Cloud tenant there is nothing to write.
    OnPremises,
    /// A tenant, but for a Cloud tenant the provider.
    TenantOrProvider,
    /// The provider.
    Provider,
    /// Nobody: it is to be read.
    Nobody,
}

impl Setting {
    /// Whether this tenant's edition lets the caller's side write it.
    pub(crate) fn is_editable(&self, scope: &TenantScope) -> bool {
        match self.written_by {
            Writer::Tenant => true,
            Writer::OnPremises => scope.on_premises().is_ok(),
            Writer::TenantOrProvider => scope.refuse_managed().is_ok(),
            Writer::Provider => scope.actor().tenant.is_none(),
            Writer::Nobody => false,
        }
    }

    /// Where the API has it.
    pub(crate) fn api(&self, scope: &TenantScope) -> String {
        self.api.replace("{tenant}", scope.slug().as_str())
    }

    /// Where the console has it.
    pub(crate) fn console(&self, scope: &TenantScope) -> String {
        self.console.replace("{tenant}", scope.slug().as_str())
    }

    /// How well it fits; nothing where a word is nowhere in it.
    fn fit(&self, words: &Words) -> Option<u32> {
        let mut texts = vec![(10, self.title), (4, self.section), (2, self.description)];
        texts.extend(self.synonyms.iter().map(|synonym| (6, *synonym)));
        words.fit(&texts)
    }
}

/// The settings that a text is about, the best first; all of them, in the order of their pages, where it says nothing.
pub(crate) fn search(text: &str) -> Vec<&'static Setting> {
    let words = Words::of(text);
    let mut found: Vec<_> = SETTINGS
        .iter()
        .filter_map(|setting| Some((setting.fit(&words)?, setting)))
        .collect();
    // A stable sort: of equals the page comes before its fields, as in the table.
    found.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
    found.into_iter().map(|(_, setting)| setting).collect()
}

#[cfg(test)]
mod tests;
