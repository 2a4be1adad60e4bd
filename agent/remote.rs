//! Configurations at addresses: fetched over HTTP with the tokens that Telegraf sends.

use agent_api::{Result, anyhow, bail};
use agent_net::client::{Method, RequestBuilder, Setup, Url, header};
use std::time::Duration;

/// A configuration may have so many bytes.
const LONGEST: usize = 16 << 20;
/// So long between two attempts.
const PAUSE: Duration = Duration::from_secs(10);

/// Gets the text at an address; tried again up to `attempts` times (for ever if negative) where the server does not answer.
pub fn fetch(address: &str, attempts: i64) -> Result<String> {
    let url = Url::parse(address).map_err(|e| anyhow!("{address:?} is no address: {e}"))?;
    // Loading is plain code that may run within a runtime; the request has a thread and a runtime of its own.
    let request = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(request(url, attempts))
    });
    request.join().unwrap_or_else(|_| bail!("fetch {address}: panicked"))
}

/// When what is at an address was changed last, as the server says it; None where it does not say.
pub async fn last_modified(address: &str) -> Result<Option<String>> {
    let url = Url::parse(address).map_err(|e| anyhow!("{address:?} is no address: {e}"))?;
    let client = Setup::default().build(None)?;
    let answer = client.send(with_token(client.request(Method::HEAD, url)), LONGEST).await?;
    if !answer.status.is_success() {
        bail!("{}", answer.status);
    }
    Ok(answer.headers.get(header::LAST_MODIFIED).and_then(|v| v.to_str().ok()).map(str::to_owned))
}

/// Adds the token that the environment names.
fn with_token(request: RequestBuilder) -> RequestBuilder {
    let token = |name: &str| std::env::var(name).ok().filter(|t| !t.is_empty());
    if let Some(token) = token("TELEGRAF_CONTROLLER_TOKEN") {
        request.bearer_auth(token)
    } else if let Some(token) = token("INFLUX_TOKEN") {
        request.header(header::AUTHORIZATION, format!("Token {token}"))
    } else {
        request
    }
}

async fn request(url: Url, attempts: i64) -> Result<String> {
    let setup = Setup::default();
    let client = setup.build(None)?;
    let mut tried = 0;
    loop {
        let request = client.request(Method::GET, url.clone()).header(header::ACCEPT, "application/toml");
        let request = with_token(request);
        let failed = match client.send(request, LONGEST).await {
            Ok(answer) if answer.status.is_success() => {
                let body = answer.unpack(LONGEST)?;
                return String::from_utf8(body).map_err(|_| anyhow!("{url}: is no text"));
            }
            // What the server says no to will not be different in ten seconds.
            Ok(answer) if answer.status.is_client_error() => {
                bail!("fetch {url}: {} {}", answer.status, answer.excerpt())
            }
            Ok(answer) => anyhow!("fetch {url}: {} {}", answer.status, answer.excerpt()),
            Err(e) => anyhow!("fetch {url}: {e}"),
        };
        if attempts >= 0 && tried >= attempts {
            return Err(failed);
        }
        tried += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// A server that gives each connection the next answer.
    fn serve(answers: &'static [&'static str]) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}/telegraf.conf", listener.local_addr().expect("it is bound"));
        std::thread::spawn(move || {
            for answer in answers {
                let (mut connection, _) = listener.accept().expect("a client");
                let mut request = [0; 4096];
                let n = connection.read(&mut request).expect("a request");
                assert!(String::from_utf8_lossy(&request[..n]).contains("accept: application/toml"));
                let text = format!("HTTP/1.1 {answer}");
                connection.write_all(text.as_bytes()).expect("the client listens");
            }
        });
        address
    }

    #[test]
    fn gives_the_text_or_says_what_the_server_said() {
        let address = serve(&[
            "200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n[agent]",
            "404 Not Found\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnone",
        ]);
        assert_eq!(fetch(&address, 0).expect("it is there"), "[agent]");
        let error = fetch(&address, 3).expect_err("it is not there").to_string();
        assert!(error.contains("404") && error.contains("none"), "{error}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert!(fetch("http://", 0).is_err());
    }
}
