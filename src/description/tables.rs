//! spec/description.md · 4.5, 4.6
//!
//! The tables of the pages of `spec/`, made from the description.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::limits::{LimitEntry, Unit};
use super::requirement_tables;
use super::{Description, FieldEntry, InstructionEntry, LayoutEntry, ListValue, ScalarEntry};
use crate::wire::payload::layout::{ALL_BITS, Encoding};
use std::collections::{BTreeMap, BTreeSet};

/// How wide a page's lines are at most, its tables left out.
const PAGE_COLUMNS: usize = 100;

/// A table of a page.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The page, below `spec/`.
    pub page: &'static str,
    /// The table's name in its markers.
    pub name: &'static str,
    make: fn(&Description) -> String,
}

/// Every table.
pub const ALL: &[Table] = &[
    table("wire/instruction.md", "commands", commands),
    table(
        "wire/instruction.md",
        "data instructions",
        data_instructions,
    ),
    table("wire/instruction.md", "returns", returns),
    table("wire/instruction.md", "control messages", control),
    table("wire/argument.md", "types of arguments", argument_types),
    table("wire/frame.md", "header", header),
    table("wire/frame.md", "checks", checks),
    table("wire/request.md", "codes of forms", codes_of_forms),
    table("wire/limits.md", "limits", limits),
    table("wire/payload.md", "scalars", scalars),
    table("wire/payload.md", "layouts", |all| {
        let names = [
            "List",
            "Receipt",
            "ReceiptLine",
            "Sessions",
            "Session",
            "Tokens",
            "Token",
            "Identities",
            "Identity",
        ];
        layouts(all, &names)
    }),
    table("wire/payload/asset.md", "layouts", |all| {
        let names = [
            "Quote",
            "Bar",
            "Bars",
            "AssetInfo",
            "Forecast",
            "QuoteList",
            "QuoteListRow",
        ];
        layouts(all, &names)
    }),
    table("wire/payload/user.md", "layouts", |all| {
        let names = [
            "UserInfo",
            "Portfolio",
            "Position",
            "PositionShare",
            "Transactions",
            "Transaction",
        ];
        layouts(all, &names)
    }),
    table("wire/payload/trading.md", "layouts", |all| {
        let names = [
            "OpenOrders",
            "OpenOrder",
            "AccountSummary",
            "PositionSummary",
            "TransactionPage",
            "PageEntry",
            "OrderParameters",
        ];
        layouts(all, &names)
    }),
    table("wire/payload/user.md", "sides", |all| list(all, "sides")),
    table("wire/payload/user.md", "statuses", |all| {
        list(all, "statuses")
    }),
    table("model/order.md", "order kinds", |all| {
        list(all, "orderKinds")
    }),
    table("wire/payload.md", "token scopes", |all| {
        list(all, "tokenScopes")
    }),
    table("wire/reply.md", "server facts", |all| {
        list(all, "serverFacts")
    }),
    table("wire/reply.md", "markets", |all| list(all, "markets")),
    table("wire/reply.md", "market states", |all| {
        list(all, "marketStates")
    }),
    table("wire/instruction.md", "directions", |all| {
        list(all, "directions")
    }),
    table("wire/instruction.md", "scopes", |all| list(all, "scopes")),
    table("wire/instruction.md", "destinations", |all| {
        list(all, "destinations")
    }),
    table("model/reason.md", "reasons", |all| list(all, "reasons")),
    table("model/reason.md", "faults", |all| list(all, "faults")),
    table("link/message.md", "link instructions", link_instructions),
    table("link/message.md", "layouts", link_layouts),
    table("link/handshake.md", "refusals", |all| {
        list(all, "linkRefusals")
    }),
    table("dialogue/requirements.md", "rules", |_| {
        requirement_tables::rules()
    }),
    table("dialogue/requirements.md", "answers", |_| {
        requirement_tables::answers()
    }),
    table("dialogue/requirements.md", "not shown", |_| {
        requirement_tables::not_shown()
    }),
];

const fn table(page: &'static str, name: &'static str, make: fn(&Description) -> String) -> Table {
    Table { page, name, make }
}

impl Table {
    /// The table as Markdown, without an end of line.
    pub fn markdown(&self, all: &Description) -> String {
        (self.make)(all)
    }
}

