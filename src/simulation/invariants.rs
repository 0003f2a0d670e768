//! What must be true after every step, and what must be true in the end. Told from the rows, from KV, from CometChat's
//! history, from the bot's state and from the journal, and not from what the engine thinks of itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::bot::Memory;
use super::callbacks::Message;
use super::cometchat;
use super::storage::{self, Op, Rows};
use super::world::{Object, PASS, State, World};
use crate::conversation::ports::{Change, Millis};
use crate::conversation::{DeadLetter, Receipt};

const SEEN: &str = "seen/";
const INBOX: &str = "2/inbox/";
const OUTBOX: &str = "2/outbox/";
const DOUBT: &str = "2/doubt/";
const LETTERS: &str = "2/letter/";
const RECORD: &str = "2/record";
const STATE: &str = "2/state";

/// How long after the breaker was open replies may still wait for it.
const HELD: Millis = 100_000;

/// How long a reply in doubt holds up others.
const HOLDS_UP: Millis = 30 * 60_000;

/// How long KV may lack what has happened.
const REST_AT_THE_LATEST: Millis = 300_000;

/// How long a message may take to be stored, beside the time that the disk takes.
const AT_ONCE: Millis = 10;

/// More attempts at a turn than crashes, which may take the record of one away, give any reason for.
const MAX_ATTEMPTS: u32 = 40;

/// The message that a row says has been received.
pub fn seen_by(key: &str) -> Option<String> {
    let (_, what) = key.strip_prefix(SEEN)?.split_once('/')?;
    (!what.contains(':')).then(|| what.to_owned())
}

