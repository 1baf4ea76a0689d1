//! How values are written: the same in flags, environment and file.

use std::fmt::Display;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use pusher_core::{SlowPolicy, TopicPattern};
use toml::Value;

use super::shapes::Kind;
use crate::group;

/// The longest time that can be set: no clock overflows, whatever it is added to.
const TIME_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What a unit stands for, in bytes.
const UNITS: [(&str, usize); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// What can be read from text and written as text.
pub(super) struct Text<T>(PhantomData<T>);

impl<T> Kind for Text<T>
where
    T: FromStr + Display,
    T::Err: Display,
{
    type Value = T;

    fn parse(text: &str) -> Result<T, String> {
        text.parse().map_err(|error: T::Err| error.to_string())
    }

    fn show(value: &T) -> Value {
        Value::String(value.to_string())
    }
}

/// Where browsers connect.
pub(super) struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn parse(text: &str) -> Result<SocketAddr, String> {
        text.parse()
            .map_err(|_| "an address looks like 0.0.0.0:8080 or [::1]:8080".to_owned())
    }

    fn show(value: &SocketAddr) -> Value {
        Text::<SocketAddr>::show(value)
    }
}

/// What can be read, and is never shown.
pub(super) struct Secret<T>(PhantomData<T>);

impl<T> Kind for Secret<T>
where
    T: FromStr,
    T::Err: Display,
{
    type Value = T;

    fn parse(text: &str) -> Result<T, String> {
        text.parse().map_err(|error: T::Err| error.to_string())
    }

    fn show(_: &T) -> Value {
        Value::String("********".to_owned())
    }
}

/// A number of things, from `MIN` to `MAX`.
pub(super) struct Count<const MIN: usize, const MAX: usize, T = usize>(PhantomData<T>);

impl<const MIN: usize, const MAX: usize, T> Kind for Count<MIN, MAX, T>
where
    T: Copy + TryFrom<usize> + TryInto<usize>,
{
    type Value = T;

    fn parse(text: &str) -> Result<T, String> {
        let count: usize = text
            .parse()
            .map_err(|_| "a whole number is wanted".to_owned())?;
        if count < MIN {
            return Err(format!("{MIN} is the least"));
        }
        if count > MAX {
            return Err(format!("{MAX} is the most"));
        }
        T::try_from(count).map_err(|_| "that is too much".to_owned())
    }

    fn show(&value: &T) -> Value {
        number(value.try_into().unwrap_or(usize::MAX))
    }
}

/// A number of bytes, `MIN` or more.
pub(super) struct Size<const MIN: usize>;

impl<const MIN: usize> Kind for Size<MIN> {
    type Value = usize;

    fn parse(text: &str) -> Result<usize, String> {
        let wanted =
            || "a size is a number of bytes, or has a unit, as in 64KiB or 1MiB".to_owned();
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &text[..text.len() - unit.len()];
        let factor = match unit.trim_start() {
            "" => 1,
            unit => {
                let mut units = UNITS.iter();
                let known = units.find(|(name, _)| name.eq_ignore_ascii_case(unit));
                known.ok_or_else(wanted)?.1
            }
        };
        let number: usize = number.parse().map_err(|_| wanted())?;
        let size = number.checked_mul(factor).ok_or_else(wanted)?;
        if size < MIN {
            let least = shown_size(MIN);
            return Err(format!("{least} is the least"));
        }
        Ok(size)
    }

    fn show(&value: &usize) -> Value {
        Value::String(shown_size(value))
    }
}

/// In the largest binary unit that leaves no remainder.
fn shown_size(size: usize) -> String {
    let mut binary = UNITS[..3].iter();
    match binary.find(|(_, factor)| size > 0 && size.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", size / factor),
        None => format!("{size}B"),
    }
}

/// A length of time, `MIN_MS` milliseconds or more.
pub(super) struct Time<const MIN_MS: u64>;

impl<const MIN_MS: u64> Kind for Time<MIN_MS> {
    type Value = Duration;

