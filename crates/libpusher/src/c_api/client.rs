//! `push_client`: a publisher with options and a connection of its own.
#![expect(
    clippy::missing_safety_doc,
    reason = "the header's conventions state once what the caller must guarantee"
)]

use std::ffi::{c_char, c_int, c_uint};

use super::arguments::{event, optional};
use super::background::Background;
use super::call_error::{CallError, invalid};
use super::guard;
use super::receipt::{PushReceipt, result};
use super::versioned::read;
use crate::error::Error;
use crate::event::check_ttl;
use crate::options::{
    Options, address_from_env, parse_spool, spool_from_env, timeout_from_env, timeout_from_ms,
    token_from_env,
};
use crate::shared::SharedPublisher;

/// Default size of the queue for publishing in the background, in bytes.
const QUEUE_BYTES_MAX_DEFAULT: usize = 16 * 1024 * 1024;

/// A publisher with its own options and its own connection, for any number of threads.
#[derive(Debug)]
pub struct PushClient {
    pub(super) publisher: SharedPublisher,
    pub(super) background: Background,
}

/// Options of a push_client. Initialize with PUSH_OPTIONS_INIT, which selects the environment and the
/// defaults, and then set the members that should differ.
#[repr(C)]
#[derive(Debug)]
pub struct PushOptions {
    /// sizeof(push_options). It tells the library which version of this struct your program uses.
    pub struct_size: usize,
    /// The address of pushd's port 5555, as in PUSH_ADDRESS. NULL: use PUSH_ADDRESS.
    pub address: *const c_char,
    /// Timeout of a publish, 1 to 600000 milliseconds. 0: use PUSH_TIMEOUT_MS.
    pub timeout_ms: u64,
    /// Size of the queue of push_client_publish_async() in bytes. Each event takes its own length and
    /// less than 100 bytes more. 0: 16 MiB.
    pub queue_bytes_max: u64,
    /// The token that a pushd with --publish-token requires. NULL: use PUSH_TOKEN.
    pub token: *const c_char,
    /// The directory of the spool, an absolute path. An event that pushd cannot accept now is written
    /// there, and pushd publishes it later. NULL: use PUSH_SPOOL. "": no spool.
    pub spool_dir: *const c_char,
    /// How long an event may wait in the spool, 1 to 86400 seconds. pushd does not publish an older one.
    /// 0: 300 seconds.
    pub ttl_s: u64,
}

/// Makes a push_client. The first publish connects.
///
/// options: NULL is the same as PUSH_OPTIONS_INIT. client: receives the new client, on success only.
///
/// Returns 0, or a code below 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_new(
    options: *const PushOptions,
    client: *mut *mut PushClient,
) -> c_int {
    guard(|| {
        if client.is_null() {
            return Err(invalid("client is NULL".to_owned()));
        }
        // SAFETY: the caller guarantees options as long as they say, or NULL.
        let (options, queue_bytes_max) = unsafe { read_options(options)? };
        let new = Box::new(PushClient {
            publisher: SharedPublisher::new(options.clone()),
            background: Background::new(options, queue_bytes_max),
        });
        // SAFETY: it is not NULL, and the caller guarantees that it can be written.
        unsafe { client.write(Box::into_raw(new)) };
        Ok(0)
    })
}

/// Publishes over the client's connection, like push_publish(). category and json have a length: they
/// need no NUL byte at the end.
///
/// id: NULL, or 1 to 255 bytes of UTF-8 and a NUL. For 5 minutes, pushd answers another publish with
/// the same topic and id with the first receipt, and sends nothing. So after a lost answer you can
/// publish again, and no browser gets the event twice. flags: 0 or PUSH_LATEST. receipt: written on
/// success only; may be NULL.
///
/// Returns the number of browsers that the event was queued to, at most INT_MAX - 1, or PUSH_SPOOLED, or
/// a code below 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_publish(
    client: *mut PushClient,
    category: *const c_char,
    category_len: usize,
    json: *const c_char,
    json_len: usize,
    id: *const c_char,
    flags: c_uint,
    receipt: *mut PushReceipt,
) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: the caller guarantees texts of these lengths, or NULL.
        let event = unsafe { event(category, category_len, json, json_len, id, flags)? };
        let done = client.publisher.publish(&event)?;
        if !receipt.is_null() {
            // SAFETY: it is not NULL, and the caller guarantees that it can be written.
            unsafe { receipt.write(done.into()) };
        }
        Ok(result(done))
    })
}