/// The messages that the rows say have been received.
fn seen(rows: &Rows) -> impl Iterator<Item = String> {
    rows.keys().filter_map(|key| seen_by(key))
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn record(rows: &Rows) -> Option<Value> {
    rows.get(RECORD).map(|text| parse(text))
}

/// What tells when a row is due.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Due {
    due_at: Millis,
    generation: u64,
    updated_at: Millis,
    flight: Option<DueFlight>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DueFlight {
    archived: u64,
    archived_at: Millis,
    due_at: Millis,
    unrested_since: Millis,
    seen_since: Millis,
}

fn due(row: &str) -> Due {
    serde_json::from_str(row).unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_default()
}

/// The state, in the record or in a row of its own.
fn state_in(rows: &Rows) -> Option<Memory> {
    rows.get(STATE)
        .map(|text| parse(text))
        .or_else(|| Some(record(rows)?["state"].clone()))
        .and_then(|state| memory(&state))
}

fn memory(state: &Value) -> Option<Memory> {
    if state.is_null() { None } else { serde_json::from_value(state.clone()).ok() }
}

impl Object {
    /// Everything that was ever received, the rows of this life included.
    fn received(&self, rows: &Rows) -> BTreeSet<String> {
        seen(rows).chain(self.former.iter().cloned()).collect()
    }
}

/// `received = answered + ignored + handed over + dead + in flight`, and `received` is what was received.
pub fn check_view(world: &World, object: usize) {
    let Some(engine) = world.with(|state| state.objects[object].engine.clone()) else { return };
    let view = engine.view().unwrap();
    world.with(|state| {
        let this = &state.objects[object];
        let rows = &this.disk.live;
        let Some(view) = view else {
            let missing = seen(rows).next();
            if let Some(id) = missing {
                state.violate(format_args!("{id} is not in view"));
            }
            return;
        };
        let (received, ended) = (view.counts.received, view.counts.ended());
        if received != ended + view.in_flight {
            let text = format!("{received} received, {ended} ended, {} in flight", view.in_flight);
            return state.violate(text);
        }
        let loaded = record(rows).is_some_and(|record| record["flight"]["loaded"] == true);
        let of_this_life = || seen(rows).chain(this.forgotten.iter().cloned()).collect::<BTreeSet<_>>();
        let truth = if loaded { this.received(rows).len() } else { of_this_life().len() } as u64;
        if received != truth {
            state.violate(format_args!("{received} are said to be received, {truth} were"));
        }
    });
}

impl State {
    /// A 200 leaves.
    pub fn acknowledge(&mut self, object: usize, id: &str, receipt: Receipt, since: Millis) {
        let this = &mut self.objects[object];
        let on_disk = this.received(&this.disk.durable).contains(id);
        this.acknowledged.insert(id.to_owned());
        let first = receipt == Receipt::Duplicate || this.taken.insert(id.to_owned());
        let slow = this.stalled_until < since && self.now > since + 2 * self.faults.slowest_commit + AT_ONCE;
        if !on_disk {
            self.violate(format_args!("{id} was acknowledged and is not on disk"));
        }
        if !first {
            self.violate(format_args!("{id} was received twice: {receipt:?}"));
        }
        if slow {
            self.violate(format_args!("{id} was acknowledged after {} ms", self.now - since));
        }
        self.count(match receipt {
            Receipt::Accepted => "acknowledged",
            Receipt::Duplicate => "acknowledged as duplicates",
            Receipt::Ignored(_) => "acknowledged as ignored",
        });
    }

    /// A turn begins.
    pub fn check_turn(&mut self, object: usize, id: &str, shown: &Memory) {
        let this = &mut self.objects[object];
        this.turns += 1;
        let turns = this.turns;
        let attempts = this.attempts.entry(id.to_owned()).or_default();
        *attempts += 1;
        let attempts = *attempts;
        let of_this_life = state_in(&this.disk.live);
        let woken = of_this_life.is_none() && !this.state.messages.is_empty();
        let newest = of_this_life.unwrap_or_else(|| this.state.clone());
        // After a stall the late one is still there, until it is dropped.
        if turns > 1 && this.stalled_until + 1_000 < self.now {
            self.violate("two turns at once");
        }
        if attempts > MAX_ATTEMPTS {
            self.violate(format_args!("the bot was tried {attempts} times with {id}"));
        }
        if *shown != newest {
            self.violate(format_args!("the turn of {id} begins with the state {shown:?}, the newest is {newest:?}"));
        }
        if woken {
            self.count("turns that woke up from KV");
        }
        self.trace(Some(object), format_args!("turn of {id} after {:?}", shown.messages));
    }

    /// Before the object forgets them.
    pub fn remember_former(&mut self, object: usize) {
        let this = &mut self.objects[object];
        this.former.extend(seen(&this.disk.live));
        this.forgotten.clear();
    }

    /// Before ids are forgotten one by one.
    pub fn remember_forgotten(&mut self, object: usize, change: &Change) {
        let Change::DeleteRange { after, until, limit } = change else { return };
        let this = &mut self.objects[object];
        let gone = storage::range(&this.disk.live, after, until, *limit);
        this.forgotten.extend(gone.iter().filter_map(|(key, _)| seen_by(key)));
        this.former.extend(this.forgotten.iter().cloned());
        if after.as_str() < RECORD && until.as_str() > RECORD {
            self.remember_former(object);
        }
    }

    /// A change reaches the disk.
    pub fn witness(&mut self, object: usize, op: &Op) {
        let this = &mut self.objects[object];
        match op {
            Op::Row(Change::Put(key, value)) if key.starts_with(INBOX) => {
                let id = parse(value)["id"].as_str().unwrap_or_default().to_owned();
                if !this.order.contains(&id) {
                    this.order.push(id);
                }
            }
            Op::Row(Change::Put(key, value)) if key.starts_with(DOUBT) => {
                let row = parse(value);
                let id = row["messageId"].as_str().unwrap_or_default().to_owned();
                let since = number(&row, "doubtfulSince");
                if this.apart.insert(id.clone()) && (since == 0 || self.now < since + HOLDS_UP) {
                    self.violate(format_args!("{id} was set apart before its time"));
                }
            }
            Op::Row(Change::Put(key, value)) if key == RECORD => {
                if let Some(memory) = memory(&parse(value)["state"]) {
                    this.state = memory;
                }
            }
            Op::Row(Change::Put(key, value)) if key == STATE => {
                if let Some(memory) = memory(&parse(value)) {
                    this.state = memory;
                }
            }
            Op::Line(line) => {
                let line = parse(line);
                let id = line["messageId"].as_str().unwrap_or_default().to_owned();
                let mut outcome = line["outcome"].as_str().unwrap_or_default().to_owned();
                if line["reason"] == "over_budget" {
                    outcome = "over_budget".to_owned();
                }
                let before = this.outcomes.insert(id.clone(), outcome.clone());
                if let Some(before) = before {
                    self.violate(format_args!("{id} has ended twice: {before}, then {outcome}"));
                }
            }
            Op::Clear => self.check_emptied(object),
            Op::Row(_) | Op::Alarm(_) => {}
        }
    }

    /// An object that is empty has left everything in KV.
    fn check_emptied(&mut self, object: usize) {
        let this = &self.objects[object];
        let rows = &this.disk.durable;
        let left = [INBOX, OUTBOX, DOUBT, LETTERS].into_iter().find_map(|prefix| storage::first(rows, prefix));
        let in_kv = self.kv.current(&this.address.key(), self.now).map(parse).unwrap_or_default();
        let received = this.received(rows).len() as u64;
        let counted = number(&in_kv["counts"], "received");
        let generation = record(rows).map_or(0, |record| number(&record, "generation"));
        if let Some((key, _)) = left {
            self.violate(format_args!("emptied with {key}"));
        } else if memory(&in_kv["state"]).unwrap_or_default() != this.state {
            self.violate("emptied, and KV does not have the newest state");
        } else if number(&in_kv, "generation") < generation {
            self.violate("emptied, and KV does not have the newest generation");
        } else if counted != received {
            self.violate(format_args!("emptied, and KV has counted {counted} of {received} messages"));
        }
    }

    /// Whatever has to be done has an alarm that is not later.
    pub fn check_alarm(&mut self, object: usize) {
        if self.instance.breaker.is_open() {
            self.held_until = self.now + HELD;
        }
        let this = &self.objects[object];
        let Some((what, due)) = self.due(&this.disk.durable) else { return };
        if this.alarm_running {
            return;
        }
        let Some(alarm) = this.disk.alarm else {
            return self.violate(format_args!("{what} is due and there is no alarm"));
        };
        // What is under way may take as long as its pass lasts.
        let under_way = this.tasks > 0 || this.disk.pending() > 0;
        let lenient_until = if under_way { self.now + PASS } else { this.lenient_until };
        let held_until = if ["a reply", "one in doubt"].contains(&what) { self.held_until } else { 0 };
        let due = due.max(self.now).max(lenient_until).max(held_until);
        if alarm > due {
            let late = alarm - due;
            self.violate(format_args!("{what} is due {late} ms before the alarm"));
        }
    }

    /// What is due first, by what is on disk.
    fn due(&self, rows: &Rows) -> Option<(&'static str, Millis)> {
        let head = |prefix| storage::first(rows, prefix).map(|(_, row)| due(&row).due_at);
        let heads = [
            ("a message", head(INBOX)),
            ("a reply", head(OUTBOX)),
            ("one in doubt", head(DOUBT)),
            ("a letter", head(LETTERS)),
        ];
        let first = heads.into_iter().filter_map(|(what, due)| Some((what, due?))).min_by_key(|(_, due)| *due);
        let is_quiet = first.is_none();
        let archive = rows.get(RECORD).map(|row| {
            let record = due(row);
            let flight = record.flight.unwrap_or_default();
            let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap();
            let (rest, empty) = (millis(self.settings.rest_after), millis(self.settings.empty_after));
            let since = if flight.unrested_since == 0 { record.updated_at } else { flight.unrested_since };
            let at_the_latest = since + rest.max(REST_AT_THE_LATEST);
            if record.generation > flight.archived {
                let due = if is_quiet { (record.updated_at + rest).min(at_the_latest) } else { at_the_latest };
                ("rest", due.max(flight.due_at))
            } else if is_quiet {
                ("emptying", (record.updated_at + empty).max(flight.archived_at + 120_000).max(flight.due_at))
            } else {
                ("forgetting", flight.seen_since + 2 * empty.max(60_000))
            }
        });
        first.into_iter().chain(archive).min_by_key(|(_, due)| *due)
    }

    /// Everything has come to rest, and everything has come to a good end.
    pub fn check_end(&mut self) {
        for object in 0..self.objects.len() {
            if let Err(what) = self.check_end_of(object) {
                let address = self.objects[object].address.to_string();
                self.violate(format_args!("in the end, {address}: {what}"));
            }
        }
    }

    fn check_end_of(&mut self, object: usize) -> Result<(), String> {
        let this = &self.objects[object];
        if this.tasks > 0 {
            return Err(format!("{} events have not ended", this.tasks));
        }
        if let Some(key) = this.disk.durable.keys().next() {
            return Err(format!("{key} is left"));
        }
        let messages: BTreeMap<&str, &Message> = self
            .messages
            .iter()
            .filter(|message| message.object == object)
            .map(|message| (message.id.as_str(), message))
            .collect();
        if let Some(id) = this.acknowledged.iter().find(|id| !this.former.contains(*id)) {
            return Err(format!("{id} is lost without a trace"));
        }
        // A crash may lose the line about a message that was put aside at the door, for it comes after the commit.
        let budget = self.settings.reply_budget_per_minute > 0;
        let mut unsaid = Vec::new();
        for (id, message) in &messages {
            let known = !this.former.contains(*id) || this.outcomes.contains_key(*id);
            match message.plan.rule {
                Some(_) if !known => unsaid.push((message.id.clone(), "ignored")),
                None if !known && budget => unsaid.push((message.id.clone(), "over_budget")),
                _ => {}
            }
        }
        let this = &mut self.objects[object];
        this.outcomes.extend(unsaid.into_iter().map(|(id, outcome)| (id, outcome.to_owned())));
        let this = &self.objects[object];
        let replies = self.replies(this);
        for id in &this.former {
            self.check_message(this, messages[id.as_str()], &replies)?;
        }
        self.check_order(this, &replies)?;
        self.check_counts(this)?;
        for name in this.outcomes.values().map(|outcome| ended(outcome)).collect::<Vec<_>>() {
            self.count(name);
        }
        Ok(())
    }

    /// The bot's replies, as (message, number), in the order of CometChat's history.
    fn replies(&self, this: &Object) -> Vec<(String, usize)> {
        let address = &this.address;
        let thread = cometchat::thread(&address.bot, address.receiver_type.as_str(), &address.peer);
        self.cometchat
            .thread(&thread)
            .iter()
            .filter_map(|said| {
                let id = said.reply.as_deref()?.strip_prefix(&address.bot)?.strip_prefix('-')?;
                let (message, n) = id.split_once("-answer-")?;
                Some((message.to_owned(), n.parse().ok()?))
            })
            .collect()
    }

    fn check_message(&self, this: &Object, message: &Message, replies: &[(String, usize)]) -> Result<(), String> {
        let id = &message.id;
        let plan = &message.plan;
        let Some(outcome) = this.outcomes.get(id) else { return Err(format!("{id} has no end")) };
        let turns = this.state.messages.iter().filter(|turn| *turn == id).count();
        let sent = |n: &usize| replies.iter().any(|(message, m)| message == id && m == n);
        let surplus = replies.iter().any(|(message, n)| message == id && *n >= plan.parts());
        let letter = self.kv.current(&DeadLetter::key(&this.address, id), self.now);
        if surplus {
            return Err(format!("{id} got more replies than the bot made"));
        }
        if outcome == "dead" {
            let Some(letter) = letter else { return Err(format!("{id} is dead without a letter")) };
            let letter = parse(letter);
            if letter["turn"].is_object() {
                return if turns == 0 { Ok(()) } else { Err(format!("the turn of {id} died and has left a state")) };
            }
            let kept = letter["replies"].as_array().cloned().unwrap_or_default();
            let is_kept = |n: &usize| {
                let reply = format!("{}-{id}-answer-{n}", this.address.bot);
                kept.iter().any(|row| row["id"] == reply && row["body"]["muid"] == reply)
            };
            return match (0..plan.parts()).find(|n| !sent(n) && !is_kept(n)) {
                Some(n) => Err(format!("reply {n} to {id} is neither sent nor in the letter")),
                None if turns != 1 => Err(format!("the turn of {id} was counted {turns} times")),
                None => Ok(()),
            };
        }
        if letter.is_some() {
            return Err(format!("{id} has a letter and is {outcome}"));
        }
        let never_seen = outcome == "over_budget" || plan.rule.is_some();
        if turns != usize::from(!never_seen) {
            return Err(format!("{id} is {outcome}, and its turn was counted {turns} times"));
        }
        if outcome == "over_budget" {
            return if self.settings.reply_budget_per_minute > 0 { Ok(()) } else { Err(format!("{id} had a budget")) };
        }
        if outcome != plan.outcome() {
            return Err(format!("{id} is {outcome}, not {}", plan.outcome()));
        }
        match (0..plan.parts()).find(|n| !never_seen && !sent(n)) {
            Some(n) => Err(format!("{id} is {outcome}, and reply {n} was never sent")),
            None => Ok(()),
        }
    }

    /// Turns in the order of arrival, replies in the order of the turns. A dead reply may come late.
    fn check_order(&self, this: &Object, replies: &[(String, usize)]) -> Result<(), String> {
        let place = |id: &str| this.order.iter().position(|other| other == id);
        let turns: Vec<_> = this.state.messages.iter().map(|id| place(id)).collect();
        if turns.contains(&None) || !turns.is_sorted_by(|a, b| a < b) {
            return Err(format!("turns out of order: {:?}, received {:?}", this.state.messages, this.order));
        }
        let died = |id: &str| this.apart.contains(id) || this.outcomes.get(id).is_some_and(|outcome| outcome == "dead");
        if let Some((id, _)) = replies.iter().find(|(id, _)| !this.former.contains(id)) {
            return Err(format!("a reply to {id}, which was never received"));
        }
        let places: Vec<_> = replies.iter().filter(|(id, _)| !died(id)).map(|(id, n)| (place(id), *n)).collect();
        if !places.is_sorted_by(|a, b| a < b) {
            return Err(format!("replies out of order: {replies:?}, received {:?}", this.order));
        }
        Ok(())
    }

    fn check_counts(&self, this: &Object) -> Result<(), String> {
        let in_kv = self.kv.current(&this.address.key(), self.now).map(parse).unwrap_or_default();
        let counts = &in_kv["counts"];
        let with =
            |ends: &[&str]| this.outcomes.values().filter(|outcome| ends.contains(&outcome.as_str())).count() as u64;
        for (field, truth) in [
            ("received", this.former.len() as u64),
            ("answered", with(&["answered"])),
            ("ignored", with(&["ignored", "over_budget"])),
            ("handedOver", with(&["handed_over"])),
            ("dead", with(&["dead"])),
        ] {
            let counted = number(counts, field);
            if counted != truth {
                return Err(format!("{field} is {counted} in KV, and {truth} in truth"));
            }
        }
        Ok(())
    }
}

fn ended(outcome: &str) -> &'static str {
    match outcome {
        "answered" => "messages answered",
        "ignored" => "messages ignored",
        "over_budget" => "messages over budget",
        "handed_over" => "messages handed over",
        _ => "messages dead",
    }
}
