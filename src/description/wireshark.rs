//! spec/description/wireshark.md · 4.4 to 4.7
//!
//! Writes the dissector for Wireshark: a part that is written by hand, with the description in it
//! as tables of Lua.

use super::{
    AnswerEntry, ArgumentEntry, ArgumentTypeEntry, CodeList, Description, FieldEntry,
    InstructionEntry, LayoutEntry, ListValue, ScalarEntry,
};
use crate::wire::argument_type::grammar::GRAMMARS;
use crate::wire::payload::layout::Encoding;
use std::fmt::{Display, Write};

/// The dissector's file, below the project's folder.
pub const FILE: &str = "etc/wireshark/papertrader.lua";

/// What is written by hand.
const TEMPLATE: &str = include_str!("dissector.lua");

/// The line of the template that the tables replace.
const MARKER: &str = "--@description@\n";

/// The text of the dissector.
pub fn dissector(description: &Description) -> String {
    TEMPLATE.replacen(MARKER, &tables(description), 1)
}

/// The members of a Lua table between its braces. A member that is `None` is left out.
#[derive(Default)]
struct Members(Vec<String>);

impl Members {
    fn raw(mut self, name: &str, value: Option<impl Display>) -> Members {
        self.0
            .extend(value.map(|value| format!("{name} = {value}")));
        self
    }

    fn text(self, name: &str, value: Option<&str>) -> Members {
        self.raw(name, value.map(quoted))
    }

    fn flag(self, name: &str, is_set: bool) -> Members {
        self.raw(name, is_set.then_some("true"))
    }

    fn table(self) -> String {
        braced(self.0)
    }
}

fn braced(members: impl IntoIterator<Item = String>) -> String {
    let members: Vec<String> = members.into_iter().collect();
    if members.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", members.join(", "))
    }
}

/// A text as Lua writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// A set of words: a table whose keys they are.
fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    braced(
        words
            .into_iter()
            .map(|word| format!("[{}] = true", quoted(word))),
    )
}

/// A member of [`tables`] with a line for each of its own.
fn lines(out: &mut String, name: &str, entries: impl Iterator<Item = String>) {
    let entries: String = entries.map(|entry| format!("    {entry},\n")).collect();
    let _ = write!(out, "  {name} = {{\n{entries}  }},\n");
}

fn tables(description: &Description) -> String {
    let mut out = String::from("local D = {\n");
    header(&mut out, description);
    let has_numbers = |list: &CodeList| list.values.iter().any(|value| value.number.is_some());
    let lists = description.lists.iter();
    let lists = lists.filter(|(_, list)| has_numbers(list));
    let lists = lists.map(|(name, list)| format!("{name} = {}", numbered(&list.values)));
    lines(&mut out, "lists", lists);
    let kinds = description.argument_types.values();
    let mut named: Vec<&str> = kinds.filter_map(|kind| kind.list).collect();
    named.sort_unstable();
    named.dedup();
    let codes = named
        .into_iter()
        .filter_map(|name| Some(code_table(name, description.lists.get(name)?)));
    lines(&mut out, "codes", codes);
    let kinds = description.argument_types.iter();
    let kinds = kinds.map(|(name, kind)| type_table(name, kind));
    lines(&mut out, "types", kinds);
    let scalars = description.scalars.iter();
    let scalars = scalars.map(|(name, scalar)| scalar_table(name, scalar));
    lines(&mut out, "scalars", scalars);
    let layouts = description.layouts.iter();
    let layouts = layouts.map(|(name, layout)| layout_table(name, layout));
    lines(&mut out, "layouts", layouts);
    let rows = description.instructions.iter().map(instruction_table);
    lines(&mut out, "instructions", rows);
    out.push_str("}\n");
    out
}

/// The form of a message, and the ports.
fn header(out: &mut String, description: &Description) {
    let header = &description.header;
    for (name, value) in [
        ("header_bytes", header.bytes),
        ("data_max", header.data_max),
        ("link_first", usize::from(description.link.first_number)),
    ] {
        let _ = writeln!(out, "  {name} = {value},");
    }
    let ports = &description.ports;
    for (name, port) in [("worker_port", ports.worker), ("master_port", ports.master)] {
        let _ = writeln!(out, "  {name} = \"{port}\",");
    }
    let fields = header.fields.iter().map(|field| {
        let members = Members::default().text("name", Some(field.name));
        let members = members.raw("offset", Some(field.offset));
        members.raw("bytes", Some(field.bytes)).table()
    });
    lines(out, "header", fields);
    let kinds = numbered(&description.message_types);
    let _ = writeln!(out, "  message_types = {kinds},");
}

/// The names of values, by their numbers.
fn numbered(values: &[ListValue]) -> String {
    let name = |value: &ListValue| Some(format!("[{}] = {}", value.number?, quoted(value.name)));
    braced(values.iter().filter_map(name))
}

