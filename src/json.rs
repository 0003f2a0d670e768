//! Small JSON objects, written and read field by field: rows, answers, metadata, log lines.
//!
//! serde's derive makes about 5 KB of WebAssembly of a struct, and `serde_json::json!` builds a tree first. Together
//! they would take a third of the worker; what is here takes a few hundred bytes a struct.

mod surrogates;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::rc::Rc;

use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// How much room a text of JSON has from the start: few rows and answers are longer.
const ROOM: usize = 512;

/// An object under construction. Fields stand in the order in which they are added.
#[derive(Debug)]
pub struct Json(String);

impl Default for Json {
    fn default() -> Self {
        let mut text = String::with_capacity(ROOM);
        text.push('{');
        Self(text)
    }
}

impl Json {
    /// An object without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        add_name(&mut self.0, name);
        add_text(&mut self.0, text);
        self
    }

    /// Adds a whole number.
    #[must_use]
    pub fn number(self, name: &str, number: u64) -> Self {
        self.field(name, &number)
    }

    /// Adds a field, unless its value is one that is left out.
    #[must_use]
    pub fn field(mut self, name: &str, value: &impl Field) -> Self {
        add_field(&mut self.0, name, value);
        self
    }

    /// Adds what is JSON already.
    #[must_use]
    pub fn raw(mut self, name: &str, json: &str) -> Self {
        add_name(&mut self.0, name);
        self.0.push_str(json);
        self
    }

    /// The object.
    pub fn build(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn add_name(json: &mut String, name: &str) {
    if !json.ends_with('{') {
        json.push(',');
    }
    json.push('"');
    json.push_str(name);
    json.push_str("\":");
}

/// Adds a field to an object that is begun, unless its value is one that is left out.
pub fn add_field(json: &mut String, name: &str, value: &impl Field) {
    let before = json.len();
    add_name(json, name);
    let start = json.len();
    value.write(json);
    if json.len() == start {
        json.truncate(before);
    }
}

/// Adds a text.
pub fn add_text(json: &mut String, text: &str) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        // Only a map with keys that are no strings can fail, and this is no map.
        json.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

/// A list of texts.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut json = String::new();
    add_list(&mut json, texts, add_text);
    json
}

fn add_list<T>(json: &mut String, items: impl IntoIterator<Item = T>, add: impl Fn(&mut String, T)) {
    json.push('[');
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            json.push(',');
        }
        add(json, item);
    }
    json.push(']');
}

/// Reads a value, with U+FFFD for each lone surrogate in its texts.
fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    #[cfg(test)]
    parsed::add(json);
    serde_json::from_str(json).or_else(|_| serde_json::from_str(&surrogates::mended(json))).ok()
}

/// What is wrong with a text that should be JSON, and where. Not serde's own words, which quote what they met.
pub fn problem(error: &serde_json::Error) -> String {
    let category = match error.classify() {
        Category::Io => "io",
        Category::Syntax => "syntax",
        Category::Data => "data",
        Category::Eof => "eof",
    };
    format!("json: {category} at line {} column {}", error.line(), error.column())
}

/// JSON as it came, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(String);

impl Raw {
    /// The JSON.
    pub fn get(&self) -> &str {
        &self.0
    }

    /// The value, where it is one of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        read(&self.0)
    }
}

impl From<&RawValue> for Raw {
    fn from(json: &RawValue) -> Self {
        Self(json.get().to_owned())
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self("null".to_owned())
    }
}

/// The fields of an object, not yet read.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads an object.
    ///
    /// # Errors
    ///
    /// It is not JSON, or not an object.
    pub fn parse(json: &'a str) -> serde_json::Result<Self> {
        Names::Plain.parse(json).or_else(|_| Names::Mended.parse(json))
    }

    /// A field as it stands there. Of fields with the same name the last one counts, as in any other reader of JSON.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// A field as it stands there, to keep; null where it is missing.
    pub fn keep(&self, name: &str) -> Raw {
        self.raw(name).map(Raw::from).unwrap_or_default()
    }

    /// The fields of an object in a field; none where it is missing or something else.
    pub fn object(&self, name: &str) -> Self {
        self.raw(name).and_then(|raw| Self::parse(raw.get()).ok()).unwrap_or_default()
    }

    /// The items of a list in a field; `None` where it is missing or something else.
    pub fn list(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    /// The objects of a list in a field; none where it is missing or something else.
    pub fn objects(&self, name: &str) -> Vec<Self> {
        self.list(name).into_iter().flatten().filter_map(|item| Self::parse(item.get()).ok()).collect()
    }

    /// A text; empty where it is missing or something else.
    pub fn text(&self, name: &str) -> String {
        self.read(name).unwrap_or_default()
    }

    /// An id as text: CometChat sends strings in every payload, and integers on one page of its docs.
    pub fn id(&self, name: &str) -> Option<String> {
        self.read::<String>(name)
            .or_else(|| self.read::<u64>(name).map(|id| id.to_string()))
            .filter(|id| !id.is_empty())
    }

    /// Every field, in the order in which they stand.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// A field as its type; `None` where it is missing or something else.
    pub fn read<T: Field>(&self, name: &str) -> Option<T> {
        T::read_raw(self.raw(name))
    }

    /// A field as its type, `default` where it is missing; `None` only where it is something else.
    pub fn read_or<T: Field>(&self, name: &str, default: T) -> Option<T> {
        match self.raw(name) {
            Some(raw) => T::read_raw(Some(raw)),
            None => Some(default),
        }
    }
}

