//! How the database's URL is shown: never with a password.

use url::Url;

/// The URL with every password replaced by `***`, also one given as a parameter. What is no URL is hidden whole.
pub(super) fn redact(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else {
        return "(set)".to_owned();
    };
    // Fails only for a URL that cannot have a password.
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "(set)".to_owned();
    }
    if url.query().is_some() {
        let shown: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| match name.as_ref() {
                "password" | "sslpassword" => (name.into_owned(), "***".to_owned()),
                _ => (name.into_owned(), value.into_owned()),
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_redacted_wherever_they_stand() {
        assert_eq!(redact("postgres://u:p%40ss@db:5432/l"), "postgres://u:***@db:5432/l");
        assert_eq!(
            redact("postgres://u@db/l?sslmode=require&password=hunter2"),
            "postgres://u@db/l?sslmode=require&password=***"
        );
        assert_eq!(redact("hunter2 is no URL"), "(set)");
    }
}
