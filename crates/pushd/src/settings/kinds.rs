//! The syntax of values. It is the same in flags, variables and the file.

use std::error::Error;
use std::fmt::Display;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use pusher_core::{PublishToken, SlowPolicy, TokenError, TopicPattern};
use toml::Value;

use super::shapes::Kind;
use super::value_error::ValueError;
use crate::group;

/// Longest time. Adding it to the time of a clock cannot overflow.
const TIME_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The units of sizes, in bytes.
const UNITS: [(&str, usize); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// A value with a text form of its own.
pub(super) struct Text<T>(PhantomData<T>);

impl<T> Kind for Text<T>
where
    T: FromStr + Display,
    T::Err: Error + Send + Sync + 'static,
{
    type Value = T;

    fn parse(text: &str) -> Result<T, ValueError> {
        text.parse()
            .map_err(|error: T::Err| ValueError::Other(Box::new(error)))
    }

    fn show(value: &T) -> Value {
        Value::String(value.to_string())
    }
}

/// Where browsers connect.
pub(super) struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn parse(text: &str) -> Result<SocketAddr, ValueError> {
        text.parse().map_err(|_| ValueError::Address)
    }

    fn show(value: &SocketAddr) -> Value {
        Text::<SocketAddr>::show(value)
    }
}

/// Shortest publish token, in bytes. A shorter one could be guessed.
const TOKEN_LEN_MIN: usize = 16;

/// The publish token, which is never printed.
pub(super) struct Token;

impl Kind for Token {
    type Value = PublishToken;

    fn parse(text: &str) -> Result<PublishToken, ValueError> {
        let token: PublishToken = text
            .parse()
            .map_err(|error: TokenError| ValueError::Other(Box::new(error)))?;
        match text.len() < TOKEN_LEN_MIN {
            true => Err(ValueError::ShortToken { min: TOKEN_LEN_MIN }),
            false => Ok(token),
        }
    }

    fn show(_: &PublishToken) -> Value {
        Value::String("********".to_owned())
    }
}

/// A number, from `MIN` to `MAX`.
pub(super) struct Count<const MIN: usize, const MAX: usize, T = usize>(PhantomData<T>);

impl<const MIN: usize, const MAX: usize, T> Kind for Count<MIN, MAX, T>
where
    T: Copy + TryFrom<usize> + TryInto<usize>,
{
    type Value = T;

    fn parse(text: &str) -> Result<T, ValueError> {
        let count: usize = text.parse().map_err(|_| ValueError::Number)?;
        if count < MIN {
            return Err(ValueError::TooSmall(MIN.to_string()));
        }
        let too_large = |max: usize| ValueError::TooLarge(max.to_string());
        if count > MAX {
            return Err(too_large(MAX));
        }
        T::try_from(count).map_err(|_| too_large(largest_of_size(size_of::<T>())))
    }

    fn show(&value: &T) -> Value {
        number(value.try_into().unwrap_or(usize::MAX))
    }
}

/// Returns the largest unsigned number of the given size in bytes.
fn largest_of_size(bytes: usize) -> usize {
    let bits = u32::try_from(8 * bytes).unwrap_or(usize::BITS);
    usize::MAX >> usize::BITS.saturating_sub(bits)
}

/// A number of bytes, `MIN` or more.
pub(super) struct Size<const MIN: usize>;

impl<const MIN: usize> Kind for Size<MIN> {
    type Value = usize;

    fn parse(text: &str) -> Result<usize, ValueError> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &text[..text.len() - unit.len()];
        let factor = match unit.trim_start() {
            "" => 1,
            unit => {
                let mut units = UNITS.iter();
                let known = units.find(|(name, _)| name.eq_ignore_ascii_case(unit));
                known.ok_or(ValueError::Size)?.1
            }
        };
        let number: usize = number.parse().map_err(|_| ValueError::Size)?;
        let size = number.checked_mul(factor).ok_or(ValueError::Size)?;
        if size < MIN {
            return Err(ValueError::TooSmall(shown_size(MIN)));
        }
        Ok(size)
    }

    fn show(&value: &usize) -> Value {
        Value::String(shown_size(value))
    }
}

