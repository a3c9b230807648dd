//! Server-sent events: bytes to the data of events. Follows the WHATWG's rules but for one: an event without its last blank
//! line counts at the end of the stream, because servers leave that line out.

/// The longest line, in bytes.
const LONGEST: usize = 4 << 20;

/// How a streamed reply is cut into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// A JSON document a line.
    Lines,
}

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SseError {
    /// A line that does not end.
    TooLong,
    /// A line that is no UTF-8.
    NotUtf8,
}

/// Reads events piece by piece, wherever the pieces are cut.
#[derive(Debug)]
pub(super) struct Reader {
    framing: Framing,
    line: Vec<u8>,
    data: Vec<String>,
    after_cr: bool,
    begun: bool,
}

impl Reader {
    pub(super) const fn new(framing: Framing) -> Self {
        Self { framing, line: Vec::new(), data: Vec::new(), after_cr: false, begun: false }
    }

    /// Takes bytes in, and gives the data of the events that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut Vec<String>) -> Result<(), SseError> {
        for &byte in bytes {
            match byte {
                // The second half of a line break of two.
                b'\n' if std::mem::take(&mut self.after_cr) => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_of_line(events)?;
                }
                _ => {
                    self.after_cr = false;
                    if self.line.len() == LONGEST {
                        return Err(SseError::TooLong);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self, events: &mut Vec<String>) -> Result<(), SseError> {
        let line = std::mem::take(&mut self.line);
        let mut text = std::str::from_utf8(&line).map_err(|_| SseError::NotUtf8)?;
        if !self.begun {
            self.begun = true;
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if self.framing == Framing::Lines {
            if !text.trim().is_empty() {
                events.push(text.to_owned());
            }
        } else if text.is_empty() {
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data).join("\n"));
            }
        } else if let Some(data) = text.strip_prefix("data:") {
            self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
        }
        // Comments, event names, ids and the rest do not matter to the APIs spoken here.
        Ok(())
    }

    /// The stream has ended: gives what was not yet complete.
    pub(super) fn finish(&mut self, events: &mut Vec<String>) -> Result<(), SseError> {
        self.end_of_line(events)?;
        self.end_of_line(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<String> {
        let (mut reader, mut events) = (Reader::new(Framing::Events), Vec::new());
        for piece in pieces {
            reader.feed(piece, &mut events).unwrap();
        }
        reader.finish(&mut events).unwrap();
        events
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        assert_eq!(
            all(&[b"\xef\xbb\xbfdata: a\r\ndata:b\r\n\r\n: ping\n\nevent: x\ndata:  c\n\n"]),
            ["a\nb", " c"]
        );
        assert_eq!(all(&[b"data: a\rdata: b\r\rdata: tail"]), ["a\nb", "tail"]);
        assert_eq!(all(&[b"\n\n: only a comment\n\n"]), Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn it_does_not_matter_where_the_pieces_are_cut(cuts in proptest::collection::vec(0usize..60, 0..8)) {
            let stream = "data: {\"t\":\"h\u{e9}llo \u{1f600}\"}\r\n\r\ndata: two\ndata: lines\n\n: c\ndata: [DONE]".as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
            proptest::prop_assert_eq!(all(&pieces), all(&[stream]));
        }
    }
}
