//! The Rust peer: see scripts/peers/rust.sh.

mod access;
mod client;
mod command;
mod features;
mod rpcs;
mod server;

use arrow_array::RecordBatch;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::{FlightError, Result};
use arrow_flight::{FlightData, FlightDescriptor};
use arrow_ipc::MessageHeader;
use arrow_ipc::writer::IpcWriteOptions;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

/// Encodes batches, each with its app_metadata, as they come.
///
/// The encoder itself has no place for a batch's app_metadata: it is put on its
/// output. So that there is one message for each batch, none is split.
fn encode<S>(
    input: S,
    schema: Option<SchemaRef>,
    descriptor: Option<FlightDescriptor>,
    options: IpcWriteOptions,
) -> impl Stream<Item = Result<FlightData>> + Send + 'static
where
    S: Stream<Item = Result<(RecordBatch, Bytes)>> + Send + 'static,
{
    let waiting = Arc::new(Mutex::new(VecDeque::new()));
    let coming = waiting.clone();
    let batches = input.map_ok(move |(batch, metadata)| {
        coming.lock().unwrap().push_back(metadata);
        batch
    });
    let mut builder = FlightDataEncoderBuilder::new()
        .with_options(options)
        .with_max_flight_data_size(usize::MAX)
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_flight_descriptor(descriptor);
    if let Some(schema) = schema {
        builder = builder.with_schema(schema);
    }
    builder.build(batches).map(move |message| {
        let mut message = message?;
        let header = arrow_ipc::root_as_message(&message.data_header).map_err(|e| FlightError::DecodeError(e.to_string()))?;
        if header.header_type() == MessageHeader::RecordBatch {
            message.app_metadata = waiting.lock().unwrap().pop_front().unwrap();
        }
        Ok(message)
    })
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["server", ref options @ ..] => server::serve(options).await,
        ["rpcs", uri, ref options @ ..] => rpcs::check(uri, options).await,
        ["client", uri, workloads] => client::check(uri, workloads, "none,lz4,zstd", "1000").await,
        ["client", uri, workloads, compressions] => client::check(uri, workloads, compressions, "1000").await,
        ["client", uri, workloads, compressions, rows] => client::check(uri, workloads, compressions, rows).await,
        _ => {
            eprintln!("usage: rust.sh server [OPTION...] | rpcs URI [OPTION...] | client URI WORKLOAD[,...] [COMPRESSION[,...] [ROWS]]");
            return ExitCode::from(2);
        }
    };
    if let Err(e) = done {
        eprintln!("{e}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
