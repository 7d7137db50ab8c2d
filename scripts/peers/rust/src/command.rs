//! The JSON object of a descriptor or ticket: see docs/server.md.

use arrow_ipc::CompressionType;
use arrow_ipc::writer::IpcWriteOptions;
use bytes::Bytes;
use serde_json::{Map, Value};
use tonic::Status;

/// The members that say how to send data, and not which.
const SENDING: [&str; 5] = ["compression", "batches", "endpoints", "start", "decode"];

#[derive(Clone)]
pub struct Command(pub Map<String, Value>);

impl Command {
    pub fn parse(json: &[u8]) -> Result<Self, Status> {
        serde_json::from_slice(json).map(Self).map_err(|e| Status::invalid_argument(format!("the command is no JSON object: {e}")))
    }

    pub fn with(&self, name: &str, value: impl Into<Value>) -> Self {
        let mut all = self.clone();
        all.0.insert(name.into(), value.into());
        all
    }

    /// Names the data, whatever way it is to be sent.
    pub fn key(&self) -> String {
        let data: std::collections::BTreeMap<_, _> = self.0.iter().filter(|(k, _)| !SENDING.contains(&k.as_str())).collect();
        serde_json::to_string(&data).unwrap()
    }

    pub fn batches(&self) -> usize {
        self.0.get("batches").and_then(Value::as_u64).unwrap_or(1) as usize
    }

    /// The level of a codec, as in zstd:3, is left to the library.
    pub fn options(&self) -> Result<IpcWriteOptions, Status> {
        let compression = self.0.get("compression").and_then(Value::as_str).unwrap_or("none");
        let codec = match compression.split(':').next().unwrap() {
            "none" => None,
            "lz4" => Some(CompressionType::LZ4_FRAME),
            "zstd" => Some(CompressionType::ZSTD),
            _ => return Err(Status::invalid_argument(format!("compression {compression}"))),
        };
        IpcWriteOptions::default().try_with_compression(codec).map_err(|e| Status::internal(e.to_string()))
    }

    pub fn bytes(&self) -> Bytes {
        serde_json::to_vec(&self.0).unwrap().into()
    }
}
