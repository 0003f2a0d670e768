//! Lone surrogates: escapes such as `\ud83d` that are half a character, left where somebody has cut a text in two.
//!
//! JSON allows them and Rust's texts cannot hold them, so serde refuses the whole text.

/// The JSON with `\ufffd`, the replacement character, in place of every lone surrogate.
pub(super) fn mended(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        mended.push_str(before);
        let (length, is_lone) = match unit(escape) {
            Some(0xd800..=0xdbff) if matches!(escape.get(6..).and_then(unit), Some(0xdc00..=0xdfff)) => (12, false),
            Some(0xd800..=0xdfff) => (6, true),
            // Whatever it is, a backslash that is escaped begins nothing.
            _ => (2, false),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        mended.push_str(if is_lone { "\\ufffd" } else { escape });
        rest = after;
    }
    mended.push_str(rest);
    mended
}

/// The UTF-16 code unit that is escaped at the beginning of `json`.
fn unit(json: &str) -> Option<u16> {
    u16::from_str_radix(json.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_lone_surrogates_are_replaced() {
        for (json, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00\ude00""#, r#""\ufffd\ud83d\ude00\ufffd""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\n\ud83dx\ud83d\u0041""#, r#""\ufffd\n\ufffdx\ufffd\u0041""#),
            (r#""\\ud83d \\\ud83d \\\\ud83d""#, r#""\\ud83d \\\ufffd \\\\ud83d""#),
            (r#"{"\ud83d":["é\ud83d"]}"#, r#"{"\ufffd":["é\ufffd"]}"#),
            (r"\ud83d\", r"\ufffd\"),
            (r"\ud83", r"\ud83"),
            (r"\é\ud83d", r"\é\ud83d"),
            ("", ""),
        ] {
            assert_eq!(mended(json), expected, "{json}");
        }
    }

    /// What a text is made of, each with its JSON and with the UTF-16 that it stands for.
    fn piece() -> impl Strategy<Value = (String, Vec<u16>)> {
        prop_oneof![
            (0xd800_u16..0xe000).prop_map(|unit| (format!("\\u{unit:04x}"), vec![unit])),
            (0xd800_u16..0xe000).prop_map(|unit| (format!("\\u{unit:04X}"), vec![unit])),
            any::<char>().prop_map(|character| {
                let units: Vec<u16> = character.encode_utf16(&mut [0; 2]).to_vec();
                (units.iter().map(|unit| format!("\\u{unit:04x}")).collect(), units)
            }),
            any::<char>().prop_map(|character| {
                let json = serde_json::to_string(&character).unwrap();
                (
                    json.get(1..json.len().saturating_sub(1)).unwrap().to_owned(),
                    character.encode_utf16(&mut [0; 2]).to_vec(),
                )
            }),
            Just((r"\\ud83d".to_owned(), r"\ud83d".encode_utf16().collect())),
            Just((r"\\".to_owned(), vec![0x5c])),
            Just((r#"\""#.to_owned(), vec![0x22])),
        ]
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_any_reader_of_utf_16_reads_it(pieces in proptest::collection::vec(piece(), 0..20)) {
            let (json, units): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
            let json = format!("\"{}\"", json.concat());
            let read: String = serde_json::from_str(&mended(&json)).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units.concat()));
        }

        #[test]
        fn nothing_brings_it_down_and_nothing_else_changes(json in r#"([\\"u d-f0-9é]|\\u|\\\\|d8){0,40}"#) {
            let once = mended(&json);
            prop_assert_eq!(once.len(), json.len());
            prop_assert_eq!(mended(&once), once);
        }
    }
}
