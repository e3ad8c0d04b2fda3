//! A reader that knows the protocol from its description alone: `spec/wire/papertrader.json`. It
//! has no type, name or number of PaperTrader's own code. `description_encoder.rs` writes.

use regex::Regex;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The description, and its patterns.
pub struct DescriptionDecoder {
    pub json: Value,
    patterns: BTreeMap<String, Regex>,
}

/// A message whose header has passed its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMessage {
    pub header: BTreeMap<String, u64>,
    pub data: Vec<u8>,
}

/// A list of the description, or a part that it may leave out.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(super) fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// A big-endian integer.
fn integer(bytes: &[u8], signed: bool) -> i128 {
    let negative = signed && bytes.first().is_some_and(|byte| *byte > 0x7F);
    let start = if negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |value, byte| value << 8 | i128::from(*byte))
}

fn take<'a>(from: &mut &'a [u8], size: usize) -> Result<&'a [u8], String> {
    let (head, tail) = from.split_at_checked(size).ok_or("bytes are missing")?;
    *from = tail;
    Ok(head)
}

/// A decimal beside a whole number, to its last digit.
fn compare(decimal: &str, bound: &Value) -> Ordering {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    digits.cmp(&(i128::from(bound.as_i64().unwrap()) * 10_i128.pow(fraction.len() as u32)))
}

impl DescriptionDecoder {
    pub fn new(text: &str) -> DescriptionDecoder {
        let json: Value = serde_json::from_str(text).unwrap();
        let kinds = json["argumentTypes"].as_object().unwrap().iter();
        let whole = |pattern: &str| Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
        let patterns = kinds
            .filter_map(|(name, kind)| Some((name.clone(), whole(kind["pattern"].as_str()?))))
            .collect();
        DescriptionDecoder { json, patterns }
    }

    /// The instruction with this number.
    pub fn row(&self, number: u64) -> Option<&Value> {
        let mut rows = list(&self.json["instructions"]).iter();
        rows.find(|row| row["number"] == number)
    }

    /// The code of a check, counted from 0.
    fn fault(&self, check: usize) -> String {
        text(&self.json["requestChecks"][check]["fault"]).to_owned()
    }

    /// Takes the next message off the front of a stream. `None` if it is not complete.
    pub fn next(
        &self,
        from: &mut &[u8],
        by_client: bool,
    ) -> Result<Option<DescribedMessage>, String> {
        let form = &self.json["header"];
        let Some((head, rest)) = from.split_at_checked(size(&form["bytes"])) else {
            return Ok(None);
        };
        let field = |field: &Value| {
            let start = size(&field["offset"]);
            let value = integer(&head[start..start + size(&field["bytes"])], false);
            (text(&field["name"]).to_owned(), value as u64)
        };
        let header = list(&form["fields"]).iter().map(field).collect();
        self.check_header(&header, by_client)?;
        let Some((data, rest)) = rest.split_at_checked(header["dataSize"] as usize) else {
            return Ok(None);
        };
        *from = rest;
        let data = data.to_vec();
        Ok(Some(DescribedMessage { header, data }))
    }

    fn check_header(&self, header: &BTreeMap<String, u64>, by_client: bool) -> Result<(), String> {
        let (kind, number) = (header["messageType"], header["instruction"]);
        let mut kinds = list(&self.json["messageTypes"]).iter();
        let kind = kinds.find(|entry| entry["number"] == kind && number >> 8 == kind);
        let kind = kind.ok_or_else(|| self.fault(0))?;
        if header["dataSize"] > self.json["header"]["dataMax"].as_u64().unwrap() {
            return Err(self.fault(1));
        }
        let row = self.row(number);
        let in_set = !by_client && row.is_some_and(|row| row["binary"] == true);
        let (packet, packets) = (header["dataMessageNumber"], header["dataMessageMax"]);
        if packet == 0 || packet > packets || (packets != 1 && !in_set) {
            return Err(self.fault(2));
        }
        let directions = ["return", "notice", "link"];
        let of_servers = |row: &Value| directions.contains(&text(&row["direction"]));
        let link = self.json["link"]["firstNumber"].as_u64().unwrap();
        if by_client
            && (kind["name"] == "server return" || number >= link || row.is_some_and(of_servers))
        {
            return Err(self.fault(3));
        }
        Ok(())
    }

    /// Splits the data of a message, and checks the number of arguments.
    pub fn arguments(
        &self,
        message: &DescribedMessage,
        by_client: bool,
    ) -> Result<Vec<String>, String> {
        let count = message.header["argumentCount"] as usize;
        let row = self.row(message.header["instruction"]);
        let binary = row.is_some_and(|row| row["binary"] == true);
        let separator = text(&self.json["header"]["separator"]);
        let mut arguments = Vec::new();
        if count > 0 {
            let data = std::str::from_utf8(&message.data).map_err(|_| self.fault(4))?;
            arguments.extend(data.splitn(count, separator).map(str::to_owned));
        }
        let last_is_parted = arguments
            .last()
            .is_some_and(|last| last.contains(separator));
        if arguments.len() != count
            || arguments.iter().any(String::is_empty)
            || (by_client && last_is_parted)
            || (count == 0 && !binary && !message.data.is_empty())
        {
            return Err(self.fault(4));
        }
        let columns = list(&row.ok_or_else(|| self.fault(5))?["arguments"]);
        let needed = |column: &&Value| column["optional"] != true && column["repeated"] != true;
        let repeats = columns.iter().any(|column| column["repeated"] == true);
        if count < columns.iter().filter(needed).count() || (count > columns.len() && !repeats) {
            return Err(self.fault(6));
        }
        Ok(arguments)
    }

