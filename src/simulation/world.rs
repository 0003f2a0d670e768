//! The world of one seed: its clock, its objects, what happens next, and what has happened.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use super::bot::{BOT, Memory};
use super::callbacks::Message;
use super::cometchat::{self, Answered, Flight, History};
use super::faults::{Faults, Span, settings};
use super::kv::Kv;
use super::ports::Ports;
use super::random::Random;
use super::storage::{self, Disk, Op};
use super::trace::{Brief, Tally};
use crate::address::Address;
use crate::bot::Behaviour;
use crate::conversation::ports::{Change, Millis};
use crate::conversation::{Conversation, Instance, Settings};

pub type Engine = Conversation<Ports>;
pub type World = Rc<Sim>;
pub type Event = Box<dyn FnOnce(&World)>;

/// When every world begins, in UNIX milliseconds.
pub const BEGIN: Millis = 1_790_000_000_000;

/// For how long an event that was cut off may keep its lane.
pub const PASS: Millis = 46_000;

/// What is shared by everything that happens in a world. It is borrowed for moments only, never across a poll.
pub struct Sim(RefCell<State>);

pub struct State {
    /// True time. The objects' clock is behind it once it has been set back.
    pub now: Millis,
    pub behind: Millis,
    /// Whether every object starts anew, with the settings of now.
    pub deploys: bool,
    /// The instance that is being polled, and whether it is the last one of its object.
    pub polled_is_last: bool,
    pub random: Random,
    pub faults: Faults,
    pub settings: Settings,
    /// From here on nothing goes wrong any more, so that the world comes to rest.
    pub calm_at: Millis,
    pub objects: Vec<Object>,
    pub messages: Vec<Message>,
    pub kv: Kv,
    pub cometchat: History,
    pub instance: Rc<Instance>,
    /// Until then replies may wait because CometChat answers nobody.
    pub held_until: Millis,
    pub tally: Tally,
    pub tracing: bool,
    pub violation: Option<String>,
    pub spawned: Vec<Spawn>,
    events: BTreeMap<(Millis, u64), Event>,
    scheduled: u64,
}

/// A task on its way to the executor.
pub struct Spawn {
    pub object: usize,
    pub instance: u64,
    pub kind: Kind,
    pub future: Pin<Box<dyn Future<Output = ()>>>,
}

/// What an object was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Callback,
    Process,
    Alarm,
}

/// One Durable Object, and what is known of it independently of the engine.
pub struct Object {
    pub address: Address,
    /// What a crash takes away.
    pub engine: Option<Rc<Engine>>,
    /// Which instance the newest one is.
    pub instance: u64,
    /// When it has started, by its own clock.
    pub started: Millis,
    /// When it last told KV something, by its own clock.
    pub told_at: Millis,
    /// Until then the one before it goes on.
    pub twin_until: Millis,
    /// Its requests under way.
    pub flights: Vec<Weak<RefCell<Flight>>>,
    pub disk: Disk,
    /// What leaves the object once the disk has everything before it.
    gated: Vec<(u64, Event)>,
    /// Whether the bot has panicked.
    pub doomed: bool,
    pub alarm_running: bool,
    alarm_version: u64,
    /// How many events are under way.
    pub tasks: usize,
    pub turns: u32,
    /// Until then none of its events goes on.
    pub stalled_until: Millis,
    /// Until then an event that was cut off may hold the alarm back.
    pub lenient_until: Millis,
    /// The minute that is counted, and its steps.
    pub steps: (Millis, u32),

