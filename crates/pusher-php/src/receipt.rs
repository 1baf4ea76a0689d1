//! The class `PusherReceipt`: the answer to an accepted publish.
//!
//! An ordinary final class with readonly properties and no Rust behind its objects, so
//! clone, compare, dump and serialize work as with an object of a user's class.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags, PropertyFlags};
use ext_php_rs::types::{ZendObject, ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use pusher::Receipt;

use crate::class::Class;
use crate::engine;

pub(crate) const NAME: &str = "PusherReceipt";
static CLASS: Class = Class::new();

pub(crate) fn register() -> Result<()> {
    const INT: (DataType, bool) = (DataType::Long, false);
    const BOOL: (DataType, bool) = (DataType::Bool, false);
    const INT_OR_NULL: (DataType, bool) = (DataType::Long, true);
    const STRING: (DataType, bool) = (DataType::String, false);
    const STRING_OR_NULL: (DataType, bool) = (DataType::String, true);
    ClassBuilder::new(NAME)
        .method(
            FunctionBuilder::constructor(do_nothing),
            MethodFlags::Private,
        )
        .flags(ClassFlags::Final | ClassFlags::NoDynamicProperties)
        .registration(|class, methods| {
            // `object` has the same order.
            engine::declare_readonly(class, c"subscribers", PropertyFlags::Public, INT);
            engine::declare_readonly(class, c"sequence", PropertyFlags::Public, INT);
            engine::declare_readonly(class, c"position", PropertyFlags::Public, STRING_OR_NULL);
            engine::declare_readonly(class, c"stored", PropertyFlags::Public, STRING);
            engine::declare_readonly(class, c"nodes", PropertyFlags::Public, INT_OR_NULL);
            engine::declare_readonly(class, c"spooled", PropertyFlags::Public, BOOL);
            CLASS.set(class, methods);
        })
        .register()
}

/// The private constructor: only reflection comes here.
extern "C" fn do_nothing(_frame: &mut ExecuteData, _result: &mut Zval) {}

/// The receipt as PHP's object.
pub(crate) fn object(receipt: Receipt) -> ZBox<ZendObject> {
    let mut object = ZendObject::new(CLASS.entry());
    let position = receipt.position.map(|position| position.to_string());
    let values = [
        int(receipt.subscribers),
        int(receipt.sequence),
        position.map_or_else(Zval::null, |text| string(&text)),
        string(receipt.stored.name()),
        receipt.nodes.map_or_else(Zval::null, int),
        bool(receipt.spooled),
    ];
    engine::init_all(&mut object, values);
    object
}

/// PHP has no unsigned integers. A sequence reaches this maximum after 292 years at one event per nanosecond.
fn int(number: u64) -> Zval {
    let mut value = Zval::new();
    value.set_long(i64::try_from(number).unwrap_or(i64::MAX));
    value
}

fn bool(is_true: bool) -> Zval {
    let mut value = Zval::new();
    value.set_bool(is_true);
    value
}

fn string(text: &str) -> Zval {
    let mut value = Zval::new();
    value.set_zend_string(ZendStr::new(text, false));
    value
}