/// A Markdown table.
fn markdown<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(&head.map(str::to_owned)),
        format!("|{}", "---|".repeat(N)),
    ];
    lines.extend(
        rows.into_iter()
            .map(|row| line(&row.map(|cell| cell.replace('|', "\\|")))),
    );
    lines.join("\n")
}

/// `name(argument, argument[, argument])`, and the section that lists it. What the specification
/// does not list is marked with `*`.
fn signature(entry: &InstructionEntry) -> String {
    let mut text = format!("{}(", entry.name);
    for (index, argument) in entry.arguments.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        if argument.optional {
            text.push_str(&format!("[{comma}{}*]", argument.name));
        } else {
            text.push_str(&format!("{comma}{}", argument.name));
        }
    }
    format!("{text}) [{}]", entry.section)
}

fn number(entry: &InstructionEntry) -> String {
    let listed = entry.section.starts_with("4.6");
    format!("{:04X}{}", entry.number, if listed { "" } else { "*" })
}

/// The arguments of a server's message.
fn arguments(entry: &InstructionEntry) -> String {
    if entry.binary {
        return "binary".to_owned();
    }
    let named = entry.arguments.iter().map(|argument| {
        let repeated = if argument.repeated { " …" } else { "" };
        format!("{}{repeated}", argument.name)
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        "none".to_owned()
    } else {
        named.join(", ")
    }
}

/// The instructions of a category that clients and servers exchange.
fn of_type(all: &Description, message_type: u16) -> impl Iterator<Item = &InstructionEntry> {
    all.instructions
        .iter()
        .filter(move |entry| entry.number >> 8 == message_type && entry.direction != "link")
}

fn edition(entry: &InstructionEntry) -> String {
    entry.edition.to_string()
}

fn commands(all: &Description) -> String {
    markdown(
        [
            "number",
            "instruction",
            "edition",
            "what it does",
            "session",
            "success",
            "failure",
        ],
        of_type(all, 1).map(|entry| {
            let (failures, successes): (Vec<_>, Vec<_>) = entry
                .answers
                .iter()
                .partition(|answer| answer.outcome == "failure");
            let names = |answers: &[&super::AnswerEntry]| {
                answers
                    .iter()
                    .map(|answer| answer.name)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            [
                number(entry),
                signature(entry),
                edition(entry),
                entry.about.to_owned(),
                entry.scope.unwrap_or("none").to_owned(),
                names(&successes),
                names(&failures),
            ]
        }),
    )
}

fn data_instructions(all: &Description) -> String {
    markdown(
        [
            "number",
            "instruction",
            "edition",
            "what it asks for",
            "payload",
        ],
        of_type(all, 2).map(|entry| {
            let payload = entry.answers.iter().find_map(|answer| answer.payload);
            [
                number(entry),
                signature(entry),
                edition(entry),
                entry.about.to_owned(),
                payload.unwrap_or_default().to_owned(),
            ]
        }),
    )
}

fn returns(all: &Description) -> String {
    markdown(
        [
            "number",
            "instruction",
            "edition",
            "arguments",
            "what it says",
        ],
        of_type(all, 3).map(|entry| {
            [
                number(entry),
                format!("{} [{}]", entry.name, entry.section),
                edition(entry),
                arguments(entry),
                entry.about.to_owned(),
            ]
        }),
    )
}

fn control(all: &Description) -> String {
    markdown(
        [
            "number",
            "instruction",
            "edition",
            "direction",
            "arguments",
            "what it says",
            "answer",
        ],
        of_type(all, 4).map(|entry| {
            [
                number(entry),
                format!("{} [{}]", entry.name, entry.section),
                edition(entry),
                entry.direction.to_owned(),
                arguments(entry),
                entry.about.to_owned(),
                entry
                    .answers
                    .first()
                    .map_or("none", |answer| answer.name)
                    .to_owned(),
            ]
        }),
    )
}

fn argument_types(all: &Description) -> String {
    markdown(
        ["type", "arguments", "form", "example"],
        all.argument_types.iter().map(|(name, entry)| {
            let used = all.instructions.iter().flat_map(|i| &i.arguments);
            let names: BTreeSet<&str> = used.filter(|a| a.kind == *name).map(|a| a.name).collect();
            [
                name.clone(),
                names.into_iter().collect::<Vec<_>>().join(", "),
                entry.about.to_owned(),
                entry
                    .examples
                    .first()
                    .map(|text| format!("`{text}`"))
                    .unwrap_or_default(),
            ]
        }),
    )
}

/// The code of a request in which an argument does not have its form, by argument.
fn codes_of_forms(all: &Description) -> String {
    let mut codes: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for entry in &all.instructions {
        for argument in &entry.arguments {
            if let Some(reason) = argument.reason {
                let by_reason = codes.entry(argument.name).or_default();
                by_reason.entry(reason).or_default().insert(entry.name);
            }
        }
    }
    let text = |by_reason: BTreeMap<&str, BTreeSet<&str>>| {
        let alone = by_reason.len() == 1;
        let parts = by_reason.into_iter().map(|(reason, names)| {
            if alone {
                format!("`{reason}`")
            } else {
                let names: Vec<&str> = names.into_iter().collect();
                format!("`{reason}` in {}", names.join(", "))
            }
        });
        parts.collect::<Vec<_>>().join("; ")
    };
    markdown(
        ["argument", "code"],
        codes
            .into_iter()
            .map(|(name, by_reason)| [name.to_owned(), text(by_reason)]),
    )
}

fn header(all: &Description) -> String {
    markdown(
        ["offset", "bytes", "field", "meaning"],
        all.header.fields.iter().map(|field| {
            [
                field.offset.to_string(),
                field.bytes.to_string(),
                field.name.to_owned(),
                field.about.to_owned(),
            ]
        }),
    )
}

fn checks(all: &Description) -> String {
    markdown(
        ["", "wrong", "code"],
        all.request_checks.iter().enumerate().map(|(index, check)| {
            [
                (index + 1).to_string(),
                check.wrong.to_owned(),
                format!("`{}`", check.fault),
            ]
        }),
    )
}

/// A value as people read it: `1 MiB`, `5 s`, `10,000`.
fn amount(limit: &LimitEntry) -> String {
    let value = limit.value;
    let grouped = |value: u64| {
        let digits = value.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text
    };
    match limit.unit {
        Unit::Bytes if value.is_multiple_of(1 << 30) => format!("{} GiB", value >> 30),
        Unit::Bytes if value.is_multiple_of(1 << 20) => format!("{} MiB", value >> 20),
        Unit::Bytes => format!("{} bytes", grouped(value)),
        Unit::Milliseconds if value.is_multiple_of(86_400_000) => {
            format!("{} days", value / 86_400_000)
        }
        Unit::Milliseconds if value.is_multiple_of(60_000) => format!("{} min", value / 60_000),
        Unit::Milliseconds if value.is_multiple_of(1000) => format!("{} s", value / 1000),
        Unit::Milliseconds => format!("{value} ms"),
        Unit::Count => grouped(value),
        Unit::Units => format!("{} units", grouped(value)),
    }
}

/// The value, with the time that it counts for.
fn rate(limit: &LimitEntry) -> String {
    match limit.per {
        None => amount(limit),
        Some(1_000) => format!("{} a second", amount(limit)),
        Some(60_000) => format!("{} a minute", amount(limit)),
        Some(3_600_000) => format!("{} an hour", amount(limit)),
        Some(millis) => format!("{} in {millis} ms", amount(limit)),
    }
}

fn limits(all: &Description) -> String {
    markdown(
        [
            "limit",
            "value",
            "setting",
            "what is limited, and what happens beyond it",
        ],
        all.limits.iter().map(|limit| {
            [
                limit.name.to_owned(),
                rate(limit),
                limit
                    .setting
                    .map(|key| format!("`{key}`"))
                    .unwrap_or_default(),
                limit.about.to_owned(),
            ]
        }),
    )
}

fn encoding(entry: &ScalarEntry) -> String {
    match entry.encoding {
        Encoding::Integer { bytes, signed } => {
            format!("{}{}", if signed { "i" } else { "u" }, u32::from(bytes) * 8)
        }
        Encoding::Text { length_bytes } => {
            format!("u{} length, then UTF-8", u32::from(length_bytes) * 8)
        }
        Encoding::Bytes { bytes } => format!("{bytes} bytes"),
        Encoding::Rest => "bytes".to_owned(),
    }
}

fn scalars(all: &Description) -> String {
    markdown(
        ["scalar", "encoding", "meaning"],
        all.scalars
            .iter()
            .map(|(name, entry)| [(*name).to_owned(), encoding(entry), entry.about.to_owned()]),
    )
}

/// A heading, a sentence and a table for each of these layouts.
fn layouts(all: &Description, names: &[&str]) -> String {
    let shown = names
        .iter()
        .filter_map(|name| Some((*name, all.layouts.get(name)?)));
    let texts: Vec<String> = shown
        .map(|(name, layout)| one_layout(name, layout))
        .collect();
    texts.join("\n\n")
}

fn one_layout(name: &str, layout: &LayoutEntry) -> String {
    let rows = layout.fields.iter().map(|field| {
        [
            field.name.to_owned(),
            field.scalar.or(field.layout).unwrap_or_default().to_owned(),
            times(field),
            field.about.to_owned(),
        ]
    });
    let table = markdown(["field", "type", "there", "meaning"], rows);
    let about = paragraph(&format!("**{name}.** {}", layout.about));
    format!("{about}\n\n{table}")
}

/// A text whose lines are as wide as those of a page at most.
fn paragraph(text: &str) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let columns = word.chars().count();
        if used > 0 {
            let is_full = used + 1 + columns > PAGE_COLUMNS;
            out.push(if is_full { '\n' } else { ' ' });
            used = if is_full { 0 } else { used + 1 };
        }
        out.push_str(word);
        used += columns;
    }
    out
}

