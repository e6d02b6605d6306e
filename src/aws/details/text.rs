//! A file's bytes as text, and the names of what people hand over in place of an export.
//!
//! PowerShell's redirect writes UTF-16, or UTF-8 with a byte order mark: both are read. Any other encoding is refused by
//! name: a guess that is wrong in one letter of an ARN would be judged as drift.

use crate::model::printable_line;

/// Longest part of a file that a message quotes, in bytes.
const QUOTED: usize = 100;

/// The text of a file, without its byte order mark.
///
/// # Errors
/// What the bytes are, where they are no text that is read.
pub(super) fn decode(bytes: &[u8]) -> Result<String, String> {
    if let Some(what) = compressed(bytes) {
        return Err(format!("is {what}: expected JSON text; unpack it first"));
    }
    let text = match bytes {
        // Before UTF-16, whose mark is the first half of this one.
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(not_read("UTF-32")),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest)?,
        // JSON begins with an ASCII character: where its zero bytes stand tells the encoding (RFC 4627, section 3).
        [0, 0, 0, first, ..] | [first, 0, 0, 0, ..] if *first != 0 => {
            return Err(not_read("UTF-32"));
        }
        [0, first, ..] | [first, 0, ..] if *first != 0 => {
            return Err(not_read("UTF-16 without a byte order mark"));
        }
        bytes => utf8(bytes)?,
    };
    if text.trim().is_empty() {
        return Err(
            "is empty: expected the JSON that the command prints; did the command fail?".to_owned()
        );
    }
    if let Some(at) = text.find('\0') {
        let line = line_of(&text, at);
        return Err(format!(
            "holds a NUL byte in line {line}: expected text, this file is binary or damaged"
        ));
    }
    Ok(text)
}

fn not_read(encoding: &str) -> String {
    format!("is text in {encoding}: expected UTF-8, or UTF-16 with a byte order mark")
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        format!(
            "is not text in UTF-8 (line {line} holds the byte 0x{byte:02x}; it may be Latin-1, Windows-1252, or binary): \
             expected UTF-8, or UTF-16 with a byte order mark"
        )
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("is UTF-16 with half a character at its end: the file is cut off".to_owned());
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).collect::<Result<String, _>>().map_err(|error| {
        let unit = error.unpaired_surrogate();
        format!("is not UTF-16, whatever its byte order mark says: it holds half a surrogate pair (0x{unit:04x})")
    })
}

/// Formats that begin with bytes of their own.
fn compressed(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", "a gzip file"),
        (b"PK\x03\x04", "a zip file"),
        (b"PK\x05\x06", "an empty zip file"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zXZ\0", "an xz file"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
    ];
    kinds.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| what)
}

