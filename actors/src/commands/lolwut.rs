//! LOLWUT: a picture nobody needs, and the version. A wall of shards, each leaning its own way, the
//! more so the further down it was laid.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::Outcome;
use shardwright_store::error::CommandError;
use shardwright_store::rng::Rng;

use crate::server::REDIS_VERSION;
use crate::session::SessionCx;

/// Shards side by side and rows of the wall, unless told otherwise.
const SIZE: (usize, usize) = (40, 8);

/// The largest wall.
const MAX_SIZE: (usize, usize) = (500, 100);

/// LOLWUT. The sizes that Redis's pictures 5 and 6 take are those of the wall.
pub(super) fn lolwut(
    cx: &mut SessionCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let integer = |text| parse_i64_strict(text).ok_or(CommandError::NotInteger);
    let version = match args.get(2) {
        Some(text) if args.at(1).eq_ignore_ascii_case(b"VERSION") => Some(integer(text)?),
        _ => None,
    };
    let sizes = match version {
        Some(5) => 3,
        Some(6) => 2,
        _ => 0,
    };
    let sizes: Vec<i64> = args.skip(3).iter().take(sizes).map(integer).collect::<Result<_, _>>()?;
    let size = |at: usize, usual: usize, most: usize| {
        sizes.get(at).map_or(usual, |size| usize::try_from(*size).unwrap_or(1).clamp(1, most))
    };
    let columns = size(0, SIZE.0, MAX_SIZE.0);
    let rows = size(1, SIZE.1, MAX_SIZE.1);
    let mut text = wall(columns, rows, cx.now.0.unsigned_abs());
    text.push_str(&format!("A wall, by a shardwright. Redis ver. {REDIS_VERSION}\n"));
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Draws the wall. The same seed draws the same wall.
fn wall(columns: usize, rows: usize, seed: u64) -> String {
    const UPRIGHT: char = '|';
    const LEANING: [char; 4] = ['/', '\\', '-', ' '];
    let mut rng = Rng::new(seed);
    let mut text = String::with_capacity((columns + 1) * rows);
    for row in 0..rows {
        for _ in 0..columns {
            let leans = rng.below(rows as u64) < row as u64;
            let way = rng.below(LEANING.len() as u64) as usize;
            text.push(if leans { LEANING[way] } else { UPRIGHT });
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_stands_upright_at_its_top() {
        let wall = wall(10, 4, 1);
        let rows: Vec<&str> = wall.lines().collect();
        assert_eq!(rows.iter().map(|row| row.len()).collect::<Vec<_>>(), [10; 4]);
        assert_eq!(rows[0], "||||||||||");
    }
}
