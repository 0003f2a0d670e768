//! A reason in a bot's own words, as far as it may stand in a row, a log and KV metadata.

/// The text on one line, cut at `most` characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    text.chars().take(most).map(|character| if breaks(character) { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_with_an_end() {
        assert_eq!(one_line("no_stock", 100), "no_stock");
        assert_eq!(one_line("a\r\nb\tc\u{2028}d\u{0}e\u{85}f\u{7f}", 100), "a  b c d e f ");
        assert_eq!(one_line(&"é".repeat(101), 100), "é".repeat(100));
    }
}
