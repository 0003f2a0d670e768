//! Where a text may be cut: never inside what readers take for one character (an extended grapheme cluster, UAX #29).
//!
//! The exact rules need tables of 12 KB, after gzip. Here is what they come to for the scripts that people write in: a place
//! is a boundary only where the character behind it begins something new for sure. Where that is not known it is none.

/// Whether the text may be cut here for sure.
pub(super) fn is_boundary(text: &str, index: usize) -> bool {
    let Some((before, behind)) = text.split_at_checked(index) else { return false };
    let (Some(last), Some(next)) = (before.chars().next_back(), behind.chars().next()) else { return true };
    match (part(last), part(next)) {
        (Part::Return, _) => next != '\n',
        // What joins, and what nobody here knows, may take along what is behind it.
        (Part::Joins | Part::Unknown | Part::Jamo, _) => false,
        (Part::Continues, Part::Begins) => {
            let continued = before.chars().rev().map(part).find(|part| *part != Part::Continues);
            !matches!(continued, Some(Part::Joins | Part::Unknown))
        }
        (_, Part::Begins) => true,
        // Flags are pairs.
        (_, Part::Flag) => before.chars().rev().take_while(|character| part(*character) == Part::Flag).count() % 2 == 0,
        (_, Part::Return) => true,
        (_, Part::Continues | Part::Joins | Part::Unknown | Part::Jamo) => false,
    }
}

/// What a character is within a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It begins one, whatever is before it that does not join.
    Begins,
    /// It belongs to what is before it.
    Continues,
    /// The same, and what is behind it may belong to it too.
    Joins,
    /// Half a flag.
    Flag,
    /// A part of a Hangul syllable.
    Jamo,
    /// A carriage return, which a line feed belongs to.
    Return,
    /// It may be any of these.
    Unknown,
}

fn part(character: char) -> Part {
    match character {
        '\r' => Part::Return,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' => Part::Continues,
        '\0'..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{58f}' => Part::Begins,
        // Hebrew and Arabic letters, and their digits.
        '\u{5d0}'..='\u{5f4}' | '\u{61e}'..='\u{64a}' | '\u{660}'..='\u{66f}' | '\u{671}'..='\u{6d3}' => Part::Begins,
        '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}' => Part::Continues,
        '\u{900}'..='\u{d7f}' => indic(character),
        // Thai and Lao.
        '\u{e01}'..='\u{e30}' | '\u{e3f}'..='\u{e46}' | '\u{e4f}'..='\u{e5b}' => Part::Begins,
        '\u{e81}'..='\u{eb0}' | '\u{ec0}'..='\u{ec6}' | '\u{ed0}'..='\u{ed9}' => Part::Begins,
        '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{d7b0}'..='\u{d7ff}' => Part::Jamo,
        '\u{1e00}'..='\u{1fff}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{2070}'..='\u{20cf}' => {
            Part::Begins
        }
        '\u{200c}' | '\u{200d}' => Part::Joins,
        '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' => Part::Continues,
        // Signs, Chinese and Japanese, Hangul syllables, forms of full width, emoji.
        '\u{2100}'..='\u{2bff}' | '\u{3000}'..='\u{3029}' | '\u{3030}'..='\u{3098}' | '\u{309b}'..='\u{a4cf}' => {
            Part::Begins
        }
        '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff9d}' => Part::Begins,
        '\u{1f1e6}'..='\u{1f1ff}' => Part::Flag,
        '\u{1f200}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}' | '\u{20000}'..='\u{323af}' => Part::Begins,
        _ => Part::Unknown,
    }
}

/// The scripts of India stand in blocks of 128, each in the order of the first.
fn indic(character: char) -> Part {
    match u32::from(character) % 128 {
        // The letters, but those that not every block has there.
        0x05..=0x39 | 0x60..=0x61 | 0x66..=0x6f => Part::Begins,
        // Their signs, and the one that joins two letters.
        0x00..=0x03 | 0x3c | 0x3e..=0x4c | 0x62..=0x63 => Part::Continues,
        0x4d => Part::Joins,
        _ => Part::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

    use super::*;

    fn truly(text: &str, index: usize) -> bool {
        GraphemeCursor::new(index, text.len(), true).is_boundary(text, 0) == Ok(true)
    }

    /// Where it says that a text may be cut, it may.
    fn wrong(text: &str) -> Option<usize> {
        let places = text.char_indices().map(|(index, _)| index);
        places.into_iter().find(|index| is_boundary(text, *index) && !truly(text, *index))
    }

    #[test]
    fn no_two_characters_are_cut_that_belong_together() {
        let companions = [
            "a", "\u{301}", "\u{200d}", "👍", "🏽", "🇩", "\u{fe0f}", "한", "ᄒ", "ᅡ", "ᆫ", "क", "्", "ि", "ก", "\u{e33}",
            "❤", "\r", "\n",
        ];
        for character in ('\0'..='\u{323af}').filter(|character| part(*character) != Part::Unknown) {
            for companion in companions {
                for text in [format!("{character}{companion}"), format!("{companion}{character}")] {
                    assert_eq!(wrong(&text), None, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn people_s_scripts_have_places_to_cut() {
        for text in ["Привет", "שלום", "مرحبا", "今日は", "안녕하세요", "สวัสดี", "नमस्ते", "🇩🇪🇫🇷", "👨‍👩‍👧‍👦👍🏽", "à la carte"]
        {
            let all = text.graphemes(true).count();
            let found = text.char_indices().filter(|(index, _)| *index > 0 && is_boundary(text, *index)).count();
            assert!(found * 2 >= all - 1, "{text}: {found} of {all}");
        }
    }

    proptest! {
        #[test]
        fn what_is_cut_was_two(text in "[a\u{300}\u{200d}👍🏽👨👩🇩🇪❤\u{fe0f}한한कषत्ि\u{93c}กา\u{e33}ு\u{600}\r\n ]{0,40}") {
            prop_assert_eq!(wrong(&text), None);
        }
    }
}
