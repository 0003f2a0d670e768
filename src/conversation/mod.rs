//! The life of one conversation, from the moment a message is stored to the moment the conversation rests.
//!
//! ```text
//! receive ─▶ inbox ─▶ turn ─▶ outbox ─▶ confirmed        quiet ─▶ rest (KV) ─▶ empty
//! ```
//!
//! Everything that has to survive is in the rows of [`Storage`](ports::Storage); memory holds only what may be lost:
//! a copy of those rows, which steps are under way, what has been sent and not yet confirmed, and when the alarm is
//! set. So a crash at any `await` leaves rows from which the next event goes on, and the alarm, which is never later
//! than the earliest row that is due, makes sure that there is a next event.

mod backoff;
mod budget;
mod commit;
mod effects;
mod inbox;
mod journal;
mod lanes;
mod letters;
mod outbox;
pub mod outcome;
pub mod ports;
mod reason;
pub mod record;
mod rest;
mod rows;
mod seen;
mod stored;
mod trouble;
mod turn;
mod unreadable;
mod upgrade;
mod view;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select, select_all};

pub use inbox::{Receipt, Work};
pub use letters::{DeadLetter, Replayed};
pub use rows::Entry;
pub use trouble::Trouble;
pub use view::View;

use crate::address::Address;
use crate::bot::Behaviour;
use crate::cometchat::Breaker;
use budget::Budget;
use commit::Arrival;
use lanes::{Lane, Lanes, Pass};
use outbox::Confirmed;
use ports::{Millis, Ports, StorageError, after};
use stored::Stored;

/// What a deployer may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a conversation is quiet before its state goes to KV.
    pub rest_after: Duration,
    /// How long it is quiet before the object empties itself. Ids of messages are remembered as long, at least.
    pub empty_after: Duration,
    /// How long KV keeps the state of a conversation in which nothing happens.
    pub state_ttl: Duration,
    /// How many answers a sender gets in a minute; 0 is no limit.
    pub reply_budget_per_minute: u32,
    /// How long a reply that CometChat does not take is tried again before it is dead.
    pub give_up_after: Duration,
    /// Whether each message that has ended gets a line in the log, or only those that are dead.
    pub logs_messages: bool,
    /// Whether a bot may send interactive messages, which CometChat documents in older pages only.
    pub interactive_messages: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rest_after: Duration::from_secs(30),
            empty_after: Duration::from_secs(24 * 60 * 60),
            state_ttl: Duration::from_secs(90 * 24 * 60 * 60),
            reply_budget_per_minute: 30,
            give_up_after: Duration::from_secs(24 * 60 * 60),
            logs_messages: true,
            interactive_messages: false,
        }
    }
}

/// What the conversations of one instance of the worker share.
#[derive(Debug, Default)]
pub struct Instance {
    pub(crate) breaker: Breaker,
    reported: trouble::Reported,
}

/// One conversation in flight.
pub struct Conversation<P> {
    ports: P,
    address: Address,
    settings: Settings,
    behaviour: Option<&'static dyn Behaviour>,
    instance: Rc<Instance>,
    /// When a request was last given up. An instance that was cut off gave up its own before this one started.
    gave_up: Cell<Millis>,
    /// When this instance has started.
    started: Millis,
    /// Not before this moment does the alarm go off, because a write has failed.
    write_again_at: Cell<Millis>,
    /// Until when nothing is sent, because CometChat answers nobody.
    held_until: Cell<Millis>,
    memory: RefCell<Memory>,
}

/// The steps that are due, and the right to take them.
#[must_use]
pub struct Due(Vec<Pass>);

