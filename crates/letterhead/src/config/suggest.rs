//! "Did you mean": the known name nearest to an unknown one.

/// Jaro–Winkler similarity from which two names count as the same word misspelt.
const ALIKE: f64 = 0.8;

/// The candidate most like `word`, where one is alike enough.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_meant_one() {
        let known = ["listen", "internal_listen", "log", "log_format", "database_url"];
        assert_eq!(nearest("lsiten", known), Some("listen"));
        assert_eq!(nearest("databse_url", known), Some("database_url"));
        assert_eq!(nearest("colour", known), None);
    }
}
