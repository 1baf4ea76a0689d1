//! The class `Pusher`: the static `publish`, and objects with settings of their own.
//!
//! An object is nothing but its settings. Connections belong to the process (`publishers`), so that
//! an object that is made anew in each request publishes over the same one.

use std::ffi::CStr;
use std::panic::AssertUnwindSafe;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::convert::IntoZval;
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags, PropertyFlags};
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, ExecutorGlobals, run_handler};

use crate::class::Class;
use crate::failure::Failure;
use crate::settings::{Given, Settings};
use crate::{engine, publish, receipt};

static CLASS: Class = Class::new();

const ADDRESS: &CStr = c"address";
const OPTIONS: &CStr = c"options";

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
        .flags(ClassFlags::Final | ClassFlags::NoDynamicProperties | ClassFlags::NotSerializable)
        .registration(|class, methods| {
            let (string_or_null, array) = ((DataType::String, true), (DataType::Array, false));
            engine::declare_readonly(class, ADDRESS, PropertyFlags::Private, string_or_null);
            engine::declare_readonly(class, OPTIONS, PropertyFlags::Private, array);
            CLASS.set(class, methods);
        })
        .register()
}

/// A method that publishes: with the object's settings if there is one.
fn publishing(name: &str) -> FunctionBuilder<'static> {
    FunctionBuilder::new(name, publish_or_send)
        .arg(Arg::new("category", DataType::String))
        .arg(Arg::new("data", DataType::Mixed))
        .returns(DataType::object(receipt::NAME), false, true)
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

extern "C" fn construct(frame: &mut ExecuteData, _result: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if let Err(failure) = try_construct(frame) {
            failure.report();
        }
    }));
}

/// A mistake in the settings is told here, and not at the first publish.
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
        Some(options) => options.shallow_clone(),
        None => empty_array(),
    };
    engine::init_readonly(arguments.object, ADDRESS, &mut address);
    if !ExecutorGlobals::has_exception() {
        engine::init_readonly(arguments.object, OPTIONS, &mut options);
    }
    Ok(())
}

fn empty_array() -> Zval {
    let mut array = Zval::new();
    array.set_hashtable(ZendHashTable::new());
    array
}

/// What the object was made with; nothing for the static `publish`.
pub(crate) fn given(object: Option<&ZendObject>) -> Given<'_> {
    let property = |name| object.and_then(|object| engine::read_property(object, name));
    Given {
        address: property(ADDRESS).and_then(Zval::zend_str),
        options: property(OPTIONS).and_then(Zval::array),
    }
}
