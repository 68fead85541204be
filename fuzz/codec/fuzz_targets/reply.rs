//! Any bytes from a server: no panic, parser and scanner agree on where a reply ends, and what was
//! read can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shardwright_codec::resp::{Protocol, ReplyScanner, ReplyWriter, parse_reply};

fuzz_target!(|data: &[u8]| {
    let mut scanner = ReplyScanner::new();
    let half = scanner.scan(&data[..data.len() / 2]);
    let scanned = if half == Ok(None) { scanner.scan(data) } else { half };
    match parse_reply(data) {
        Ok(Some((value, len))) => {
            assert_eq!(scanned, Ok(Some(len)));
            for protocol in [Protocol::Resp2, Protocol::Resp3] {
                let mut written = Vec::new();
                value.write_to(&mut ReplyWriter::new(&mut written, protocol));
                let (again, len) = parse_reply(&written).expect("valid").expect("complete");
                assert_eq!(len, written.len());
                // Doubles may be NaN, so texts are compared; errors lose line breaks at their ends.
                let mut rewritten = Vec::new();
                again.write_to(&mut ReplyWriter::new(&mut rewritten, protocol));
                assert_eq!(rewritten, written);
            }
        }
        Ok(None) => assert_eq!(scanned, Ok(None)),
        Err(_) => {}
    }
});
