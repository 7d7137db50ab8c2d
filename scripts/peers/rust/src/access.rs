//! Who may call a server, and over what: the options that every peer has.

use arrow_flight::{BasicAuth, HandshakeRequest, HandshakeResponse};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use prost::Message;
use std::error::Error;
use std::path::Path;
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use tonic::{Response, Status, Streaming};

const USER: &str = "bench";
const PASSWORD: &str = "open sesame";
const TOKEN: &str = "let-me-in";
/// What a login is answered with.
const LOGGED_IN: &str = "a token of the Rust peer";

#[derive(Clone, Debug, Default)]
pub struct Access {
    pub listen: String,
    tls: Option<String>,
    mtls: bool,
    auth: String,
}

impl Access {
    pub fn parse(args: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut access = Self { listen: "grpc://127.0.0.1:0".into(), auth: "none".into(), ..Self::default() };
        let mut rest = args.iter();
        while let Some(&option) = rest.next() {
            let mut value = || rest.next().map(|v| v.to_string()).ok_or(format!("{option} needs a value"));
            match option {
                "--listen" => access.listen = value()?,
                "--tls" => access.tls = Some(value()?),
                "--mtls" => access.mtls = true,
                "--auth" => access.auth = value()?,
                _ => return Err(format!("unknown option {option}").into()),
            }
        }
        match access.auth.as_str() {
            "none" | "token" | "basic" | "handshake" | "handshake-plain" => Ok(access),
            other => Err(format!("--auth {other}: use none, token, basic, handshake or handshake-plain").into()),
        }
    }

    /// The scheme of the server's URI.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "grpc+tls" } else { "grpc" }
    }

    pub fn tls(&self) -> Result<Option<ServerTlsConfig>, Box<dyn Error>> {
        let Some(dir) = &self.tls else { return Ok(None) };
        let read = |name: &str| std::fs::read(Path::new(dir).join(name));
        let mut config = ServerTlsConfig::new().identity(Identity::from_pem(read("cert.pem")?, read("key.pem")?));
        if self.mtls {
            config = config.client_ca_root(Certificate::from_pem(read("ca.pem")?));
        }
        Ok(Some(config))
    }

    /// Refuses a call that has not what this server asks for.
    pub fn admit(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let bearer = |want: &str| {
            let got = metadata.get("authorization").and_then(|v| v.to_str().ok());
            got == Some(&format!("Bearer {want}"))
        };
        let admitted = match self.auth.as_str() {
            "none" => true,
            "token" => bearer(TOKEN),
            "basic" => bearer(LOGGED_IN),
            _ => {
                let token = metadata.get_bin("auth-token-bin").and_then(|v| v.to_bytes().ok());
                token.is_some_and(|t| t == LOGGED_IN.as_bytes())
            }
        };
        if admitted { Ok(()) } else { Err(Status::unauthenticated("no token, or an invalid one")) }
    }

    /// The Handshake RPC: the token is the answer's payload, and for basic its authorization header too.
    pub async fn handshake(
        &self,
        metadata: &MetadataMap,
        mut messages: Streaming<HandshakeRequest>,
    ) -> Result<Response<stream::BoxStream<'static, Result<HandshakeResponse, Status>>>, Status> {
        let (user, password) = match self.auth.as_str() {
            "basic" => {
                let header = metadata.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
                let encoded = header.strip_prefix("Basic ").ok_or_else(|| Status::unauthenticated("no authorization: Basic header"))?;
                let decoded = BASE64_STANDARD.decode(encoded).map_err(|e| Status::invalid_argument(format!("authorization: {e}")))?;
                let pair = String::from_utf8(decoded).map_err(|e| Status::invalid_argument(format!("authorization: {e}")))?;
                pair.split_once(':').map(|(u, p)| (u.to_string(), p.to_string())).unwrap_or_default()
            }
            "handshake" => {
                let auth =
                    BasicAuth::decode(payload(&mut messages).await?).map_err(|e| Status::invalid_argument(format!("no BasicAuth: {e}")))?;
                (auth.username, auth.password)
            }
            "handshake-plain" => (text(payload(&mut messages).await?)?, text(payload(&mut messages).await?)?),
            _ => return Err(Status::unimplemented("Handshake")),
        };
        if (user.as_str(), password.as_str()) != (USER, PASSWORD) {
            return Err(Status::unauthenticated("wrong user or password"));
        }
        let answer = HandshakeResponse { protocol_version: 0, payload: Bytes::from(LOGGED_IN) };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed());
        if self.auth == "basic" {
            let value = format!("Bearer {LOGGED_IN}").parse().map_err(|_| Status::internal("the token is no header"))?;
            response.metadata_mut().insert("authorization", value);
        }
        Ok(response)
    }
}

async fn payload(messages: &mut Streaming<HandshakeRequest>) -> Result<Bytes, Status> {
    let message = messages.message().await?.ok_or_else(|| Status::invalid_argument("a payload is missing"))?;
    Ok(message.payload)
}

fn text(payload: Bytes) -> Result<String, Status> {
    String::from_utf8(payload.to_vec()).map_err(|e| Status::invalid_argument(format!("a payload is no text: {e}")))
}
