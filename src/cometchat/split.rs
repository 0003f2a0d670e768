//! How a long text becomes several messages.

use super::boundary::is_boundary;

/// What closes a code fence that is open at a cut.
const CLOSING: &str = "\n```";

/// Splits a text into parts that take at most `room` bytes each inside a JSON string.
///
/// A cut falls between paragraphs, lines, sentences or words where one of those is near enough, never inside what
/// readers take for one character. A code fence that is open at a cut is closed before it and opened again after it.
pub(super) fn split(text: &str, room: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut opening = String::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let taken = json_length(&opening).saturating_add(json_length(CLOSING));
        let (part, remainder) = rest.split_at(cut(rest, room.saturating_sub(taken)));
        let mut part = format!("{opening}{}", part.trim_end());
        opening = match open_fence(&part) {
            Some(fence) if !remainder.trim().is_empty() => format!("{fence}\n"),
            _ => String::new(),
        };
        if opening.is_empty() {
            rest = remainder.trim_start();
        } else {
            // Inside a fence the indentation counts.
            part.push_str(CLOSING);
            rest = remainder.trim_start_matches('\n');
        }
        parts.push(part);
    }
    parts
}

/// Where to cut `text` so that the first part, as JSON, fits into `budget` bytes.
fn cut(text: &str, budget: usize) -> usize {
    let mut size = 0_usize;
    let fits = text
        .char_indices()
        .find(|(_, character)| {
            size = size.saturating_add(json_bytes(*character));
            size > budget
        })
        .map_or(text.len(), |(index, _)| index);
    if fits == text.len() {
        return fits;
    }
    let Some(head) = text.get(..fits) else { return text.len() };
    // A cut that would leave less than half a part is worse than one inside a paragraph.
    let near = |index: &usize| *index > fits / 2;
    head.rfind("\n\n")
        .filter(near)
        .or_else(|| head.rfind('\n').filter(near))
        .or_else(|| sentence_end(head).filter(near))
        .or_else(|| head.rfind(' ').filter(near))
        .unwrap_or_else(|| whole(text, fits))
}

/// Where the last sentence of a text ends that is followed by another one, or by a space.
fn sentence_end(text: &str) -> Option<usize> {
    let ends_after = |index: usize, end: char| {
        let after = index.saturating_add(end.len_utf8());
        let rest = text.get(after..)?;
        let is_end = matches!(end, '。' | '！' | '？' | '।') || rest.starts_with(char::is_whitespace);
        (is_end && !rest.is_empty()).then_some(after)
    };
    text.rmatch_indices(['.', '!', '?', '…', '。', '！', '？', '।'])
        .find_map(|(index, end)| ends_after(index, end.chars().next()?))
}

/// The last place up to `at` that is surely not inside what readers take for one character; `at` where there is none in
/// the half before it.
fn whole(text: &str, at: usize) -> usize {
    let is_near = |index: &usize| *index > at / 2;
    let ends = text.char_indices().rev().map(|(index, _)| index).skip_while(|index| *index > at);
    ends.take_while(is_near).find(|index| is_boundary(text, *index)).unwrap_or(at)
}

/// The line that opened a code fence which the text does not close; of a very long one, its beginning.
fn open_fence(text: &str) -> Option<String> {
    let mut open = None;
    for line in text.lines().filter(|line| line.trim_start().starts_with("```")) {
        open = if open.is_some() { None } else { Some(line) };
    }
    open.map(|line| line.chars().take(40).collect())
}

/// How many bytes a text takes inside a JSON string.
fn json_length(text: &str) -> usize {
    text.chars().map(json_bytes).fold(0, usize::saturating_add)
}

