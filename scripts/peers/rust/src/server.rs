//! A server that keeps what is put and gives it back, and has the features.

use crate::access::Access;
use crate::command::Command;
use crate::encode;
use crate::features::{self, Features};
use arrow_array::RecordBatch;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoResult, CancelStatus, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, IpcMessage, PollInfo, PutResult, RenewFlightEndpointRequest, SchemaAsIpc, SchemaResult, Ticket,
};
use arrow_ipc::writer::IpcWriteOptions;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use prost::Message;
use std::collections::HashMap;
use std::error::Error;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
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
    access: Access,
    features: Arc<Features>,
    streams: Arc<Mutex<HashMap<String, Received>>>,
}

/// A descriptor's command, or its path.
fn name(descriptor: &FlightDescriptor) -> String {
    if descriptor.cmd.is_empty() { descriptor.path.join("/") } else { String::from_utf8_lossy(&descriptor.cmd).into_owned() }
}

/// Names the data that a command, a path or a ticket asks for.
fn key(command: &str) -> Result<String, Status> {
    if command.starts_with('{') { Ok(Command::parse(command.as_bytes())?.key()) } else { Ok(command.into()) }
}

impl Store {
    fn find(&self, command: &str) -> Result<Received, Status> {
        let missing = || Status::not_found(format!("nothing was put under {command}"));
        self.streams.lock().unwrap().get(&key(command)?).cloned().ok_or_else(missing)
    }

    fn schema(&self, command: &str) -> Result<SchemaRef, Status> {
        if features::has(command) { Ok(features::schema(command)) } else { Ok(self.find(command)?.schema) }
    }
}

/// Takes the descriptor off a stream's first message, which it leaves in it.
async fn begin(mut messages: Streaming<FlightData>) -> Result<(String, FlightDataDecoder), Status> {
    let first = messages.message().await?.ok_or_else(|| Status::invalid_argument("an empty stream"))?;
    let command = name(first.flight_descriptor.as_ref().ok_or_else(|| Status::invalid_argument("no descriptor"))?);
    // The decoder refuses a message without a header, as one with nothing but a descriptor is.
    let first = stream::iter((!first.data_header.is_empty()).then_some(Ok(first)));
    Ok((command, FlightDataDecoder::new(first.chain(messages.map_err(FlightError::from)))))
}

