//! The circuit breaker: when CometChat answers nobody, one conversation at a time asks whether it is back.
//!
//! It is shared by the conversations of an instance and lives in memory: in another instance it opens anew.

use std::cell::RefCell;
use std::time::Duration;

use crate::address::Address;

/// How many conversations have to fail, and none succeed, before it opens. One alone may have trouble of its own.
const CONVERSATIONS: usize = 4;

/// The first and the longest wait between two attempts to find out.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Whether CometChat answers.
#[derive(Debug, Default)]
pub struct Breaker(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// The conversations that have failed since the last success, as far as they matter.
    failing: Vec<Address>,
    /// How often it was found out that CometChat is not back; `None` while the breaker is closed.
    probes: Option<u32>,
    /// When the next one may find out, in UNIX milliseconds.
    probe_at: u64,
}

impl Breaker {
    /// Whether a request may be made now; if not, the moment (UNIX milliseconds) of the next attempt to find out.
    /// Whoever is let through while the breaker is open is the one that finds out.
    ///
    /// # Errors
    ///
    /// The moment.
    pub fn admit(&self, now: u64) -> Result<(), u64> {
        let mut state = self.0.borrow_mut();
        let Some(probes) = state.probes else { return Ok(()) };
        let wait = wait(probes);
        // A clock that was set back must not keep everybody waiting for it.
        if state.probe_at > now && state.probe_at <= now.saturating_add(wait) {
            return Err(state.probe_at);
        }
        state.probes = Some(probes.saturating_add(1));
        state.probe_at = now.saturating_add(wait);
        Ok(())
    }

    /// CometChat has answered with something other than a fault: it is there.
    pub fn answered(&self) {
        let mut state = self.0.borrow_mut();
        state.failing.clear();
        state.probes = None;
    }

    /// CometChat has not answered this conversation, or it refuses everybody.
    pub fn failed(&self, conversation: &Address, now: u64) {
        let mut state = self.0.borrow_mut();
        if state.probes.is_some() || state.failing.contains(conversation) {
            return;
        }
        state.failing.push(conversation.clone());
        if state.failing.len() >= CONVERSATIONS {
            state.probes = Some(0);
            state.probe_at = now.saturating_add(wait(0));
        }
    }

    /// Whether nobody is answered.
    pub fn is_open(&self) -> bool {
        self.0.borrow().probes.is_some()
    }
}

/// The wait after so many probes, in milliseconds.
fn wait(probes: u32) -> u64 {
    let factor = 1_u32.checked_shl(probes).unwrap_or(u32::MAX);
    u64::try_from(FIRST.saturating_mul(factor).min(LONGEST).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::ReceiverType;

    fn conversation(n: u64) -> Address {
        Address::new("demo_bot", ReceiverType::User, n.to_string())
    }

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        for n in 0..4 {
            assert!(!breaker.is_open());
            breaker.failed(&conversation(n), 0);
        }
        assert!(breaker.is_open());
        breaker
    }

    #[test]
    fn one_conversation_alone_does_not_open_it() {
        let breaker = Breaker::default();
        for _ in 0..100 {
            breaker.failed(&conversation(1), 0);
            assert_eq!(breaker.admit(0), Ok(()));
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let breaker = Breaker::default();
        for n in 0..100 {
            breaker.failed(&conversation(n), 0);
            if n % 3 == 2 {
                breaker.answered();
            }
            assert!(!breaker.is_open());
        }
    }

    #[test]
    fn of_ten_thousand_few_knock_and_all_go_on_when_it_is_back() {
        let breaker = opened();
        let mut knocks = 0;
        for (n, now) in (1..15 * 60 * 1_000).step_by(90).enumerate() {
            match breaker.admit(now) {
                Ok(()) => {
                    knocks += 1;
                    breaker.failed(&conversation(n as u64), now);
                }
                Err(at) => assert!(at > now && at <= now + 30_000, "{now} {at}"),
            }
        }
        assert!((30..40).contains(&knocks), "{knocks}");
        breaker.answered();
        assert_eq!((breaker.is_open(), breaker.admit(0)), (false, Ok(())));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let breaker = opened();
        assert_eq!(breaker.admit(500), Err(1_000));
        assert_eq!(breaker.admit(1_000_000), Ok(()));
        assert_eq!(breaker.admit(7), Ok(()));
    }

    #[test]
    fn the_moment_that_it_names_is_the_one_at_which_it_lets_somebody_through() {
        let breaker = opened();
        assert_eq!(breaker.admit(999), Err(1_000));
        assert_eq!(breaker.admit(1_000), Ok(()));
        assert_eq!(breaker.admit(1_000), Err(2_000));
    }
}