/// How many bytes a character takes inside a JSON string.
fn json_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation as _;

    use super::*;

    /// As much as a reply has.
    const LIMIT: usize = 9_700;

    fn texts(text: &str) -> Vec<String> {
        split(text, LIMIT)
    }

    #[test]
    fn a_long_text_is_cut_between_paragraphs() {
        let paragraph = "word ".repeat(1_200);
        let parts = texts(&format!("{paragraph}\n\n{paragraph}"));
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0], paragraph.trim_end());
        assert_eq!(texts("short"), ["short"]);
        assert!(texts(" \n ").is_empty());
    }

    #[test]
    fn a_fence_that_is_cut_is_closed_and_opened_again() {
        let line = "    let x = 1;\n".repeat(900);
        let parts = texts(&format!("See:\n```rust\n{line}```\nDone."));
        assert_eq!(parts.len(), 2);
        assert!(
            parts[0].starts_with("See:\n```rust\n    let") && parts[0].ends_with("let x = 1;\n```"),
            "{}",
            parts[0]
        );
        assert!(parts[1].starts_with("```rust\n    let") && parts[1].ends_with("```\nDone."), "{}", parts[1]);
    }

    proptest! {
        #[test]
        fn fences_stay_balanced(text in "([a-z ]{0,60}\n|```\n|```rust\n|\\{ \"\n){0,60}", times in 1_usize..20) {
            let closed = text.lines().filter(|line| line.starts_with("```")).count() % 2 == 0;
            let text = text.repeat(times);
            let parts = texts(&text);
            for part in &parts {
                prop_assert!(json_length(part) <= LIMIT);
                prop_assert!(!closed || open_fence(part).is_none(), "{}", part);
            }
            let words = |text: &str| text.lines().filter(|line| !line.contains("```")).collect::<String>().replace(' ', "");
            prop_assert_eq!(words(&parts.join("\n")), words(&text));
        }

        #[test]
        fn every_part_fits_and_nothing_is_lost(text in "[a-z \n\"\\\\é𝄞]{0,400}", times in 1_usize..80) {
            let text = text.repeat(times);
            let parts = texts(&text);
            for part in &parts {
                prop_assert!(serde_json::to_string(part).unwrap().len() <= LIMIT + 2);
            }
            let spaceless = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(spaceless(&parts.concat()), spaceless(&text));
        }
    }

    /// What is left for the text of a part.
    const ROOM: usize = LIMIT - "\\n```".len();

    #[test]
    fn a_part_is_filled_to_the_last_byte_of_its_json() {
        for (character, bytes) in [("a", 1), ("é", 2), ("\"", 2), ("\\", 2), ("\u{1}", 6), ("𝄞", 4)] {
            let fits = ROOM / bytes;
            assert_eq!(texts(&character.repeat(fits)).len(), 1, "{character:?}");
            let parts = texts(&character.repeat(fits + 1));
            assert_eq!(parts, [character.repeat(fits), character.to_owned()], "{character:?}");
        }
    }

    #[test]
    fn a_part_is_never_cut_in_its_first_half() {
        let text = |space: usize| format!("{} {}", "a".repeat(space), "b".repeat(ROOM));
        assert_eq!(texts(&text(ROOM / 2 + 1))[0].len(), ROOM / 2 + 1);
        assert_eq!(texts(&text(ROOM / 2))[0].len(), ROOM);
        assert_eq!(texts(&text(2))[0].len(), ROOM);
    }

    #[test]
    fn a_fence_that_the_text_leaves_open_is_left_open() {
        assert_eq!(texts("See:\n```\nlet x = 1;"), ["See:\n```\nlet x = 1;"]);
    }

    #[test]
    fn a_cut_falls_at_the_end_of_a_sentence_where_there_is_no_line() {
        let sentence = format!("{}.", "word ".repeat(20).trim_end());
        for part in texts(&format!("{sentence} ").repeat(300)) {
            assert!(part.ends_with("word."), "{part}");
        }
        for part in texts(&"今日は良い天気です。".repeat(2_000)) {
            assert!(part.ends_with('。'), "{part}");
        }
    }

    #[test]
    fn a_cut_is_never_inside_what_readers_take_for_one_character() {
        for character in ["👨‍👩‍👧‍👦", "🇩🇪", "e\u{301}", "각", "क्षि", "👍🏽"] {
            for shift in 0..character.len() {
                let parts = texts(&format!("{}{}", "x".repeat(shift), character.repeat(4_000)));
                assert!(parts.len() > 1);
                for part in &parts {
                    let whole = part.trim_start_matches('x').graphemes(true).all(|grapheme| grapheme == character);
                    assert!(whole, "{character} after {shift}");
                }
            }
        }
    }

    #[test]
    fn one_character_without_an_end_is_cut_all_the_same() {
        let endless = format!("e{}", "\u{301}".repeat(10_000));
        let parts = texts(&endless);
        assert!(parts.len() > 1);
        assert_eq!(parts.concat(), endless);
    }
}