    /// Messages for which a 200 has left.
    pub acknowledged: BTreeSet<String>,
    /// Those that were said to be new.
    pub taken: BTreeSet<String>,
    /// Messages received in former lives, before the object emptied itself.
    pub former: BTreeSet<String>,
    /// Ids that were forgotten while the object went on.
    pub forgotten: BTreeSet<String>,
    /// Messages that reached the inbox on disk, in that order.
    pub order: Vec<String>,
    /// Messages whose answers have been in doubt for so long that others went before them.
    pub apart: BTreeSet<String>,
    /// The newest state that reached the disk.
    pub state: Memory,
    /// What CometChat has answered last.
    pub answered: Option<Answered>,
    /// Messages of which CometChat has refused a reply for good.
    pub refused: BTreeSet<String>,
    /// Those that the bot's own callback has brought, and for which a 200 has left.
    pub heard: BTreeSet<String>,
    /// Since when the replies to a message have been in the outbox.
    pub queued: BTreeMap<String, Millis>,
    /// Messages that were dead and are tried again.
    pub revived: BTreeSet<String>,
    /// Deaths whose letters have been tried again.
    pub replayed: BTreeSet<String>,
    /// Messages that have lost a row.
    pub damaged: BTreeSet<String>,
    /// Rows that must be there in the end as they are.
    pub planted: BTreeMap<String, String>,
    /// How many of them have died and could not be named.
    pub nameless: usize,
    /// What KV must have in the end under this key.
    pub set_aside: Option<(String, String)>,
    /// When, and by which instance, the last attempt at a message began.
    pub began: BTreeMap<String, (u64, Millis)>,
    /// When messages were taken, whose they were, and which.
    pub accepted: Vec<(Millis, String, String)>,
    /// How often the bot was tried with a message.
    pub attempts: BTreeMap<String, u32>,
    /// How messages ended, by the journal.
    pub outcomes: BTreeMap<String, String>,
}

impl Object {
    fn new(address: Address) -> Self {
        Self {
            address,
            engine: None,
            instance: 0,
            started: 0,
            told_at: 0,
            twin_until: 0,
            flights: Vec::new(),
            answered: None,
            refused: BTreeSet::new(),
            heard: BTreeSet::new(),
            revived: BTreeSet::new(),
            queued: BTreeMap::new(),
            damaged: BTreeSet::new(),
            replayed: BTreeSet::new(),
            nameless: 0,
            planted: BTreeMap::new(),
            set_aside: None,
            began: BTreeMap::new(),
            accepted: Vec::new(),
            disk: Disk::default(),
            gated: Vec::new(),
            doomed: false,
            alarm_running: false,
            alarm_version: 0,
            tasks: 0,
            turns: 0,
            stalled_until: 0,
            lenient_until: 0,
            steps: (0, 0),
            acknowledged: BTreeSet::new(),
            taken: BTreeSet::new(),
            former: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            order: Vec::new(),
            apart: BTreeSet::new(),
            state: Memory::default(),
            attempts: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }
}

impl State {
    /// Whether a fault with this probability happens now.
    pub fn fault(&mut self, name: &'static str, probability: f64) -> bool {
        let happens = self.now < self.calm_at && self.random.chance(probability);
        if happens {
            self.count(name);
        }
        happens
    }

    /// What the objects take for the time.
    pub fn wall(&self) -> Millis {
        self.now.saturating_sub(self.behind)
    }

    /// When a moment of the objects' clock comes in truth.
    pub fn truth(&self, wall: Millis) -> Millis {
        wall.saturating_add(self.behind)
    }

    /// Whether this is a time in which something does not work at all.
    pub fn is_within(&self, span: Option<Span>) -> bool {
        span.is_some_and(|(begin, end)| (begin..end).contains(&(self.now - BEGIN)))
    }

    /// The clock of all objects is set back.
    pub fn set_clock_back(&mut self) {
        let jump = self.random.pick(&[1_000, 10_000, 60_000]);
        self.trace(None, format_args!("the clock is set back by {jump} ms"));
        self.behind += jump;
        for object in 0..self.objects.len() {
            self.hold_back(object, PASS);
            self.objects[object].lenient_until += 2 * jump;
            if self.objects[object].disk.alarm.is_some() {
                self.plan_alarm(object);
            }
        }
    }

    pub fn count(&mut self, name: &'static str) {
        self.tally.count(name);
    }

    pub fn at(&mut self, when: Millis, event: impl FnOnce(&World) + 'static) {
        // Events of the same moment come in any order.
        self.scheduled += 1;
        let order = (self.random.next() << 32) | self.scheduled;
        self.events.insert((when.max(self.now), order), Box::new(event));
    }

    pub fn later(&mut self, wait: Millis, event: impl FnOnce(&World) + 'static) {
        self.at(self.now.saturating_add(wait), event);
    }