/// What the words of a list mean.
fn code_table(name: &str, list: &CodeList) -> String {
    let value = |value: &ListValue| format!("[{}] = {}", quoted(value.name), quoted(value.about));
    format!("{name} = {}", braced(list.values.iter().map(value)))
}

fn type_table(name: &str, kind: &ArgumentTypeEntry) -> String {
    let mut types = GRAMMARS.iter().map(|(kind, _)| *kind);
    let is_secret = types.any(|kind| kind.name() == name && kind.is_secret());
    let members = Members::default()
        .text("pattern", kind.pattern)
        .raw("min", kind.min_length)
        .raw("max", kind.max_length)
        .raw("above", kind.exclusive_minimum)
        .raw("most", kind.maximum)
        .text("list", kind.list)
        .text("none", kind.none)
        .flag("secret", is_secret);
    format!("{name} = {}", members.table())
}

fn scalar_table(name: &str, scalar: &ScalarEntry) -> String {
    let members = Members::default();
    let members = match scalar.encoding {
        Encoding::Integer { bytes, signed } => members
            .text("encoding", Some("integer"))
            .raw("bytes", Some(bytes))
            .flag("signed", signed),
        Encoding::Text { length_bytes } => members
            .text("encoding", Some("text"))
            .raw("length_bytes", Some(length_bytes)),
        Encoding::Bytes { bytes } => members
            .text("encoding", Some("bytes"))
            .raw("bytes", Some(bytes)),
        Encoding::Rest => members.text("encoding", Some("rest")),
    };
    let members = members
        .raw("most", scalar.maximum)
        .text("list", scalar.list)
        .raw("scale", scalar.scale)
        .text("type", scalar.kind.as_deref());
    format!("{name} = {}", members.table())
}

fn layout_table(name: &str, layout: &LayoutEntry) -> String {
    let field = |field: &FieldEntry| {
        let when = field.when.map(|when| {
            Members::default()
                .text("field", Some(when.field))
                .raw("mask", Some(when.mask))
                .raw("equals", Some(when.equals))
                .table()
        });
        let members = Members::default()
            .text("name", Some(field.name))
            .text("scalar", field.scalar)
            .text("layout", field.layout)
            .text("times", field.repeated);
        format!("      {},\n", members.raw("when", when).table())
    };
    let fields: String = layout.fields.iter().map(field).collect();
    format!("-- {}\n    {name} = {{\n{fields}    }}", layout.about)
}

fn instruction_table(row: &InstructionEntry) -> String {
    let members = Members::default()
        .text("name", Some(row.name))
        .text("direction", Some(row.direction))
        .raw("states", Some(set(row.states.iter().copied())))
        .flag("binary", row.binary)
        .raw(
            "arguments",
            Some(braced(row.arguments.iter().map(argument_table))),
        );
    let layouts = row.layouts.iter();
    let layouts = layouts.map(|data| format!("{} = {}", data.from, quoted(data.layout)));
    let layouts = braced(layouts);
    let members = members.raw("layouts", (!row.layouts.is_empty()).then_some(layouts));
    let about = quoted(row.about);
    let answers = braced(row.answers.iter().map(answer_table));
    format!(
        "[0x{:04X}] = {},",
        row.number,
        members
            .raw("answers", Some(answers))
            .raw("about", Some(about))
            .table()
    )
    .trim_end_matches(',')
    .to_owned()
}

fn argument_table(argument: &ArgumentEntry) -> String {
    Members::default()
        .text("name", Some(argument.name))
        .text("type", Some(&argument.kind))
        .flag("optional", argument.optional)
        .flag("repeated", argument.repeated)
        .text("reason", argument.reason)
        .table()
}

fn answer_table(answer: &AnswerEntry) -> String {
    let reasons = answer.reasons.iter().copied();
    let reasons = (!answer.reasons.is_empty()).then(|| set(reasons));
    let members = Members::default()
        .text("outcome", Some(answer.outcome))
        .text("payload", answer.payload)
        .raw("reasons", reasons);
    format!("[0x{:04X}] = {}", answer.number, members.table())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::describe;

    #[test]
    fn texts_are_quoted_as_lua_reads_them() {
        assert_eq!(quoted("a\"b\\u0021\nc"), "\"a\\\"b\\\\u0021\\nc\"");
        assert_eq!(quoted("–"), "\"–\"");
    }

    #[test]
    fn the_tables_stand_in_the_template_once() {
        assert_eq!(TEMPLATE.matches(MARKER).count(), 1);
        let text = dissector(&describe());
        assert!(!text.contains(MARKER));
        for part in [
            "  worker_port = \"2049\",\n",
            "[0x0106] = { name = \"switchState\", direction = \"request\"",
            "    SessionId = { pattern = \"[0-9a-f]{64}\", secret = true },\n",
            "      { name = \"quote\", layout = \"Quote\", when = { field = \"has\", mask = 1, equals = 1 } },\n",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
