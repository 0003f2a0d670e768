//! Who writes what to whom, and how CometChat's callbacks bring it.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;
use serde_json::value::RawValue;

use super::world::{BEGIN, Kind, State, World};
use super::{cometchat, plant};
use crate::address::Address;
use crate::callback::{Ignored, ReceiverType};
use crate::conversation::ports::Millis;
use crate::conversation::{DeadLetter, Entry, Receipt, Replayed};
use crate::json::Field as _;

/// A message for a bot, and all that is meant to come of it.
#[derive(Debug, Clone)]
pub struct Message {
    pub object: usize,
    pub id: String,
    pub sender: String,
    pub plan: Plan,
}

/// What the bot does with a message, when it gets so far.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The fixed rule that keeps it from the bot.
    pub rule: Option<Ignored>,
    pub replies: usize,
    pub size: Size,
    /// Whether it edits its first reply in the end, and reacts to the message.
    pub acts: bool,
    pub end: End,
    /// Whether every attempt goes wrong.
    pub poison: Option<Poison>,
    /// Whether it makes the state too large.
    pub fills: bool,
}

/// How long the replies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Short,
    /// The first is too long for one part.
    Long,
    /// Each is as long as one part may be.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Replies,
    Ignores,
    HandsOver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    Fails,
    Hangs,
    Panics,
}

impl Plan {
    fn draw(state: &mut State) -> Self {
        let rule = state.faults.put_aside;
        let random = &mut state.random;
        if random.chance(0.001) {
            let (replies, size) = random.pick(&[(100, Size::Full), (100, Size::Short), (101, Size::Short)]);
            return Self { rule: None, replies, size, acts: false, end: End::Replies, poison: None, fills: false };
        }
        Self {
            rule: random.chance(rule).then_some(Ignored::OtherBot),
            replies: random.pick(&[0, 1, 1, 1, 1, 2, 3]),
            size: if random.chance(0.03) { Size::Long } else { Size::Short },
            acts: random.chance(0.2),
            end: random.pick(&[End::Replies, End::Replies, End::Replies, End::Ignores, End::HandsOver]),
            poison: random.chance(0.04).then(|| random.pick(&[Poison::Fails, Poison::Hangs, Poison::Panics])),
            fills: random.chance(0.0005),
        }
    }

    /// How many messages leave, parts counted.
    pub fn messages(&self) -> usize {
        self.replies + usize::from(self.size == Size::Long && self.replies > 0)
    }

    /// The same, with what else it does.
    pub fn parts(&self) -> usize {
        self.messages() + if self.acts && self.replies > 0 { 2 } else { 0 }
    }

    /// How the message ends, unless it dies.
    pub fn outcome(&self) -> &'static str {
        match self.end {
            _ if self.rule.is_some() => "ignored",
            End::Ignores => "ignored",
            End::HandsOver => "handed_over",
            End::Replies if self.parts() == 0 => "ignored",
            End::Replies => "answered",
        }
    }
}

/// Puts the objects and everything that people will write into a new world.
pub fn populate(world: &World) {
    let user = |bot: &str, peer: &str| Address::new(bot, ReceiverType::User, peer);
    let group = |bot: &str, peer: &str| Address::new(bot, ReceiverType::Group, peer);
    let all = [user("one", "ann"), group("one", "team"), group("two", "team"), user("one", "bob")];
    let objects = world.with(|state| state.random.between(1, 4));
    for address in all.into_iter().take(usize::try_from(objects).unwrap()) {
        world.add_object(address);
    }
    world.with(|state| {
        let empty_after = millis(state.settings.empty_after);
        let span = state.random.pick(&[200, 5_000, 60_000, 600_000, empty_after * 2]);
        let messages = state.random.between(1, 8);
        state.calm_at = BEGIN + span.max(state.faults.over()) + empty_after + 60_000;
        for object in 0..state.objects.len() {
            plant::plant(state, object);
        }
        for _ in 0..messages {
            let object = state.random.index(state.objects.len());
            // People write in bursts.
            let when = state.random.below(span + 1) / if state.random.chance(0.3) { 50 } else { 1 };
            for n in 0..state.random.pick(&[1, 1, 1, 2, 4]) {
                state.later(when + n * 300, move |world| world.with(|state| write(state, object, None)));
            }
        }
        for n in 0..state.faults.stream {
            state.later(n * 10_000, |world| world.with(|state| write(state, 0, Some(Ignored::Call))));
        }
        if let Some((begin, end)) = state.faults.no_bot {
            for when in [begin, end] {
                state.later(when, |world| world.with(|state| state.deploys = true));
            }
        }
        let replays = state.faults.replays;
        for _ in 0..state.random.below(16) {
            let when = state.random.below(span.max(state.faults.over()) + empty_after);
            if state.random.chance(replays) {
                state.later(when, replay);
            }
        }
    });
}