    fn parse(text: &str) -> Result<Duration, String> {
        let time = humantime::parse_duration(text)
            .map_err(|error| format!("a time has a unit, as in 25s, 250ms or 5m: {error}"))?;
        let min = Duration::from_millis(MIN_MS);
        if time < min {
            let least = humantime::format_duration(min);
            return Err(format!("{least} is the least"));
        }
        if time > TIME_MAX {
            return Err("a year is the most".to_owned());
        }
        Ok(time)
    }

    fn show(value: &Duration) -> Value {
        Value::String(humantime::format_duration(*value).to_string())
    }
}

/// A pattern of topics and the policy for them, `chat/*=keep-latest`.
pub(super) struct Policy;

impl Kind for Policy {
    type Value = (TopicPattern, SlowPolicy);

    fn parse(text: &str) -> Result<Self::Value, String> {
        let (pattern, policy) = text
            .rsplit_once('=')
            .ok_or("a policy is for topics, as in chat/*=keep-latest")?;
        Ok((Text::parse(pattern)?, Text::parse(policy)?))
    }

    fn show((pattern, policy): &Self::Value) -> Value {
        Value::String(format!("{pattern}={policy}"))
    }
}

/// Permissions: three octal digits, or four that begin with 0.
pub(super) struct Mode;

impl Kind for Mode {
    type Value = u32;

    fn parse(text: &str) -> Result<u32, String> {
        let mode = u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok();
        mode.filter(|&mode| mode <= 0o777)
            .ok_or_else(|| "permissions are three octal digits, as in 0660 or 666".to_owned())
    }

    fn show(value: &u32) -> Value {
        Value::String(format!("{value:04o}"))
    }
}

/// A group of the system, by name or number.
pub(super) struct Group;

impl Kind for Group {
    type Value = u32;

    fn parse(text: &str) -> Result<u32, String> {
        group::find(text)
    }

    fn show(&value: &u32) -> Value {
        Value::Integer(value.into())
    }
}

/// The path of a file.
pub(super) struct File;

impl Kind for File {
    type Value = PathBuf;

    fn parse(text: &str) -> Result<PathBuf, String> {
        match text.is_empty() {
            true => Err("the path of a file is wanted".to_owned()),
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
    fn sizes_there_and_back() {
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
            assert_eq!(Size::<0>::parse(text), Ok(size), "{text}");
            assert_eq!(shown_size(size), shown);
            assert_eq!(Size::<0>::parse(shown), Ok(size));
        }
        for text in ["", "MiB", "1M", "-1", "1.5MiB", "1 MiB 2", "99999999999GiB"] {
            let error = Size::<0>::parse(text).unwrap_err();
            assert!(error.contains("64KiB"), "{text}: {error}");
        }
        assert_eq!(Size::<1024>::parse("1KiB"), Ok(1024));
        let error = Size::<1024>::parse("1023").unwrap_err();
        assert_eq!(error, "1KiB is the least");
    }

    #[test]
    fn times_there_and_back() {
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
            ("0s", "1ms is the least"),
        ] {
            let error = Time::<1>::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn counts_have_bounds() {
        assert_eq!(Count::<1, 100>::parse("1"), Ok(1_usize));
        assert_eq!(Count::<1, 100>::parse("100"), Ok(100));
        assert_eq!(
            Count::<1, { usize::MAX }, u16>::parse("65535"),
            Ok(u16::MAX)
        );
        assert!(Count::<1, { usize::MAX }, u16>::parse("65536").is_err());
        for (text, part) in [("0", "1 is"), ("101", "100 is"), ("1k", "whole")] {
            let error = Count::<1, 100>::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn policies_there_and_back() {
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
            let error = Policy::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn permissions_are_octal_everywhere() {
        for (text, mode) in [("0660", 0o660), ("606", 0o606), ("0o660", 0o660)] {
            assert_eq!(Mode::parse(text), Ok(mode));
        }
        for text in ["888", "1777", "", "rw-"] {
            assert!(Mode::parse(text).unwrap_err().contains("octal"));
        }
    }
}