    pub fn spawn(&mut self, object: usize, kind: Kind, future: impl Future<Output = ()> + 'static) {
        self.objects[object].tasks += 1;
        let instance = self.objects[object].instance;
        self.spawned.push(Spawn { object, instance, kind, future: Box::pin(future) });
    }

    /// Lets something leave the object, once everything that it has written is on disk.
    pub fn leave(&mut self, object: usize, event: impl FnOnce(&World) + 'static) {
        let gate = self.objects[object].disk.gate();
        if self.objects[object].disk.is_through(gate) {
            self.later(0, event);
        } else {
            self.objects[object].gated.push((gate, Box::new(event)));
        }
    }

    pub fn violate(&mut self, what: impl fmt::Display) {
        if self.violation.is_none() {
            self.trace(None, format_args!("VIOLATED: {what}"));
            self.violation = Some(what.to_string());
        }
    }

    pub fn trace(&self, object: Option<usize>, what: fmt::Arguments<'_>) {
        if self.tracing {
            let who = object.map_or(String::new(), |object| self.objects[object].address.to_string());
            let elapsed = self.now - BEGIN;
            println!("{:>9}.{:03}  {who:<20} {what}", elapsed / 1_000, elapsed % 1_000);
        }
    }
}

impl Sim {
    pub fn new(seed: u64, tracing: bool) -> World {
        let mut random = Random::new(seed);
        let faults = Faults::draw(&mut random);
        let settings = settings(&mut random);
        Rc::new(Self(RefCell::new(State {
            now: BEGIN,
            behind: 0,
            deploys: false,
            polled_is_last: true,
            random,
            faults,
            settings,
            calm_at: BEGIN,
            objects: Vec::new(),
            messages: Vec::new(),
            kv: Kv::default(),
            cometchat: History::default(),
            instance: Rc::default(),
            held_until: 0,
            tally: Tally::default(),
            tracing,
            violation: None,
            spawned: Vec::new(),
            events: BTreeMap::new(),
            scheduled: 0,
        })))
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.borrow_mut())
    }

    pub fn add_object(&self, address: Address) {
        self.with(|state| state.objects.push(Object::new(address)));
    }

    /// Lets the next event happen. Answers whether there was one.
    pub fn advance(self: &Rc<Self>) -> bool {
        let next = self.with(|state| {
            let ((when, _), event) = state.events.pop_first()?;
            state.now = when;
            Some(event)
        });
        next.map(|event| event(self)).is_some()
    }

    /// The object in memory.
    pub fn wake(self: &Rc<Self>, object: usize) -> Rc<Engine> {
        if let Some(engine) = self.with(|state| state.objects[object].engine.clone()) {
            return engine;
        }
        let (address, settings, instance) = self.with(|state| {
            state.count("objects started");
            state.trace(Some(object), format_args!("starts"));
            // What an earlier instance had under way is not looked for at once.
            state.hold_back(object, 2_000);
            (state.objects[object].address.clone(), state.settings.clone(), state.instance.clone())
        });
        let number = self.with(|state| {
            state.objects[object].started = state.wall();
            state.damage(object);
            state.objects[object].instance
        });
        let ports = Ports { world: Rc::downgrade(self), object, instance: number };
        let bot =
            if self.with(|state| state.is_within(state.faults.no_bot)) { None } else { Some(&BOT as &dyn Behaviour) };
        let engine = Rc::new(Engine::new(ports, address, settings, bot, instance));
        self.with(|state| state.objects[object].engine = Some(engine.clone()));
        engine
    }

    /// Control returns from the object: what it has changed goes to the disk.
    pub fn submit(&self, object: usize) -> bool {
        self.with(|state| {
            let Some(number) = state.objects[object].disk.submit() else { return false };
            let wait = state.random.below(state.faults.slowest_commit + 1);
            state.later(wait, move |world| world.commit(object, number));
            true
        })
    }

    fn commit(&self, object: usize, number: u64) {
        self.with(|state| {
            state.land(object, number);
            for (gate, event) in std::mem::take(&mut state.objects[object].gated) {
                if state.objects[object].disk.is_through(gate) {
                    state.later(0, event);
                } else {
                    state.objects[object].gated.push((gate, event));
                }
            }
            state.check_alarm(object);
        });
    }