/// An operator tries a dead letter again, as KV shows it: perhaps one that is gone already, perhaps twice.
fn replay(world: &World) {
    let Some((object, key, letter, times)) = world.with(|state| {
        let object = state.random.index(state.objects.len());
        let keys = state.kv.keys(&format!("dead:{}:", state.objects[object].address));
        let key = if keys.is_empty() { return None } else { state.random.pick(&keys) };
        let shown: Vec<String> = state.kv.readable(&key, state.now).into_iter().flatten().collect();
        let letter = if shown.is_empty() { return None } else { state.random.pick(&shown) };
        state.count("letters replayed");
        Some((object, key, letter, state.random.pick(&[1, 1, 2])))
    }) else {
        return;
    };
    for _ in 0..times {
        let engine = world.wake(object);
        let (key, letter) = (key.clone(), DeadLetter::read(Some(&letter)).expect("a letter"));
        let world_of_it = world.clone();
        world.with(|state| {
            if letter.replies.iter().any(|reply| reply.doubtful) {
                state.count("replies replayed that were in doubt");
            }
            state.trace(Some(object), format_args!("replay of {key}"));
            let instance = state.objects[object].instance;
            state.spawn(object, Kind::Callback, async move {
                let replayed = engine.replay(&key, letter).await;
                world_of_it.with(|state| {
                    state.trace(Some(object), format_args!("replay of {key}: {replayed:?}"));
                    if state.objects[object].instance == instance && replayed == Ok(Replayed::Accepted) {
                        state.count("replays accepted");
                        state.spawn(object, Kind::Process, async move { engine.process().await });
                    }
                });
            });
        });
    }
}

/// A message that somebody writes.
pub fn compose(state: &mut State, object: usize, plan: Plan) -> usize {
    let address = state.objects[object].address.clone();
    let thread = cometchat::thread(&address.bot, address.receiver_type.as_str(), &address.peer);
    let id = cometchat::hear(state, &thread).to_string();
    let sender = match address.receiver_type {
        ReceiverType::User => address.peer,
        ReceiverType::Group => state.random.pick(&["ann", "cat"]).to_owned(),
    };
    state.count("messages");
    state.trace(Some(object), format_args!("{sender} writes {id}: {plan:?}"));
    state.messages.push(Message { object, id, sender, plan });
    state.messages.len() - 1
}

/// Someone writes, and CometChat tells the bot of it.
fn write(state: &mut State, object: usize, rule: Option<Ignored>) {
    let drawn = Plan::draw(state);
    let plan = Plan { rule: rule.or(drawn.rule), ..drawn };
    let rule = plan.rule;
    let message = compose(state, object, plan);

    let answered = Rc::new(Cell::new(false));
    let faults = state.faults.clone();
    let delay = if state.fault("callbacks delayed", faults.delayed) { 20_000 } else { 50 };
    let first = state.random.below(delay);
    let mut times = vec![first];
    if state.fault("callbacks doubled", faults.duplicate) {
        times.push(first + state.random.below(100));
    }
    if state.fault("callbacks doubled late", faults.late_duplicate) {
        // Not later than the object remembers it, also where it stands still for a while.
        let empty_after = millis(state.settings.empty_after);
        times.push(first + state.random.below((empty_after / 2).min(empty_after - 100_000)));
    }
    for wait in times {
        let answered = answered.clone();
        state.later(wait, move |world| deliver(world, message, rule, answered));
    }
    if rule.is_none() && state.fault("messages on two wires", faults.two_wires) {
        for _ in 0..state.random.between(1, 2) {
            let wait = state.random.below(delay + 100);
            let answered = Rc::new(Cell::new(true));
            state.later(wait, move |world| deliver(world, message, Some(Ignored::NotAddressed), answered));
        }
    }
    if faults.redelivers {
        for wait in [10_000, 40_000] {
            let answered = answered.clone();
            state.later(first + wait, move |world| {
                if !answered.get() {
                    world.with(|state| state.count("callbacks redelivered"));
                    deliver(world, message, rule, answered);
                }
            });
        }
    }
}

