//! A registered class.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use ext_php_rs::args::ArgInfoTables;
use ext_php_rs::zend::ClassEntry;

/// A class of the extension, once it is registered.
pub(crate) struct Class {
    entry: AtomicPtr<ClassEntry>,
    /// Read by PHP as long as the module lives.
    methods: AtomicPtr<ArgInfoTables>,
}

impl Class {
    pub(crate) const fn new() -> Self {
        Self {
            entry: AtomicPtr::new(ptr::null_mut()),
            methods: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(crate) fn set(&self, entry: &'static mut ClassEntry, methods: ArgInfoTables) {
        let methods = Box::into_raw(Box::new(methods));
        let before = self.methods.swap(methods, Ordering::AcqRel);
        if !before.is_null() {
            // SAFETY: it is from the line above, and its class ended with the module, which a
            // server may start again in the same process.
            drop(unsafe { Box::from_raw(before) });
        }
        self.entry.store(entry, Ordering::Release);
    }

    /// Panics if the class is not registered: that happens before any of our code can be called.
    pub(crate) fn entry(&self) -> &'static ClassEntry {
        // SAFETY: null, or the entry from `set`, which PHP keeps until the module ends.
        unsafe { self.entry.load(Ordering::Acquire).as_ref() }.expect("the class is registered")
    }
}