    /// Everything in memory is gone. Some of what was on its way to the disk may get there all the same.
    pub fn crash(&self, object: usize) {
        let engine = self.with(|state| {
            state.count("crashes");
            state.cut_off_from_disk(object);
            state.objects[object].engine.take()
        });
        drop(engine);
        self.with(|state| state.check_alarm(object));
    }

    /// The object starts anew, and the instance before it goes on for a moment: storage takes nothing from it any more,
    /// and what it asks of CometChat is cut off.
    pub fn twin(&self, object: usize) {
        self.with(|state| {
            state.count("twins");
            state.cut_off_from_disk(object);
            let this = &mut state.objects[object];
            this.twin_until = state.now + 5_000;
            this.turns = 0;
            this.engine = None;
            for flight in std::mem::take(&mut this.flights) {
                if let Some(flight) = flight.upgrade() {
                    cometchat::give_up(state, &flight);
                }
            }
            state.later(5_001, |_| {});
            state.check_alarm(object);
        });
    }

    /// Drops everything that may hold on to the world.
    pub fn end(&self) {
        let (objects, events, spawned) = self.with(|state| {
            (std::mem::take(&mut state.objects), std::mem::take(&mut state.events), std::mem::take(&mut state.spawned))
        });
        drop((objects, events, spawned));
    }
}

impl State {
    /// What the instance has written and is not on disk is lost, in part, and the next one begins.
    fn cut_off_from_disk(&mut self, object: usize) {
        self.objects[object].gated.clear();
        let pending = self.objects[object].disk.pending();
        for _ in 0..self.random.index(pending + 1) {
            self.land_one(object, u64::MAX);
        }
        let left = self.objects[object].disk.pending();
        if left > 0 {
            self.count("crashes that lost writes");
        }
        self.trace(Some(object), format_args!("CRASHES, {left} commits are lost"));
        let this = &mut self.objects[object];
        this.disk.crash();
        this.doomed = false;
        this.tasks = 0;
        this.instance += 1;
        self.hold_back(object, PASS);
        self.alarm_ended(object, false);
    }

    fn land(&mut self, object: usize, number: u64) {
        while self.land_one(object, number) {}
    }

    /// The next group reaches the disk, if it is not newer than `number`.
    fn land_one(&mut self, object: usize, number: u64) -> bool {
        let Some(group) = self.objects[object].disk.next_group(number) else { return false };
        for op in group {
            self.witness(object, &op);
            let disk = &mut self.objects[object].disk;
            match op {
                Op::Row(Change::Put(key, value)) => drop(disk.durable.insert(key, value)),
                Op::Row(Change::Delete(key)) => drop(disk.durable.remove(&key)),
                Op::Row(Change::DeleteRange { after, until, limit }) => {
                    for (key, _) in storage::range(&disk.durable, &after, &until, limit) {
                        disk.durable.remove(&key);
                    }
                }
                Op::Clear => {
                    disk.durable.clear();
                    disk.alarm = None;
                    self.objects[object].alarm_version += 1;
                }
                Op::Alarm(at) => self.set_alarm(object, at),
                Op::Line(_) => {}
            }
        }
        true
    }

    /// None of the object's events goes on for a while.
    pub fn stall(&mut self, object: usize) {
        let wait = self.random.pick(&[1_000, 12_000, 50_000, 90_000]);
        self.trace(Some(object), format_args!("STALLS for {wait} ms"));
        self.objects[object].stalled_until = self.now + wait;
        self.hold_back(object, wait + PASS);
        self.later(wait, |_| {});
    }

    /// For a while the alarm may be later than what is due.
    pub fn hold_back(&mut self, object: usize, wait: Millis) {
        let until = &mut self.objects[object].lenient_until;
        *until = (*until).max(self.now + wait);
    }

    pub fn set_alarm(&mut self, object: usize, at: Millis) {
        self.objects[object].disk.alarm = Some(at);
        self.plan_alarm(object);
    }