/// Formats a size in the largest binary unit that leaves no remainder.
fn shown_size(size: usize) -> String {
    let mut binary = UNITS[..3].iter();
    match binary.find(|(_, factor)| size > 0 && size.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", size / factor),
        None => format!("{size}B"),
    }
}

/// A duration of `MIN_MS` milliseconds or more.
pub(super) struct Time<const MIN_MS: u64>;

impl<const MIN_MS: u64> Kind for Time<MIN_MS> {
    type Value = Duration;

    fn parse(text: &str) -> Result<Duration, ValueError> {
        let time = humantime::parse_duration(text).map_err(|_| ValueError::Time)?;
        let min = Duration::from_millis(MIN_MS);
        if time < min {
            let min = humantime::format_duration(min);
            return Err(ValueError::TooSmall(min.to_string()));
        }
        if time > TIME_MAX {
            return Err(ValueError::TooLarge("a year".to_owned()));
        }
        Ok(time)
    }

    fn show(value: &Duration) -> Value {
        Value::String(humantime::format_duration(*value).to_string())
    }
}

/// A topic pattern and the policy for its topics, as in `chat/*=keep-latest`.
pub(super) struct Policy;

impl Kind for Policy {
    type Value = (TopicPattern, SlowPolicy);

    fn parse(text: &str) -> Result<Self::Value, ValueError> {
        let (pattern, policy) = text.rsplit_once('=').ok_or(ValueError::Policy)?;
        Ok((Text::parse(pattern)?, Text::parse(policy)?))
    }

    fn show((pattern, policy): &Self::Value) -> Value {
        Value::String(format!("{pattern}={policy}"))
    }
}

/// A topic pattern and a number of last events, as in `chat/*=20`.
pub(super) struct Replay;

impl Kind for Replay {
    type Value = (TopicPattern, usize);

    fn parse(text: &str) -> Result<Self::Value, ValueError> {
        let (pattern, count) = text.rsplit_once('=').ok_or(ValueError::Replay)?;
        let count = Count::<0, { usize::MAX }>::parse(count)?;
        Ok((Text::parse(pattern)?, count))
    }

    fn show((pattern, count): &Self::Value) -> Value {
        Value::String(format!("{pattern}={count}"))
    }
}

/// Permissions: three octal digits, with or without a 0 before them.
pub(super) struct Mode;

impl Kind for Mode {
    type Value = u32;

    fn parse(text: &str) -> Result<u32, ValueError> {
        let mode = u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok();
        mode.filter(|&mode| mode <= 0o777).ok_or(ValueError::Mode)
    }

    fn show(value: &u32) -> Value {
        Value::String(format!("{value:04o}"))
    }
}

/// A group of the system, by name or number.
pub(super) struct Group;

impl Kind for Group {
    type Value = u32;

    fn parse(text: &str) -> Result<u32, ValueError> {
        Ok(group::find(text)?)
    }

    fn show(&value: &u32) -> Value {
        Value::Integer(value.into())
    }
}

/// The path of a file.
pub(super) struct File;

impl Kind for File {
    type Value = PathBuf;

    fn parse(text: &str) -> Result<PathBuf, ValueError> {
        match text.is_empty() {
            true => Err(ValueError::EmptyPath),
            false => Ok(text.into()),
        }
    }

    fn show(value: &PathBuf) -> Value {
        Value::String(value.display().to_string())
    }
}

