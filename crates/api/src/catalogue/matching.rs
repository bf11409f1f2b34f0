//! How well the words somebody typed fit the words of a thing.
//!
//! Every word has to be found somewhere, so that a second word narrows the answer. Typing is not finished at the first
//! letters, hence beginnings count; and nobody types well, hence near misses do, the longer the word the more.

/// Words that say nothing of what is looked for.
const FILLERS: [&str; 14] = [
    "a", "an", "and", "change", "do", "edit", "for", "how", "i", "my", "of", "set", "the", "to",
];

/// What somebody typed, in words.
pub(super) struct Words(Vec<String>);

impl Words {
    /// The words of a text; fillers count only where there is nothing else.
    pub(super) fn of(text: &str) -> Self {
        let all: Vec<String> = words(text).collect();
        let (fillers, meant): (Vec<_>, Vec<_>) = all.into_iter().partition(|word| FILLERS.contains(&word.as_str()));
        Self(if meant.is_empty() { fillers } else { meant })
    }

    /// The sum of each word's best fit among these weighted texts; nothing where a word fits none.
    pub(super) fn fit(&self, texts: &[(u32, &str)]) -> Option<u32> {
        let best = |typed: &String| {
            texts
                .iter()
                .filter_map(|(weight, text)| Some(weight * words(text).filter_map(|word| quality(typed, &word)).max()?))
                .max()
        };
        self.0.iter().map(best).sum()
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// 1 to 100: the word itself, its beginning, a part of it, nearly it, nearly its beginning; nothing where it is another word.
fn quality(typed: &str, word: &str) -> Option<u32> {
    if typed == word {
        return Some(100);
    }
    if word.starts_with(typed) {
        return Some(80);
    }
    let length = typed.chars().count();
    if length >= 3 && word.contains(typed) {
        return Some(50);
    }
    let allowed = match length {
        0..=3 => return None,
        4..=7 => 1,
        8.. => 2,
    };
    if strsim::osa_distance(typed, word) <= allowed {
        return Some(40);
    }
    let beginning: String = word.chars().take(length).collect();
    (strsim::osa_distance(typed, &beginning) <= allowed).then_some(20)
}
