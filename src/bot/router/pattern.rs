//! A text with gaps: `ship {what} to {city}`.

use super::text::{folded, lower};
use super::words::Word;

/// What a text has to look like.
pub(super) struct Pattern(Vec<Part>);

enum Part {
    /// What has to stand there, in lower case and with one space where there may be any.
    Literal(String),
    /// The name of what stands between two of those.
    Capture(String),
}

impl Pattern {
    /// Reads a pattern. A brace that is never closed is a brace.
    pub fn new(pattern: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = pattern.trim();
        while let Some((before, name, after)) = gap(rest) {
            literal(&mut parts, before);
            if let Some(Part::Capture(_)) = parts.last() {
                literal(&mut parts, " ");
            }
            parts.push(Part::Capture(name.trim().to_owned()));
            rest = after;
        }
        literal(&mut parts, rest);
        Self(parts)
    }

    /// What stands in the gaps, if the whole text looks like this. A gap is as short as it can be, and never empty.
    ///
    /// The last literal has to stand at the end of the text, and each one before it is taken where it comes first: that
    /// leaves the most for the others. So nothing has to be tried again, whatever the text.
    pub fn captures<'a>(&'a self, text: &'a str) -> Option<Vec<Word<'a>>> {
        let mut rest = text.trim();
        let mut words = Vec::new();
        let mut gap = None;
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            match (part, gap.take()) {
                (Part::Capture(name), _) => gap = Some(name.as_str()),
                (Part::Literal(literal), None) => rest = after(rest, literal)?,
                (Part::Literal(literal), Some(name)) => {
                    let (captured, left) = find(rest, literal, parts.peek().is_none())?;
                    words.push(capture(name, captured));
                    rest = left;
                }
            }
        }
        rest = rest.trim();
        match gap {
            Some(_) if rest.is_empty() => None,
            Some(name) => {
                words.push(capture(name, rest));
                Some(words)
            }
            None => rest.is_empty().then_some(words),
        }
    }
}

/// What stands before the next gap, its name, and what stands behind it.
fn gap(pattern: &str) -> Option<(&str, &str, &str)> {
    let (before, inside) = pattern.split_once('{')?;
    let (name, after) = inside.split_once('}')?;
    Some((before, name, after))
}

fn literal(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Literal(folded(text)));
    }
}

fn capture<'a>(name: &'a str, text: &'a str) -> Word<'a> {
    Word { name, text: text.to_owned(), raw: text, tail: text }
}

/// The text before the first place where the literal stands, and the text behind it.
fn find<'a>(text: &'a str, literal: &str, to_the_end: bool) -> Option<(&'a str, &'a str)> {
    let mut is_blank = true;
    let mut is_behind_space = false;
    for (at, character) in text.char_indices() {
        let (captured, tail) = text.split_at_checked(at)?;
        // Where a literal begins with space, it has been tried at the first one of these.
        let is_tried = is_behind_space && literal.starts_with(' ');
        if !is_blank
            && !is_tried
            && let Some(rest) = after(tail, literal)
            && (!to_the_end || rest.is_empty())
        {
            return Some((captured.trim(), rest));
        }
        is_behind_space = character.is_whitespace();
        is_blank &= is_behind_space;
    }
    None
}

/// The text behind a literal that it begins with.
fn after<'a>(text: &'a str, literal: &str) -> Option<&'a str> {
    let mut rest = text;
    let mut wanted = literal.chars();
    while let Some(next) = wanted.clone().next() {
        if next == ' ' {
            let trimmed = rest.trim_start();
            if trimmed.len() == rest.len() {
                return None;
            }
            rest = trimmed;
            wanted.next();
            continue;
        }
        let mut characters = rest.chars();
        if wanted.next() != Some(lower(characters.next()?)) {
            return None;
        }
        rest = characters.as_str();
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, text: &str) -> Option<Vec<(String, String)>> {
        let pattern = Pattern::new(pattern);
        let words = pattern.captures(text)?;
        Some(words.into_iter().map(|word| (word.name.to_owned(), word.text)).collect())
    }

    #[test]
    fn a_text_fits_a_pattern() {
        for (pattern, text, expected) in [
            ("ship {what} to {city}", "ship tea to Bern", &[("what", "tea"), ("city", "Bern")][..]),
            (
                "ship {what} to {city}",
                "  SHIP  green tea\nTo   La Chaux-de-Fonds ",
                &[("what", "green tea"), ("city", "La Chaux-de-Fonds")],
            ),
            ("ship {what} to {city}", "ship a to b to c", &[("what", "a"), ("city", "b to c")]),
            ("{a}, {b}", "x , y", &[("a", "x"), ("b", "y")]),
            ("{a} {b}", "x y z", &[("a", "x"), ("b", "y z")]),
            ("{a}{b}", "x y z", &[("a", "x"), ("b", "y z")]),
            ("{what} please", "say please now please", &[("what", "say please now")]),
            ("{what} please", "please please", &[("what", "please")]),
            ("{all}", " x\ny ", &[("all", "x\ny")]),
            ("{ all }", "x", &[("all", "x")]),
            ("{}", "x", &[("", "x")]),
            ("#{tag}", "#tea", &[("tag", "tea")]),
            ("hello", "Hello", &[]),
            ("a {b", "A {B", &[]),
            ("отправь {что} в {город}", "ОТПРАВЬ чай в Берн", &[("что", "чай"), ("город", "Берн")]),
            ("{何}を送る", "お茶を送る", &[("何", "お茶")]),
            ("ΟΔΟΣ {x}", "οδος 4", &[("x", "4")]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(captures(pattern, text), Some(expected), "{pattern} {text}");
        }
    }

    #[test]
    fn a_text_does_not_fit_a_pattern() {
        for (pattern, text) in [
            ("ship {what} to {city}", "ship tea"),
            ("ship {what} to {city}", "ship tea to"),
            ("ship {what} to {city}", "ship to Bern"),
            ("ship {what} to {city}", "please ship tea to Bern"),
            ("ship {what} to {city}", "ship tea toBern"),
            ("ship {what} to {city}", "shiptea to Bern"),
            ("{what} please", "tea please!"),
            ("{what} please", "please"),
            ("{all}", "  "),
            ("hello", "hello there"),
            ("hello", ""),
        ] {
            assert_eq!(captures(pattern, text), None, "{pattern} {text}");
        }
    }

    #[test]
    fn no_text_takes_long() {
        let pattern = "ship {a} to {b} to {c} to {d} now";
        assert_eq!(captures(pattern, &format!("ship x{}", " to x".repeat(10_000))), None);
        assert_eq!(captures(pattern, &format!("ship x{}y", " ".repeat(60_000))), None);
    }
}
