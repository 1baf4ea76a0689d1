//! Publishers of a program's own, with options, and receipts.
#![expect(
    clippy::missing_safety_doc,
    reason = "what C must promise stands once for all, in the header's page of conventions"
)]

use std::ffi::{c_char, c_int};
use std::ptr;
use std::slice;

use super::background::Background;
use super::receipt::PushReceipt;
use super::{CallError, browser_count, guard, invalid, optional, text_of_len};
use crate::error::Error;
use crate::options::{
    Options, address_from_env, timeout_from_env, timeout_from_ms, token_from_env,
};
use crate::shared::SharedPublisher;

/// Largest push_options that any version may ever have, in bytes.
const OPTIONS_SIZE_MAX: usize = 4096;

/// How much may wait to be published in the background, unless something else is said.
const QUEUE_BYTES_MAX_DEFAULT: usize = 16 * 1024 * 1024;

/// A publisher with its own options and its own connection, for any number of threads.
#[derive(Debug)]
pub struct PushClient {
    pub(super) publisher: SharedPublisher,
    pub(super) background: Background,
}

/// What a push_client has to know. Begin with PUSH_OPTIONS_INIT, which leaves everything to the
/// environment and the defaults, and set what should be different.
#[repr(C)]
#[derive(Debug)]
pub struct PushOptions {
    /// sizeof(push_options), by which the library knows your header's version of it.
    pub struct_size: usize,
    /// Where pushd listens for publishers; NULL: as PUSH_ADDRESS says.
    pub address: *const c_char,
    /// How long a publish may take, 1 to 600000 milliseconds; 0: as PUSH_TIMEOUT_MS says.
    pub timeout_ms: u64,
    /// How many bytes push_client_publish_async() may have waiting, events and what it knows about
    /// each (less than 100 bytes); 0: 16 MiB.
    pub queue_bytes_max: u64,
    /// What a pushd with --publish-token wants to be shown; NULL: as PUSH_TOKEN says.
    pub token: *const c_char,
}

/// Makes a push_client. It opens nothing yet.
///
/// options: NULL is the same as PUSH_OPTIONS_INIT. client: gets the new client, on success only.
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
        // SAFETY: our caller promises options as long as they say, or NULL.
        let (options, queue_bytes_max) = unsafe { read_options(options)? };
        let new = Box::new(PushClient {
            publisher: SharedPublisher::new(options.clone()),
            background: Background::new(options, queue_bytes_max),
        });
        // SAFETY: it is not NULL, and our caller promises that it can be written.
        unsafe { client.write(Box::into_raw(new)) };
        Ok(0)
    })
}

/// As push_publish(), over the client's connection, with texts that need not end with a NUL byte and
/// may have one inside.
///
/// id: NULL, or 1 to 255 bytes of UTF-8 that end with a NUL: for 5 minutes pushd sends nothing more
/// to the same category with the same id, and answers with the receipt of the first. So who got no
/// answer may publish again, and nobody sees the event twice. receipt: is written on success only, may be NULL.
///
/// Returns the number of browsers that the event was queued to, 0 or more (INT_MAX if there are
/// more); or a code below 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_publish(
    client: *mut PushClient,
    category: *const c_char,
    category_len: usize,
    json: *const c_char,
    json_len: usize,
    id: *const c_char,
    receipt: *mut PushReceipt,
) -> c_int {
    guard(|| {
        // SAFETY: our caller promises a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: our caller promises texts of these lengths, or NULL.
        let (category, json, id) = unsafe {
            (
                text_of_len(category, category_len, "category")?,
                text_of_len(json, json_len, "json")?,
                optional(id, "id")?,
            )
        };
        let done = client.publisher.publish(category, json, id)?;
        if !receipt.is_null() {
            // SAFETY: it is not NULL, and our caller promises that it can be written.
            unsafe { receipt.write(done.into()) };
        }
        Ok(browser_count(done))
    })
}

/// Closes the connection and frees the client; no thread may be using it, or use it again. NULL is
/// allowed and does nothing. In a forked child it frees the child's copy only.
///
/// Events of push_client_publish_async() that are not answered yet get PUSH_ECANCELED, and their
/// callbacks have run when it returns: not later than the timeout, and what callbacks need. In a
/// callback of the client itself it returns at once, and the others run afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_free(client: *mut PushClient) {
    guard(|| {
        if !client.is_null() {
            // SAFETY: it came from push_client_new, and our caller promises to free it once.
            drop(unsafe { Box::from_raw(client) });
        }
        Ok(0)
    });
}

/// # Safety
/// `client` is NULL or one that is not freed for `'a`.
pub(super) unsafe fn get<'a>(client: *mut PushClient) -> Result<&'a PushClient, CallError> {
    // SAFETY: our caller's promise.
    let client = unsafe { client.as_ref() };
    client.ok_or_else(|| invalid("client is NULL".to_owned()))
}

/// # Safety
/// `pointer` is NULL or points to options of the size that they say.
unsafe fn read_options(pointer: *const PushOptions) -> Result<(Options, usize), CallError> {
    if pointer.is_null() {
        return Ok((Options::from_env()?, QUEUE_BYTES_MAX_DEFAULT));
    }
    // SAFETY: every version begins with its size.
    let size = unsafe { ptr::read(&raw const (*pointer).struct_size) };
    let known_size = size_of::<PushOptions>();
    if !(known_size..=OPTIONS_SIZE_MAX).contains(&size) {
        return Err(invalid(format!(
            "struct_size of options is {size}, not {known_size}: begin with PUSH_OPTIONS_INIT"
        )));
    }
    // SAFETY: it has this size, so there are this many bytes behind what we know.
    let unknown =
        unsafe { slice::from_raw_parts(pointer.cast::<u8>().add(known_size), size - known_size) };
    if unknown.iter().any(|byte| *byte != 0) {
        let text = "options has a member set that this version of libpusher does not know";
        return Err(invalid(text.to_owned()));
    }
    // SAFETY: it has at least our size.
    unsafe { to_options(&*pointer) }
}

/// # Safety
/// Address and token are each NULL or a string that ends with a NUL.
unsafe fn to_options(options: &PushOptions) -> Result<(Options, usize), CallError> {
    // SAFETY: our caller's promise.
    let (address, token) = unsafe {
        (
            optional(options.address, "address")?,
            optional(options.token, "token")?,
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
    let timeout = match options.timeout_ms {
        0 => timeout_from_env()?,
        timeout_ms => {
            timeout_from_ms(timeout_ms).ok_or_else(|| Error::timeout("timeout_ms", &timeout_ms))?
        }
    };
    let queue_bytes_max = match options.queue_bytes_max {
        0 => QUEUE_BYTES_MAX_DEFAULT,
        max => usize::try_from(max).unwrap_or(usize::MAX),
    };
    let options = Options {
        address,
        timeout,
        token,
    };
    Ok((options, queue_bytes_max))
}
