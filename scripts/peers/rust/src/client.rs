//! Reads, puts and exchanges every workload with a flightbench server.
//!
//! What it puts is what it read, with decode=verify in the descriptor: the server
//! itself compares that with its generator.

use crate::command::Command;
use crate::encode;
use arrow_array::RecordBatch;
use arrow_flight::decode::DecodedPayload;
use arrow_flight::{FlightClient, FlightDescriptor, Ticket};
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

const BATCHES: usize = 7;
/// Bounds each combination, so that no client outlives a server that hangs.
const LIMIT: Duration = Duration::from_secs(60);

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub fn same<T: PartialEq + Debug>(what: &str, got: T, want: T) -> Result<()> {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, want {want:?}").into()) }
}

async fn read(client: &mut FlightClient, ticket: &Ticket, rows: usize) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut stream = client.do_get(ticket.clone()).await?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await? {
        batches.push(batch);
    }
    let schema = stream.schema().cloned().ok_or("no schema")?;
    same("batches", batches.len(), BATCHES)?;
    same("rows", batches.iter().map(RecordBatch::num_rows).sum(), rows * BATCHES)?;
    Ok((schema, batches))
}

async fn get(client: &mut FlightClient, command: &Command, rows: usize) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let descriptor = FlightDescriptor::new_cmd(command.with("endpoints", 2).bytes());
    let info = client.get_flight_info(descriptor.clone()).await?;
    same("endpoints", info.endpoint.len(), 2)?;
    same("total_records", info.total_records, (2 * rows * BATCHES) as i64)?;
    let tickets: Vec<Ticket> = info.endpoint.iter().filter_map(|e| e.ticket.clone()).collect();
    let schema: Schema = info.try_decode_schema()?;
    same("schema", client.get_schema(descriptor).await?, schema.clone())?;
    read(client, &tickets[1], rows).await?;
    let (got, batches) = read(client, &tickets[0], rows).await?;
    same("schema of the stream", got.as_ref(), &schema)?;
    Ok((got, batches))
}

async fn put(client: &mut FlightClient, command: &Command, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<()> {
    let descriptor = FlightDescriptor::new_cmd(command.with("decode", "verify").bytes());
    let numbered: Vec<_> = batches.iter().enumerate().map(|(i, b)| Ok((b.clone(), Bytes::from(format!("batch {i}"))))).collect();
    let mut acks = client.do_put(encode(stream::iter(numbered), Some(schema.clone()), Some(descriptor), command.options()?)).await?;
    for i in 0..batches.len() {
        let ack = acks.try_next().await?.ok_or("an ack is missing")?;
        same("ack", ack.app_metadata, format!("batch {i}").into())?;
    }
    same("end of acks", acks.try_next().await?, None)
}

async fn exchange(client: &mut FlightClient, command: &Command, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<()> {
    let descriptor = FlightDescriptor::new_cmd(command.bytes());
    let (sender, receiver) = mpsc::channel(1);
    let mut send = batches.iter().enumerate().map(|(i, b)| Ok((b.clone(), Bytes::from(i.to_string()))));
    sender.send(send.next().unwrap()).await?; // before the call: a server may answer only then
    let input = encode(ReceiverStream::new(receiver), Some(schema.clone()), Some(descriptor), command.options()?);
    let mut echoes = client.do_exchange(input).await?.into_inner();
    for (i, batch) in batches.iter().enumerate() {
        let echo = loop {
            let message = echoes.try_next().await?.ok_or("an echo is missing")?;
            if let DecodedPayload::RecordBatch(b) = message.payload {
                same("echoed metadata", message.inner.app_metadata, Bytes::from(i.to_string()))?;
                break b;
            }
        };
        if &echo != batch {
            return Err(format!("echo of batch {i} differs").into());
        }
        if let Some(next) = send.next() {
            sender.send(next).await?;
        }
    }
    drop(sender);
    same("end of echoes", echoes.next().await.is_none(), true)
}

pub async fn combination(client: &mut FlightClient, workload: &str, compression: &str, rows: usize) -> Result<()> {
    let members =
        json!({"flightbench": 1, "workload": workload, "rows": rows, "distinct": 3, "batches": BATCHES, "compression": compression});
    let command = Command(members.as_object().unwrap().clone());
    let (schema, batches) = get(client, &command, rows).await.map_err(|e| format!("get: {e}"))?;
    put(client, &command, &schema, &batches).await.map_err(|e| format!("put: {e}"))?;
    exchange(client, &command, &schema, &batches).await.map_err(|e| format!("exchange: {e}").into())
}

/// Prints a line for each combination and ends at the first difference.
pub async fn check(uri: &str, workloads: &str, compressions: &str, rows: &str) -> Result<()> {
    let rows = rows.parse()?;
    let channel = Endpoint::from_shared(uri.replacen("grpc", "http", 1))?.connect_timeout(LIMIT).connect().await?;
    let flight = arrow_flight::flight_service_client::FlightServiceClient::new(channel);
    let mut client = FlightClient::new_from_inner(flight.max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX));
    for workload in workloads.split(',') {
        for compression in compressions.split(',') {
            let done = tokio::time::timeout(LIMIT, combination(&mut client, workload, compression, rows)).await;
            done.map_err(|e| e.into()).flatten().map_err(|e: Box<dyn Error>| format!("{workload} {compression}: {e}"))?;
            println!("ok {workload} {compression} {} rows", rows * BATCHES);
        }
    }
    Ok(())
}
