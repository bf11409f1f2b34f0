//! Line ends as mail has them.

/// A text with every line end, of whatever form, as CRLF.
///
/// Done here because lettre would insert each CR by moving the rest of the text.
pub(crate) fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_crlf() {
        assert_eq!(with_crlf("a\nb\r\nc\rd\n"), "a\r\nb\r\nc\r\nd\r\n");
    }
}
