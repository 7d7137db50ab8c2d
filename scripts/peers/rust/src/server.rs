//! A server that keeps what is put and gives it back.

use crate::command::Command;
use crate::encode;
use arrow_array::RecordBatch;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::error::Error;
use std::io::Read;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming};

type Answer<T> = Result<Response<T>, Status>;
type Messages<T> = BoxStream<'static, Result<T, Status>>;

#[derive(Clone)]
struct Received {
    schema: SchemaRef,
    batches: Arc<Vec<RecordBatch>>,
}

#[derive(Clone, Default)]
struct Store {
    streams: Arc<Mutex<HashMap<String, Received>>>,
}

impl Store {
    fn find(&self, command: &[u8]) -> Result<Received, Status> {
        let missing = || Status::not_found(format!("nothing was put under {}", String::from_utf8_lossy(command)));
        self.streams.lock().unwrap().get(&Command::parse(command)?.key()).cloned().ok_or_else(missing)
    }
}

/// Takes the descriptor off a stream's first message, which it leaves in it.
async fn begin(mut messages: Streaming<FlightData>) -> Result<(Command, FlightDataDecoder), Status> {
    let first = messages.message().await?.ok_or_else(|| Status::invalid_argument("an empty stream"))?;
    let descriptor = first.flight_descriptor.as_ref().ok_or_else(|| Status::invalid_argument("no descriptor"))?;
    let command = Command::parse(&descriptor.cmd)?;
    // The decoder refuses a message without a header, as one with nothing but a descriptor is.
    let first = stream::iter((!first.data_header.is_empty()).then_some(Ok(first)));
    Ok((command, FlightDataDecoder::new(first.chain(messages.map_err(FlightError::from)))))
}

#[tonic::async_trait]
impl FlightService for Store {
    type HandshakeStream = Messages<HandshakeResponse>;
    type ListFlightsStream = Messages<FlightInfo>;
    type DoGetStream = Messages<FlightData>;
    type DoPutStream = Messages<PutResult>;
    type DoExchangeStream = Messages<FlightData>;
    type DoActionStream = Messages<arrow_flight::Result>;
    type ListActionsStream = Messages<ActionType>;

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let descriptor = request.into_inner();
        let found = self.find(&descriptor.cmd)?;
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(descriptor.cmd.clone()));
        let info = FlightInfo::new().try_with_schema(&found.schema).map_err(|e| Status::internal(e.to_string()))?;
        Ok(Response::new(info.with_descriptor(descriptor).with_endpoint(endpoint)))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        let ticket = request.into_inner().ticket;
        let (found, asked) = (self.find(&ticket)?, Command::parse(&ticket)?);
        let batches = found.batches;
        let input = stream::iter((0..asked.batches()).map(move |i| Ok((batches[i % batches.len()].clone(), Bytes::new()))));
        Ok(Response::new(encode(input, Some(found.schema), None, asked.options()?).map_err(Status::from).boxed()))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let (command, mut decoder) = begin(request.into_inner()).await?;
        let store = self.clone();
        let acks = async_stream::try_stream! {
            let mut batches = Vec::new();
            while let Some(message) = decoder.try_next().await? {
                if let DecodedPayload::RecordBatch(batch) = message.payload {
                    batches.push(batch);
                    if !message.inner.app_metadata.is_empty() {
                        yield PutResult { app_metadata: message.inner.app_metadata };
                    }
                }
            }
            let schema = decoder.schema().cloned().ok_or_else(|| Status::invalid_argument("no schema"))?;
            store.streams.lock().unwrap().insert(command.key(), Received { schema, batches: Arc::new(batches) });
        };
        Ok(Response::new(acks.boxed()))
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoExchangeStream> {
        let (command, decoder) = begin(request.into_inner()).await?;
        let input = decoder.try_filter_map(|message| async move {
            Ok(match message.payload {
                DecodedPayload::RecordBatch(batch) => Some((batch, message.inner.app_metadata)),
                _ => None,
            })
        });
        Ok(Response::new(encode(input, None, None, command.options()?).map_err(Status::from).boxed()))
    }

    async fn handshake(&self, _: Request<Streaming<HandshakeRequest>>) -> Answer<Self::HandshakeStream> {
        Err(Status::unimplemented("Handshake"))
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        Err(Status::unimplemented("ListFlights"))
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<PollInfo> {
        Err(Status::unimplemented("PollFlightInfo"))
    }

    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        Err(Status::unimplemented("GetSchema"))
    }

    async fn do_action(&self, _: Request<Action>) -> Answer<Self::DoActionStream> {
        Err(Status::unimplemented("DoAction"))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Answer<Self::ListActionsStream> {
        Err(Status::unimplemented("ListActions"))
    }
}

/// Prints the URI and serves until standard input ends.
pub async fn serve() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("grpc://{}", listener.local_addr()?);
    let service = FlightServiceServer::new(Store::default()).max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX);
    let server = tonic::transport::Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
    let stdin = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        done = server => Ok(done?),
        _ = stdin => Ok(()),
    }
}