    /// The columns of a row beside its arguments.
    pub fn columns<'a>(
        &'a self,
        number: u64,
        arguments: &'a [String],
    ) -> impl Iterator<Item = (&'a Value, &'a String)> {
        let columns = list(&self.row(number).unwrap()["arguments"]);
        let column = |index: usize| columns.get(index).or(columns.last()).unwrap();
        let arguments = arguments.iter().enumerate();
        arguments.map(move |(index, argument)| (column(index), argument))
    }

    /// Whether a type of arguments accepts a text.
    pub fn accepts(&self, kind: &str, argument: &str) -> bool {
        let form = &self.json["argumentTypes"][kind];
        let length = argument.chars().count();
        let within = |key: &str, fits: fn(Ordering) -> bool| {
            form[key].is_null() || fits(compare(argument, &form[key]))
        };
        form["none"] == argument
            || (self.patterns.get(kind).is_none_or(|p| p.is_match(argument))
                && (form["minLength"].is_null() || length >= size(&form["minLength"]))
                && (form["maxLength"].is_null() || length <= size(&form["maxLength"]))
                && within("exclusiveMinimum", Ordering::is_gt)
                && within("maximum", Ordering::is_le))
    }

    /// Joins the packets of a set.
    pub fn join(&self, packets: &[DescribedMessage]) -> Result<Vec<u8>, String> {
        for (packet, number) in packets.iter().zip(1..) {
            let last = number == packets.len();
            if packet.header["dataMessageNumber"] != number as u64
                || packet.header["dataMessageMax"] != packets.len() as u64
                || (!last && packet.data.len() != size(&self.json["header"]["dataMax"]))
            {
                return Err(format!("packet {number} is not of this set"));
            }
        }
        Ok(packets
            .iter()
            .flat_map(|packet| packet.data.clone())
            .collect())
    }

    /// The value of bytes that have a layout: integers of eight bytes are texts, others numbers;
    /// bytes are hexadecimal.
    pub fn decode(&self, layout: &str, mut bytes: &[u8]) -> Result<Value, String> {
        let value = self.decode_layout(layout, &mut bytes, &Map::new())?;
        if bytes.is_empty() {
            Ok(value)
        } else {
            Err("bytes are left".to_owned())
        }
    }

    pub(super) fn fields<'a>(
        &'a self,
        layout: &str,
    ) -> impl Iterator<Item = (&'a Value, &'a str)> + use<'a> {
        let fields = list(&self.json["layouts"][layout]["fields"]);
        assert!(!fields.is_empty(), "{layout}: no such layout");
        fields.iter().map(|field| (field, text(&field["name"])))
    }

    pub(super) fn is_there(
        field: &Value,
        record: &Map<String, Value>,
        outer: &Map<String, Value>,
    ) -> bool {
        field["when"].is_null() || {
            let name = text(&field["when"]["field"]);
            let value = record.get(name).or(outer.get(name)).unwrap();
            value.as_u64().unwrap() & field["when"]["mask"].as_u64().unwrap()
                == field["when"]["equals"]
        }
    }

    fn decode_layout(
        &self,
        layout: &str,
        from: &mut &[u8],
        outer: &Map<String, Value>,
    ) -> Result<Value, String> {
        let mut record = Map::new();
        for (field, name) in self.fields(layout) {
            if !Self::is_there(field, &record, outer) {
                continue;
            }
            let one = |from: &mut &[u8]| match field["layout"].as_str() {
                Some(inner) => self.decode_layout(inner, from, &record),
                None => self.decode_scalar(text(&field["scalar"]), from),
            };
            let mut items = Vec::new();
            let value = match field["repeated"].as_str() {
                None => one(from)?,
                Some("*") => {
                    while !from.is_empty() {
                        items.push(one(from)?);
                    }
                    Value::from(items)
                }
                Some(count) => {
                    for _ in 0..record[count].as_u64().unwrap() {
                        items.push(one(from)?);
                    }
                    Value::from(items)
                }
            };
            record.insert(name.to_owned(), value);
        }
        Ok(Value::from(record))
    }

    fn decode_scalar(&self, scalar: &str, from: &mut &[u8]) -> Result<Value, String> {
        let form = &self.json["scalars"][scalar];
        let value = match text(&form["encoding"]) {
            "integer" => {
                let bytes = take(from, size(&form["bytes"]))?;
                let value = integer(bytes, form["signed"] == true);
                if bytes.len() == 8 {
                    Value::from(value.to_string())
                } else {
                    json!(i64::try_from(value).unwrap())
                }
            }
            "text" => {
                let length = integer(take(from, size(&form["lengthBytes"]))?, false);
                let bytes = take(from, length as usize)?;
                Value::from(std::str::from_utf8(bytes).map_err(|e| e.to_string())?)
            }
            "bytes" => Value::from(hex::encode(take(from, size(&form["bytes"]))?)),
            "rest" => Value::from(hex::encode(take(from, from.len())?)),
            other => return Err(format!("{other}: no such encoding")),
        };
        let most = form["maximum"].as_u64();
        if most.is_some_and(|most| value.as_u64().unwrap() > most) {
            return Err(format!("{value} is no {scalar}"));
        }
        Ok(value)
    }
}
