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
mod tests;
