//! Producers' own markup, made harmless: Markdown of notifications, HTML of system mails.
//!
//! What comes out holds the tags of running text and `https` and `mailto` links, nothing that loads, styles or scripts.

use std::{collections::HashSet, sync::LazyLock};

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from([
            "a",
            "b",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "h1",
            "h2",
            "h3",
            "h4",
            "hr",
            "i",
            "li",
            "ol",
            "p",
            "pre",
            "s",
            "strong",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "u",
            "ul",
        ]))
        .clean_content_tags(HashSet::from(["script", "style", "title", "textarea", "noscript"]))
        .add_tag_attributes("a", ["href"])
        .url_schemes(HashSet::from(["https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"));
    builder
});

/// HTML without anything but text, its structure and safe links.
pub(super) fn sanitised(html: &str) -> String {
    SANITISER.clean(html).to_string()
}

/// Markdown with tables and strike-through as sanitised HTML; raw HTML in it is shown, not obeyed.
pub(super) fn from_markdown(markdown: &str) -> String {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).filter_map(tame);
    let mut rendered = String::new();
    html::push_html(&mut rendered, events);
    sanitised(&rendered)
}

/// Plain text by its blank lines; line breaks within are kept.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n")
        .split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n').to_owned())
        .filter(|paragraph| !paragraph.trim().is_empty())
        .collect()
}

/// Raw HTML becomes text; an image becomes its description.
fn tame(event: Event<'_>) -> Option<Event<'_>> {
    if let Event::Html(raw) | Event::InlineHtml(raw) = event {
        return Some(Event::Text(raw));
    }
    let dropped = matches!(
        event,
        Event::Start(Tag::Image { .. } | Tag::HtmlBlock) | Event::End(TagEnd::Image | TagEnd::HtmlBlock)
    );
    (!dropped).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_the_tags_of_running_text() {
        assert_eq!(
            from_markdown("# Backup\n\n**failed** on `db-1`, see [log](https://l.example/1?a=1&b=2)\n\n- a\n- b"),
            "<h1>Backup</h1>\n<p><strong>failed</strong> on <code>db-1</code>, see <a \
             href=\"https://l.example/1?a=1&amp;b=2\" rel=\"noopener noreferrer\">log</a></p>\n<ul>\n<li>a</li>\n<li>b\
             </li>\n</ul>\n"
        );
    }

    #[test]
    fn raw_html_in_markdown_is_shown_and_not_obeyed() {
        let html = from_markdown("<script>alert(1)</script>\n\nHi <b onclick=x>you</b> <img src=x onerror=y>");
        assert!(
            !html.contains("<script") && !html.contains("<b") && !html.contains("<img"),
            "{html}"
        );
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    }

    #[test]
    fn images_leave_their_description_and_links_their_text() {
        assert_eq!(from_markdown("![plan](https://x.example/p.png)"), "<p>plan</p>\n");
        for link in [
            "javascript:alert(1)",
            "http://x.example",
            "/relative",
            "data:text/html,x",
        ] {
            let html = from_markdown(&format!("[go]({link})"));
            assert!(html.contains(">go</a>") && !html.contains("href"), "{html}");
        }
    }

    #[test]
    fn html_keeps_its_structure_and_loses_everything_active() {
        for (dirty, clean) in [
            ("<p onclick=\"x\" style=\"color:red\" class=\"a\">Hi</p>", "<p>Hi</p>"),
            ("<script>x</script><style>y</style>Hi", "Hi"),
            ("<img src=\"https://t.example/pixel.gif\">Hi", "Hi"),
            ("<form action=\"https://x.example\"><input name=\"p\">Hi</form>", "Hi"),
            (
                "<iframe src=\"https://x.example\"></iframe><svg onload=x>Hi</svg>",
                "Hi",
            ),
            ("<!-- a --><b>Hi", "<b>Hi</b>"),
            ("<meta http-equiv=refresh content=0><base href=x>Hi", "Hi"),
        ] {
            assert_eq!(sanitised(dirty), clean);
        }
    }

    #[test]
    fn paragraphs_are_divided_by_blank_lines() {
        assert_eq!(paragraphs("a\nb\n\n\n\nc\r\n\r\n"), ["a\nb", "c"]);
    }
}
