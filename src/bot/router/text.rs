//! Texts as they are compared: whatever their case, and however their words are spaced.

/// One text or several: `"hello"`, `["hello", "hi"]`.
pub trait Texts {
    /// All of them.
    #[doc(hidden)]
    fn texts(self) -> Vec<String>;
}

impl Texts for &str {
    fn texts(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Texts for String {
    fn texts(self) -> Vec<String> {
        vec![self]
    }
}

impl<T: Into<String>, const N: usize> Texts for [T; N] {
    fn texts(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<String>> Texts for Vec<T> {
    fn texts(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl Texts for &[&str] {
    fn texts(self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

/// The text in lower case, with one space where there was any.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        if !character.is_whitespace() {
            folded.push(lower(character));
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded
}

/// The character in lower case: Latin, Greek, Cyrillic, Armenian, and full width. The tables of all scripts, which the
/// standard library has, would take a twentieth of the worker for Cherokee and Old Hungarian.
///
/// The sigma at the end of a word is the one inside of it: otherwise a word in upper case would not be found in a longer one.
pub(super) fn lower(character: char) -> char {
    let further = |distance: u32| char::from_u32(u32::from(character).saturating_add(distance)).unwrap_or(character);
    let is_even = u32::from(character) % 2 == 0;
    match character {
        'A'..='Z' | 'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Σ'..='Ϋ' | 'А'..='Я' | 'Ａ'..='Ｚ' => further(32),
        'Ѐ'..='Џ' => further(80),
        'Ա'..='Ֆ' => further(48),
        'Ά' => 'ά',
        'Έ'..='Ί' => further(37),
        'Ό' => 'ό',
        'Ύ' | 'Ώ' => further(63),
        'ς' => 'σ',
        'İ' => 'i',
        'Ÿ' => 'ÿ',
        'ẞ' => 'ß',
        'Ӏ' => 'ӏ',
        'Ơ' => 'ơ',
        'Ư' => 'ư',
        // Capital and small letters take turns.
        'Ā'..='ķ' | 'Ŋ'..='ŷ' | 'Ǟ'..='ǯ' | 'Ǹ'..='ȟ' | 'Ȣ'..='ȳ' | 'Ϙ'..='ϯ' if is_even => further(1),
        'Ѡ'..='ҁ' | 'Ҋ'..='ҿ' | 'Ӑ'..='ԯ' | 'Ḁ'..='ẕ' | 'Ạ'..='ỿ' if is_even => further(1),
        'Ĺ'..='ň' | 'Ź'..='ž' | 'Ǎ'..='ǜ' | 'Ӂ'..='ӎ' if !is_even => further(1),
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_space_do_not_count() {
        for (text, same) in [
            ("Hello", "hello"),
            ("Hello \n\t World", "hello world"),
            (" a", " a"),
            ("ПРИВЕТ", "привет"),
            ("ΟΔΟΣ οδος", "οδοσ οδοσ"),
            ("こんにちは\u{3000}世界", "こんにちは 世界"),
            ("", ""),
        ] {
            assert_eq!(folded(text), same, "{text}");
        }
    }

    #[test]
    fn lower_case_is_what_the_standard_library_says() {
        let blocks = [
            '\0'..='ƀ',
            'Ǎ'..='ǜ',
            'Ǟ'..='ǯ',
            'Ǹ'..='ȟ',
            'Ȣ'..='ȳ',
            'Ͱ'..='ϯ',
            'Ѐ'..='֏',
            'Ḁ'..='ỿ',
            '\u{ff00}'..='\u{ffef}',
        ];
        for character in blocks.into_iter().flatten() {
            // What nobody writes any more, the sigma at the end of a word, and the capital I with a dot, which becomes two.
            let differs = ['ς', 'İ', 'Ͱ', 'Ͳ', 'Ͷ', 'Ϳ', 'Ϗ'].contains(&character);
            let known: String = character.to_lowercase().collect();
            assert!(differs || lower(character).to_string() == known, "{character} {}", u32::from(character));
        }
        assert_eq!(['Ơ', 'Ư'].map(lower), ['ơ', 'ư']);
    }

    #[test]
    fn one_text_or_several() {
        assert_eq!("a".texts(), ["a"]);
        assert_eq!("a".to_owned().texts(), ["a"]);
        assert_eq!(["a", "b"].texts(), ["a", "b"]);
        assert_eq!(vec!["a".to_owned(), "b".to_owned()].texts(), ["a", "b"]);
        assert_eq!(["a", "b"].as_slice().texts(), ["a", "b"]);
    }
}
