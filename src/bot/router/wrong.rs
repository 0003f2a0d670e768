//! What is wrong with a call, in words for the one who made it.

use std::fmt::{self, Display, Write as _};

use super::words::{Said, Word};

/// How many words on both sides of the wrong one are shown.
const AROUND: usize = 3;

/// How much of a word is shown, in characters.
const MAX_WORD: usize = 24;

/// How many names of an enum are listed.
const MAX_NAMES: usize = 12;

/// What a word is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Number,
    YesNo,
    Character,
    Mention,
    /// The rest of the line.
    Rest,
    /// One of these names.
    Name(&'static [&'static str]),
}

impl Kind {
    /// A word of this kind, to learn with what a type does.
    pub fn sample(self) -> &'static str {
        match self {
            Self::Text | Self::Character | Self::Rest | Self::Name(_) => "x",
            Self::Whole | Self::Number => "1",
            Self::YesNo => "yes",
            Self::Mention => "<@uid:x>",
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text | Self::Rest => f.write_str("a text"),
            Self::Whole => f.write_str("a whole number"),
            Self::Number => f.write_str("a number"),
            Self::YesNo => f.write_str("yes or no"),
            Self::Character => f.write_str("one character"),
            Self::Mention => f.write_str("a mention of somebody"),
            Self::Name(names) => list(f, names),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, names: &[&str]) -> fmt::Result {
    let mut before = if names.len() > 1 { "one of " } else { "" };
    for name in names.iter().take(MAX_NAMES) {
        write!(f, "{before}{name}")?;
        before = ", ";
    }
    if names.len() > MAX_NAMES { f.write_str(", …") } else { Ok(()) }
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The word is not of this kind.
    Expected(Kind),
    /// The number is not between these two.
    Between(i64, u64),
    /// The line ends where a word of this kind should be.
    Missing(Kind),
    /// serde misses this field.
    NoField(&'static str),
    /// serde misses an element of a tuple.
    NoElement,
    /// The line goes on where it should end.
    TooMuch,
    /// The type does not take it, and its reason is not known to quote nothing.
    Unfit,
}

/// What is wrong with a call, and where. It holds nothing of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Which word. The number of words, or `None`, is behind the last one.
    pub at: Option<usize>,
    /// What the author calls it.
    pub field: Option<&'static str>,
    /// What is wrong with it.
    pub what: What,
}

impl Wrong {
    pub fn new(what: What) -> Self {
        Self { at: None, field: None, what }
    }

    /// At this word, unless it is known better. What serde misses is missing at the end.
    pub fn or_at(self, at: usize, field: Option<&'static str>) -> Self {
        match self.what {
            What::NoField(_) | What::NoElement => self,
            _ if self.at.is_some() => self,
            _ => Self { at: Some(at), field: self.field.or(field), ..self },
        }
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if let What::NoField(field) = self.what { Some(field) } else { self.field };
        if let Some(field) = field {
            write!(f, "{field}: ")?;
        }
        match self.what {
            What::Expected(kind) => write!(f, "{kind} is expected here."),
            What::Between(low, high) => write!(f, "a whole number from {low} to {high} is expected here."),
            What::Missing(kind) => write!(f, "{kind} is missing here."),
            What::NoField(_) | What::NoElement => f.write_str("something is missing here."),
            What::TooMuch => f.write_str("nothing more is expected here."),
            What::Unfit => f.write_str("this does not fit here."),
        }
    }
}

impl std::error::Error for Wrong {}

impl serde::de::Error for Wrong {
    fn custom<T: Display>(_: T) -> Self {
        Self::new(What::Unfit)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::NoField(field))
    }

    fn invalid_length(_: usize, _: &dyn serde::de::Expected) -> Self {
        Self::new(What::NoElement)
    }

    fn unknown_variant(_: &str, names: &'static [&'static str]) -> Self {
        Self::new(What::Expected(Kind::Name(names)))
    }
}

/// The answer to a wrong call: the call, a mark under what is wrong with it, and how it is done.
pub(super) fn explain(command: &str, said: &Said<'_>, wrong: Wrong, usage: &[String]) -> String {
    let (mut line, column, marks) = show(command, &said.words(), wrong.at);
    // A String takes everything.
    let _ = write!(line, "\n{:column$}{:^<marks$} {wrong}", "", "");
    let mut before = "\nUsage: ";
    for way in usage {
        line.push_str(before);
        line.push_str(way);
        before = "\n       ";
    }
    format!("```\n{line}\n```")
}