/// How to send what a command asks for; not said by a path.
fn sending(command: &str) -> Result<Option<Command>, Status> {
    if command.starts_with('{') { Command::parse(command.as_bytes()).map(Some) } else { Ok(None) }
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
        self.access.admit(request.metadata())?;
        let descriptor = request.into_inner();
        let command = name(&descriptor);
        let info = if features::has(&command) {
            self.features.info(&command, descriptor)?
        } else {
            let schema = self.schema(&command)?;
            let info = FlightInfo::new().try_with_schema(&schema).map_err(|e| Status::internal(e.to_string()))?;
            info.with_descriptor(descriptor).with_endpoint(FlightEndpoint::new().with_ticket(Ticket::new(command)))
        };
        let mut response = Response::new(info);
        response.metadata_mut().insert("set-cookie", "peer=crumb".parse().map_err(|_| Status::internal("the cookie is no header"))?);
        Ok(response)
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        self.access.admit(request.metadata())?;
        let ticket = String::from_utf8_lossy(&request.get_ref().ticket).into_owned();
        if features::has(&ticket) {
            return Ok(Response::new(self.features.stream(&ticket, request.metadata())?));
        }
        let (found, asked) = (self.find(&ticket)?, sending(&ticket)?);
        let batches = found.batches;
        let (count, options) = match asked {
            Some(asked) => (asked.batches(), asked.options()?),
            None => (batches.len(), IpcWriteOptions::default()),
        };
        let input = stream::iter((0..count).map(move |i| Ok((batches[i % batches.len()].clone(), Bytes::new()))));
        Ok(Response::new(encode(input, Some(found.schema), None, options).map_err(Status::from).boxed()))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        self.access.admit(request.metadata())?;
        let (command, mut decoder) = begin(request.into_inner()).await?;
        let (store, to) = (self.clone(), key(&command)?);
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
            store.streams.lock().unwrap().insert(to, Received { schema, batches: Arc::new(batches) });
        };
        Ok(Response::new(acks.boxed()))
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoExchangeStream> {
        self.access.admit(request.metadata())?;
        let (command, decoder) = begin(request.into_inner()).await?;
        let options = sending(&command)?.map_or(Ok(IpcWriteOptions::default()), |asked| asked.options())?;
        let input = decoder.try_filter_map(|message| async move {
            Ok(match message.payload {
                DecodedPayload::RecordBatch(batch) => Some((batch, message.inner.app_metadata)),
                _ => None,
            })
        });
        Ok(Response::new(encode(input, None, None, options).map_err(Status::from).boxed()))
    }

    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Answer<Self::HandshakeStream> {
        let (metadata, _, messages) = request.into_parts();
        self.access.handshake(&metadata, messages).await
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        self.access.admit(request.metadata())?;
        let listed = ["plain", "two"].map(|n| self.features.info(n, FlightDescriptor::new_path(vec![n.into()])));
        Ok(Response::new(stream::iter(listed).boxed()))
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<PollInfo> {
        self.access.admit(request.metadata())?;
        let path = name(request.get_ref());
        if !features::has(path.split('/').next().unwrap_or_default()) {
            return Err(Status::not_found(format!("no feature {path}")));
        }
        Ok(Response::new(self.features.poll(&path)?))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        self.access.admit(request.metadata())?;
        let schema = self.schema(&name(request.get_ref()))?;
        let message =
            IpcMessage::try_from(SchemaAsIpc::new(&schema, &IpcWriteOptions::default())).map_err(|e| Status::internal(e.to_string()))?;
        Ok(Response::new(SchemaResult { schema: message.0 }))
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        self.access.admit(request.metadata())?;
        let action = request.into_inner();
        let body = match action.r#type.as_str() {
            "ping" => Bytes::from("ok"),
            "echo" => action.body,
            "cancelled" => self.features.cancelled().to_string().into(),
            "CancelFlightInfo" => CancelFlightInfoResult::new(CancelStatus::Cancelled).encode_to_vec().into(),
            "RenewFlightEndpoint" => {
                let asked = RenewFlightEndpointRequest::decode(action.body).map_err(|e| Status::invalid_argument(e.to_string()))?;
                let ticket = asked.endpoint.and_then(|e| e.ticket).unwrap_or_default().ticket;
                self.features.expiring(&String::from_utf8_lossy(&ticket), Duration::from_secs(60)).encode_to_vec().into()
            }
            other => return Err(Status::invalid_argument(format!("unknown action {other}"))),
        };
        Ok(Response::new(stream::iter([Ok(arrow_flight::Result { body })]).boxed()))
    }

    async fn list_actions(&self, request: Request<Empty>) -> Answer<Self::ListActionsStream> {
        self.access.admit(request.metadata())?;
        let listed = [
            ("ping", "Answers ok."),
            ("echo", "Answers with its body."),
            ("cancelled", "How many streams of slow were seen to be cancelled."),
            ("CancelFlightInfo", "Cancels nothing."),
            ("RenewFlightEndpoint", "Adds a minute."),
        ];
        let types = listed.map(|(name, what)| Ok(ActionType { r#type: name.into(), description: what.into() }));
        Ok(Response::new(stream::iter(types).boxed()))
    }
}

/// Prints the URI and serves until standard input ends.
pub async fn serve(options: &[&str]) -> Result<(), Box<dyn Error>> {
    let access = Access::parse(options)?;
    let (scheme, address) = access.listen.split_once("://").ok_or("--listen needs a URI")?;
    let mut builder = tonic::transport::Server::builder();
    if let Some(tls) = access.tls()? {
        builder = builder.tls_config(tls)?;
    }
    let service = |uri: &str| {
        println!("{uri}");
        let store = Store { access: access.clone(), features: Arc::new(Features::at(uri)), ..Store::default() };
        FlightServiceServer::new(store).max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX)
    };
    let server = if scheme == "grpc+unix" {
        let listener = UnixListener::bind(address)?;
        builder.add_service(service(&access.listen)).serve_with_incoming(UnixListenerStream::new(listener)).boxed()
    } else {
        let listener = TcpListener::bind(address).await?;
        let uri = format!("{}://{}", access.scheme(), listener.local_addr()?);
        builder.add_service(service(&uri)).serve_with_incoming(TcpListenerStream::new(listener)).boxed()
    };
    let stdin = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        done = server => Ok(done?),
        _ = stdin => Ok(()),
    }
}
