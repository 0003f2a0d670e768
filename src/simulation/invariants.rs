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
use crate::callback::{Ignored, ReceiverType};
use crate::conversation::ports::{Change, Millis};
use crate::conversation::{DeadLetter, Receipt};

const SEEN: &str = "seen/";
const INBOX: &str = "2/inbox/";
const OUTBOX: &str = "2/outbox/";
const DOUBT: &str = "2/doubt/";
const LETTERS: &str = "2/letter/";
const RECORD: &str = "2/record";
const STATE: &str = "2/state";

/// How long a letter may wait for an older one to go.
const LETTER_AGAIN: Millis = 100_000;

/// How long after the breaker was open replies may still wait for it.
const HELD: Millis = 100_000;

/// How much later than its row is due the alarm may look at a message that an instance has in hand.
const IN_HAND: Millis = 10_000;

/// And at a reply, at most.
const IN_HAND_AT_MOST: Millis = 30_000;

/// How much later than due the alarm may go off for rest.
const LEEWAY: Millis = 2_000;

/// How long a reply in doubt holds up others.
const HOLDS_UP: Millis = 30 * 60_000;

/// How long KV may lack what has happened.
const REST_AT_THE_LATEST: Millis = 300_000;

/// How long a message may take to be stored, beside the time that the disk takes.
const AT_ONCE: Millis = 10;

/// How many attempts a message gets in each of its lives, whatever crashes.
const MAX_ATTEMPTS: u32 = 3;

