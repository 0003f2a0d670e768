//! An argument out of words: any type that serde can read, the fields of a struct in the order of their declaration.

use std::fmt;

use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::text::folded;
use super::usage::Probe;
use super::words::{Said, Word, words};
use super::wrong::{Kind, What, Wrong};
use crate::callback::uid;

/// By this name a type asks for the rest of the line.
const REST: &str = "$halley::Rest";

/// By this name a type asks for a mention.
const MENTION: &str = "$halley::Mention";

/// How deep types may stand in each other: one that holds itself could otherwise go as deep as there are words, or
/// deeper.
const MAX_DEPTH: usize = 16;

/// The rest of the line as it was written, quotes, spaces and all.
///
/// ```
/// use halley::bot::router::Rest;
///
/// #[derive(serde::Deserialize)]
/// struct Remind {
///     minutes: u32,
///     of: Rest,
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rest(pub String);

/// Somebody who is mentioned where this argument stands: the UID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Mention(pub String);

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(REST, Text).map(Self)
    }
}

impl<'de> Deserialize<'de> for Mention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(MENTION, Text).map(Self)
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

/// An argument out of what was said.
pub(super) fn read<A: DeserializeOwned>(said: &Said<'_>) -> Result<A, Wrong> {
    let words = said.words();
    let by_name = matches!(said, Said::Captures(_));
    let mut offers = Offers::default();
    loop {
        let mut reader = Reader::new(&words, by_name, offers);
        match A::deserialize(&mut reader) {
            Ok(argument) => return reader.end().map(|()| argument),
            Err(wrong) => offers = reader.offer(wrong)?,
        }
    }
}

/// What is read although the words are at their end. At first that is nothing, so that serde's defaults are what they
/// are in any format. What serde misses then may still be a list, or an option in a tuple, which do not need a word;
/// and if it does need one, it says of which kind. Only reading it tells.
#[derive(Default)]
struct Offers {
    fields: Vec<&'static str>,
    elements: bool,
}

/// Words, of which each type takes what it needs. The same code learns with it what a type asks for: then it takes
/// samples.
pub(super) struct Reader<'a> {
    words: &'a [Word<'a>],
    /// Whether fields are looked up by the names of the words.
    by_name: bool,
    /// How many words are taken.
    taken: usize,
    field: Option<&'static str>,
    depth: usize,
    offers: Offers,
    pub probe: Option<Probe>,
}

