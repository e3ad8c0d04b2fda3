//! The writer beside the reader of `description_decoder.rs`: it knows the description alone, too.

use crate::protocol::description_decoder::{DescriptionDecoder, list, size, text};
use serde_json::{Map, Value};

impl DescriptionDecoder {
    /// The bytes of a value that has a layout.
    pub fn encode(&self, layout: &str, value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_layout(layout, value.as_object().unwrap(), &Map::new(), &mut out);
        out
    }

    fn encode_layout(
        &self,
        layout: &str,
        record: &Map<String, Value>,
        outer: &Map<String, Value>,
        out: &mut Vec<u8>,
    ) {
        for (field, name) in self.fields(layout) {
            if !Self::is_there(field, record, outer) {
                continue;
            }
            let value = &record[name];
            let items = if field["repeated"].is_null() {
                std::slice::from_ref(value)
            } else {
                list(value)
            };
            for item in items {
                match field["layout"].as_str() {
                    Some(inner) => {
                        self.encode_layout(inner, item.as_object().unwrap(), record, out);
                    }
                    None => self.encode_scalar(text(&field["scalar"]), item, out),
                }
            }
        }
    }

    fn encode_scalar(&self, scalar: &str, value: &Value, out: &mut Vec<u8>) {
        let form = &self.json["scalars"][scalar];
        let integer = |value: i128, bytes: &Value, out: &mut Vec<u8>| {
            out.extend_from_slice(&value.to_be_bytes()[size_of::<i128>() - size(bytes)..]);
        };
        match (text(&form["encoding"]), value) {
            ("integer", Value::String(digits)) => {
                integer(digits.parse().unwrap(), &form["bytes"], out);
            }
            ("integer", number) => integer(number.as_i64().unwrap().into(), &form["bytes"], out),
            ("text", value) => {
                integer(text(value).len() as i128, &form["lengthBytes"], out);
                out.extend_from_slice(text(value).as_bytes());
            }
            (_, digits) => out.extend(hex::decode(text(digits)).unwrap()),
        }
    }

    /// A message with arguments.
    pub fn message(&self, number: u64, arguments: &[String]) -> Vec<u8> {
        let data = arguments.join(text(&self.json["header"]["separator"]));
        self.packet(number, arguments.len(), (1, 1), data.as_bytes())
    }

    /// The messages of binary data.
    pub fn set(&self, number: u64, data: &[u8]) -> Vec<u8> {
        let most = size(&self.json["header"]["dataMax"]);
        let packets = data.len().div_ceil(most).max(1);
        let mut parts: Vec<&[u8]> = data.chunks(most).collect();
        parts.resize(packets, &[]);
        let numbered = parts.into_iter().zip(1..);
        numbered
            .flat_map(|(part, packet)| self.packet(number, 0, (packet, packets), part))
            .collect()
    }

    fn packet(
        &self,
        number: u64,
        arguments: usize,
        (packet, packets): (usize, usize),
        data: &[u8],
    ) -> Vec<u8> {
        let form = &self.json["header"];
        let mut out = vec![0; size(&form["bytes"])];
        for field in list(&form["fields"]) {
            let value = match text(&field["name"]) {
                "messageType" => number >> 8,
                "instruction" => number,
                "dataSize" => data.len() as u64,
                "argumentCount" => arguments as u64,
                "dataMessageNumber" => packet as u64,
                "dataMessageMax" => packets as u64,
                other => panic!("{other}: a field of the header that nobody knows"),
            };
            let (start, bytes) = (size(&field["offset"]), size(&field["bytes"]));
            let value = &value.to_be_bytes()[size_of::<u64>() - bytes..];
            out[start..start + bytes].copy_from_slice(value);
        }
        out.extend_from_slice(data);
        out
    }
}