/// A hop that may be cut off with its object.
struct Hop {
    world: World,
    message: usize,
    rule: Option<Ignored>,
    answered: Rc<Cell<bool>>,
    is_again: bool,
    ended: bool,
}

impl Drop for Hop {
    /// The worker asks again, if it is still there; else CometChat has got no answer.
    fn drop(&mut self) {
        if self.ended || self.is_again {
            return;
        }
        let (message, rule, answered) = (self.message, self.rule, self.answered.clone());
        self.world.with(|state| {
            if state.random.chance(0.7) {
                state.count("callbacks handed over again");
                let wait = state.random.below(30);
                state.later(wait, move |world| hand_over(world, message, rule, answered, true));
            }
        });
    }
}

/// One callback: from CometChat to the object and back.
fn deliver(world: &World, message: usize, rule: Option<Ignored>, answered: Rc<Cell<bool>>) {
    world.with(|state| state.count("callbacks"));
    hand_over(world, message, rule, answered, false);
}

fn hand_over(world: &World, number: usize, rule: Option<Ignored>, answered: Rc<Cell<bool>>, is_again: bool) {
    let message = world.with(|state| state.messages[number].clone());
    let object = message.object;
    let engine = world.wake(object);
    let mut hop =
        Hop { world: world.clone(), message: number, rule, answered: answered.clone(), is_again, ended: false };
    let here = world.clone();
    world.with(|state| {
        state.trace(Some(object), format_args!("callback {} {rule:?} again: {is_again}", message.id));
        if !is_again {
            state.forget_attempts(object, &message.id);
        }
        let entry = Entry { attempts: is_again.into(), ..entry(state, &message) };
        let since = state.now;
        let instance = state.objects[object].instance;
        state.spawn(object, Kind::Callback, async move {
            let (receipt, work) = match engine.receive(entry, rule).await {
                Ok((receipt, work)) => (Ok(receipt), work),
                Err(error) => {
                    here.with(|state| state.forget_attempts(object, &message.id));
                    (Err(error), None)
                }
            };
            let is_last = here.with(|state| state.objects[object].instance == instance);
            if is_last && let Some(work) = work {
                let world = here.clone();
                here.with(|state| {
                    state.spawn(object, Kind::Process, async move {
                        work.await;
                        world.with(|state| state.trace(Some(object), format_args!("process ends")));
                    });
                });
            }
            if is_last && receipt == Ok(Receipt::Ignored(Ignored::OverBudget)) {
                here.with(|state| state.check_over_budget(object, &message.sender));
            }
            here.sync(object).await;
            here.with(|state| {
                if state.objects[object].instance != instance {
                    return;
                }
                hop.ended = true;
                state.trace(Some(object), format_args!("callback {} answered: {receipt:?}", message.id));
                let Ok(receipt) = receipt else { return };
                state.acknowledge(object, &message.id, receipt, rule, since);
                let lost = state.faults.acknowledgement_lost;
                answered.set(answered.get() || !state.fault("acknowledgements lost", lost));
            });
        });
    });
}

pub fn entry(state: &State, message: &Message) -> Entry {
    let address = &state.objects[message.object].address;
    let receiver = match address.receiver_type {
        ReceiverType::User => &address.bot,
        ReceiverType::Group => &address.peer,
    };
    let raw = json!({
        "id": message.id, "sender": message.sender, "receiver": receiver,
        "receiverType": address.receiver_type.as_str(), "category": "message", "type": "text",
        "data": { "text": "…" },
    });
    let raw = RawValue::from_string(raw.to_string()).unwrap().into();
    Entry::new(message.id.clone(), message.sender.clone(), "message/text".to_owned(), None, raw)
}

fn millis(duration: std::time::Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap()
}
