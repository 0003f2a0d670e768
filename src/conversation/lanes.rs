//! Which steps are under way: at most one turn, one request to CometChat and one KV operation at a time.
//!
//! An event that is cut off never frees its lane, so every pass runs out. Whoever comes back with a pass that has
//! run out finds that its lane is another's; what it wanted to commit is checked against the rows in any case.

use std::time::Duration;

use super::ports::{Millis, after};

/// What can be under way at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A turn of the bot.
    Turn,
    /// A reply on its way to CometChat, or a look for it.
    Outbox,
    /// A KV operation: a dead letter, rest, or emptying.
    Archive,
}

impl Lane {
    pub(super) const ALL: [Self; 3] = [Self::Turn, Self::Outbox, Self::Archive];
}

/// The right to use a lane, until it runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    pub(super) lane: Lane,
    number: u64,
}

/// How long a pass lasts. Longer than any step: every wait inside one has a deadline, and long steps extend theirs.
const PASS: Duration = Duration::from_secs(45);

#[derive(Debug, Default)]
pub(super) struct Lanes {
    turn: Option<Taken>,
    outbox: Option<Taken>,
    archive: Option<Taken>,
    passes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    number: u64,
    until: Millis,
}

impl Lanes {
    pub(super) fn is_taken(&self, lane: Lane, now: Millis) -> bool {
        self.taken_until(lane, now).is_some()
    }

    /// When the pass for the lane runs out, if one is in use.
    pub(super) fn taken_until(&self, lane: Lane, now: Millis) -> Option<Millis> {
        self.slot(lane).map(|taken| taken.until).filter(|until| *until > now)
    }

    pub(super) fn take(&mut self, lane: Lane, now: Millis) -> Pass {
        self.passes = self.passes.saturating_add(1);
        let number = self.passes;
        *self.slot_mut(lane) = Some(Taken { number, until: after(now, PASS) });
        Pass { lane, number }
    }

    /// Whether the lane has not become another's, though the pass may have run out.
    pub(super) fn is_held(&self, pass: Pass) -> bool {
        self.slot(pass.lane).is_some_and(|taken| taken.number == pass.number)
    }

    /// Makes the pass last longer, unless it has run out and the lane is another's.
    pub(super) fn extend(&mut self, pass: Pass, now: Millis) {
        if let Some(taken) = self.slot_mut(pass.lane).as_mut().filter(|taken| taken.number == pass.number) {
            taken.until = after(now, PASS);
        }
    }

    pub(super) fn free(&mut self, pass: Pass) {
        let slot = self.slot_mut(pass.lane);
        if slot.is_some_and(|taken| taken.number == pass.number) {
            *slot = None;
        }
    }

    fn slot(&self, lane: Lane) -> Option<Taken> {
        match lane {
            Lane::Turn => self.turn,
            Lane::Outbox => self.outbox,
            Lane::Archive => self.archive,
        }
    }

    fn slot_mut(&mut self, lane: Lane) -> &mut Option<Taken> {
        match lane {
            Lane::Turn => &mut self.turn,
            Lane::Outbox => &mut self.outbox,
            Lane::Archive => &mut self.archive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_runs_out_and_cannot_free_what_is_anothers() {
        let mut lanes = Lanes::default();
        let first = lanes.take(Lane::Turn, 0);
        assert!(lanes.is_taken(Lane::Turn, 44_999));
        assert!(!lanes.is_taken(Lane::Outbox, 0));
        assert!(!lanes.is_taken(Lane::Turn, 45_000));
        assert!(lanes.is_held(first));
        let second = lanes.take(Lane::Turn, 45_000);
        assert!(lanes.is_held(second) && !lanes.is_held(first));
        lanes.free(first);
        lanes.extend(first, 80_000);
        assert_eq!(lanes.taken_until(Lane::Turn, 45_000), Some(90_000));
        lanes.extend(second, 80_000);
        assert_eq!(lanes.taken_until(Lane::Turn, 80_000), Some(125_000));
        lanes.free(second);
        assert!(!lanes.is_taken(Lane::Turn, 80_000));
    }
}
