// SPDX-License-Identifier: GPL-2.0

//! As much of HTTP as Prometheus asks for: one request, one answer, and the end of the connection.

use std::io;
use std::io::Read;
use std::io::Write;

use httparse::Request;
use httparse::Status;

use super::text::Format;

/// The longest head of a request.
const LONGEST: usize = 8192;
const HEADERS: usize = 64;

const PAGE: &str = "<!DOCTYPE html><title>kvblade_rs</title><a href=\"/metrics\">Metrics</a>\n";

/// What is answered.
struct Answer {
    status: &'static str,
    content: &'static str,
    body: String,
}

/// Reads a request and answers it.
pub(super) fn answer(
    input: &mut impl Read,
    output: &mut impl Write,
    metrics: impl FnOnce(Format) -> Result<String, String>,
) -> io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    let (answer, with_body) = loop {
        if let Some(found) = respond(&head) {
            break match found {
                Ok((format, with_body)) => (page(format, metrics(format)), with_body),
                Err(answer) => (answer, true),
            };
        }
        if head.len() > LONGEST {
            break (plain("431 Request Header Fields Too Large"), true);
        }
        match input.read(&mut piece)? {
            0 => break (plain("400 Bad Request"), true),
            length => head.extend_from_slice(&piece[..length]),
        }
    };
    let Answer {
        status,
        content,
        body,
    } = answer;
    let length = body.len();
    write!(
        output,
        "HTTP/1.1 {status}\r\nContent-Type: {content}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    )?;
    if with_body {
        output.write_all(body.as_bytes())?;
    }
    output.flush()
}

/// Metrics, or why there are none.
fn page(format: Format, metrics: Result<String, String>) -> Answer {
    match metrics {
        Ok(body) => Answer {
            status: "200 OK",
            content: format.content_type(),
            body,
        },
        Err(reason) => Answer {
            body: format!("{reason}\n"),
            ..plain("500 Internal Server Error")
        },
    }
}

/// What is asked for: metrics in a format, and whether more than the head of the answer is wanted.
/// `None` until the whole head of the request is there.
fn respond(head: &[u8]) -> Option<Result<(Format, bool), Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(head) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return None,
        Err(_) => return Some(Err(plain("400 Bad Request"))),
    }
    let with_body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        _ => return Some(Err(plain("405 Method Not Allowed"))),
    };
    let path = request.path.unwrap_or_default();
    Some(match path.split('?').next() {
        Some("/metrics") => Ok((format(request.headers), with_body)),
        Some("/") => Err(Answer {
            status: "200 OK",
            content: "text/html; charset=utf-8",
            body: PAGE.to_owned(),
        }),
        _ => Err(plain("404 Not Found")),
    })
}

/// The format that is wanted most: OpenMetrics, if it is named and not refused.
fn format(headers: &[httparse::Header<'_>]) -> Format {
    let accepted = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("accept"))
        .filter_map(|header| std::str::from_utf8(header.value).ok());
    let mut kinds = accepted.flat_map(|value| value.split(','));
    let is_wanted = |kind: &str| {
        let mut words = kind.split(';').map(str::trim);
        words.next() == Some("application/openmetrics-text")
            && words.all(|word| {
                let quality = word.strip_prefix("q=");
                // Zero, however many places it has.
                quality.is_none_or(|q| q.chars().any(|digit| ('1'..='9').contains(&digit)))
            })
    };
    if kinds.any(is_wanted) {
        Format::Openmetrics
    } else {
        Format::Text
    }
}

fn plain(status: &'static str) -> Answer {
    Answer {
        status,
        content: "text/plain; charset=utf-8",
        body: format!("{status}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head and the body of the answer to a request.
    fn ask(request: &str) -> (String, String) {
        let mut output = Vec::new();
        let metrics = |format| Ok(format!("{format:?}"));
        answer(&mut request.as_bytes(), &mut output, metrics).unwrap();
        let text = String::from_utf8(output).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    #[test]
    fn the_format_is_the_one_that_is_accepted() {
        for (accept, format) in [
            ("", "Text"),
            ("Accept: */*\r\n", "Text"),
            ("Accept: text/plain;version=0.0.4\r\n", "Text"),
            ("accept: application/openmetrics-text;q=0.0\r\n", "Text"),
            (
                "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3\r\n",
                "Openmetrics",
            ),
        ] {
            let (head, body) = ask(&format!("GET /metrics HTTP/1.1\r\n{accept}\r\n"));
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", format.len())));
            assert_eq!(body, format);
        }
    }

    #[test]
    fn what_is_not_there_is_told() {
        for (request, status) in [
            ("GET / HTTP/1.0\r\n\r\n", "200"),
            ("GET /other HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("\u{1}\u{2} nonsense\r\n\r\n", "400"),
            ("GET /metrics HTTP/1.1\r\nHost", "400"),
        ] {
            let (head, _) = ask(request);
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        }
        let (head, _) = ask(&format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(20_000)));
        assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
        let mut output = Vec::new();
        let mut request = &b"GET /metrics HTTP/1.1\r\n\r\n"[..];
        answer(&mut request, &mut output, |_| Err("not root".into())).unwrap();
        let said = String::from_utf8(output).unwrap();
        assert!(
            said.starts_with("HTTP/1.1 500 ") && said.ends_with("not root\n"),
            "{said}"
        );
        let (_, body) = ask("HEAD /metrics HTTP/1.1\r\n\r\n");
        assert_eq!(body, "");
    }
}
