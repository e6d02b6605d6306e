//! Policy documents as IAM sends them: percent-encoded by RFC 3986.

/// Longest document read, in bytes: IAM's own limits are a few KiB.
const LIMIT: usize = 1 << 20;

/// Decodes a document once. `+` stays `+`; a broken escape, broken UTF-8, nothing at all or too much is an error.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn decode(encoded: &str) -> Result<String, String> {
    if encoded.is_empty() {
        return Err("the policy document is empty".to_owned());
    }
    if encoded.len() > LIMIT {
        return Err(format!(
            "the policy document has {} bytes, more than the {LIMIT} allowed",
            encoded.len()
        ));
    }
    let mut bytes = encoded.bytes();
    let mut decoded = Vec::with_capacity(encoded.len());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => escaped(bytes.next(), bytes.next()).ok_or_else(|| {
                "the policy document has a `%` without two hexadecimal digits".to_owned()
            })?,
            plain => plain,
        };
        decoded.push(byte);
    }
    let text =
        String::from_utf8(decoded).map_err(|_| "the policy document is not UTF-8".to_owned())?;
    if text.trim().is_empty() {
        return Err("the policy document is blank".to_owned());
    }
    Ok(text)
}

/// The byte that two hexadecimal digits stand for.
fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high?)? * 16 + digit(low?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded_once_and_strictly() {
        let cases = [
            ("%7B%22a%22%3A1%7D", Some("{\"a\":1}")),
            ("%7b%7d", Some("{}")),
            ("{}", Some("{}")),
            ("a+b%2Bc", Some("a+b+c")),
            ("%2541", Some("%41")),
            ("%C3%A4", Some("ä")),
            ("ä%20ö", Some("ä ö")),
            ("", None),
            ("%20%0A", None),
            ("%", None),
            ("%4", None),
            ("%4g", None),
            ("%%41", None),
            ("%u0041", None),
            ("%+1", None),
            ("%ä", None),
            ("%C3", None),
            ("%FF", None),
        ];
        for (encoded, want) in cases {
            assert_eq!(decode(encoded).ok().as_deref(), want, "case `{encoded}`");
        }
        assert!(decode(&"x".repeat(LIMIT)).is_ok());
        assert!(decode(&"x".repeat(LIMIT + 1)).is_err());
    }
}
