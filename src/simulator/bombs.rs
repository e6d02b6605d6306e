//! Answers that grow while they are read.

use std::fmt::Write as _;

use hyper::body::Bytes;

/// Entities of the entity bomb; each is ten of the one before.
const ENTITIES: usize = 9;

/// A gzip header and the start of one block: its codes, a space, and the first matches. A match, which repeats 258 bytes,
/// is two zero bits.
const GZIP_HEAD: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\
    \xed\xe0\x81\x00\x00\x00\x00\x80\x20\xa8\xec\x4f\xb9\x48\x05";
/// Bytes of matches between head and tail.
const GZIP_MATCHES: usize = 101_600;
/// The end of the block, the checksum and the size of what comes out.
const GZIP_TAIL: &[u8] = b"\x03\x8c\xfa\xf9\xac\x05\xe9\x3f\x06";

/// A valid gzip stream of 100 KB that becomes 104,851,717 spaces.
pub(super) fn gzip_bomb() -> Bytes {
    [GZIP_HEAD, &[0; GZIP_MATCHES], GZIP_TAIL].concat().into()
}

/// The answer behind a DTD that nobody needs.
pub(super) fn with_doctype(body: &str) -> String {
    format!("<!DOCTYPE {} SYSTEM \"http://127.0.0.1:9/answer.dtd\">{body}", root(body))
}

/// The answer with one element more, whose text is a billion words once its entities are expanded.
pub(super) fn with_entity_bomb(body: &str) -> String {
    let mut out = format!("<!DOCTYPE {} [<!ENTITY e0 \"word \">", root(body));
    for n in 1..=ENTITIES {
        let ten = format!("&e{};", n - 1).repeat(10);
        // Writing to a String cannot fail.
        let _ = write!(out, "<!ENTITY e{n} \"{ten}\">");
    }
    out.push_str("]>");
    out.push_str(&inside_root(body, &format!("<Bomb>&e{ENTITIES};</Bomb>")));
    out
}

/// The answer with so many elements, or arrays, in each other.
pub(super) fn with_nesting(body: &str, depth: usize) -> String {
    if body.starts_with('{') {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let comma = if body.starts_with("{}") { "" } else { "," };
        return body.replacen('{', &format!("{{\"Nested\":{open}{close}{comma}"), 1);
    }
    inside_root(body, &format!("{}{}", "<n>".repeat(depth), "</n>".repeat(depth)))
}

/// The name of the root element; an element of that name where the answer is no XML.
pub(super) fn root(body: &str) -> &str {
    let name = body.strip_prefix('<').and_then(|rest| rest.split([' ', '>', '/']).next());
    name.filter(|name| !name.is_empty()).unwrap_or("answer")
}

/// Puts something at the beginning of the root element.
fn inside_root(body: &str, what: &str) -> String {
    body.replacen('>', &format!(">{what}"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gzip_bomb_is_gzip_and_grows_a_thousandfold() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bomb.gz");
        let bomb = gzip_bomb();
        std::fs::write(&file, &bomb).unwrap();
        let unpacked =
            std::process::Command::new("gzip").arg("-dc").arg(&file).output().unwrap().stdout;
        assert_eq!(unpacked.len(), 104_851_717);
        assert!(unpacked.iter().all(|byte| *byte == b' '));
        assert!(unpacked.len() / bomb.len() > 1000);
    }

    #[test]
    fn what_is_put_into_an_answer_is_inside_its_root() {
        let xml = "<A xmlns=\"x\"><B/></A>";
        assert_eq!(root(xml), "A");
        assert_eq!(with_nesting(xml, 2), "<A xmlns=\"x\"><n><n></n></n><B/></A>");
        assert_eq!(with_nesting("{\"a\":1}", 2), "{\"Nested\":[[]],\"a\":1}");
        assert_eq!(with_nesting("{}", 1), "{\"Nested\":[]}");
        assert!(with_doctype(xml).starts_with("<!DOCTYPE A SYSTEM "));
        let bomb = with_entity_bomb(xml);
        assert!(bomb.len() < 2000 && bomb.ends_with("]><A xmlns=\"x\"><Bomb>&e9;</Bomb><B/></A>"));
    }
}
