//! The streams of scripts/peers/README.md.

use crate::encode;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, PollInfo, Ticket};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryHandling, DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

const BATCHES: usize = 4;
const ROWS: usize = 100;
const SLOW_BATCHES: usize = 400;
const SLOW_PAUSE: Duration = Duration::from_millis(10);
const LIFE: Duration = Duration::from_millis(800);
const DEAD: &str = "grpc://127.0.0.1:1";
const NAMES: [&str; 19] = [
    "plain",
    "two",
    "location-self",
    "location-reuse",
    "location-second",
    "location-dead",
    "expiring",
    "unknown-totals",
    "metadata-only",
    "zero-rows",
    "dictionary",
    "dictionary-delta",
    "dictionary-replaced",
    "lz4",
    "zstd",
    "slow",
    "needs-header",
    "needs-binary-header",
    "needs-cookie",
];

pub type Messages = BoxStream<'static, Result<FlightData, Status>>;

#[derive(Default)]
pub struct Features {
    uri: String,
    cancelled: Arc<AtomicU64>,
    expires: Mutex<HashMap<String, SystemTime>>,
}

fn error_of(name: &str) -> Option<Code> {
    Some(match name.strip_prefix("error-")? {
        "unavailable" => Code::Unavailable,
        "unauthenticated" => Code::Unauthenticated,
        "unauthorized" => Code::PermissionDenied,
        "timed_out" => Code::DeadlineExceeded,
        "cancelled" => Code::Cancelled,
        "internal" => Code::Internal,
        "server_error" => Code::Unknown,
        _ => return None,
    })
}

/// The name of a ticket NAME#PART.
fn stem(ticket: &str) -> &str {
    ticket.split('#').next().unwrap_or_default()
}

/// Tells whether a name, or a ticket NAME#PART, is one of the streams.
pub fn has(name: &str) -> bool {
    NAMES.contains(&stem(name)) || error_of(stem(name)).is_some()
}

fn internal(e: ArrowError) -> Status {
    Status::internal(e.to_string())
}

pub fn schema(name: &str) -> SchemaRef {
    if stem(name).starts_with("dictionary") {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        return Arc::new(Schema::new(vec![Field::new("d", dictionary, true)]));
    }
    Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)]))
}

fn plain(i: usize, rows: usize) -> Result<RecordBatch, ArrowError> {
    let numbers = i * rows..(i + 1) * rows;
    let a: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.clone().map(|n| n as i64)));
    let b: ArrayRef = Arc::new(StringArray::from_iter_values(numbers.map(|n| format!("row {n}"))));
    RecordBatch::try_new(schema("plain"), vec![a, b])
}

fn dictionary(name: &str, i: usize) -> Result<RecordBatch, ArrowError> {
    let values: Vec<String> = match name {
        "dictionary-delta" => (0..3 * (i + 1)).map(|n| format!("value {n}")).collect(),
        "dictionary-replaced" => (0..3).map(|n| format!("value {n} of {i}")).collect(),
        _ => (0..3).map(|n| format!("value {n}")).collect(),
    };
    let indices = Int32Array::from_iter_values((0..ROWS).map(|n| (n % values.len()) as i32));
    let column = DictionaryArray::<Int32Type>::try_new(indices, Arc::new(StringArray::from(values)))?;
    RecordBatch::try_new(schema(name), vec![Arc::new(column)])
}

impl Features {
    /// The features of a server that listens there.
    pub fn at(uri: &str) -> Self {
        Self { uri: uri.into(), ..Self::default() }
    }

    pub fn cancelled(&self) -> u64 {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub fn info(&self, name: &str, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
        let endpoint = |ticket: &str| FlightEndpoint::new().with_ticket(Ticket::new(ticket.to_string()));
        let endpoints = match name {
            "two" => vec![endpoint("two#0"), endpoint("two#1")],
            "location-self" => vec![endpoint(name).with_location(&self.uri)],
            "location-reuse" => vec![endpoint(name).with_location("arrow-flight-reuse-connection://?")],
            "location-second" => vec![endpoint(name).with_location(DEAD).with_location(&self.uri)],
            "location-dead" => vec![endpoint(name).with_location(DEAD)],
            "expiring" => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                vec![self.expiring(&format!("expiring#{}", now.as_nanos()), LIFE)]
            }
            _ => vec![endpoint(name)],
        };
        let records = match name {
            "unknown-totals" => -1,
            "slow" => SLOW_BATCHES as i64,
            _ => (BATCHES * ROWS) as i64,
        };
        let info = FlightInfo::new().try_with_schema(&schema(name)).map_err(internal)?.with_descriptor(descriptor);
        Ok(info.with_endpoints(endpoints).with_total_records(records).with_total_bytes(-1).with_ordered(name == "two"))
    }

    /// Complete at the third poll: PATH NAME, then NAME/1, then NAME/2.
    pub fn poll(&self, path: &str) -> Result<PollInfo, Status> {
        let (name, n) = path.split_once('/').unwrap_or((path, "0"));
        let n: u32 = n.parse().map_err(|e| Status::invalid_argument(format!("{path}: {e}")))?;
        let path_of = |parts: &[&str]| FlightDescriptor::new_path(parts.iter().map(|p| p.to_string()).collect());
        let mut info = self.info(name, path_of(&[name]))?;
        let mut poll = PollInfo::new().try_with_progress(f64::from(n + 1) / 3.0).map_err(internal)?;
        if n < 2 {
            info.endpoint.clear();
            poll = poll.with_descriptor(path_of(&[name, &(n + 1).to_string()]));
        }
        Ok(poll.with_info(info))
    }

