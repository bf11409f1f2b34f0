//! Markup keeps its structure and loses everything active.

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