impl<'a> Reader<'a> {
    fn new(words: &'a [Word<'a>], by_name: bool, offers: Offers) -> Self {
        Self { words, by_name, taken: 0, field: None, depth: 0, offers, probe: None }
    }

    /// One that takes samples.
    pub fn probing(probe: Probe) -> Self {
        Self { probe: Some(probe), ..Self::new(&[], false, Offers::default()) }
    }

    /// Whether there is anything left to read.
    fn is_at_end(&self) -> bool {
        self.probe.is_none() && self.taken >= self.words.len()
    }

    /// A call has no words that nobody asked for; a pattern may have gaps that nobody asked for.
    fn end(&self) -> Result<(), Wrong> {
        if self.by_name || self.is_at_end() { Ok(()) } else { Err(Wrong::new(What::TooMuch).or_at(self.taken, None)) }
    }

    /// What to offer next time, or what is wrong.
    fn offer(self, wrong: Wrong) -> Result<Offers, Wrong> {
        let mut offers = self.offers;
        match wrong.what {
            What::NoField(field) if !offers.fields.contains(&field) => offers.fields.push(field),
            What::NoElement if !offers.elements => offers.elements = true,
            _ => return Err(wrong.or_at(self.taken.saturating_sub(1), self.field)),
        }
        Ok(offers)
    }

    /// The next word.
    fn word(&mut self, kind: Kind) -> Result<&'a str, Wrong> {
        Ok(match self.next(kind)? {
            Some(word) => word.text.as_str(),
            None => kind.sample(),
        })
    }

    /// The next word, or `None` while probing.
    fn next(&mut self, kind: Kind) -> Result<Option<&'a Word<'a>>, Wrong> {
        if let Some(probe) = &mut self.probe {
            probe.record(self.field, kind);
            return Ok(None);
        }
        let word = self.words.get(self.taken);
        if word.is_none() {
            return Err(Wrong { at: Some(self.taken), field: self.field, what: What::Missing(kind) });
        }
        self.taken = self.taken.saturating_add(1);
        Ok(word)
    }

    /// That the word which was taken is a wrong one.
    fn refuse(&self, what: What) -> Wrong {
        Wrong { at: Some(self.taken.saturating_sub(1)), field: self.field, what }
    }

    fn signed(&mut self, low: i64, high: i64) -> Result<i64, Wrong> {
        let word = self.word(Kind::Whole)?;
        match word.parse::<i64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err(self.no_number(word, low, high.unsigned_abs())),
        }
    }

    fn unsigned(&mut self, _low: u64, high: u64) -> Result<u64, Wrong> {
        let word = self.word(Kind::Whole)?;
        match word.parse::<u64>() {
            Ok(number) if number <= high => Ok(number),
            _ => Err(self.no_number(word, 0, high)),
        }
    }

    /// Where it is one, it is too small or too large.
    fn no_number(&self, word: &str, low: i64, high: u64) -> Wrong {
        let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
        let is_whole = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        self.refuse(if is_whole { What::Between(low, high) } else { What::Expected(Kind::Whole) })
    }

    fn number(&mut self) -> Result<f64, Wrong> {
        let word = self.word(Kind::Number)?;
        let number = word.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.refuse(What::Expected(Kind::Number)))
    }

    fn yes_or_no(&mut self) -> Result<bool, Wrong> {
        match folded(self.word(Kind::YesNo)?).as_str() {
            "yes" | "true" | "on" => Ok(true),
            "no" | "false" | "off" => Ok(false),
            _ => Err(self.refuse(What::Expected(Kind::YesNo))),
        }
    }

    fn character(&mut self) -> Result<char, Wrong> {
        let mut characters = self.word(Kind::Character)?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(self.refuse(What::Expected(Kind::Character))),
        }
    }

    fn rest(&mut self) -> Result<&'a str, Wrong> {
        let word = self.next(Kind::Rest)?;
        if !self.by_name {
            self.taken = self.words.len();
        }
        Ok(word.map_or(Kind::Rest.sample(), |word| word.tail.trim_end()))
    }

    fn mention(&mut self) -> Result<String, Wrong> {
        let word = self.word(Kind::Mention)?;
        let who = word.strip_prefix("<@uid:").and_then(|rest| rest.strip_suffix('>'));
        let who = who.filter(|who| !who.is_empty() && !who.contains(['<', '>']));
        who.map(uid).ok_or_else(|| self.refuse(What::Expected(Kind::Mention)))
    }

    /// The name that the next word is, in any case.
    fn name(&mut self, names: &'static [&'static str]) -> Result<&'static str, Wrong> {
        let kind = Kind::Name(names);
        let word = folded(self.word(kind)?);
        let name = names.iter().find(|name| folded(name) == word);
        name.copied().ok_or_else(|| self.refuse(What::Expected(kind)))
    }

    fn deeper(&mut self) -> Result<(), Wrong> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH { Err(Wrong::new(What::Unfit)) } else { Ok(()) }
    }

    /// A value inside of another one.
    fn value<'de, T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let (at, field) = (self.taken, self.field);
        self.deeper()?;
        let value = seed.deserialize(&mut *self).map_err(|wrong| wrong.or_at(at, field));
        self.depth = self.depth.saturating_sub(1);
        value
    }

    /// Whether this field is read next.
    fn turns_to(&mut self, field: &'static str) -> bool {
        self.field = Some(field);
        if let Some(probe) = &self.probe {
            return probe.wants(field);
        }
        let is_offered = self.offers.fields.contains(&field);
        if self.by_name {
            let at = self.words.iter().position(|word| word.name == field);
            self.taken = at.unwrap_or(self.words.len());
            return at.is_some() || is_offered;
        }
        !self.is_at_end() || is_offered
    }
}