/// Closes the connection and frees the client. No thread may use the client during or after this
/// call. NULL is allowed and does nothing. In a forked child it frees the child's copy only.
///
/// Events of push_client_publish_async() without an answer get PUSH_ECANCELED. Their callbacks have
/// run when it returns. It takes at most the timeout, plus the time that callbacks take. In a callback
/// of the same client it returns at once, and the other callbacks run afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_free(client: *mut PushClient) {
    guard(|| {
        if !client.is_null() {
            // SAFETY: it came from push_client_new, and the caller guarantees to free it once.
            drop(unsafe { Box::from_raw(client) });
        }
        Ok(0)
    });
}

/// Converts the `client` argument.
///
/// # Safety
/// `client` is NULL or is not freed during `'a`.
pub(super) unsafe fn get<'a>(client: *mut PushClient) -> Result<&'a PushClient, CallError> {
    // SAFETY: the caller guarantees it.
    let client = unsafe { client.as_ref() };
    client.ok_or_else(|| invalid("client is NULL".to_owned()))
}

/// Reads options of this version or a later one, and the queue's size.
///
/// # Safety
/// `pointer` is NULL or points to options of the size in their `struct_size`.
unsafe fn read_options(pointer: *const PushOptions) -> Result<(Options, usize), CallError> {
    if pointer.is_null() {
        return Ok((Options::from_env()?, QUEUE_BYTES_MAX_DEFAULT));
    }
    // SAFETY: not NULL; the caller guarantees the rest.
    let given = unsafe { read(pointer, "options", "PUSH_OPTIONS_INIT")? };
    // SAFETY: the caller guarantees it.
    unsafe { to_options(given) }
}

/// Fills in the environment and the defaults.
///
/// # Safety
/// Address, token and spool directory are each NULL or a NUL-terminated string.
unsafe fn to_options(given: &PushOptions) -> Result<(Options, usize), CallError> {
    // SAFETY: the caller guarantees it.
    let (address, token, spool_dir) = unsafe {
        (
            optional(given.address, "address")?,
            optional(given.token, "token")?,
            optional(given.spool_dir, "spool_dir")?,
        )
    };
    let address = match address {
        None => address_from_env()?,
        Some(address) => address.parse().map_err(Error::from)?,
    };
    let token = match token {
        None => token_from_env()?,
        Some(token) => {
            let parsed = token.parse();
            Some(parsed.map_err(|error| Error::config("token", error))?)
        }
    };
    let timeout = match given.timeout_ms {
        0 => timeout_from_env()?,
        timeout_ms => {
            timeout_from_ms(timeout_ms).ok_or_else(|| Error::timeout("timeout_ms", &timeout_ms))?
        }
    };
    let queue_bytes_max = match given.queue_bytes_max {
        0 => QUEUE_BYTES_MAX_DEFAULT,
        max => usize::try_from(max).unwrap_or(usize::MAX),
    };
    let spool_dir = match spool_dir {
        None => spool_from_env()?,
        Some("") => None,
        Some(dir) => {
            let parsed = parse_spool(dir);
            Some(parsed.map_err(|reason| Error::config("spool_dir", reason))?)
        }
    };
    let mut options = Options {
        timeout,
        token,
        spool_dir,
        ..Options::new(address)
    };
    if given.ttl_s != 0 {
        options.spool_ttl_s = check_ttl("ttl_s", given.ttl_s)?;
    }
    Ok((options, queue_bytes_max))
}