    fn plan_alarm(&mut self, object: usize) {
        let Some(at) = self.objects[object].disk.alarm else { return };
        self.objects[object].alarm_version += 1;
        let version = self.objects[object].alarm_version;
        let late = self.faults.alarm_late;
        let late = if self.fault("alarms late", late) { self.random.pick(&[50, 1_000, 20_000, 60_000]) } else { 0 };
        let at = self.truth(at).max(self.now);
        self.at(at.saturating_add(late), move |world| {
            let goes_off = world.with(|state| {
                let this = &mut state.objects[object];
                // There is one call at a time; the next is made when this one has ended.
                let goes_off = this.alarm_version == version && !this.alarm_running;
                if goes_off {
                    this.disk.alarm = None;
                    this.alarm_version += 1;
                }
                goes_off
            });
            if goes_off {
                world.call_alarm(object);
            }
        });
    }

    /// The call is over, well or badly. What failed and has set no other alarm is called again.
    pub fn alarm_ended(&mut self, object: usize, well: bool) {
        if !std::mem::take(&mut self.objects[object].alarm_running) {
            return;
        }
        if !well && self.objects[object].disk.alarm.is_none() {
            self.count("alarms called again");
            let at = self.wall() + self.random.pick(&[0, 2_000]);
            self.objects[object].disk.alarm = Some(at);
        }
        self.plan_alarm(object);
    }
}

impl Sim {
    /// Calls `alarm()`, unless that is under way.
    fn call_alarm(self: &Rc<Self>, object: usize) {
        let runs = self.with(|state| {
            let this = &mut state.objects[object];
            if this.alarm_running {
                return false;
            }
            this.alarm_running = true;
            state.count("alarms");
            state.trace(Some(object), format_args!("alarm"));
            true
        });
        if !runs {
            return;
        }
        let engine = self.wake(object);
        let world = self.clone();
        self.with(|state| {
            let instance = state.objects[object].instance;
            state.spawn(object, Kind::Alarm, async move {
                let (due, result) = engine.wake().await;
                // Work goes on in an event of its own.
                let is_last = |state: &State| state.objects[object].instance == instance;
                world.with(|state| {
                    if is_last(state) {
                        state.spawn(object, Kind::Process, async move { engine.work(due).await });
                    }
                });
                world.sync(object).await;
                world.with(|state| {
                    if !is_last(state) {
                        return;
                    }
                    state.trace(Some(object), format_args!("alarm ends: {result:?}"));
                    let twice = state.faults.alarm_twice;
                    if state.fault("alarms twice", twice) {
                        let wait = state.random.below(5_000);
                        state.later(wait, move |world| world.call_alarm(object));
                    }
                    state.alarm_ended(object, result.is_ok());
                });
            });
        });
    }

    /// Waits until everything that the object has written is on disk.
    pub fn sync(&self, object: usize) -> Slot<()> {
        let slot = Slot::default();
        let done = slot.clone();
        self.with(|state| {
            let this = &state.objects[object].disk;
            if this.is_through(this.gate()) {
                done.put(());
            } else {
                state.leave(object, move |_| done.put(()));
            }
        });
        slot
    }

    /// Answers after a while, which may be none.
    pub fn pause(&self, longest: Millis) -> Slot<()> {
        let slot = Slot::default();
        let done = slot.clone();
        self.with(|state| match state.random.below(longest + 1) {
            0 => done.put(()),
            wait => state.later(wait, move |_| done.put(())),
        });
        slot
    }
}

impl State {
    /// What a line of the journal says that a message has come to.
    pub fn note_line(&mut self, object: usize, line: String) {
        self.trace(Some(object), format_args!("log: {}", Brief(&line)));
        if line.starts_with(r#"{"event":"message""#) {
            self.objects[object].disk.push(Op::Line(line));
            return;
        }
        for (sign, name) in [
            ("no_bot", "messages put off because there is no bot"),
            ("reply_set_apart", "replies set apart"),
            ("cometchat_does_not_answer", "times when CometChat answered nobody"),
        ] {
            if line.contains(sign) {
                self.count(name);
            }
        }
    }
}

/// A value that comes later.
#[derive(Debug)]
pub struct Slot<T>(Rc<RefCell<(Option<T>, Option<Waker>)>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Rc::new(RefCell::new((None, None))))
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Slot<T> {
    pub fn put(&self, value: T) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.0 = Some(value);
            slot.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Slot<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0.borrow_mut();
        match slot.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                slot.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
