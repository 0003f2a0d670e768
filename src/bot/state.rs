//! What a bot remembers: its versions, and what belongs to one person in a group.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::BotError;
use crate::callback::Person;
use crate::json::{Fields, Json};

/// The field that tells a versioned state from one of the first version, which is stored as it is.
const VERSION: &str = "halleyStateVersion";

/// The versions that a bot's state has had. Version 1 is the first, and what is stored says which one it is.
///
/// ```
/// use halley::bot::States;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize)]
/// struct Name(String); // version 1
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Memory {
///     name: String,
///     visits: u32,
/// }
///
/// let states = States::<Memory>::version(2).from(1, |Name(name)| Memory { name, visits: 0 });
/// # assert_eq!(states.read_str("\"Ann\"").unwrap().name, "Ann");
/// ```
pub struct States<S> {
    version: u32,
    older: Vec<(u32, WayUp<S>)>,
}

/// Reads a state of an older version.
type WayUp<S> = Box<dyn Fn(&str) -> Option<S>>;

impl<S> Default for States<S> {
    fn default() -> Self {
        Self { version: 1, older: Vec::new() }
    }
}

impl<S: Serialize + DeserializeOwned> States<S> {
    /// The present version.
    pub fn version(version: u32) -> Self {
        Self { version, older: Vec::new() }
    }

    /// The way from an older version right up to the present one.
    #[must_use]
    pub fn from<O: DeserializeOwned + 'static>(mut self, version: u32, up: impl Fn(O) -> S + 'static) -> Self {
        self.older.push((version, Box::new(move |json| serde_json::from_str(json).ok().map(&up))));
        self
    }

    /// Reads what is stored, of whichever version. `None` where it cannot be read, or is of a newer version.
    pub fn read_str(&self, stored: &str) -> Option<S> {
        let (version, state) = versioned(stored)?;
        self.read_version(version, state)
    }

    /// Reads a state of this version.
    pub fn read_version(&self, version: u32, state: &str) -> Option<S> {
        if version == self.version { serde_json::from_str(state).ok() } else { self.up(version, state) }
    }

    fn up(&self, version: u32, state: &str) -> Option<S> {
        self.older.iter().find(|(known, _)| *known == version).and_then(|(_, up)| up(state))
    }

    pub(super) fn write(&self, state: &S) -> Result<Box<RawValue>, BotError> {
        let state = serde_json::value::to_raw_value(state)?;
        if self.version == 1 {
            return Ok(state);
        }
        let versioned = Json::new().number(VERSION, self.version.into()).raw("state", state.get()).build();
        Ok(RawValue::from_string(versioned)?)
    }

    /// Which versions there are, the present one last.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        1..=self.version
    }
}

/// Which version a stored state is of, and the state itself.
pub(crate) fn versioned(stored: &str) -> Option<(u32, &str)> {
    // As it is written: nothing is parsed twice that was never versioned.
    if !stored.starts_with("{\"halleyStateVersion\":") {
        return Some((1, stored));
    }
    let fields = Fields::parse(stored).ok()?;
    Some((fields.read(VERSION)?, fields.raw("state")?.get()))
}

/// What a bot remembers of each person in a group, as a part of what it remembers of the group.
///
/// ```
/// use halley::bot::{Members, Turn};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Quiz {
///     points: Members<u32>,
/// }
///
/// fn score(turn: &mut Turn<Quiz>) -> u32 {
///     let points = turn.member(|quiz| &mut quiz.points);
///     *points = points.saturating_add(1);
///     *points
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Members<T>(BTreeMap<String, T>);

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Members<T> {
    /// What is remembered of this person.
    pub fn of(&self, person: &Person) -> Option<&T> {
        self.0.get(&person.uid)
    }

    /// Everybody of whom something is remembered, by UID.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(uid, value)| (uid.as_str(), value))
    }

    /// Forgets a person.
    pub fn forget(&mut self, uid: &str) -> Option<T> {
        self.0.remove(uid)
    }
}

impl<T: Default> Members<T> {
    pub(super) fn entry(&mut self, uid: &str) -> &mut T {
        self.0.entry(uid.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Memory {
        name: String,
        visits: u32,
    }

    fn memory(visits: u32) -> Memory {
        Memory { name: "Ann".to_owned(), visits }
    }

    fn third() -> States<Memory> {
        let named = |name: String| Memory { name, visits: 0 };
        States::version(3).from(1, named).from(2, |(name, visits): (String, u32)| Memory { name, visits })
    }

    #[test]
    fn each_version_has_its_way_up() {
        let states = third();
        assert_eq!(states.read_str("\"Ann\""), Some(memory(0)));
        assert_eq!(states.read_str(r#"{"halleyStateVersion":2,"state":["Ann",7]}"#), Some(memory(7)));
        let written = states.write(&memory(9)).unwrap();
        assert_eq!(written.get(), r#"{"halleyStateVersion":3,"state":{"name":"Ann","visits":9}}"#);
        assert_eq!(states.read_str(written.get()), Some(memory(9)));
    }

    #[test]
    fn what_is_damaged_or_newer_is_none() {
        let states = third();
        for stored in [r#"{"halleyStateVersion":4,"state":{}}"#, r#"{"halleyStateVersion":2}"#, "7", "", "null"] {
            assert_eq!(states.read_str(stored), None, "{stored}");
        }
    }

    #[test]
    fn the_first_version_is_stored_as_it_is() {
        let states = States::<Memory>::default();
        let written = states.write(&memory(1)).unwrap();
        assert_eq!(written.get(), r#"{"name":"Ann","visits":1}"#);
        assert_eq!(states.read_str(written.get()), Some(memory(1)));
        assert_eq!(states.read_str(r#"{"halleyStateVersion":2,"state":{"name":"Ann","visits":1}}"#), None);
    }
}
