//! The class `Pusher`: the static `publish`, and objects with settings of their own.
//!
//! An object consists of its settings only. Connections belong to the process (`publishers`), so objects of later
//! requests use the same connection.

use std::panic::AssertUnwindSafe;

use ext_php_rs::args::Arg;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::convert::IntoZval;
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags, PropertyFlags};
use ext_php_rs::types::{ArrayKey, ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{BailoutGuard, ExecuteData, ExecutorGlobals, run_handler};
use pusher::Receipt;

use crate::class::Class;
use crate::failure::Failure;
use crate::object::{ADDRESS, OPTIONS};
use crate::send_many::Sent;
use crate::settings::{Given, OnFailure, Settings};
use crate::{deferred, engine, position, publish, receipt, secret, send_many, ticket, users};

static CLASS: Class = Class::new();

/// The option whose value is hidden.
const TOKEN: &str = "token";

pub(crate) fn register() -> Result<()> {
    let constructor = FunctionBuilder::constructor(construct)
        .not_required()
        .arg(
            Arg::new("address", DataType::String)
                .allow_null()
                .default("null"),
        )
        .arg(Arg::new("options", DataType::Array).default("[]"));
    ClassBuilder::new("Pusher")
        .method(constructor, MethodFlags::Public)
        .method(
            publishing("publish"),
            MethodFlags::Public | MethodFlags::Static,
        )
        .method(publishing("send"), MethodFlags::Public)
        .method(
            FunctionBuilder::new("sendMany", send_many)
                .arg(Arg::new("events", DataType::Array))
                .returns(DataType::Array, false, false),
            MethodFlags::Public,
        )
        .method(
            with_event(FunctionBuilder::new("defer", defer)).returns(DataType::Void, false, false),
            MethodFlags::Public | MethodFlags::Static,
        )
        .method(
            asking("position"),
            MethodFlags::Public | MethodFlags::Static,
        )
        .method(asking("currentPosition"), MethodFlags::Public)
        .method(ticketing(), MethodFlags::Public | MethodFlags::Static)
        .method(
            FunctionBuilder::new("revoke", revoke)
                .arg(Arg::new("sub", DataType::String))
                .returns(DataType::Long, false, true),
            MethodFlags::Public | MethodFlags::Static,
        )
        .method(
            FunctionBuilder::new("presence", presence)
                .arg(Arg::new("topic", DataType::String))
                .returns(DataType::Array, false, true),
            MethodFlags::Public | MethodFlags::Static,
        )
        .flags(ClassFlags::Final | ClassFlags::NoDynamicProperties | ClassFlags::NotSerializable)
        .registration(|class, methods| {
            let (string_or_null, array) = ((DataType::String, true), (DataType::Array, false));
            engine::declare_readonly(class, ADDRESS, PropertyFlags::Private, string_or_null);
            engine::declare_readonly(class, OPTIONS, PropertyFlags::Private, array);
            engine::hide_from_traces(class, 1);
            CLASS.set(class, methods);
        })
        .register()
}

/// A method that publishes: with the object's settings if there is one.
fn publishing(name: &str) -> FunctionBuilder<'static> {
    with_event(FunctionBuilder::new(name, publish_or_send)).returns(
        DataType::object(receipt::NAME),
        false,
        true,
    )
}

/// A method that asks for the position: with the object's settings if there is one.
fn asking(name: &str) -> FunctionBuilder<'static> {
    FunctionBuilder::new(name, position).returns(DataType::String, false, true)
}

fn ticketing() -> FunctionBuilder<'static> {
    let sub = Arg::new("sub", DataType::String);
    FunctionBuilder::new("ticket", ticket)
        .arg(Arg::new("topics", DataType::Array))
        .not_required()
        .arg(Arg::new("ttl", DataType::Long).default("300"))
        .arg(sub.allow_null().default("null"))
        .arg(Arg::new("info", DataType::Array).default("[]"))
        .arg(Arg::new("cookie", DataType::Bool).default("true"))
        .returns(DataType::String, false, false)
}

fn with_event(function: FunctionBuilder<'static>) -> FunctionBuilder<'static> {
    let id = Arg::new("id", DataType::String);
    let ttl = Arg::new("ttl", DataType::Long);
    let exclude = Arg::new("exclude", DataType::String);
    function
        .arg(Arg::new("category", DataType::String))
        .arg(Arg::new("data", DataType::Mixed))
        .not_required()
        .arg(id.allow_null().default("null"))
        .arg(Arg::new("latest", DataType::Bool).default("false"))
        .arg(ttl.allow_null().default("null"))
        .arg(exclude.allow_null().default("null"))
}

extern "C" fn publish_or_send(frame: &mut ExecuteData, result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| match publish::receipt_for(frame) {
        Ok(receipt) => {
            // It can't fail: an object is stored as it is.
            let _ = receipt::object(receipt).set_zval(result, false);
        }
        Err(failure) => failure.report(),
    }));
}