/// The name of a text that is not JSON, by how it begins; `None` where it may be JSON.
pub(super) fn other_than_json(text: &str) -> Option<String> {
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default().trim_end();
    let says = || printable_line(first, QUOTED);
    let word: &str = first.split(['\t', ' ']).next().unwrap_or_default();
    let is_name = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if text.starts_with(['{', '[', '"']) {
        let inside = text.get(1..).unwrap_or_default().trim_start();
        let python = inside.starts_with('\'') || inside.starts_with("{'");
        return python.then(|| {
            "is a printed Python value (single quotes): expected JSON; print it with json.dumps"
                .to_owned()
        });
    }
    let errors = [
        "An error occurred",
        "Unable to ",
        "Could not ",
        "aws: ",
        "usage: ",
        "The security token",
        "Error",
    ];
    if errors.iter().any(|start| first.starts_with(start)) {
        return Some(format!("holds an error message in place of an export: `{}`", says()));
    }
    if text.starts_with('<') {
        return Some("is XML or HTML: expected JSON".to_owned());
    }
    let rule = first.len() > 3 && first.bytes().all(|b| b == b'-' || b == b'+');
    if (rule && text.lines().nth(1).is_some_and(|line| line.starts_with('|')))
        || text.starts_with('|')
    {
        return Some("is a table (`--output table`): expected JSON".to_owned());
    }
    let is_yaml = first == "---"
        || first.starts_with("- ")
        || first.split_once(':').is_some_and(|(name, rest)| {
            is_name(name) && (rest.is_empty() || rest.starts_with(' '))
        });
    if is_yaml {
        return Some("is YAML (`--output yaml`): expected JSON".to_owned());
    }
    let is_header = word.len() > 3 && word.bytes().all(|b| b.is_ascii_uppercase());
    if is_header && (first.contains('\t') || first == word) {
        return Some("is tab-separated text (`--output text`): expected JSON".to_owned());
    }
    Some(format!("is not JSON: it begins with `{}`", printable_line(first, 24)))
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn what_powershell_writes_is_read() {
        let text = "{\"ä\": \"😀\"}\r\n";
        let cases = [
            ("UTF-8", text.as_bytes().to_vec()),
            ("UTF-8 with a mark", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
            ("UTF-16, little end first", utf16(text, true, u16::to_le_bytes)),
            ("UTF-16, big end first", utf16(text, true, u16::to_be_bytes)),
        ];
        for (case, bytes) in cases {
            assert_eq!(decode(&bytes).as_deref(), Ok(text), "case `{case}`");
        }
    }

    #[test]
    fn what_is_no_text_that_is_read_is_named() {
        let utf32 = |mark: &[u8], text: &str| -> Vec<u8> {
            let chars = text.chars().flat_map(|c| u32::from(c).to_le_bytes());
            mark.iter().copied().chain(chars).collect()
        };
        let mut half = utf16("{}", true, u16::to_le_bytes);
        half.pop();
        let cases: [(&str, Vec<u8>, &str); 19] = [
            ("empty", vec![], "is empty"),
            ("blank", b" \r\n\t".to_vec(), "is empty"),
            ("a mark alone", b"\xef\xbb\xbf".to_vec(), "is empty"),
            ("a mark of UTF-16 alone", b"\xff\xfe".to_vec(), "is empty"),
            (
                "UTF-16 without mark",
                utf16("{}", false, u16::to_le_bytes),
                "UTF-16 without a byte order mark",
            ),
            (
                "the same, big end first",
                utf16("{}", false, u16::to_be_bytes),
                "UTF-16 without a byte order mark",
            ),
            ("UTF-16 cut", half, "cut off"),
            (
                "UTF-16 with half a pair",
                b"\xff\xfe\x00\xd8{\x00".to_vec(),
                "surrogate pair (0xd800)",
            ),
            ("UTF-32 with mark", utf32(b"\xff\xfe\0\0", "{}"), "UTF-32"),
            ("UTF-32 with the other mark", b"\0\0\xfe\xff\0\0\0{".to_vec(), "UTF-32"),
            ("UTF-32 without", utf32(b"", "{}"), "UTF-32"),
            ("Latin-1", b"{\n\"a\": \"\xe4\"}".to_vec(), "line 2 holds the byte 0xe4"),
            ("binary", b"\x7fELF\x02\x01\xff\x00".to_vec(), "not text in UTF-8"),
            ("NUL", b"{\"a\":\n\"\0\"}".to_vec(), "a NUL byte in line 2"),
            ("gzip", b"\x1f\x8b\x08\x00".to_vec(), "a gzip file"),
            ("zip", b"PK\x03\x04\x14".to_vec(), "a zip file"),
            ("bzip2", b"BZh91AY".to_vec(), "a bzip2 file"),
            ("xz", b"\xfd7zXZ\0\0".to_vec(), "an xz file"),
            ("zstd", b"\x28\xb5\x2f\xfd\0".to_vec(), "a zstd file"),
        ];
        for (case, bytes, want) in cases {
            let what = decode(&bytes).expect_err(case);
            assert!(what.contains(want), "case `{case}`: {what}");
        }
    }

    #[test]
    fn other_outputs_of_the_aws_cli_are_named() {
        let cases = [
            ("\nAn error occurred (AccessDenied) when calling …", "an error message"),
            ("Unable to locate credentials. You can configure", "an error message"),
            ("aws: error: the following arguments are required", "an error message"),
            ("GroupDetailList: []\nPolicies:\n- Arn: x\n", "is YAML"),
            ("- GroupDetailList: []\n", "is YAML"),
            ("---\nRoleDetailList: []\n", "is YAML"),
            ("ROLEDETAILLIST\tarn:aws:iam::111122223333:role/r\t…", "--output text"),
            ("ASSUMEROLEPOLICYDOCUMENT\t2012-10-17", "--output text"),
            ("-------\n|GetAccountAuthorizationDetails|\n+-----+", "--output table"),
            ("<GetAccountAuthorizationDetailsResponse>", "XML or HTML"),
            ("{'UserDetailList': [], 'RoleDetailList': []}", "Python"),
            ("[{'UserDetailList': []}]", "Python"),
            ("nonsense", "is not JSON: it begins with `nonsense`"),
            ("\u{1b}[31mred", "is not JSON"),
        ];
        for (text, want) in cases {
            let what = other_than_json(text).expect(text);
            assert!(what.contains(want) && !what.contains('\u{1b}'), "case `{text}`: {what}");
        }
        for text in ["{}", " {\"a\": 1}", "[1]", "\"text\""] {
            assert_eq!(other_than_json(text), None, "case `{text}`");
        }
    }
}