/// The message that a row says has been received.
pub fn seen_by(key: &str) -> Option<String> {
    let what = match key.strip_prefix("1/seen/message/") {
        Some(old) => old,
        None => key.strip_prefix(SEEN)?.split_once('/')?.1,
    };
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
    again: bool,
    death: Option<String>,
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

fn millis(duration: std::time::Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap()
}

/// The history that an object's replies are in.
fn thread_of(this: &Object) -> String {
    let address = &this.address;
    cometchat::thread(&address.bot, address.receiver_type.as_str(), &address.peer)
}

/// When a reply was put into the outbox.
fn queued(row: &Value) -> Millis {
    match number(row, "queuedAt") {
        0 => number(row, "madeAt"),
        queued => queued,
    }
}

/// The message that a reply answers, and the reply's number.
fn message_of(bot: &str, reply: &str) -> Option<(String, usize)> {
    let (message, n) = reply.strip_prefix(bot)?.strip_prefix('-')?.split_once("-answer-")?;
    Some((message.to_owned(), n.parse().ok()?))
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
    /// Whether the bot was ever tried.
    fn had_turn(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Everything that was ever received, the rows of this life included.
    fn received(&self, rows: &Rows) -> BTreeSet<String> {
        seen(rows).chain(self.former.iter().cloned()).collect()
    }
}

/// `received = answered + ignored + handed over + dead + in flight`, and `received` is what was received.
pub fn check_view(world: &World, object: usize) {
    let Some(engine) = world.with(|state| state.objects[object].engine.clone()) else { return };
    // Rows of version 1 are rewritten first, which may fail.
    let Ok(view) = engine.view() else { return };
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
    /// Of a message that could not be stored, or whose first attempt took everything with it, nothing is known.
    pub fn forget_attempts(&mut self, object: usize, id: &str) {
        let this = &mut self.objects[object];
        if !this.received(&this.disk.live).contains(id) {
            this.attempts.remove(id);
        }
    }

    /// A 200 leaves.
    pub fn acknowledge(&mut self, object: usize, id: &str, receipt: Receipt, rule: Option<Ignored>, since: Millis) {
        let this = &mut self.objects[object];
        let on_disk = this.received(&this.disk.durable).contains(id);
        this.acknowledged.insert(id.to_owned());
        if rule.is_none() && receipt != Receipt::Ignored(Ignored::OverBudget) {
            this.heard.insert(id.to_owned());
        }
        // What one wire has put aside the other may bring.
        let first =
            matches!(receipt, Receipt::Duplicate | Receipt::Ignored(Ignored::NotAddressed | Ignored::OverBudget))
                || this.taken.insert(id.to_owned());
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
        let (instance, now) = (this.instance, self.now);
        let before = this.began.insert(id.to_owned(), (instance, now));
        let hasty =
            before.is_some_and(|(before, at)| before == instance && now < at + 1_000) && this.lenient_until < now;
        let of_this_life = state_in(&this.disk.live);
        let woken = of_this_life.is_none() && !this.state.messages.is_empty();
        let newest = of_this_life.unwrap_or_else(|| this.state.clone());
        let is_hasty = hasty && !this.revived.contains(id);
        // After a stall the late one is still there, until it is dropped.
        let are_two = turns > 1 && this.stalled_until + 1_000 < self.now;
        if are_two {
            self.violate("two turns at once");
        }
        if attempts > MAX_ATTEMPTS {
            self.violate(format_args!("the bot was tried {attempts} times with {id}"));
        }
        if is_hasty {
            self.violate(format_args!("{id} is tried again at once"));
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

    /// Before a commit: a message that is answered in the event that has brought it never has a row in the inbox.
    pub fn foresee_arrival(&mut self, object: usize, changes: &[Change]) {
        let puts = |prefix: &str| {
            changes.iter().any(|change| matches!(change, Change::Put(key, _) if key.starts_with(prefix)))
        };
        let heard = changes.iter().find_map(|change| match change {
            Change::Put(key, status) if status.is_empty() => seen_by(key),
            _ => None,
        });
        let Some(id) = heard.filter(|_| !puts(INBOX) && (puts(OUTBOX) || puts(LETTERS))) else { return };
        let sender = self.messages.iter().find(|message| message.object == object && message.id == id);
        let sender = sender.map(|message| message.sender.clone()).unwrap_or_default();
        let at = self.wall();
        self.count("messages answered in the commit that stored them");
        self.objects[object].accepted.push((at, sender, id));
    }

    /// Before a change is made: a message that is taken counts against its sender's budget, and ids are forgotten.
    pub fn foresee(&mut self, object: usize, change: &Change) {
        if let Change::Put(key, row) = change
            && key.starts_with(INBOX)
            && !self.objects[object].disk.live.contains_key(key)
        {
            let (at, row) = (self.wall(), parse(row));
            let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
            self.objects[object].accepted.push((at, text("sender"), text("id")));
        }
        if let Change::Put(key, _) = change
            && let Some((_, death)) = key.split_once("/replay:")
        {
            self.objects[object].began.remove(death.split(':').next().unwrap_or_default());
        }
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
            Op::Row(Change::Put(key, status)) if status.is_empty() && seen_by(key).is_some() => {
                let id = seen_by(key).unwrap_or_default();
                if !this.order.contains(&id) {
                    this.order.push(id);
                }
            }
            Op::Row(Change::Put(key, _)) if key.contains("/replay:") => {
                let (_, death) = key.split_once("/replay:").unwrap_or_default();
                let id = death.split(':').next().unwrap_or_default().to_owned();
                if !this.replayed.insert(death.to_owned()) {
                    return;
                }
                // Its attempts are counted anew.
                this.attempts.insert(id.clone(), 0);
                match this.outcomes.remove(&id) {
                    Some(outcome) if outcome == "dead" => drop(this.revived.insert(id)),
                    outcome => self.violate(format_args!("{id} is replayed, and is {outcome:?}")),
                }
            }
            Op::Row(Change::Put(key, value)) if key.starts_with(OUTBOX) => {
                let row = parse(value);
                let id = row["messageId"].as_str().unwrap_or_default().to_owned();
                this.queued.insert(id, queued(&row));
                self.check_put_off(object, key, &row);
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
                let sent = parse(value)["sent"].as_array().cloned().unwrap_or_default();
                if sent.iter().any(|id| id.as_str().is_none_or(|id| id.len() > 64)) {
                    return self.violate("an id of absurd length is kept");
                }
                if let Some(memory) = memory(&parse(value)["state"]) {
                    this.state = memory;
                }
            }
            Op::Row(Change::Put(key, value)) if key == STATE => {
                if let Some(memory) = memory(&parse(value)) {
                    this.state = memory;
                }
            }
            Op::Line(line) => self.note_end(object, &parse(line)),
            Op::Clear => self.check_emptied(object),
            Op::Row(_) | Op::Alarm(_) => {}
        }
    }

    /// A message has ended, by the journal.
    fn note_end(&mut self, object: usize, line: &Value) {
        let this = &mut self.objects[object];
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let (id, mut outcome, reason) = (text("messageId"), text("outcome"), text("reason"));
        if reason == "over_budget" || reason == "not_addressed" {
            outcome.clone_from(&reason);
        }
        if id.is_empty() {
            // Whose row cannot be read cannot be named either. In the end it is those that have no other end.
            this.nameless += 1;
            return;
        }
        if outcome == "ignored" && line["replies"] == 0 {
            this.accepted.retain(|(_, _, accepted)| *accepted != id);
        }
        let before = this.outcomes.insert(id.clone(), outcome.clone());
        if let Some(before) = before.filter(|before| before != "not_addressed") {
            return self.violate(format_args!("{id} has ended twice: {before}, then {outcome}"));
        }
        if outcome == "dead" {
            self.check_death(object, &id, &reason, line["attempts"].as_u64().unwrap_or_default());
        }
    }

    /// A message is dead only for a reason.
    fn check_death(&mut self, object: usize, id: &str, reason: &str, attempts: u64) {
        let this = &self.objects[object];
        let plan = self
            .messages
            .iter()
            .find(|message| message.object == object && message.id == id)
            .map(|message| &message.plan);
        let thread = self.cometchat.thread(&thread_of(this)).len();
        let is_justified = match reason {
            "crashed" | "deadline" | "bot:simulated" => attempts >= 3,
            "state_too_large" => plan.is_some_and(|plan| plan.fills),
            "too_many_replies" => plan.is_some_and(|plan| plan.parts() > 100),
            "unreadable_row" => this.damaged.contains(id),
            "in_doubt" => thread > 400,
            // Its first reply is lost with its row, or the answer to it had an id that nobody can keep.
            "unknown_label" => {
                this.damaged.contains(id)
                    || self.cometchat.thread(&thread_of(this)).iter().any(|said| {
                        let first = format!("{}-{id}-answer-0", this.address.bot);
                        said.reply.as_ref() == Some(&first) && !said.is_told
                    })
            }
            // CometChat's own code, or what went wrong on the way to it.
            _ => {
                let since = this.queued.get(id).copied().unwrap_or(Millis::MAX);
                this.refused.contains(id) || self.now >= since.saturating_add(millis(self.settings.give_up_after))
            }
        };
        if !is_justified {
            self.violate(format_args!("{id} is dead without need: {reason}, after {attempts} attempts"));
        }
    }

    /// CometChat has refused a reply for good.
    pub fn refuse(&mut self, object: usize, reply: &str) {
        let this = &mut self.objects[object];
        this.refused.extend(message_of(&this.address.bot, reply).map(|(id, _)| id));
    }

    /// A reply leaves: it must be on disk, and not earlier than it is due.
    pub fn check_send(&mut self, object: usize, reply: &str) {
        let needle = format!(r#""id":"{reply}""#);
        let this = &self.objects[object];
        let is_it =
            |key: &str, row: &str| (key.contains("/outbox/") || key.contains("/doubt/")) && row.contains(&needle);
        let Some(row) = this.disk.durable.iter().find(|(key, row)| is_it(key, row)).map(|(_, row)| parse(row)) else {
            return self.violate(format_args!("{reply} was sent before it was stored"));
        };
        let was_put_off = number(&row, "tries") + number(&row, "waits") > 0;
        if was_put_off && self.wall() < number(&row, "dueAt") && this.lenient_until < self.now {
            self.violate(format_args!("{reply} is sent before its time"));
        }
    }

    /// A reply is put off: long enough, not for ever, and not because it was only asked to wait.
    fn check_put_off(&mut self, object: usize, key: &str, row: &Value) {
        let this = &self.objects[object];
        let (Some(before), Some(answered)) = (this.disk.durable.get(key).map(|row| parse(row)), this.answered) else {
            return;
        };
        let grew = |field| number(row, field) > number(&before, field);
        let (tried, waited) = (grew("tries"), grew("waits"));
        let give_up = millis(self.settings.give_up_after);
        if (!tried && !waited) || this.lenient_until >= self.now {
            return;
        }
        let due = number(row, "dueAt");
        let id = row["id"].as_str().unwrap_or_default();
        if waited && due < answered.at + answered.told.max(1_000) {
            self.violate(format_args!("{id} waits too short a time: {answered:?}, due at {due}"));
        } else if tried && due < answered.at + 2_000 {
            self.violate(format_args!("{id} is tried again too soon"));
        } else if due > self.wall() + answered.told.max(120_000) + 2_000 {
            self.violate(format_args!("{id} waits too long"));
        } else if tried && answered.put_off {
            self.violate(format_args!("{id} was asked to wait, and that counts as a try"));
        } else if tried && self.held_until < self.now && self.wall() >= number(row, "doubtfulSince") + HOLDS_UP + 60_000
        {
            self.violate(format_args!("{id} holds up others"));
        } else if self.wall() >= queued(row) + give_up + 60_000 {
            self.violate(format_args!("{id} is not given up"));
        }
    }

    /// A message is over the budget only after so many others.
    pub fn check_over_budget(&mut self, object: usize, sender: &str) {
        let (now, this) = (self.wall(), &self.objects[object]);
        let is_of_this_minute = |(at, of, _): &&(Millis, String, String)| of == sender && at + 60_000 > now;
        let spent = this.accepted.iter().filter(is_of_this_minute).count();
        let budget = usize::try_from(self.settings.reply_budget_per_minute).unwrap();
        if spent < budget && self.behind == 0 && this.lenient_until < self.now {
            self.violate(format_args!("{sender} has had {spent} answers and is over a budget of {budget}"));
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
        let Some((what, due)) = self.due(this) else { return };
        if this.alarm_running {
            return;
        }
        let Some(alarm) = this.disk.alarm else {
            return self.violate(format_args!("{what} is due and there is no alarm"));
        };
        // What is under way may take as long as its pass lasts.
        let under_way = this.tasks > 0 || this.disk.pending() > 0;
        let lenient_until = if under_way { this.lenient_until.max(self.now + PASS) } else { this.lenient_until };
        let held_until = if ["a reply", "one in doubt"].contains(&what) { self.held_until } else { 0 };
        let (due, alarm) = (self.truth(due), self.truth(alarm));
        let due = due.max(self.now).max(lenient_until).max(held_until);
        let may_wait = match what {
            "a message" => IN_HAND,
            "a reply" | "one in doubt" => millis(self.settings.rest_after).min(IN_HAND_AT_MOST) + LEEWAY,
            "rest" => LEEWAY,
            _ => 0,
        };
        if alarm > due + may_wait {
            let (late, address) = (alarm - due, this.address.to_string());
            self.violate(format_args!("{address}: {what} is due {late} ms before the alarm"));
        }
    }

    /// What is due first, by what is on disk.
    fn due(&self, this: &Object) -> Option<(&'static str, Millis)> {
        let rows = &this.disk.durable;
        // Of a row that is damaged nobody knows when it is due.
        let head = |prefix| {
            let (_, row) = storage::first(rows, prefix)?;
            let due = serde_json::from_str::<Due>(&row).ok()?;
            // A letter waits until an older one of the same name is surely gone.
            Some(if due.again || due.death.is_some() {
                due.due_at.max(this.started).max(this.told_at) + LETTER_AGAIN
            } else {
                due.due_at
            })
        };
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
        let may_stay =
            |key: &str| this.planted.contains_key(key) || (key.starts_with("aside/") && !this.damaged.is_empty());
        if let Some(key) = this.disk.durable.keys().find(|key| !may_stay(key)) {
            return Err(format!("{key} is left"));
        }
        if let Some((key, _)) = this.planted.iter().find(|(key, text)| this.disk.durable.get(*key) != Some(text)) {
            return Err(format!("{key} is gone, or has changed"));
        }
        if let Some((key, value)) = &this.set_aside
            && !this.former.is_empty()
            && this.had_turn()
            && self.kv.current(key, self.now) != Some(value)
        {
            return Err(format!("KV has no {key}"));
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
            let known = !this.former.contains(*id) || this.outcomes.contains_key(*id) || this.damaged.contains(*id);
            match message.plan.rule {
                Some(_) if !known => unsaid.push((message.id.clone(), "ignored")),
                None if !known && budget => unsaid.push((message.id.clone(), "over_budget")),
                _ => {}
            }
        }
        let this = &mut self.objects[object];
        let is_open = |id: &&String| this.outcomes.get(*id).is_none_or(|outcome| outcome == "not_addressed");
        let nameless: Vec<String> =
            this.damaged.iter().filter(is_open).filter(|id| this.former.contains(*id)).cloned().collect();
        if nameless.len() != this.nameless {
            return Err(format!("{} messages have died without a name: {nameless:?}", this.nameless));
        }
        this.outcomes.extend(nameless.into_iter().map(|id| (id, "dead".to_owned())));
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
        let said = self.cometchat.thread(&thread_of(this)).iter();
        said.filter_map(|said| message_of(&this.address.bot, said.reply.as_deref()?)).collect()
    }

    /// KV has the ids of all that the bot has said in a group, for those who answer in a thread.
    fn check_sent(&self, this: &Object, in_kv: &Value) -> Result<(), String> {
        let sent = in_kv["sent"].as_array().cloned().unwrap_or_default();
        if this.address.receiver_type == ReceiverType::User {
            return if sent.is_empty() { Ok(()) } else { Err("KV has ids that nobody asks for".to_owned()) };
        }
        let said = self.cometchat.thread(&thread_of(this)).iter().filter(|said| said.is_told && !said.is_done);
        let of_bot = said.filter_map(|said| Some((said.id, message_of(&this.address.bot, said.reply.as_deref()?)?.0)));
        let answered = |id: &str| this.outcomes.get(id).is_some_and(|outcome| outcome != "dead");
        let mut known = of_bot.filter(|(_, message)| answered(message) && !this.damaged.contains(message));
        let is_kept = |id: u64| sent.iter().any(|sent| sent.as_str() == Some(&id.to_string()));
        match known.find(|(id, _)| sent.len() < 100 && !is_kept(*id)) {
            Some((id, message)) => Err(format!("KV has forgotten {id}, a reply to {message}")),
            None => Ok(()),
        }
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
        if this.damaged.contains(id) {
            return if outcome == "dead" || !this.revived.is_empty() {
                Ok(())
            } else {
                Err(format!("{id} is damaged and {outcome}"))
            };
        }
        if outcome == "not_addressed" {
            let missed = this.heard.contains(id);
            return if missed { Err(format!("{id} was meant for the bot and is not addressed")) } else { Ok(()) };
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
                let is_whole = |row: &Value| row["action"].is_string() || row["body"]["muid"] == reply;
                kept.iter().any(|row| row["id"] == reply && is_whole(row))
            };
            return match (0..plan.parts()).find(|n| !sent(n) && !is_kept(n)) {
                Some(n) => Err(format!("reply {n} to {id} is neither sent nor in the letter")),
                None if turns != 1 => Err(format!("the turn of {id} was counted {turns} times")),
                None => Ok(()),
            };
        }
        // A writing that KV did not answer may land after the letter was deleted; whoever replays it finds that it was.
        let is_left = |letter: &str| this.replayed.contains(&format!("{id}:{}", number(&parse(letter), "diedAt")));
        if letter.is_some_and(|letter| !is_left(letter)) {
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
        let first_life = |id: &&String| !this.revived.contains(*id);
        let turns: Vec<_> = this.state.messages.iter().filter(first_life).map(|id| place(id)).collect();
        if turns.contains(&None) || !turns.is_sorted_by(|a, b| a < b) {
            return Err(format!("turns out of order: {:?}, received {:?}", this.state.messages, this.order));
        }
        let died = |id: &str| {
            this.apart.contains(id)
                || this.revived.contains(id)
                || this.outcomes.get(id).is_some_and(|outcome| outcome == "dead")
        };
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
        self.check_sent(this, &in_kv)?;
        let counts = &in_kv["counts"];
        let with =
            |ends: &[&str]| this.outcomes.values().filter(|outcome| ends.contains(&outcome.as_str())).count() as u64;
        for (field, truth) in [
            ("received", this.former.len() as u64),
            ("answered", with(&["answered"])),
            ("ignored", with(&["ignored", "over_budget", "not_addressed"])),
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