/// How names are read: as they stand, or with U+FFFD for each lone surrogate, which takes longer.
#[derive(Clone, Copy)]
enum Names {
    Plain,
    Mended,
}

impl Names {
    fn parse<'a>(self, json: &'a str) -> serde_json::Result<Fields<'a>> {
        #[cfg(test)]
        parsed::add(json);
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let fields = deserializer.deserialize_map(self)?;
        deserializer.end().map(|()| fields)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(16);
        while let Some(key) = map.next_key_seed(self)? {
            fields.push((key, map.next_value()?));
        }
        Ok(Fields(fields))
    }
}

/// A name, borrowed where it has no escapes.
impl<'de> DeserializeSeed<'de> for Names {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self {
            Self::Plain => deserializer.deserialize_str(KeyVisitor),
            Self::Mended => {
                let key = <&RawValue>::deserialize(deserializer)?;
                Ok(Cow::Owned(read(key.get()).unwrap_or_default()))
            }
        }
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// What a field of an object may hold.
pub trait Field: Sized {
    /// Reads the JSON of a field; `None` for one that is missing or null.
    fn read(json: Option<&str>) -> Option<Self>;

    /// The same, of JSON that is known to be some.
    fn read_raw(json: Option<&RawValue>) -> Option<Self> {
        Self::read(json.map(RawValue::get))
    }

    /// Adds the JSON of the field to a text; nothing where it is left out.
    fn write(&self, json: &mut String);

    /// The JSON.
    fn to_json(&self) -> String {
        let mut json = String::with_capacity(ROOM);
        self.write(&mut json);
        json
    }
}

impl Field for String {
    fn read(json: Option<&str>) -> Option<Self> {
        read(json?)
    }

    fn write(&self, json: &mut String) {
        add_text(json, self);
    }
}

impl Field for Rc<RawValue> {
    fn read(json: Option<&str>) -> Option<Self> {
        #[cfg(test)]
        json.into_iter().for_each(parsed::add);
        RawValue::from_string(json?.to_owned()).ok().map(Self::from)
    }

    fn read_raw(json: Option<&RawValue>) -> Option<Self> {
        json.map(|json| Self::from(json.to_owned()))
    }

    fn write(&self, json: &mut String) {
        json.push_str(self.get());
    }
}

impl<T: Field> Field for Option<T> {
    fn read(json: Option<&str>) -> Option<Self> {
        match json {
            Some(json) => T::read(Some(json)).map(Some),
            None => Some(None),
        }
    }

    fn read_raw(json: Option<&RawValue>) -> Option<Self> {
        match json {
            Some(json) => T::read_raw(Some(json)).map(Some),
            None => Some(None),
        }
    }

