//! HTTP/1 (RFC 9112): the first line of a request with its host, and the status of a response.

/// Longest head that is looked through for the host.
pub(super) const HEAD: usize = 8 << 10;

/// What begins a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request.
    Request {
        /// Its method.
        method: &'a [u8],
        /// The host it is for: of the target of `CONNECT`, else the header. None if the head has none, or ends too early.
        host: Option<&'a [u8]>,
    },
    /// A response: its status.
    Response(u16),
    /// A request whose head is not all there.
    More,
}

/// Methods that are known (IANA "http-methods").
const METHODS: [&[u8]; 24] = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"CONNECT",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"MERGE",
    b"CHECKOUT",
    b"MKACTIVITY",
    b"QUERY",
    b"SUBSCRIBE",
    b"NOTIFY",
];

/// True if bytes may begin a message; cheap, for every packet.
#[must_use]
pub fn may_begin(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") || method(bytes).is_some()
}

fn method(bytes: &[u8]) -> Option<&[u8]> {
    // The first letters decide it for nearly all that is none.
    let space = bytes.iter().take(12).position(|b| !b.is_ascii_uppercase())?;
    (bytes[space] == b' ' && METHODS.contains(&&bytes[..space])).then(|| &bytes[..space])
}

impl<'a> Start<'a> {
    /// Reads the begin of a stream; None if it is not HTTP/1.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if let Some(rest) = bytes.strip_prefix(b"HTTP/1.") {
            let status = rest.get(2..5).filter(|_| rest[1] == b' ')?;
            return std::str::from_utf8(status)
                .ok()?
                .parse()
                .ok()
                .filter(|s| (100..1000).contains(s))
                .map(Self::Response);
        }
        let method = method(bytes)?;
        let head = &bytes[..bytes.len().min(HEAD)];
        let mut lines = head.split_inclusive(|b| *b == b'\n');
        let first = lines.next()?;
        if !first.ends_with(b"\n") {
            return (head.len() < HEAD).then_some(Self::More);
        }
        let (target, version) = split_last(trim(&first[method.len() + 1..]))?;
        if !version.starts_with(b"HTTP/1.") {
            return None;
        }
        let target = (method == b"CONNECT").then_some(target);
        for line in lines {
            let text = trim(line);
            if !line.ends_with(b"\n") {
                break;
            }
            if text.is_empty() {
                return Some(Self::Request { method, host: target });
            }
            let named = text.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"host:"));
            if named && target.is_none() {
                return Some(Self::Request { method, host: Some(trim(&text[5..])) });
            }
        }
        Some(if head.len() < HEAD { Self::More } else { Self::Request { method, host: target } })
    }
}

/// Without white space at both ends.
fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

fn split_last(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().rposition(|b| *b == b' ')?;
    Some((&line[..space], &line[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(method: &'a str, host: Option<&'a str>) -> Option<Start<'a>> {
        Some(Start::Request { method: method.as_bytes(), host: host.map(str::as_bytes) })
    }

    #[test]
    fn requests() {
        let head = b"GET /a b HTTP/1.1\r\nAccept: x\r\nhOST:  example.org:80 \r\n\r\nHost: body";
        assert_eq!(Start::parse(head), request("GET", Some("example.org:80")));
        assert_eq!(Start::parse(b"GET / HTTP/1.0\n\nHost: no"), request("GET", None));
        let connect = b"CONNECT a.example:443 HTTP/1.1\r\nHost: proxy\r\n\r\n";
        assert_eq!(Start::parse(connect), request("CONNECT", Some("a.example:443")));
        for cut in [10, 17, 20, 40] {
            assert_eq!(Start::parse(&head[..cut]), Some(Start::More), "{cut}");
        }
        let long = [b"GET / HTTP/1.1\r\n".to_vec(), vec![b'x'; HEAD]].concat();
        assert_eq!(Start::parse(&long), request("GET", None));
    }

    #[test]
    fn responses_and_what_is_neither() {
        assert_eq!(Start::parse(b"HTTP/1.1 304 Not Modified\r\n"), Some(Start::Response(304)));
        for bytes in [
            &b"HTTP/1.1 99 x"[..],
            b"HTTP/1.1 abc",
            b"HTTP/2 200",
            b"GETX / HTTP/1.1\r\n",
            b"GET / SIP/2.0\r\n\r\n",
            b"",
            b"GET",
        ] {
            assert_eq!(Start::parse(bytes), None, "{bytes:?}");
        }
        assert!(
            may_begin(b"HTTP/1.0 200")
                && may_begin(b"PROPFIND / ")
                && !may_begin(b"\x16\x03\x01")
                && !may_begin(b"EHLO x")
        );
    }
}
