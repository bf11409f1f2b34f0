//! Replies whole, in parts, too long, and none at all.

use proptest::prelude::*;

use super::*;

fn read(octets: &[u8]) -> Result<Option<WireReply>, NotAReply> {
    let mut reader = ReplyReader::default();
    reader.take_in(octets);
    reader.next()
}

#[test]
fn a_reply_ends_with_its_last_line_and_the_next_one_stays() {
    let mut reader = ReplyReader::default();
    reader.take_in(b"250-a\r\n250 b\r\n354 go");
    let reply = reader.next().unwrap().unwrap();
    assert_eq!((reply.code, reply.lines), (250, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(reader.next(), Ok(None));
    reader.take_in(b"\r\n");
    assert_eq!(reader.next().unwrap().unwrap().code, 354);
    assert!(!reader.holds_octets());
}

#[test]
fn a_bare_code_is_a_reply() {
    assert_eq!(read(b"250\r\n").unwrap().unwrap().code, 250);
}

#[test]
fn what_is_not_a_reply_is_refused() {
    for bad in [
        &b"hello\r\n"[..],
        b"\r\n",
        b"250 ok\n",
        b"2x0 ok\r\n",
        b"199 ok\r\n",
        b"261 ok\r\n",
        b"600 ok\r\n",
        b"250ok\r\n",
        b"25\r\n",
    ] {
        assert_eq!(read(bad), Err(NotAReply::Malformed), "{bad:?}");
    }
    assert_eq!(read(b"250-a\r\n251 b\r\n"), Err(NotAReply::TwoCodes));
}

#[test]
fn a_reply_of_100_lines_is_read_and_one_of_101_is_not() {
    let most = [b"250-x\r\n".repeat(99), b"250 x\r\n".to_vec()].concat();
    assert_eq!(read(&most).unwrap().unwrap().lines.len(), 100);
    let more = [b"250-x\r\n".repeat(100), b"250 x\r\n".to_vec()].concat();
    assert_eq!(read(&more), Err(NotAReply::TooManyLines));
}

#[test]
fn a_reply_of_more_than_64_kib_is_refused_with_and_without_line_ends() {
    assert_eq!(read(&b"2".repeat(65 * 1024)), Err(NotAReply::TooLong));
    let line = format!("250-{}\r\n", "x".repeat(1000));
    assert_eq!(read(line.repeat(66).as_bytes()), Err(NotAReply::TooLong));
}

#[test]
fn text_that_is_not_utf_8_is_kept_readable() {
    let reply = read(b"550 5.1.1 Benutzer unbekannt \xfc\r\n")
        .unwrap()
        .unwrap()
        .to_kept();
    assert_eq!(reply.text, "Benutzer unbekannt \u{FFFD}");
}

#[test]
fn a_repeated_enhanced_code_is_said_once() {
    let reply = read(b"550-5.7.1 not\r\n550 5.7.1 allowed\r\n")
        .unwrap()
        .unwrap()
        .to_kept();
    assert_eq!(reply.enhanced.unwrap().to_string(), "5.7.1");
    assert_eq!(reply.text, "not allowed");
}

proptest! {
    #[test]
    fn no_octets_panic_and_their_division_does_not_matter(octets in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let mut whole = ReplyReader::default();
        whole.take_in(&octets);
        let (head, tail) = octets.split_at(cut.min(octets.len()));
        let mut parts = ReplyReader::default();
        parts.take_in(head);
        let early = parts.next();
        parts.take_in(tail);
        let late = if early == Ok(None) { parts.next() } else { early };
        prop_assert_eq!(whole.next(), late);
    }
}
