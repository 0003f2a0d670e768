//! Why a turn failed, in words that nobody has written into a chat.

use std::any::{Any, type_name};
use std::fmt;

use super::reason::one_line;
use crate::json::problem;

/// The longest reason, in characters.
const MAX_REASON: usize = 200;

/// Why a turn failed: one line, which goes into the log and into the dead letter. It must not hold what people wrote.
///
/// What others' errors say is not known to keep to that (serde's quote the text that they could not read), so `?` keeps
/// only the name of the error's type, and of a [`serde_json::Error`] what is wrong and where. Whoever wants to say more
/// says it: `.map_err(|_| BotError::new("the shop is closed"))?`.
///
/// An error that is meant for whoever wrote is another thing: [`BotError::tell`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Internal(String),
    Told(String),
}

impl BotError {
    /// Something that the person has to be told, and no fault: it ends the turn at once with this text as its only
    /// reply. What the turn has said and done so far, and its state, are dropped.
    pub fn tell(text: impl Into<String>) -> Self {
        Self(Kind::Told(text.into()))
    }

    /// What the person has to be told, if that is what it is.
    pub fn told(&self) -> Option<&str> {
        match &self.0 {
            Kind::Told(text) => Some(text),
            Kind::Internal(_) => None,
        }
    }

    /// An error with this reason. It is cut at 200 characters, and line breaks become spaces.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(Kind::Internal(one_line(&reason.into(), MAX_REASON)))
    }

    /// The reason as it is recorded, with `bot:` before it: so it cannot pass for one of Halley's own words.
    pub fn reason(&self) -> String {
        format!("bot:{self}")
    }
}

impl fmt::Display for BotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Internal(reason) => reason,
            // What people read is not for the log.
            Kind::Told(_) => "told",
        })
    }
}

impl<E: std::error::Error + 'static> From<E> for BotError {
    fn from(error: E) -> Self {
        match (&error as &dyn Any).downcast_ref() {
            Some(json) => Self::new(problem(json)),
            None => Self::new(name(type_name::<E>())),
        }
    }
}

/// A type's name without its path, unless the name alone says nothing.
fn name(path: &'static str) -> &'static str {
    match path.rsplit("::").next() {
        Some(name) if name != "Error" && !path.contains('<') => name,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a bot's own code may fail with, `?` and all.
    fn failed<E: std::error::Error + 'static>(error: E) -> String {
        let fail = || -> super::super::Result { Err(error)? };
        fail().unwrap_err().to_string()
    }

    #[derive(Debug)]
    struct Quoting<T>(T);

    impl<T: fmt::Display> fmt::Display for Quoting<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "cannot read {}", self.0)
        }
    }

    impl<T: fmt::Debug + fmt::Display> std::error::Error for Quoting<T> {}

    #[test]
    fn an_error_of_others_says_nothing_that_people_wrote() {
        let json = serde_json::from_str::<u32>(r#""what somebody wrote""#).unwrap_err();
        assert_eq!(failed(json), "json: data at line 1 column 21");
        assert_eq!(failed("what somebody wrote".parse::<u32>().unwrap_err()), "ParseIntError");
        assert!(failed(fmt::Error).ends_with("fmt::Error"));
        let quoting = failed(Quoting("what somebody wrote"));
        assert!(quoting.ends_with("Quoting<&str>") && !quoting.contains("wrote"), "{quoting}");
    }

    #[test]
    fn a_reason_is_bounded_and_says_whose_it_is() {
        let error = BotError::new(format!("state_too_large\n{}", "x".repeat(300)));
        assert_eq!(error.to_string(), format!("state_too_large {}", "x".repeat(184)));
        assert_eq!(BotError::new("crashed").reason(), "bot:crashed");
        assert_eq!(BotError::new("crashed").to_string(), "crashed");
    }
}
