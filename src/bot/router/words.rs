//! A line as words: split at space, unless quotes or a backslash hold it together.

use std::iter::Peekable;
use std::str::CharIndices;

/// One word, or what a pattern captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The name of the capture; empty for a word.
    pub name: &'a str,
    /// What it says, without quotes and backslashes.
    pub text: String,
    /// As it stands in the line.
    pub raw: &'a str,
    /// The line from this word on.
    pub tail: &'a str,
}

/// What a handler's argument is read from.
pub(super) enum Said<'a> {
    /// Nothing: the handler takes none.
    Nothing,
    /// What stands behind a command.
    Line(&'a str),
    /// What a pattern captured.
    Captures(Vec<Word<'a>>),
}

impl<'a> Said<'a> {
    /// It all as words.
    pub fn words(&self) -> Vec<Word<'a>> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Line(line) => words(line),
            Self::Captures(captures) => captures.clone(),
        }
    }
}

/// The words of a line.
pub(super) fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    // Quotes that nothing closes from here on. They are looked for once, or a line full of them would take forever.
    let mut open = Vec::new();
    let mut tail = line.trim_start();
    while let Some(first) = tail.chars().next() {
        let may_open = closing(first).is_some() && !open.contains(&first);
        let held = if may_open { quoted(tail) } else { None };
        if may_open && held.is_none() {
            open.push(first);
        }
        let (text, length) = held.unwrap_or_else(|| plain(tail));
        let (raw, rest) = tail.split_at_checked(length).unwrap_or((tail, ""));
        words.push(Word { name: "", text, raw, tail });
        tail = rest.trim_start();
    }
    words
}

/// A word up to the next space, and its length in bytes.
fn plain(line: &str) -> (String, usize) {
    let mut text = String::new();
    let mut characters = line.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character.is_whitespace() {
            return (text, at);
        }
        text.push(meant(character, &mut characters));
    }
    (text, line.len())
}

/// A word in quotes, and its length in bytes. They open where a word begins and close where one ends, so `don't` has
/// none; what is never closed is no quote.
fn quoted(line: &str) -> Option<(String, usize)> {
    let mut characters = line.char_indices().peekable();
    let closing = closing(characters.next()?.1)?;
    let mut text = String::new();
    while let Some((_, character)) = characters.next() {
        if closing.contains(character) {
            match characters.peek() {
                None => return Some((text, line.len())),
                Some((end, next)) if next.is_whitespace() => return Some((text, *end)),
                Some(_) => {}
            }
        }
        text.push(meant(character, &mut characters));
    }
    None
}

/// What closes this quote. Keyboards write many that people take for the same.
fn closing(quote: char) -> Option<&'static str> {
    Some(match quote {
        '"' => "\"",
        '\'' => "'",
        '“' | '”' => "”\"",
        '„' => "“”\"",
        '‘' => "’'",
        '‚' => "‘’",
        '«' => "»",
        '»' => "«",
        _ => return None,
    })
}

/// The character itself, or the one behind a backslash, where that would mean something else without it.
fn meant(character: char, following: &mut Peekable<CharIndices<'_>>) -> char {
    if character != '\\' {
        return character;
    }
    let escaped = |next: char| next == '\\' || next.is_whitespace() || closing(next).is_some();
    following.next_if(|(_, next)| escaped(*next)).map_or(character, |(_, next)| next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_its_words() {
        for (line, expected) in [
            ("", &[][..]),
            ("  \n ", &[]),
            ("two tea", &["two", "tea"]),
            ("  two\u{3000}\n tea ", &["two", "tea"]),
            (r#""green tea" 2"#, &["green tea", "2"]),
            ("'green tea' 2", &["green tea", "2"]),
            (
                "“green tea” „grüner Tee“ ‘thé vert’ «зелёный чай»",
                &["green tea", "grüner Tee", "thé vert", "зелёный чай"],
            ),
            (r#""" ''"#, &["", ""]),
            (r"green\ tea", &["green tea"]),
            (r#""a \"b\" \\" c"#, &[r#"a "b" \"#, "c"]),
            (r"C:\new\table", &[r"C:\new\table"]),
            (r"a\", &[r"a\"]),
            (r#"\"a b\""#, &[r#""a"#, r#"b""#]),
            ("don't 'tis a dog's life", &["don't", "'tis", "a", "dog's", "life"]),
            (r#""never closed"#, &["\"never", "closed"]),
            (r#"a"b c"d"#, &["a\"b", "c\"d"]),
            (r#""a"b c""#, &["a\"b c"]),
            ("茶 二", &["茶", "二"]),
        ] {
            let words = words(line);
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(texts, expected, "{line}");
        }
    }

    #[test]
    fn a_word_knows_how_it_stands_there() {
        let words = words(r#"a  "b c"  d "#);
        let raw: Vec<(&str, &str)> = words.iter().map(|word| (word.raw, word.tail)).collect();
        assert_eq!(raw, [("a", "a  \"b c\"  d "), ("\"b c\"", "\"b c\"  d "), ("d", "d ")]);
    }

    #[test]
    fn a_line_full_of_open_quotes_is_read_once() {
        let line = "\"a 'b “c ".repeat(20_000);
        assert_eq!(words(&line).len(), 60_000);
    }
}
