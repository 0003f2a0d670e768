//! What somebody has to mend: it goes into the log and, for `/health`, into KV, and is taken back when it is over.
//!
//! A note in KV is renewed every ten minutes and expires after twenty. It says that there is trouble and what kind,
//! never whom it concerns; the log does.

use std::cell::RefCell;
use std::time::Duration;

use super::Conversation;
use super::ports::{Millis, Ports, after};
use crate::json::Json;

/// How soon trouble that was over is reported again: each report costs KV a write and a deletion.
const AGAIN: Duration = Duration::from_secs(60);

/// How often the same trouble is reported.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// How long a note stands.
const KEPT: Duration = Duration::from_secs(20 * 60);

/// How long KV may take: this must not hold up what it is about.
const DEADLINE: Duration = Duration::from_secs(2);

/// What keeps messages waiting that nobody at Halley can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// CometChat refuses the key, the app or the plan.
    Denied,
    /// CometChat answers nobody.
    NoAnswer,
    /// There are messages for a bot that the setting `BOTS` does not have.
    NoBot,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Denied, Self::NoAnswer, Self::NoBot];

    /// As it stands in the log and in `/health`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "cometchat_denies",
            Self::NoAnswer => "cometchat_does_not_answer",
            Self::NoBot => "no_bot",
        }
    }

    /// The KV key of the note.
    pub fn key(self) -> String {
        format!("trouble:{}", self.as_str())
    }
}

/// What the conversations of one instance have reported.
#[derive(Debug, Default)]
pub(super) struct Reported(RefCell<Vec<Report>>);

#[derive(Debug)]
struct Report {
    trouble: Trouble,
    at: Millis,
    is_over: bool,
}

impl Reported {
    /// Whether a report is due; then it counts as made.
    fn take(&self, trouble: Trouble, now: Millis) -> bool {
        let mut reported = self.0.borrow_mut();
        let is_recent = |report: &Report| {
            let wait = if report.is_over { AGAIN } else { EVERY };
            report.at <= now && now < after(report.at, wait)
        };
        if reported.iter().any(|report| report.trouble == trouble && is_recent(report)) {
            return false;
        }
        reported.retain(|report| report.trouble != trouble);
        reported.push(Report { trouble, at: now, is_over: false });
        true
    }

    /// Whether the note that a bot is missing has not been taken back yet.
    fn take_no_bot(&self, now: Millis) -> bool {
        let mut reported = self.0.borrow_mut();
        let is_known = reported.iter().any(|report| report.trouble == Trouble::NoBot && report.is_over);
        reported.retain(|report| report.trouble != Trouble::NoBot);
        reported.push(Report { trouble: Trouble::NoBot, at: now, is_over: true });
        !is_known
    }

    /// What is over when CometChat answers.
    fn take_over(&self) -> Vec<Trouble> {
        let mut reported = self.0.borrow_mut();
        let open = reported.iter_mut().filter(|report| !report.is_over && report.trouble != Trouble::NoBot);
        open.map(|report| {
            report.is_over = true;
            report.trouble
        })
        .collect()
    }
}

impl<P: Ports> Conversation<P> {
    /// Reports trouble, unless that has been done lately. KV is told as far as it can be.
    pub(super) async fn report(&self, trouble: Trouble) {
        let now = self.ports.now();
        if !self.instance.reported.take(trouble, now) {
            return;
        }
        self.note("trouble", &trouble.as_str());
        let value = Json::new().text("trouble", trouble.as_str()).number("at", now).build();
        if !matches!(self.within(DEADLINE, self.ports.put(&trouble.key(), &value, KEPT, "{}")).await, Some(Ok(()))) {
            self.note("trouble_not_noted", &trouble.as_str());
        }
    }

    /// A message whose bot was missing has found it: takes back what the deploy before has reported.
    pub(super) async fn there_is_a_bot(&self) {
        if self.instance.reported.take_no_bot(self.ports.now()) {
            self.take_back(Trouble::NoBot).await;
        }
    }

    /// CometChat has answered: takes back what was reported of it.
    pub(super) async fn all_is_well(&self) {
        for trouble in self.instance.reported.take_over() {
            self.take_back(trouble).await;
        }
    }

    async fn take_back(&self, trouble: Trouble) {
        self.note("trouble_over", &trouble.as_str());
        // Where this fails the note expires.
        let _ = self.within(DEADLINE, self.ports.delete(&trouble.key())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_reported_every_ten_minutes_and_a_minute_after_it_was_over() {
        let reported = Reported::default();
        assert!(reported.take(Trouble::Denied, 1_000));
        assert!(reported.take(Trouble::NoAnswer, 1_000));
        assert!(!reported.take(Trouble::Denied, 1_000));
        assert!(!reported.take(Trouble::Denied, 600_999));
        assert!(reported.take(Trouble::Denied, 601_000));
        assert_eq!(reported.take_over(), [Trouble::NoAnswer, Trouble::Denied]);
        assert_eq!(reported.take_over(), []);
        assert!(!reported.take(Trouble::Denied, 660_999));
        assert!(reported.take(Trouble::Denied, 661_000));
        // The clock was set back.
        assert!(reported.take(Trouble::Denied, 7));
    }

    #[test]
    fn a_bot_that_is_there_is_no_news_twice() {
        let reported = Reported::default();
        assert!(reported.take(Trouble::NoBot, 0));
        // That CometChat answers says nothing of it.
        assert_eq!(reported.take_over(), []);
        assert!(reported.take(Trouble::Denied, 0));
        assert!(reported.take_no_bot(1_000));
        assert!(!reported.take_no_bot(2_000));
        assert!(!reported.take(Trouble::NoBot, 61_999));
        assert!(reported.take(Trouble::NoBot, 62_000));
        assert_eq!(reported.take_over(), [Trouble::Denied]);
    }
}