extern "C" fn position(frame: &mut ExecuteData, result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| match position::position_for(frame) {
        Ok(position) => {
            result.set_zend_string(ZendStr::new(position.to_string(), false));
        }
        Err(failure) => failure.report(),
    }));
}

extern "C" fn ticket(frame: &mut ExecuteData, result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| match ticket::sign(frame) {
        Ok(ticket) => result.set_zend_string(ticket),
        Err(failure) => failure.report(),
    }));
}

extern "C" fn revoke(frame: &mut ExecuteData, result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| match users::revoke(frame) {
        Ok(sessions) => result.set_long(sessions),
        Err(failure) => failure.report(),
    }));
}

extern "C" fn presence(frame: &mut ExecuteData, result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| match users::presence(frame) {
        Ok(presence) => result.set_hashtable(presence),
        Err(failure) => failure.report(),
    }));
}

extern "C" fn send_many(frame: &mut ExecuteData, result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| match send_many::send(frame) {
        Ok(sent) => give_receipts(sent, result),
        Err(failure) => failure.report(),
    }));
}

fn give_receipts(sent: Sent, result: &mut Zval) {
    let (events, on_failure) = (sent.events, sent.on_failure);
    // The array may not fit into memory_limit.
    let published = BailoutGuard::new(sent.published);
    let missing_count = published.missing_count();
    let has_failed = published.error.is_some();
    if !(has_failed && matches!(on_failure, OnFailure::Exception)) {
        result.set_hashtable(receipts(events, &published.receipts));
    }
    if let Some(error) = published.into_inner().error {
        let error = error.among(missing_count, events.len(), "events");
        Failure::Failed(error, on_failure).report();
    }
}

/// With the keys of the events.
fn receipts(events: &ZendHashTable, receipts: &[Option<Receipt>]) -> ZBox<ZendHashTable> {
    let mut array = ZendHashTable::with_capacity(events.len() as u32);
    let mut keys = events.iter();
    for receipt in receipts {
        let Some((key, _)) = keys.next_zval() else {
            break;
        };
        let value = receipt.map(receipt::object);
        // It can't fail: neither an object nor null is converted.
        let _ = match key.zend_str() {
            Some(key) => array.insert(ArrayKey::ZendString(key), value),
            None => array.insert(key.long().unwrap_or_default(), value),
        };
    }
    array
}

extern "C" fn defer(frame: &mut ExecuteData, _result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if let Err(failure) = deferred::defer(frame) {
            failure.report();
        }
    }));
}

extern "C" fn construct(frame: &mut ExecuteData, _result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if let Err(failure) = try_construct(frame) {
            failure.report();
        }
    }));
}

/// Reports a mistake in the settings here, and not at the first publish.
fn try_construct(frame: &mut ExecuteData) -> std::result::Result<(), Failure> {
    let arguments = engine::constructor_arguments(frame).ok_or(Failure::Thrown)?;
    let given = Given {
        address: arguments.address,
        options: arguments.options.and_then(Zval::array),
    };
    given
        .check_names()
        .map_err(|error| Failure::mistake(&error))?;
    Settings::read(&given).map_err(|error| Failure::mistake(&error))?;

    let mut address = Zval::new();
    if let Some(text) = arguments.address {
        address.set_zend_string(ZendStr::new(text.as_bytes(), false));
    }
    let mut options = match arguments.options {
        Some(options) => without_secrets(options),
        None => empty_array(),
    };
    engine::init_readonly(arguments.object, ADDRESS, &mut address);
    if !ExecutorGlobals::has_exception() {
        engine::init_readonly(arguments.object, OPTIONS, &mut options);
    }
    Ok(())
}

fn without_secrets(options: &Zval) -> Zval {
    let token = options.array().and_then(|options| options.get(TOKEN));
    let (Some(array), Some(token)) = (options.array(), token) else {
        return options.shallow_clone();
    };
    let mut hidden = array.to_owned();
    // It can't fail: nothing is converted.
    let _ = hidden.insert(TOKEN, secret::hide(token.dereference()));
    let mut options = Zval::new();
    options.set_hashtable(hidden);
    options
}

fn empty_array() -> Zval {
    let mut array = Zval::new();
    array.set_hashtable(ZendHashTable::new());
    array
}
