//! Writing requests, for clients.

use super::reply::write_header;

/// Appends one command as an array of strings, the form that every client library sends.
/// `args[0]` is the command's name.
pub fn write_command<A: AsRef<[u8]>>(args: &[A], out: &mut Vec<u8>) {
    write_header(out, b'*', args.len());
    for arg in args {
        let arg = arg.as_ref();
        write_header(out, b'$', arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_strings() {
        let mut out = Vec::new();
        write_command(&["SET", "k", ""], &mut out);
        write_command::<&[u8]>(&[], &mut out);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*0\r\n");
    }
}
