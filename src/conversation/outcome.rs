//! How a message ends, and the counts that prove that each one does.

use crate::json::{Field, add_text, object};

/// The one recorded end of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every reply to it was confirmed.
    Answered,
    /// A fixed rule put it aside, or the bot chose silence.
    Ignored,
    /// A person takes it from here.
    HandedOver,
    /// It could not be dealt with; a dead letter holds it.
    Dead,
}

impl Outcome {
    /// As it stands in logs and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Ignored => "ignored",
            Self::HandedOver => "handed_over",
            Self::Dead => "dead",
        }
    }
}

impl Field for Outcome {
    fn read(json: Option<&str>) -> Option<Self> {
        let text = String::read(json)?;
        [Self::Answered, Self::Ignored, Self::HandedOver, Self::Dead].into_iter().find(|known| known.as_str() == text)
    }

    fn write(&self, json: &mut String) {
        add_text(json, self.as_str());
    }
}

object! {
    /// How many messages came, and how many ended in which way.
    ///
    /// `received = answered + ignored + handed_over + dead + in flight`. Messages in the inbox are not in here yet; a
    /// message whose replies are on their way is in `received` only.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Counts {
        /// Messages that were not duplicates.
        pub received: u64 as "received" = 0,
        /// See [`Outcome::Answered`].
        pub answered: u64 as "answered" = 0,
        /// See [`Outcome::Ignored`].
        pub ignored: u64 as "ignored" = 0,
        /// See [`Outcome::HandedOver`].
        pub handed_over: u64 as "handedOver" = 0,
        /// See [`Outcome::Dead`].
        pub dead: u64 as "dead" = 0,
    }
}

impl Counts {
    /// Counts a message that has ended.
    pub fn end(&mut self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Answered => &mut self.answered,
            Outcome::Ignored => &mut self.ignored,
            Outcome::HandedOver => &mut self.handed_over,
            Outcome::Dead => &mut self.dead,
        };
        *count = count.saturating_add(1);
    }

    /// Counts a message that was received.
    pub fn receive(&mut self) {
        self.received = self.received.saturating_add(1);
    }

    /// Takes a message out of the dead, because it is tried again.
    pub fn revive(&mut self) {
        self.dead = self.dead.saturating_sub(1);
    }

    /// Takes a message out of the ignored, because it was meant for the bot after all.
    pub fn heed(&mut self) {
        self.ignored = self.ignored.saturating_sub(1);
    }

    /// How many messages have ended.
    pub fn ended(&self) -> u64 {
        [self.answered, self.ignored, self.handed_over, self.dead].iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            received: self.received.saturating_add(other.received),
            answered: self.answered.saturating_add(other.answered),
            ignored: self.ignored.saturating_add(other.ignored),
            handed_over: self.handed_over.saturating_add(other.handed_over),
            dead: self.dead.saturating_add(other.dead),
        }
    }
}
