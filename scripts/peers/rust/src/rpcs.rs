//! Makes every call that arrow-flight's client has against a flightbench server.

use crate::client::{Result, combination, same};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, BasicAuth, CancelFlightInfoRequest, FlightClient, FlightDescriptor, HandshakeRequest, PollInfo, Ticket};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use serde_json::json;
use std::collections::HashMap;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request};

const ROWS: usize = 100;
const BATCHES: usize = 7;

fn env(name: &str) -> Result<String> {
    std::env::var(name).map_err(|e| format!("{name}: {e}").into())
}

async fn connect(uri: &str, given: &HashMap<&str, &str>) -> Result<Channel> {
    let read = |option: &str| given.get(option).map(std::fs::read).transpose();
    let (scheme, rest) = uri.split_once("://").ok_or("no URI")?;
    let mut endpoint = Endpoint::from_shared(format!("{}://{rest}", if scheme == "grpc+tls" { "https" } else { "http" }))?;
    if let Some(ca) = read("--cacert")? {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        if let (Some(cert), Some(key)) = (read("--cert")?, read("--key")?) {
            tls = tls.identity(Identity::from_pem(cert, key));
        }
        endpoint = endpoint.tls_config(tls)?;
    }
    Ok(endpoint.connect().await?)
}

fn command(more: serde_json::Value) -> Vec<u8> {
    let mut members = json!({"flightbench": 1, "workload": "perf", "rows": ROWS, "distinct": 2, "batches": BATCHES});
    for (k, v) in more.as_object().into_iter().flatten() {
        members[k] = v.clone();
    }
    members.to_string().into_bytes()
}

/// Logs in and leaves what each call needs in the client's metadata.
async fn login(client: &mut FlightClient, auth: &str) -> Result<()> {
    match auth {
        "none" => {}
        "token" => {
            let token = env("FLIGHTBENCH_TOKEN")?;
            client.add_header("authorization", &format!("Bearer {token}"))?;
        }
        "handshake" => {
            let auth = BasicAuth { username: env("FLIGHTBENCH_USER")?, password: env("FLIGHTBENCH_PASSWORD")? };
            let token = client.handshake(auth.encode_to_vec()).await?;
            client.metadata_mut().insert_bin("auth-token-bin", MetadataValue::from_bytes(&token));
        }
        "basic" => {
            let pair = format!("{}:{}", env("FLIGHTBENCH_USER")?, env("FLIGHTBENCH_PASSWORD")?);
            let mut request = Request::new(stream::iter([HandshakeRequest::default()]));
            request.metadata_mut().insert("authorization", format!("Basic {}", BASE64_STANDARD.encode(pair)).parse()?);
            let mut answer = client.inner_mut().handshake(request).await?;
            let mut token = answer.metadata().get("authorization").cloned();
            while answer.get_mut().message().await?.is_some() {}
            if token.is_none() {
                token = answer.get_mut().trailers().await?.and_then(|t| t.get("authorization").cloned());
            }
            client.metadata_mut().insert("authorization", token.ok_or("no bearer token in headers or trailers")?);
        }
        other => return Err(format!("--auth {other}: use none, token, basic or handshake").into()),
    }
    Ok(())
}

/// Makes the calls, with arguments [--cacert F] [--cert F --key F] [--auth METHOD].
pub async fn check(uri: &str, args: &[&str]) -> Result<()> {
    let given: HashMap<&str, &str> = args.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let auth = given.get("--auth").copied().unwrap_or("none");
    let channel = connect(uri, &given).await?;
    if auth != "none" {
        let refused = FlightClient::new(channel.clone()).list_actions().await.err().ok_or("a call without credentials was answered")?;
        same("a call without credentials", tonic::Status::from(refused).code(), Code::Unauthenticated)?;
        println!("ok refused");
    }
    let mut client = FlightClient::new_from_inner(FlightServiceClient::new(channel));
    login(&mut client, auth).await?;
    println!("ok {}", if matches!(auth, "none" | "token") { "connect" } else { "Handshake" });
    all(&mut client).await
}

async fn all(client: &mut FlightClient) -> Result<()> {
    let two = FlightDescriptor::new_cmd(command(json!({"endpoints": 2})));
    let flights: Vec<_> = client.list_flights("").await?.try_collect().await?;
    same("flights are listed", flights.is_empty(), false)?;
    println!("ok ListFlights");
    let info = client.get_flight_info(two.clone()).await?;
    same("endpoints", info.endpoint.len(), 2)?;
    println!("ok GetFlightInfo");
    let mut poll: PollInfo = client.poll_flight_info(two.clone()).await?;
    for _ in 0..100 {
        let Some(again) = poll.flight_descriptor.take() else { break };
        poll = client.poll_flight_info(again).await?;
    }
    same("endpoints of the last poll", poll.info.map(|i| i.endpoint.len()), Some(2))?;
    println!("ok PollFlightInfo");
    same("schema", client.get_schema(two).await?, info.clone().try_decode_schema()?)?;
    println!("ok GetSchema");
    combination(client, "perf", "none", ROWS).await?;
    println!("ok DoGet\nok DoPut\nok DoExchange");
    let pong: Vec<_> = client.do_action(Action::new("ping", "")).await?.try_collect().await?;
    same("ping", pong, vec!["ok".into()])?;
    println!("ok DoAction");
    let actions: Vec<_> = client.list_actions().await?.try_collect().await?;
    same("ping is listed", actions.iter().any(|a| a.r#type == "ping"), true)?;
    println!("ok ListActions");
    let cancelled = client.cancel_flight_info(CancelFlightInfoRequest::new(info)).await?;
    same("CancelFlightInfo is answered", cancelled.status != 0, true)?;
    println!("ok CancelFlightInfo");
    let mut endless = client.do_get(Ticket::new(command(json!({"batches": 1_000_000})))).await?;
    same("a batch of an endless stream", endless.next().await.is_some(), true)?;
    drop(endless); // which cancels the call
    println!("ok cancel");
    for (kind, code) in [
        ("unavailable", Code::Unavailable),
        ("unauthenticated", Code::Unauthenticated),
        ("unauthorized", Code::PermissionDenied),
        ("timed_out", Code::DeadlineExceeded),
        ("cancelled", Code::Cancelled),
        ("internal", Code::Internal),
        ("server_error", Code::Unknown),
    ] {
        let stream = client.do_get(Ticket::new(command(json!({"fail": kind, "fail_after": 2})))).await?;
        let ended = stream.try_collect::<Vec<_>>().await.err().ok_or("the stream ended without an error")?;
        same(kind, tonic::Status::from(ended).code(), code)?;
    }
    println!("ok errors");
    Ok(())
}
