//! How a command is called, as the type of its argument tells when it is read from samples.

use super::argument::Reader;
use super::wrong::{Kind, What, Wrong};

/// Reads an argument and drops it.
pub(super) type Ask<'a> = &'a dyn Fn(&mut Reader<'_>) -> Result<(), Wrong>;

/// What a type asks for, as far as it has been read.
#[derive(Default)]
pub(super) struct Probe {
    /// The fields that the type is given; `None` for all.
    wanted: Option<Vec<&'static str>>,
    /// Which variant it is given, where it is an enum.
    choice: usize,
    /// The names of its variants, where it is an enum.
    ways: &'static [&'static str],
    /// Whether the variant it was given holds something.
    is_way: bool,
    parts: Vec<Part>,
    is_optional: bool,
    is_many: bool,
}

/// One thing that it asks for.
struct Part {
    name: Option<&'static str>,
    kind: Kind,
    is_optional: bool,
    is_many: bool,
}

impl Probe {
    /// Whether the type is given this field.
    pub fn wants(&self, field: &'static str) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&field))
    }

    /// Notes that it asks for a word.
    pub fn record(&mut self, name: Option<&'static str>, kind: Kind) {
        let is_many = self.is_many || kind == Kind::Rest;
        self.parts.push(Part { name, kind, is_optional: self.is_optional, is_many });
    }

    /// Notes fields that it will not get to: it does not take the sample of one before.
    pub fn record_unseen(&mut self, fields: &[&'static str]) {
        for field in fields {
            self.record(Some(field), Kind::Text);
        }
    }

    /// Into an option, or a list. What is around it is given back to [`leave`](Self::leave).
    pub fn enter(&mut self, is_many: bool) -> (bool, bool) {
        let outside = (self.is_optional, self.is_many);
        self.is_optional = true;
        self.is_many |= is_many;
        outside
    }

    /// Out of it.
    pub fn leave(&mut self, outside: (bool, bool)) {
        (self.is_optional, self.is_many) = outside;
    }

    /// The variant that it is given, and which part it is. Inside of other types that is the first one.
    pub fn choose(
        &mut self,
        field: Option<&'static str>,
        variants: &'static [&'static str],
    ) -> Option<(&'static str, usize)> {
        let part = self.parts.len();
        self.record(field, Kind::Name(variants));
        let is_first = part == 0 && field.is_none();
        if is_first {
            self.ways = variants;
        }
        let name = variants.get(if is_first { self.choice } else { 0 })?;
        Some((name, part))
    }

    /// Notes that a variant holds something. Inside of other types there is no room to tell what.
    pub fn seal(&mut self, part: usize) {
        if part == 0 && !self.ways.is_empty() {
            self.is_way = true;
            return;
        }
        self.parts.truncate(part.saturating_add(1));
        if let Some(part) = self.parts.last_mut() {
            part.is_many = true;
        }
    }

    /// What follows the command. `required` are the fields without which it cannot be read, where that is known; `way`
    /// is the name of the variant.
    fn line(&self, required: Option<&[&'static str]>, way: Option<&str>) -> String {
        let mut line = way.unwrap_or_default().to_owned();
        for part in self.parts.iter().skip(usize::from(way.is_some())) {
            let is_left_out = |name: &&'static str| required.is_some_and(|required| !required.contains(name));
            let is_optional = part.is_optional || part.name.as_ref().is_some_and(is_left_out);
            let (open, close) = if is_optional { ('[', ']') } else { ('<', '>') };
            if !line.is_empty() {
                line.push(' ');
            }
            line.push(open);
            line.push_str(&part.name.map_or_else(|| placeholder(part.kind), str::to_owned));
            if part.is_many {
                line.push_str("...");
            }
            line.push(close);
        }
        line
    }
}

/// What stands for something that has no name.
fn placeholder(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Rest => "text".to_owned(),
        Kind::Whole | Kind::Number => "number".to_owned(),
        Kind::YesNo => "yes|no".to_owned(),
        Kind::Character => "character".to_owned(),
        Kind::Mention => "@somebody".to_owned(),
        Kind::Name(names) => names.join("|"),
    }
}

/// What follows the command, in all the ways in which it may be called.
pub(super) fn usage(ask: Ask<'_>) -> Vec<String> {
    let first = look(ask, 0, None).0;
    let ways: Vec<Probe> = (0..first.ways.len()).map(|choice| look(ask, choice, None).0).collect();
    if ways.iter().any(|probe| probe.is_way) {
        let line = |(choice, probe): (usize, &Probe)| {
            let way = probe.ways.get(choice).copied();
            probe.line(required(ask, choice).as_deref(), way)
        };
        ways.iter().enumerate().map(line).collect()
    } else {
        vec![first.line(required(ask, 0).as_deref(), None)]
    }
}

/// The fields without which it cannot be read. It says so one by one; `None` where it has something else to say.
fn required(ask: Ask<'_>, choice: usize) -> Option<Vec<&'static str>> {
    let mut required = Vec::new();
    loop {
        match look(ask, choice, Some(required.clone())).1 {
            Ok(()) => return Some(required),
            Err(Wrong { what: What::NoField(field), .. }) if !required.contains(&field) => required.push(field),
            Err(_) => return None,
        }
    }
}

fn look(ask: Ask<'_>, choice: usize, wanted: Option<Vec<&'static str>>) -> (Probe, Result<(), Wrong>) {
    let mut reader = Reader::probing(Probe { wanted, choice, ..Probe::default() });
    let read = ask(&mut reader);
    (reader.probe.unwrap_or_default(), read)
}