    fn write(&self, json: &mut String) {
        if let Some(value) = self {
            value.write(json);
        }
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(json: Option<&str>) -> Option<Self> {
        let list: Vec<&RawValue> = serde_json::from_str(json?).ok()?;
        list.into_iter().map(|item| T::read(Some(item.get()))).collect()
    }

    fn write(&self, json: &mut String) {
        add_list(json, self, |json, item| item.write(json));
    }
}

macro_rules! plain_fields {
    ($($type:ty),*) => {
        $(impl Field for $type {
            fn read(json: Option<&str>) -> Option<Self> {
                json?.parse().ok()
            }

            fn write(&self, json: &mut String) {
                // A String takes everything.
                let _ = write!(json, "{self}");
            }
        })*
    };
}

plain_fields!(u32, u64, bool);

/// Defines a struct that is an object in JSON: every field with the name that it has there, and what stands for it
/// in objects of builds that did not write it yet. Without a default an object that lacks the field cannot be read.
macro_rules! object {
    (@read $fields:ident, $key:literal, $type:ty) => { $fields.read::<$type>($key)? };
    (@read $fields:ident, $key:literal, $type:ty, $default:expr) => { $fields.read_or::<$type>($key, $default)? };
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $($(#[$note:meta])* pub $field:ident: $type:ty as $key:literal $(= $default:expr)?,)*
        }
    ) => {
        $(#[$attribute])*
        pub struct $name {
            $($(#[$note])* pub $field: $type,)*
        }

        impl $crate::json::Field for $name {
            fn read(json: Option<&str>) -> Option<Self> {
                let fields = $crate::json::Fields::parse(json?).ok()?;
                Some(Self { $($field: $crate::json::object!(@read fields, $key, $type $(, $default)?),)* })
            }

            fn write(&self, json: &mut String) {
                json.push('{');
                $($crate::json::add_field(json, $key, &self.$field);)*
                json.push('}');
            }
        }
    };
}

pub(crate) use object;

/// How much has been parsed on this thread, for tests that bound it.
#[cfg(test)]
pub(crate) mod parsed {
    use std::cell::Cell;

    thread_local! {
        static BYTES: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn add(json: &str) {
        BYTES.set(BYTES.get().saturating_add(json.len()));
    }

    /// How many bytes there were since this was asked last.
    pub(crate) fn take() -> usize {
        BYTES.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    object! {
        #[derive(Debug, PartialEq)]
        pub struct Sample {
            pub text: String as "text",
            pub number: u64 as "number",
            pub flag: bool as "flag",
            pub maybe: Option<u32> as "maybe",
            pub texts: Vec<String> as "texts",
            pub later: u32 as "later" = 7,
        }
    }

    fn sample() -> Sample {
        Sample {
            text: "\"ä\"\n".into(),
            number: u64::MAX,
            flag: true,
            maybe: None,
            texts: vec!["x".into(), "y".into()],
            later: 7,
        }
    }

    #[test]
    fn what_is_built_is_json() {
        let object = Json::new().text("a", "\"quoted\"\n").number("b", 7).raw("c", &list(["x", "y"])).build();
        assert_eq!(object, r#"{"a":"\"quoted\"\n","b":7,"c":["x","y"]}"#);
        assert_eq!(Json::new().build(), "{}");
        assert_eq!(list([]), "[]");
    }

    #[test]
    fn an_object_is_read_back() {
        let json = sample().to_json();
        assert_eq!(json, r#"{"text":"\"ä\"\n","number":18446744073709551615,"flag":true,"texts":["x","y"],"later":7}"#);
        assert_eq!(Sample::read(Some(&json)), Some(sample()));
        assert_eq!(Sample::read(Some(&json.replace(r#","later":7"#, ""))), Some(sample()));
        assert_eq!(Sample::read(Some(&json.replace(r#""later":7"#, r#""later":"7""#))), None);
        let escaped =
            json.replace("\"text\"", r#""\u0074ext""#).replace("\"flag\"", r#""more":[{"a":1}],"maybe":null,"flag""#);
        assert_eq!(Sample::read(Some(&escaped)), Some(sample()));
    }

    #[test]
    fn what_is_no_such_object_is_none() {
        for json in ["", "{", "[]", "null", "7", "{}", r#"{"text":"x","number":-1,"flag":true,"texts":[]}"#] {
            assert_eq!(Sample::read(Some(json)), None, "{json}");
        }
        assert_eq!(Sample::read(None), None);
    }

    #[test]
    fn a_problem_has_a_place_and_no_words() {
        let said = |json: &str| problem(&serde_json::from_str::<u32>(json).unwrap_err());
        assert_eq!(said("\"what somebody wrote\""), "json: data at line 1 column 21");
        assert_eq!(said("\n what"), "json: syntax at line 2 column 2");
        assert_eq!(said(""), "json: eof at line 1 column 0");
    }

    #[test]
    fn half_a_character_costs_no_text() {
        let json = r#"{"te\ud83dxt":"a\ud83d b","list":["\ude00"],"a":{"b":["\ud83d\ude00\ud83d"]},"more":"\\ud83d"}"#;
        let fields = Fields::parse(json).unwrap();
        assert_eq!(fields.text("te\u{fffd}xt"), "a\u{fffd} b");
        assert_eq!(fields.read::<Vec<String>>("list"), Some(vec!["\u{fffd}".to_owned()]));
        assert_eq!(fields.object("a").read::<Vec<String>>("b"), Some(vec!["\u{1f600}\u{fffd}".to_owned()]));
        assert_eq!(fields.text("more"), "\\ud83d");
        let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["te\u{fffd}xt", "list", "a", "more"]);
        let map: std::collections::BTreeMap<String, Vec<String>> = fields.keep("a").read().unwrap();
        assert_eq!(map["b"], ["\u{1f600}\u{fffd}"]);
        assert_eq!(fields.keep("a").get(), r#"{"b":["\ud83d\ude00\ud83d"]}"#, "what is kept is kept as it came");
    }

    #[test]
    fn of_two_fields_the_last_counts() {
        let fields = Fields::parse(r#"{"a":1,"a":2,"b":null}"#).unwrap();
        assert_eq!(fields.read::<u64>("a"), Some(2));
        assert_eq!(fields.read::<u64>("b"), None);
        assert_eq!(fields.read::<Option<u64>>("b"), Some(None));
    }
}
