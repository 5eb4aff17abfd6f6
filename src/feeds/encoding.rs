//! Characters of files as UTF-8, whatever they were written in.

use super::mapping::Encoding;
use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, BufRead, BufReader, Read};

const PIECE: usize = 1 << 16;
const LONGEST_DECLARATION: usize = 200;
const UTF16_MARKS: [([u8; 2], &encoding_rs::Encoding); 2] =
    [([0xff, 0xfe], UTF_16LE), ([0xfe, 0xff], UTF_16BE)];

/// The content as UTF-8. A byte-order mark of UTF-16 says more than the encoding that was named; bytes
/// that should be UTF-8 pass as they are, and are judged row by row.
pub(super) fn utf8<'a>(
    bytes: impl Read + 'a,
    named: Encoding,
) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut bytes = BufReader::with_capacity(PIECE, bytes);
    let begin = bytes.fill_buf()?;
    let marked = UTF16_MARKS.iter().find(|(mark, _)| begin.starts_with(mark));
    let utf8 = begin.starts_with(&[0xef, 0xbb, 0xbf]);
    let declared = declared(begin)?;
    let named = declared.unwrap_or(named);
    let encoding = match (marked, named) {
        (Some((_, encoding)), _) => *encoding,
        (None, Encoding::Windows1252) if !utf8 => WINDOWS_1252,
        (None, _) => return Ok(Box::new(bytes)),
    };
    let decoder = encoding.new_decoder_with_bom_removal();
    let decoding = Decoding { inner: bytes, decoder, ready: Vec::new(), at: 0, ended: false };
    Ok(Box::new(BufReader::with_capacity(PIECE, decoding)))
}

/// What an XML declaration says of the encoding, if the content begins with one.
fn declared(begin: &[u8]) -> io::Result<Option<Encoding>> {
    let head = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin);
    let head = head.get(..head.len().min(LONGEST_DECLARATION)).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let Some((head, _)) = head.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) else {
        return Ok(None);
    };
    let Some((_, name)) = head.split_once("encoding") else { return Ok(None) };
    let name = name.trim_start_matches([' ', '=', '"', '\'']);
    let name = name.split(['"', '\'']).next().unwrap_or_default();
    match name.parse() {
        Ok(encoding) => Ok(Some(encoding)),
        Err(_) if name.eq_ignore_ascii_case("us-ascii") => Ok(Some(Encoding::Utf8)),
        Err(error) => {
            let error: super::mapping::UnknownEncoding = error;
            Err(io::Error::other(format!("declares the encoding {name}; {error}")))
        }
    }
}

/// Decodes what passes; what is no character becomes U+FFFD.
struct Decoding<R> {
    inner: R,
    decoder: Decoder,
    ready: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: BufRead> Decoding<R> {
    fn fill(&mut self) -> io::Result<()> {
        let piece = self.inner.fill_buf()?;
        self.ended = piece.is_empty();
        self.ready.resize(PIECE, 0);
        let (result, read, written, _) =
            self.decoder.decode_to_utf8(piece, &mut self.ready, self.ended);
        self.inner.consume(read);
        self.ready.truncate(written);
        self.at = 0;
        if result == CoderResult::OutputFull {
            self.ended = false;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Decoding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !self.ended {
            self.fill()?;
        }
        let rest = self.ready.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], named: Encoding) -> Vec<u8> {
        let mut text = Vec::new();
        utf8(bytes, named).unwrap().read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn marks_and_names_say_what_bytes_mean() {
        let text = "Pâté à 3 €";
        let little: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        let big: Vec<u8> = [0xfe, 0xff]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
            .collect();
        for named in [Encoding::Utf8, Encoding::Windows1252] {
            assert_eq!(read(&little, named), text.as_bytes());
            assert_eq!(read(&big, named), text.as_bytes());
        }
        let old = b"P\xe2t\xe9 \xe0 3 \x80";
        assert_eq!(read(old, Encoding::Windows1252), text.as_bytes());
        assert_eq!(read(old, Encoding::Utf8), old);
    }

    #[test]
    fn xml_declares_its_encoding() {
        let old = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>";
        assert!(String::from_utf8(read(old, Encoding::Utf8)).unwrap().contains("<a>é</a>"));
        let far = &b"<?xml version='1.0' encoding='EUC-JP'?><a/>"[..];
        let Err(error) = utf8(far, Encoding::Utf8) else { panic!("it was read") };
        assert!(error.to_string().contains("EUC-JP"), "{error}");
    }

    proptest! {
        #[test]
        fn long_texts_keep_every_character(text in "\\PC{0,200}", times in 1usize..400) {
            let text = text.repeat(times);
            let bytes: Vec<u8> = [0xff, 0xfe]
                .into_iter()
                .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
                .collect();
            prop_assert_eq!(read(&bytes, Encoding::Utf8), text.as_bytes());
        }
    }
}