fn number(value: usize) -> Value {
    match i64::try_from(value) {
        Ok(value) => Value::Integer(value),
        Err(_) => Value::String(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_survive_a_round_trip() {
        for (text, size, shown) in [
            ("0", 0, "0B"),
            ("1", 1, "1B"),
            ("1000", 1000, "1000B"),
            ("1024B", 1024, "1KiB"),
            ("64KiB", 64 * 1024, "64KiB"),
            ("64 kib", 64 * 1024, "64KiB"),
            ("1028KiB", 1028 * 1024, "1028KiB"),
            ("3MiB", 3 << 20, "3MiB"),
            ("2GiB", 2 << 30, "2GiB"),
            ("5MB", 5_000_000, "5000000B"),
            ("7kB", 7000, "7000B"),
        ] {
            assert_eq!(Size::<0>::parse(text).unwrap(), size, "{text}");
            assert_eq!(shown_size(size), shown);
            assert_eq!(Size::<0>::parse(shown).unwrap(), size);
        }
        for text in ["", "MiB", "1M", "-1", "1.5MiB", "1 MiB 2", "99999999999GiB"] {
            let error = Size::<0>::parse(text).unwrap_err().to_string();
            assert!(error.contains("64KiB"), "{text}: {error}");
        }
        assert_eq!(Size::<1024>::parse("1KiB").unwrap(), 1024);
        let error = Size::<1024>::parse("1023").unwrap_err();
        assert_eq!(error.to_string(), "the least is 1KiB");
    }

    #[test]
    fn times_survive_a_round_trip() {
        for (text, ms, shown) in [
            ("25s", 25_000, "25s"),
            ("250ms", 250, "250ms"),
            ("5min", 300_000, "5m"),
            ("1m 30s", 90_000, "1m 30s"),
            ("1s500ms", 1500, "1s 500ms"),
            ("0s", 0, "0s"),
        ] {
            let time = Time::<0>::parse(text).unwrap();
            assert_eq!(time, Duration::from_millis(ms));
            assert_eq!(Time::<0>::show(&time), Value::from(shown));
        }
        for (text, part) in [
            ("25", "25s, 250ms or 5m"),
            ("", "25s, 250ms or 5m"),
            ("soon", "25s, 250ms or 5m"),
            ("2years", "a year"),
            ("0s", "the least is 1ms"),
        ] {
            let error = Time::<1>::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn counts_have_bounds() {
        assert_eq!(Count::<1, 100>::parse("1").unwrap(), 1_usize);
        assert_eq!(Count::<1, 100, usize>::parse("100").unwrap(), 100);
        type Small = Count<1, { usize::MAX }, u16>;
        assert_eq!(Small::parse("65535").unwrap(), u16::MAX);
        let error = Small::parse("65536").unwrap_err().to_string();
        assert_eq!(error, "the most is 65535");
        for (text, part) in [("0", "is 1"), ("101", "is 100"), ("1k", "whole")] {
            let error = Count::<1, 100, usize>::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn policies_survive_a_round_trip() {
        for text in ["chat/*=keep-latest", "*=drop-oldest", "a=b=disconnect"] {
            assert_eq!(
                Policy::show(&Policy::parse(text).unwrap()),
                Value::from(text)
            );
        }
        for (text, part) in [
            ("keep-latest", "chat/*=keep-latest"),
            ("*=sometimes", "drop-oldest"),
            ("=disconnect", "empty"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn replays_survive_a_round_trip() {
        for text in ["chat/*=20", "*=0", "price=1", "a=b=3"] {
            assert_eq!(
                Replay::show(&Replay::parse(text).unwrap()),
                Value::from(text)
            );
        }
        for (text, part) in [
            ("20", "chat/*=20"),
            ("chat/*=", "whole number"),
            ("chat/*=-1", "whole number"),
            ("chat*/1=1", "end of a pattern"),
            ("=1", "empty"),
        ] {
            let error = Replay::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn permissions_are_octal_everywhere() {
        for (text, mode) in [("0660", 0o660), ("606", 0o606), ("0o660", 0o660)] {
            assert_eq!(Mode::parse(text).unwrap(), mode);
        }
        for text in ["888", "1777", "", "rw-"] {
            let error = Mode::parse(text).unwrap_err().to_string();
            assert!(error.contains("octal"), "{text}: {error}");
        }
    }

    #[test]
    fn short_token_is_refused_and_not_repeated() {
        assert!(Token::parse("0123456789abcdef").is_ok());
        for (text, part) in [
            ("0123456789abcde", "fewer than 16 characters"),
            ("a token with blanks", "without blanks"),
            ("", "without blanks"),
        ] {
            let error = Token::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }
}