    pub fn expiring(&self, ticket: &str, life: Duration) -> FlightEndpoint {
        let until = SystemTime::now() + life;
        self.expires.lock().unwrap().insert(ticket.to_string(), until);
        FlightEndpoint::new().with_ticket(Ticket::new(ticket.to_string())).with_expiration_time(until.into())
    }

    /// Refuses a ticket that has expired, or a call without what its name asks for.
    fn admit(&self, ticket: &str, metadata: &MetadataMap) -> Result<(), Status> {
        let missing = |what: &str| Err(Status::unauthenticated(format!("{what} is missing")));
        match stem(ticket) {
            "expiring" => match self.expires.lock().unwrap().get(ticket) {
                Some(until) if *until > SystemTime::now() => Ok(()),
                _ => Err(Status::not_found(format!("the ticket {ticket} has expired: renew its endpoint"))),
            },
            "needs-header" if metadata.get("x-peer-feature").is_none_or(|v| v != "yes") => missing("the header x-peer-feature: yes"),
            "needs-binary-header" => match metadata.get_bin("x-peer-feature-bin").and_then(|v| v.to_bytes().ok()) {
                Some(v) if v.as_ref() == b"\x00\xff\x01" => Ok(()),
                _ => missing("the header x-peer-feature-bin with the bytes 00ff01"),
            },
            "needs-cookie" => match metadata.get("cookie").and_then(|v| v.to_str().ok()) {
                Some(v) if v.contains("peer=crumb") => Ok(()),
                _ => missing("the cookie peer=crumb, which GetFlightInfo set,"),
            },
            _ => Ok(()),
        }
    }

    pub fn stream(&self, ticket: &str, metadata: &MetadataMap) -> Result<Messages, Status> {
        self.admit(ticket, metadata)?;
        let name = stem(ticket).to_string();
        match name.as_str() {
            "slow" => return Ok(self.slow()),
            "dictionary-delta" => return deltas().map_err(internal),
            _ => {}
        }
        let codec = match name.as_str() {
            "lz4" => Some(CompressionType::LZ4_FRAME),
            "zstd" => Some(CompressionType::ZSTD),
            _ => None,
        };
        let options = IpcWriteOptions::default().try_with_compression(codec).map_err(internal)?;
        let batches = batches(ticket)?;
        let encoded = encode(stream::iter(batches), Some(schema(&name)), None, options).map_err(Status::from);
        if name != "metadata-only" {
            return Ok(encoded.boxed());
        }
        let note = || FlightData::new().with_app_metadata("before a message");
        Ok(encoded.flat_map(move |message| stream::iter([Ok(note()), message])).boxed())
    }

    fn slow(&self) -> Messages {
        let cancelled = self.cancelled.clone();
        let input = async_stream::stream! {
            let mut watch = Watch { ended: false, cancelled };
            for i in 0..SLOW_BATCHES {
                tokio::time::sleep(SLOW_PAUSE).await;
                yield plain(i, 1).map(|b| (b, Bytes::new())).map_err(FlightError::from);
            }
            watch.ended = true;
        };
        encode(input, Some(schema("slow")), None, IpcWriteOptions::default()).map_err(Status::from).boxed()
    }
}

/// Counts a stream that was dropped before its end: its client has gone.
struct Watch {
    ended: bool,
    cancelled: Arc<AtomicU64>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

type Batch = Result<(RecordBatch, Bytes), FlightError>;

/// The batches of a ticket, or those before its error and then that.
fn batches(ticket: &str) -> Result<Vec<Batch>, Status> {
    let name = stem(ticket);
    let range = match (name, ticket.split_once('#')) {
        ("two", Some((_, "0"))) => 0..2,
        ("two", Some((_, "1"))) => 2..4,
        ("two", _) => return Err(Status::invalid_argument(format!("the ticket {ticket} has no such part"))),
        _ => 0..BATCHES,
    };
    let mut all = Vec::new();
    for i in range {
        if let (Some(code), 2) = (error_of(name), i) {
            all.push(Err(FlightError::Tonic(Box::new(Status::new(code, format!("as asked for: {name}"))))));
            break;
        }
        if name == "zero-rows" {
            all.push(Ok((plain(0, 0).map_err(internal)?, Bytes::new())));
        }
        let batch = if name.starts_with("dictionary") { dictionary(name, i) } else { plain(i, ROWS) };
        all.push(Ok((batch.map_err(internal)?, Bytes::new())));
    }
    Ok(all)
}

/// arrow-flight's encoder sends no deltas: its lower half in arrow-ipc does.
fn deltas() -> Result<Messages, ArrowError> {
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let (generator, mut tracker, mut context) = (IpcDataGenerator::default(), DictionaryTracker::new(false), IpcWriteContext::default());
    let first = generator.schema_to_bytes_with_dictionary_tracker(&schema("dictionary-delta"), &mut tracker, &options);
    let mut messages = vec![Ok(FlightData::from(first))];
    for i in 0..BATCHES {
        let (dictionaries, batch) = generator.encode(&dictionary("dictionary-delta", i)?, &mut tracker, &options, &mut context)?;
        messages.extend(dictionaries.into_iter().chain([batch]).map(|d| Ok(FlightData::from(d))));
    }
    Ok(stream::iter(messages).boxed())
}
