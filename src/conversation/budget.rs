//! How many answers one sender gets in a minute, which is what breaks a ring of bots.
//!
//! Kept in memory only: a restart forgives a minute, and a budget that cost a row a message would cost more than the
//! rings it breaks.

use super::ports::Millis;

const MINUTE: Millis = 60_000;

/// The answers that the senders of one conversation have had.
#[derive(Debug, Default)]
pub struct Budget {
    windows: Vec<Window>,
}

#[derive(Debug)]
struct Window {
    sender: String,
    since: Millis,
    spent: u32,
    refusals: u32,
}

/// Whether a message may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Yes, and an answer has been set aside for it.
    Granted,
    /// No, and this is the first refusal of the minute: worth a line in the log.
    FirstRefusal,
    /// No.
    Refused,
}

impl Budget {
    /// Sets an answer aside for a message of `sender`. A budget of 0 is none.
    pub fn take(&mut self, sender: &str, now: Millis, per_minute: u32) -> Grant {
        if per_minute == 0 {
            return Grant::Granted;
        }
        self.windows.retain(|window| now.saturating_sub(window.since) < MINUTE);
        let Some(window) = self.windows.iter_mut().find(|window| window.sender == sender) else {
            self.windows.push(Window { sender: sender.to_owned(), since: now, spent: 1, refusals: 0 });
            return Grant::Granted;
        };
        if window.spent < per_minute {
            window.spent = window.spent.saturating_add(1);
            return Grant::Granted;
        }
        window.refusals = window.refusals.saturating_add(1);
        if window.refusals == 1 { Grant::FirstRefusal } else { Grant::Refused }
    }

    /// Gives back the answer of a message that got none.
    pub fn give_back(&mut self, sender: &str) {
        if let Some(window) = self.windows.iter_mut().find(|window| window.sender == sender) {
            window.spent = window.spent.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_gets_so_many_answers_a_minute() {
        let mut budget = Budget::default();
        let mut take = |sender, now| budget.take(sender, now, 2);
        assert_eq!(take("ann", 0), Grant::Granted);
        assert_eq!(take("ann", 1), Grant::Granted);
        assert_eq!(take("ann", 2), Grant::FirstRefusal);
        assert_eq!(take("ann", 3), Grant::Refused);
        assert_eq!(take("bob", 3), Grant::Granted);
        assert_eq!(take("ann", MINUTE), Grant::Granted);
    }

    #[test]
    fn silence_costs_nothing_and_zero_is_off() {
        let mut budget = Budget::default();
        assert_eq!(budget.take("ann", 0, 1), Grant::Granted);
        budget.give_back("ann");
        assert_eq!(budget.take("ann", 1, 1), Grant::Granted);
        for _ in 0..100 {
            assert_eq!(budget.take("bob", 0, 0), Grant::Granted);
        }
    }
}