/// The call around a word, and where that word stands: its column and its width.
fn show(command: &str, words: &[Word<'_>], at: Option<usize>) -> (String, usize, usize) {
    let at = at.unwrap_or(words.len()).min(words.len());
    let first = at.saturating_sub(AROUND);
    let mut line = format!("/{command}");
    if first > 0 {
        line.push_str(" …");
    }
    let mut place = None;
    for (index, word) in words.iter().enumerate().skip(first).take(AROUND.saturating_mul(2).saturating_add(1)) {
        line.push(' ');
        let shown = harmless(word.raw);
        if index == at {
            place = Some((width(&line), width(&shown).max(1)));
        }
        line.push_str(&shown);
    }
    if words.len() > at.saturating_add(AROUND).saturating_add(1) {
        line.push_str(" …");
    }
    let (column, marks) = place.unwrap_or((width(&line).saturating_add(1), 1));
    (line, column, marks)
}

/// A word that neither ends the code it is shown in nor calls the people it mentions.
fn harmless(word: &str) -> String {
    let word = word.replace("<@", "@");
    let harmless = |character: char| match character {
        '`' => '\'',
        character if character.is_whitespace() || character.is_control() => ' ',
        character => character,
    };
    let mut shown: String = word.chars().take(MAX_WORD).map(harmless).collect();
    if word.chars().nth(MAX_WORD).is_some() {
        shown.push('…');
    }
    shown
}

/// How many columns a text takes where all characters have the same width.
fn width(text: &str) -> usize {
    text.chars().fold(0_usize, |width, character| width.saturating_add(columns(character)))
}

/// East Asian characters and emoji take two columns, and what is put onto others takes none.
fn columns(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{20d0}'..='\u{20f0}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: Wrong = Wrong { at: Some(0), field: Some("count"), what: What::Expected(Kind::Whole) };

    fn explained(line: &str, wrong: Wrong) -> String {
        let usage = ["/order <count> <what> [note]".to_owned()];
        let answer = explain("order", &Said::Line(line), wrong, &usage);
        answer.strip_prefix("```\n").unwrap().strip_suffix("\n```").unwrap().to_owned()
    }

    #[test]
    fn a_wrong_call_is_marked() {
        let expected = "/order two tea\n       ^^^ count: a whole number is expected here.\n\
            Usage: /order <count> <what> [note]";
        assert_eq!(explained("two tea", WRONG), expected);
        let missing = Wrong { at: Some(1), field: Some("what"), what: What::Missing(Kind::Text) };
        let expected = "/order 2\n         ^ what: a text is missing here.\nUsage: /order <count> <what> [note]";
        assert_eq!(explained("2", missing), expected);
    }

    #[test]
    fn every_way_has_its_line() {
        let usage = ["/order add <count>".to_owned(), "/order list".to_owned()];
        let answer = explain("order", &Said::Line("x"), Wrong::new(What::Unfit), &usage);
        assert!(answer.ends_with("\nUsage: /order add <count>\n       /order list\n```"), "{answer}");
        let answer = explain("order", &Said::Line("x"), WRONG, &[]);
        assert_eq!(answer, "```\n/order x\n       ^ count: a whole number is expected here.\n```");
    }

    #[test]
    fn only_the_words_around_are_shown() {
        let line = "a b c d e f g h i j";
        let answer = explained(line, Wrong { at: Some(5), ..WRONG });
        assert!(answer.starts_with("/order … c d e f g h i …\n               ^ count"), "{answer}");
        let answer = explained(&"x".repeat(100), WRONG);
        let expected = format!("/order {}…\n       {} count", "x".repeat(24), "^".repeat(25));
        assert!(answer.starts_with(&expected), "{answer}");
        let answer = explained(line, Wrong { at: Some(99), ..WRONG });
        assert!(answer.starts_with("/order … h i j\n               ^ count"), "{answer}");
    }

    #[test]
    fn what_is_shown_is_harmless() {
        let shown = |line: &str| explained(line, WRONG).lines().next().unwrap().to_owned();
        assert_eq!(shown("``` x"), "/order ''' x");
        assert_eq!(shown("\"a\nb\u{1b}\""), "/order \"a b \"");
        assert_eq!(shown("<@uid:ann>"), "/order @uid:ann>");
    }

    #[test]
    fn the_mark_is_as_wide_as_the_word() {
        for (line, marks) in
            [("二", "       ^^ "), ("e\u{301}té", "       ^^^ "), ("два", "       ^^^ "), ("🍵", "       ^^ ")]
        {
            let answer = explained(line, WRONG);
            assert!(answer.lines().nth(1).unwrap().starts_with(marks), "{answer}");
        }
    }

    #[test]
    fn names_are_listed_up_to_a_point() {
        assert_eq!(Kind::Name(&["small"]).to_string(), "small");
        assert_eq!(Kind::Name(&["small", "large"]).to_string(), "one of small, large");
        let many = Kind::Name(&["a"; 13]).to_string();
        assert!(many.ends_with("a, a, …"), "{many}");
    }
}