impl Due {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How long before the alarm looks again at a step that is under way.
const WATCH: Duration = Duration::from_secs(10);

/// The longest, but for the leeway, before it looks at a reply that is about to be sent or a confirmation that is not written.
const LONGEST_WATCH: Duration = Duration::from_secs(30);

/// How much later than it may the alarm goes off for rest, so that the one that was set as a message came will do.
const LEEWAY: Duration = Duration::from_secs(2);

/// How much too early an alarm may be and still be left as it is.
const SLACK: Duration = Duration::from_secs(20);

/// How long no message comes before a conversation counts as quiet.
const QUIET: Duration = Duration::from_secs(5);

/// How long before storage that could not even be read is tried again.
const UNTIL_READABLE: Duration = Duration::from_secs(10);

/// How long before storage that could not be written is tried again.
const UNTIL_WRITABLE: Duration = Duration::from_secs(2);

/// What may be lost in a crash.
#[derive(Default)]
struct Memory {
    lanes: Lanes,
    budget: Budget,
    /// The rows, once they have been read.
    stored: Option<Stored>,
    /// The alarm that is set, if that is known.
    armed: Option<Millis>,
    /// The attempt that has been recorded and not been started: its message's number, and its own.
    begun: Option<(u64, u32)>,
    /// The message that this very event has brought.
    arrival: Arrival,
    /// When the last message came, and whether it came soon after the one before: then more will come.
    last_came: Millis,
    is_busy: bool,
    /// When the event that waits for the conversation to be quiet looks whether it is.
    looks_at: Millis,
    /// The keys of replies that CometChat cannot have: made since the last start and never sent.
    unsent: Vec<String>,
    /// The replies that CometChat has, whose rows go with the next commit.
    confirmed: BTreeMap<String, Confirmed>,
}

impl<P: Ports> Conversation<P> {
    /// The conversation at `address`. Without a behaviour its messages wait; that is a setting gone wrong.
    pub fn new(
        ports: P,
        address: Address,
        settings: Settings,
        behaviour: Option<&'static dyn Behaviour>,
        instance: Rc<Instance>,
    ) -> Self {
        let started = ports.now();
        Self {
            ports,
            address,
            settings,
            behaviour,
            instance,
            started,
            gave_up: Cell::new(started),
            write_again_at: Cell::default(),
            held_until: Cell::default(),
            memory: RefCell::default(),
        }
    }

    /// Does everything that is due, as far as no other event is doing it already.
    ///
    /// Returns when nothing is left that this event could do. What is due later is the alarm's.
    pub async fn process(&self) {
        let steps = self.take_steps();
        self.carry_out(steps).await;
    }

    /// The alarm has gone off: calls for the next one, and says what is due, for [`work`](Self::work).
    ///
    /// The two are an event each: one in which the bot panics never ends, and while an alarm has not ended no other
    /// goes off.
    ///
    /// # Errors
    ///
    /// Only where the next alarm could not be set, so that the platform tries this one again.
    pub async fn wake(&self) -> (Due, Result<(), StorageError>) {
        self.memory.borrow_mut().armed = None;
        let due = Due(self.take_steps());
        if let Err(error) = self.write_confirmations().await {
            self.note("storage_failed", &error);
        }
        let armed = self.arm().await;
        (due, armed)
    }

    /// Does what was due when the alarm went off, and what becomes due by it.
    pub async fn work(&self, due: Due) {
        self.carry_out(due.0).await;
    }

    async fn carry_out(&self, steps: Vec<Pass>) {
        let mut under_way: Vec<_> = steps.into_iter().map(|pass| Box::pin(self.carry_out_one(pass))).collect();
        while !under_way.is_empty() {
            let (done, _, rest) = select_all(under_way).await;
            under_way = rest;
            match done {
                Ok(()) => {
                    under_way.extend(self.take_steps().into_iter().map(|pass| Box::pin(self.carry_out_one(pass))))
                }
                // Trying again at once would spin; the alarm tries again.
                Err(error) => self.note("storage_failed", &error),
            }
        }
        self.confirm_when_quiet().await;
    }

    async fn carry_out_one(&self, pass: Pass) -> Result<(), StorageError> {
        // The event may come to it so late that the lane has become another's.
        if !self.memory.borrow().lanes.is_held(pass) {
            return Ok(());
        }
        let done = match pass.lane {
            Lane::Turn => self.turn(pass).await,
            Lane::Outbox => self.send(pass).await,
            Lane::Archive => self.archive(pass).await,
        };
        self.free(pass);
        done.and(self.arm().await)
    }

    /// The steps that are due on lanes that are free, one a lane; their lanes are taken.
    fn take_steps(&self) -> Vec<Pass> {
        let now = self.ports.now();
        Lane::ALL
            .into_iter()
            .filter_map(|lane| {
                if self.memory.borrow().lanes.is_taken(lane, now) {
                    return None;
                }
                match self.is_ready(lane, now) {
                    Ok(ready) => ready.then(|| self.memory.borrow_mut().lanes.take(lane, now)),
                    Err(error) => {
                        self.note("storage_failed", &error);
                        None
                    }
                }
            })
            .collect()
    }