macro_rules! whole_numbers {
    ($($method:ident as $type:ty: $read:ident, $visit:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            visitor.$visit(self.$read(<$type>::MIN.into(), <$type>::MAX.into())?)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Wrong;

    whole_numbers! {
        deserialize_i8 as i8: signed, visit_i64;
        deserialize_i16 as i16: signed, visit_i64;
        deserialize_i32 as i32: signed, visit_i64;
        deserialize_i64 as i64: signed, visit_i64;
        deserialize_i128 as i64: signed, visit_i64;
        deserialize_u8 as u8: unsigned, visit_u64;
        deserialize_u16 as u16: unsigned, visit_u64;
        deserialize_u32 as u32: unsigned, visit_u64;
        deserialize_u64 as u64: unsigned, visit_u64;
        deserialize_u128 as u64: unsigned, visit_u64;
    }

    forward_to_deserialize_any! { str string bytes byte_buf map identifier ignored_any }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_str(self.word(Kind::Text)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.yes_or_no()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_char(self.character()?)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.is_at_end() {
            return visitor.visit_none();
        }
        self.deeper()?;
        let outside = self.probe.as_mut().map(|probe| probe.enter(false));
        let value = visitor.visit_some(&mut *self);
        self.leave(outside);
        value
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        match name {
            REST => visitor.visit_str(self.rest()?),
            MENTION => visitor.visit_str(&self.mention()?),
            _ => {
                self.deeper()?;
                let value = visitor.visit_newtype_struct(&mut *self);
                self.leave(None);
                value
            }
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.by_name && !self.is_at_end() {
            let words = words(self.word(Kind::Text)?);
            let mut inside = Reader { depth: self.depth, ..Reader::new(&words, false, Offers::default()) };
            return visitor.visit_seq(Elements { reader: &mut inside, left: None });
        }
        let outside = self.probe.as_mut().map(|probe| probe.enter(true));
        self.deeper()?;
        let value = visitor.visit_seq(Elements { reader: &mut *self, left: None });
        self.leave(outside);
        value
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_seq(Elements { reader: self, left: Some(length) })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_map(Struct { reader: self, fields })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let (name, part) = match &mut self.probe {
            Some(probe) => probe.choose(self.field, variants).ok_or(Wrong::new(What::Unfit))?,
            None => (self.name(variants)?, 0),
        };
        visitor.visit_enum(Variant { reader: self, name, part })
    }
}

impl Reader<'_> {
    /// Out of a value inside of another one.
    fn leave(&mut self, outside: Option<(bool, bool)>) {
        self.depth = self.depth.saturating_sub(1);
        if let (Some(probe), Some(outside)) = (&mut self.probe, outside) {
            probe.leave(outside);
        }
    }
}

/// The elements of a list, which takes all words that are left, or of a tuple, of which so many are left.
struct Elements<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: Option<usize>,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let goes_on =
            self.left != Some(0) && (!self.reader.is_at_end() || self.left.is_some() && self.reader.offers.elements);
        if !goes_on {
            return Ok(None);
        }
        let taken = self.reader.taken;
        let value = self.reader.value(seed)?;
        self.left = match self.left {
            Some(left) => Some(left.saturating_sub(1)),
            // There would be no end of elements that take no words; while probing, one is enough.
            None => (self.reader.taken == taken).then_some(0),
        };
        Ok(Some(value))
    }
}

/// The fields of a struct that are left.
struct Struct<'r, 'a> {
    reader: &'r mut Reader<'a>,
    fields: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Struct<'_, '_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        while let Some((field, fields)) = self.fields.split_first() {
            self.fields = fields;
            if self.reader.turns_to(field) {
                return seed.deserialize(StrDeserializer::new(field)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let value = self.reader.value(seed);
        if let (Err(_), Some(probe)) = (&value, &mut self.reader.probe) {
            probe.record_unseen(self.fields);
        }
        value
    }
}

/// A variant of an enum: its name, and what it holds. `part` is where the probe has recorded it.
struct Variant<'r, 'a> {
    reader: &'r mut Reader<'a>,
    name: &'static str,
    part: usize,
}

impl<'de> EnumAccess<'de> for Variant<'_, '_> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Wrong> {
        Ok((seed.deserialize(StrDeserializer::new(self.name))?, self))
    }
}

impl Variant<'_, '_> {
    fn seal(&mut self) {
        if let Some(probe) = &mut self.reader.probe {
            probe.seal(self.part);
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, Wrong> {
        let value = self.reader.value(seed);
        self.seal();
        value
    }

    fn tuple_variant<V: Visitor<'de>>(mut self, length: usize, visitor: V) -> Result<V::Value, Wrong> {
        let value = visitor.visit_seq(Elements { reader: &mut *self.reader, left: Some(length) });
        self.seal();
        value
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let value = visitor.visit_map(Struct { reader: &mut *self.reader, fields });
        self.seal();
        value
    }
}
