# Where cargo builds; kept, it builds only what has changed.
PUSHER_TARGET = $(builddir)/target

# Cargo knows whether there is something to do: it is always asked.
$(phplibdir)/pusher.so: pusher-by-cargo
	cp $(PUSHER_TARGET)/release/libpusher_php.so $@

pusher-by-cargo:
	PHP=$(PHP_EXECUTABLE) PHP_CONFIG=$(PUSHER_PHP_CONFIG) $(CARGO) build --release --locked \
		--manifest-path $(PUSHER_SOURCE)/Cargo.toml --target-dir $(PUSHER_TARGET)

.PHONY: pusher-by-cargo