    /// Whether a lane has something to do now. What has just been stored need not wait for the moment at which it
    /// would be taken for abandoned.
    fn is_ready(&self, lane: Lane, now: Millis) -> Result<bool, StorageError> {
        let fresh = match lane {
            Lane::Turn => self.turn_has_begun()?,
            Lane::Outbox => self.outbox_has_fresh()?,
            Lane::Archive => false,
        };
        Ok(fresh || self.lane_due(lane, Duration::ZERO)?.is_some_and(|due| due <= now))
    }

    /// When the next step of a lane is due, by what is stored, where rest may wait for so much longer.
    fn lane_due(&self, lane: Lane, leeway: Duration) -> Result<Option<Millis>, StorageError> {
        match lane {
            Lane::Turn => self.turn_due(),
            Lane::Outbox => self.outbox_due(),
            Lane::Archive => self.archive_due(leeway),
        }
    }

    /// When the alarm has to go off: at the earliest moment at which anything is due.
    fn due(&self) -> Result<Option<Millis>, StorageError> {
        let now = self.ports.now();
        let mut earliest = self.confirmation_due();
        for lane in Lane::ALL {
            let Some(due) = self.lane_due(lane, LEEWAY)? else { continue };
            let taken = self.memory.borrow().lanes.taken_until(lane, now);
            let is_watched = due <= now || lane == Lane::Outbox;
            let watch = if lane == Lane::Outbox { self.watch() } else { WATCH };
            let at = match taken.filter(|_| is_watched) {
                // What is under way is looked at again, in case it never comes back; and what is about to be.
                Some(until) => until.min(after(now, watch)),
                None if lane == Lane::Outbox && self.outbox_has_fresh()? => after(now, watch),
                None => due,
            };
            earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        }
        Ok(earliest)
    }

    /// How long a reply is left alone that is about to be sent. That is done with in a moment: the alarm is there for a
    /// crash in it, and costs less where it is the one that the conversation needs for its rest in any case.
    fn watch(&self) -> Duration {
        self.settings.rest_after.min(LONGEST_WATCH).saturating_add(LEEWAY)
    }

    fn free(&self, pass: Pass) {
        self.memory.borrow_mut().lanes.free(pass);
    }

    /// Sets the alarm for what is due next. Where that cannot be read, it is set all the same.
    async fn arm(&self) -> Result<(), StorageError> {
        let wanted = match self.due() {
            Ok(Some(wanted)) => wanted.max(self.write_again_at.get()),
            Ok(None) => return Ok(()),
            Err(_) => after(self.ports.now(), UNTIL_READABLE),
        };
        // One that is early finds nothing due and calls for the next, which is an event and a row; to set it anew now is a
        // row, and likely to be done again.
        if self.memory.borrow().armed.is_some_and(|armed| armed <= wanted && wanted <= after(armed, SLACK)) {
            return Ok(());
        }
        self.memory.borrow_mut().armed = Some(wanted);
        let set = self.ports.set_alarm(wanted).await;
        if set.is_err() {
            self.memory.borrow_mut().armed = None;
        }
        set
    }

    /// Looks at what is stored, or changes what is known of it.
    fn stored<T>(&self, look: impl FnOnce(&mut Stored) -> T) -> Result<T, StorageError> {
        self.stored_and_confirmed(|stored, _| look(stored))
    }

    /// The same, with the replies that CometChat has all the same.
    fn stored_and_confirmed<T>(
        &self,
        look: impl FnOnce(&mut Stored, &BTreeMap<String, Confirmed>) -> T,
    ) -> Result<T, StorageError> {
        let Memory { stored, confirmed, .. } = &mut *self.memory.borrow_mut();
        let stored = match stored {
            Some(stored) => stored,
            unread => unread.insert(self.load_rows()?),
        };
        Ok(look(stored, confirmed))
    }

    fn load_rows(&self) -> Result<Stored, StorageError> {
        let stored = Stored::load(&self.ports)?;
        if stored.foreign.newer > 0 {
            self.note("rows_of_a_newer_version", &stored.foreign.newer);
        }
        Ok(stored)
    }

    /// A number higher than every one in use, so that rows keep the order of arrival.
    fn next_seq(&self) -> Result<u64, StorageError> {
        self.stored(|stored| {
            stored.last_seq = stored.last_seq.saturating_add(1);
            stored.last_seq
        })
    }

    /// Waits for `work`, but not longer than `deadline`.
    async fn within<T>(&self, deadline: Duration, work: impl Future<Output = T>) -> Option<T> {
        let work = std::pin::pin!(work);
        let timer = std::pin::pin!(self.ports.sleep(deadline));
        match select(work, timer).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }
}

#[cfg(test)]
mod tests;