/// How often a field stands there, and when.
fn times(field: &FieldEntry) -> String {
    let often = match field.repeated {
        None => "once".to_owned(),
        Some("*") => "as often as bytes are left for".to_owned(),
        Some(count) => format!("{count} times"),
    };
    match field.when {
        None => often,
        Some(when) if when.mask == ALL_BITS => {
            format!("{often}, if {} is {}", when.field, when.equals)
        }
        Some(when) => format!(
            "{often}, if {} & {} is {}",
            when.field, when.mask, when.equals
        ),
    }
}

fn list(all: &Description, name: &str) -> String {
    let values = all.lists.get(name).map_or(&[][..], |list| &list.values);
    let code = |value: &ListValue| format!("`{}`", value.name);
    if values.iter().all(|value| value.number.is_none()) {
        return markdown(
            ["word", "meaning"],
            values
                .iter()
                .map(|value| [code(value), value.about.to_owned()]),
        );
    }
    markdown(
        ["number", "word", "meaning"],
        values.iter().map(|value| {
            let number = value.number.map(|number| number.to_string());
            [
                number.unwrap_or_default(),
                code(value),
                value.about.to_owned(),
            ]
        }),
    )
}

fn link_instructions(all: &Description) -> String {
    markdown(
        ["number", "instruction", "edition", "data", "what it says"],
        all.instructions
            .iter()
            .filter(|entry| entry.direction == "link")
            .map(|entry| {
                let layouts = entry.layouts.iter().map(|data| {
                    let then = data
                        .then
                        .map(|layout| format!(", then {layout} as data packets"));
                    format!(
                        "{}'s: {}{}",
                        data.from,
                        data.layout,
                        then.unwrap_or_default()
                    )
                });
                let layouts: Vec<String> = layouts.collect();
                let data = if layouts.is_empty() {
                    format!("arguments: {}", arguments(entry))
                } else {
                    layouts.join("; ")
                };
                [
                    format!("{:04X}", entry.number),
                    entry.name.to_owned(),
                    edition(entry),
                    data,
                    entry.about.to_owned(),
                ]
            }),
    )
}

/// The layouts of the link's messages, in the order of their instructions.
fn link_layouts(all: &Description) -> String {
    let mut names = Vec::new();
    for data in all.instructions.iter().flat_map(|entry| &entry.layouts) {
        for name in std::iter::once(data.layout).chain(data.then) {
            if !names.contains(&name) {
                names.push(name);
            }
            let fields = all
                .layouts
                .get(name)
                .map_or(&[][..], |layout| &layout.fields);
            for inner in fields.iter().filter_map(|field| field.layout) {
                if inner != "Bar" && inner != "Quote" && !names.contains(&inner) {
                    names.push(inner);
                }
            }
        }
    }
    layouts(all, &names)
}
